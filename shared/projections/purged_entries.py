"""Removes the entries of purged contacts' timelines from the lists, and counts them separately.

Counts by hour also include contacts that no longer exist. So the purge moves the entries of its contact to separate
counts, which need no record. An entry that a caller deletes is no longer counted at all. The stream's record of a
removed item does not distinguish the two, so the purge projects the removal itself, before it removes items.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain import timestamps
from shared.projections.engine import Projection
from shared.projections.kinds.kind import PURGED_AT, EntryKind, removal_of
from shared.projections.kinds.registry import kind_of
from shared.table.item import Item


class PurgedEntries:
    """The entries of purged contacts, of all tenants."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection

    def remove(self, _tenant_id: str, _contact_id: str, rows: Sequence[Item], /) -> int:
        """Project the removal of those items of a contact that are entries of its timeline; return their number.

        Costs two read units for each entry, and the writes that remove its list row and move its count. Repeating is
        harmless. Raises Unavailable or ConcurrentChange when it must be repeated.
        """
        at = timestamps.now()
        removals = [
            {**removal_of(row, at), PURGED_AT: {"S": at}}
            for row in rows
            if isinstance(kind_of(row), EntryKind)
        ]
        self._projection.project(removals)
        return len(removals)
