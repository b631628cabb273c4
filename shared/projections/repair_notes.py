"""Notes of the states by which projectors repair rows.

A projector that is killed during a repair may have written rows of a state that has since passed, and that its batch
does not contain. So it writes a note of the state first, next to the record, where the next repair of that record
finds it.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain import timestamps
from shared.domain.ids import new_id
from shared.table.item import Item
from shared.table.keys import projections as projection_keys
from shared.table.keys.spelling import PK, SK, Key
from shared.table.keys.work import WORK_PK, WORK_SK
from shared.table.store import Store

_MAX_NOTES = 100
KEPT_SECONDS = 3 * 86_400
"""How long the note of a killed projector is kept, in seconds: the stream keeps changes for a day."""


class RepairNotes:
    """The repair notes of all records. A contact's notes are removed with the contact when it is purged."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, states: Sequence[tuple[Key, Item]]) -> list[Key]:
        """Write a note for each record, given by its key and the state by which it is to be repaired; return the keys
        of the notes.
        """
        expires_at = {"N": str(timestamps.to_milliseconds(timestamps.now()) // 1000 + KEPT_SECONDS)}
        note_keys, notes = [], []
        for record, state in states:
            key = projection_keys.mending(record, new_id())
            # Not in the index of due work: a deleted contact's record is already there, to be purged.
            attributes = {name: value for name, value in state.items() if name not in (WORK_PK, WORK_SK)}
            notes.append({**attributes, **key, "expires_at": expires_at})
            note_keys.append(key)
        self._store.write_many(put=notes)
        return note_keys

    def states_of(self, record: Key) -> list[Item]:
        """Return the states by which a record is being repaired, or was when a projector was killed."""
        rows = self._store.query(
            record[PK]["S"],
            limit=_MAX_NOTES,
            prefix=projection_keys.mending_prefix(record),
            consistent=True,
        )
        return [{**row, SK: record[SK]} for row in rows]

    def remove(self, notes: Sequence[Key]) -> None:
        """Remove notes, by their keys."""
        self._store.write_many(delete=notes)
