"""Interactions in the table."""

from __future__ import annotations

from itertools import islice

from shared.domain.timeline.interaction import Interaction
from shared.table.keys import contacts as contact_keys
from shared.table.keys import timeline as timeline_keys
from shared.table.store import Store
from shared.table.timeline import items as timeline_items
from shared.table.timeline.ranges import walk_ranges


class InteractionTable:
    """The interactions of one tenant's contacts."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def list(self, contact_id: str, *, limit: int, after: str | None) -> list[tuple[str, Interaction]]:
        """Return a contact's interactions, newest first, each with its position for `after`."""
        entries = walk_ranges(
            self._store,
            contact_keys.partition(self._tenant, contact_id),
            timeline_keys.RANGES,
            between=timeline_keys.ALL,
            after=after,
            descending=True,
            portion=limit,
        )
        return [
            (position, timeline_items.interaction_from_item(row)) for position, row in islice(entries, limit)
        ]
