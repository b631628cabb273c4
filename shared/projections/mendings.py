"""Notes of the states that rows are being put right by.

A projector that is killed while it puts rows right may have written rows of a state that has passed by then, and that
the batch it was given does not hold. So it notes the state first, beside the record, where whoever puts that record
right the next time finds it.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain import timestamps
from shared.domain.ids import new_id
from shared.table import keys
from shared.table.store import Item, Store

_AT_ONCE = 100
KEPT_SECONDS = 3 * 86_400
"""How long a note is kept whose projector was killed: the stream remembers a day."""


class Mendings:
    """The notes, which go with their record when that is purged."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, states: Sequence[tuple[keys.Key, Item]]) -> list[keys.Key]:
        """Note records, by their keys, each with the state that it is about to be put right by; returns the notes'
        own keys.
        """
        expires_at = {"N": str(timestamps.to_milliseconds(timestamps.now()) // 1000 + KEPT_SECONDS)}
        places, notes = [], []
        for record, state in states:
            place = keys.mending(record, new_id())
            # Not in the index of what waits to be done: that a deleted contact is due to be purged it says itself.
            told = {name: value for name, value in state.items() if name not in (keys.WORK_PK, keys.WORK_SK)}
            notes.append({**told, **place, "expires_at": expires_at})
            places.append(place)
        self._store.write_many(put=notes)
        return places

    def of(self, record: keys.Key) -> list[Item]:
        """The states by which a record is being put right, or was when a projector was killed."""
        rows = self._store.query(record[keys.PK]["S"], limit=_AT_ONCE, prefix=keys.MENDING, consistent=True)
        return [{**row, keys.SK: record[keys.SK]} for row in rows]

    def forget(self, places: Sequence[keys.Key]) -> None:
        """Take notes away."""
        self._store.write_many(delete=places)
