"""Notes of what is being projected outside the stream.

The stream hands a batch over again when its projector was killed. Nobody does that for the sweep: so it notes which
state of which record it is about to project, and takes the note away when that is through.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.domain.ids import new_id
from shared.table import keys
from shared.table.store import Item, Store

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Mending:
    """A record that was being projected, and in which state, unless that has been purged since."""

    id: str
    record: keys.Key
    states: tuple[Item, ...]


class Mendings:
    """The notes. The state itself lies with its record, so that it goes with it when that is purged."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def noted(self, record: keys.Key, state: Item | None) -> Iterator[None]:
        """While the block runs, and after it has been killed or has failed, there is a note of what it does."""
        mending = Mending(new_id(), record, () if state is None else (state,))
        note = {**keys.mending_note(mending.id), "pk": record[keys.PK], "sk": record[keys.SK]}
        states = [
            {**one, **keys.mending(record, mending.id), "record": record[keys.SK]} for one in mending.states
        ]
        self._store.write_many(put=[*states, note])
        yield
        self.forget(mending)

    def left(self) -> list[Mending]:
        """What was begun and is not through."""
        notes = self._store.query(keys.MENDING_NOTES, limit=_AT_ONCE, prefix=keys.MENDING, consistent=True)
        found = []
        for note in notes:
            mending_id = note[keys.SK]["S"].removeprefix(keys.MENDING)
            record = {keys.PK: note["pk"], keys.SK: note["sk"]}
            state = self._store.get(keys.mending(record, mending_id))
            found.append(Mending(mending_id, record, () if state is None else ({**state, **record},)))
        return found

    def forget(self, mending: Mending) -> None:
        """Take a note away."""
        self._store.write_many(
            delete=[keys.mending(mending.record, mending.id), keys.mending_note(mending.id)]
        )
