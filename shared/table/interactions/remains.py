"""The items of follow-ups that are outside the partition of a purged contact."""

from __future__ import annotations

from collections.abc import Sequence

from shared.table.item import Item
from shared.table.keys import follow_ups as follow_up_keys
from shared.table.store import Store


class FollowUpRemains:
    """The locators of follow-ups, across tenants."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def remove(self, tenant_id: str, _contact_id: str, rows: Sequence[Item]) -> int:
        """Remove the locators of the follow-ups among some items of a contact; return their number."""
        found = [one for row in rows if (one := follow_up_keys.id_of(row)) is not None]
        self._store.write_many(delete=[follow_up_keys.locator(tenant_id, one) for one in found])
        return len(found)
