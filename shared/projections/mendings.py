"""Notes of the states that rows are being put right by.

A projector that is killed while it puts rows right may have written rows of a state that has passed by then, and that
the batch it was given does not hold. So it notes the state first, beside the record, where whoever puts that record
right the next time finds it. The stream hands a batch over again when its projector was killed; nobody does that for
the sweep, which therefore notes in its own place as well what it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain import timestamps
from shared.domain.ids import new_id
from shared.table import keys
from shared.table.store import Item, Store

_AT_ONCE = 100
KEPT_SECONDS = 3 * 86_400
"""How long a note is kept whose projector was killed: the stream remembers a day."""


@dataclass(frozen=True, slots=True)
class Mending:
    """That a record is being put right. `states`: by which states, if it has not been purged since."""

    id: str
    record: keys.Key
    states: tuple[Item, ...] = ()


class Mendings:
    """The notes, which go with their record when that is purged."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, states: Sequence[tuple[keys.Key, Item]], *, by_sweep: bool = False) -> list[Mending]:
        """Note records, by their keys, each with the state that it is about to be put right by."""
        expires_at = {"N": str(timestamps.to_milliseconds(timestamps.now()) // 1000 + KEPT_SECONDS)}
        mendings, notes = [], []
        for record, state in states:
            mending = Mending(new_id(), {keys.PK: record[keys.PK], keys.SK: record[keys.SK]}, (state,))
            # Not in the index of what waits to be done: that a deleted contact is due to be purged it says itself.
            told = {name: value for name, value in state.items() if name not in (keys.WORK_PK, keys.WORK_SK)}
            notes.append({**told, **keys.mending(record, mending.id), "expires_at": expires_at})
            if by_sweep:
                notes.append({**keys.mending_note(mending.id), "pk": record[keys.PK], "sk": record[keys.SK]})
            mendings.append(mending)
        self._store.write_many(put=notes)
        return mendings

    def of(self, record: keys.Key) -> list[Item]:
        """The states by which a record is being put right, or was when a projector was killed."""
        rows = self._store.query(record[keys.PK]["S"], limit=_AT_ONCE, prefix=keys.MENDING, consistent=True)
        return [{**row, keys.SK: record[keys.SK]} for row in rows]

    def left_by_sweep(self) -> list[Mending]:
        """What a sweep has begun and not ended."""
        notes = self._store.query(keys.MENDING_NOTES, limit=_AT_ONCE, prefix=keys.MENDING, consistent=True)
        return [
            Mending(note[keys.SK]["S"].removeprefix(keys.MENDING), {keys.PK: note["pk"], keys.SK: note["sk"]})
            for note in notes
        ]

    def forget(self, mendings: Sequence[Mending], *, by_sweep: bool = False) -> None:
        """Take notes away."""
        places = [keys.mending(mending.record, mending.id) for mending in mendings]
        if by_sweep:
            places += [keys.mending_note(mending.id) for mending in mendings]
        self._store.write_many(delete=places)
