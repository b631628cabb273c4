"""The projections as the sweep mends them.

The stream hands a batch over again when its projector was killed. Nobody repeats a sweep's call: so it notes in a place
of its own which record it is about to mend, and the next one begins with what is noted there.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.errors import ConcurrentChange, Unavailable
from shared.domain.ids import new_id
from shared.projections.engine import Projection
from shared.table import keys
from shared.table.store import Store

_AT_ONCE = 100


class SweptProjection:
    """The projections of all tenants' contacts and customers, for the sweep."""

    def __init__(self, store: Store, projection: Projection) -> None:
        self._store = store
        self._projection = projection

    def outdated(self, records: Iterable[keys.Key]) -> list[keys.Key]:
        """Those of records that the projections do not show as they are; see `Projection.outdated`."""
        return self._projection.outdated(records)

    def reproject(self, record: keys.Key) -> None:
        """Bring the projections to the present state of one record. Killed on the way, it is done again by `resume`."""
        note = keys.mending_note(new_id())
        self._store.write_many(put=[{**note, "pk": record[keys.PK], "sk": record[keys.SK]}])
        self._projection.reproject(record)
        self._store.write_many(delete=[note])

    def resume(self) -> int:
        """Do again what an earlier sweep has begun and not ended; returns how many records that were. What cannot be
        mended now is kept for the next time. Costs a read unit when there is nothing.
        """
        resumed = 0
        for note in self._store.query(
            keys.MENDING_NOTES, limit=_AT_ONCE, prefix=keys.MENDING, consistent=True
        ):
            try:
                self._projection.reproject({keys.PK: note["pk"], keys.SK: note["sk"]})
            except (ConcurrentChange, Unavailable):
                continue
            self._store.write_many(delete=[{keys.PK: note[keys.PK], keys.SK: note[keys.SK]}])
            resumed += 1
        return resumed
