"""The projections as the sweep repairs them.

The stream repeats a batch whose projector was killed, but nothing repeats a call of the sweep. So the sweep writes a
note, outside all tenants, of the record that it is about to repair, and the next sweep begins with the notes it finds.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared import observability
from shared.domain.errors import NOT_A_RECORD, ConcurrentChange, Unavailable
from shared.domain.ids import new_id
from shared.projections.engine import Projection
from shared.table.keys import projections as projection_keys
from shared.table.keys.spelling import PK, SK, Key, key_of
from shared.table.store import Store

_MAX_RESUMED = 100


class SweptProjection:
    """The projections of all tenants' contacts and customers, for the sweep."""

    def __init__(self, store: Store, projection: Projection) -> None:
        self._store = store
        self._projection = projection

    def find_outdated(self, records: Iterable[Key]) -> list[Key]:
        """Return the keys of the records that the projections do not show as they are, as in `Projection`."""
        return self._projection.find_outdated(records)

    def reproject(self, record: Key) -> None:
        """Bring the projections to the present state of one record. If it is killed on the way, `resume` repeats it."""
        note = projection_keys.mending_note(new_id())
        self._store.write_many(put=[{**note, "pk": record[PK], "sk": record[SK]}])
        self._projection.reproject(record)
        self._store.write_many(delete=[note])

    def resume(self) -> int:
        """Repeat the repairs that earlier sweeps began and did not end; return the number of repaired records.

        Keeps the notes of repairs that fail for now, and drops those of items that are no records.
        Costs a read unit when there is nothing to do.
        """
        resumed = 0
        for note in self._store.query(
            projection_keys.MENDING_NOTES, limit=_MAX_RESUMED, prefix=projection_keys.MENDING, consistent=True
        ):
            try:
                self._projection.reproject({PK: note["pk"], SK: note["sk"]})
            except (ConcurrentChange, Unavailable):
                continue
            except NOT_A_RECORD:  # not a record: it must not hold up the others in every sweep
                observability.warn("not a record", trace=observability.trace())
            self._store.write_many(delete=[key_of(note)])
            resumed += 1
        return resumed
