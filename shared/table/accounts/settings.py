"""A tenant's settings in the table, as those see them who change them."""

from __future__ import annotations

from shared.domain.errors import ConcurrentChange
from shared.domain.events import Event
from shared.domain.tenant import Tenant
from shared.table import items
from shared.table.accounts.directory import settings_attribute, tenant_from_item
from shared.table.keys import accounts as account_keys
from shared.table.store import Item, Store, Transaction


class SettingsTable:
    """The settings of one tenant, which lie in its item."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self) -> Tenant | None:
        """The tenant as of now, or None."""
        item = self._store.get(account_keys.tenant(self._tenant))
        return tenant_from_item(self._tenant, item) if item else None

    def save(self, before: Tenant, after: Tenant, event: Event) -> None:
        """Write changed settings and their event. All else of the tenant stays as the operator has left it.

        Raises ConcurrentChange when they are no longer at the version of `before`.
        """
        transaction = Transaction()
        add_settings(transaction, self._tenant, before, after, event)
        self._store.commit(transaction)


def add_settings(
    transaction: Transaction, tenant_id: str, before: Tenant, after: Tenant, event: Event
) -> None:
    """Write changed settings and their event with a transaction, under the condition that `save` states."""
    values: Item = {
        ":settings": settings_attribute(after.settings),
        ":version": {"N": str(after.version)},
        ":at": {"S": event.at},
        ":by": {"S": event.actor},
        ":event": {"S": event.id},
        ":before": {"N": str(before.version)},
    }
    is_unchanged = "version = :before"
    # Settings that were never changed are at version 1, unwritten.
    is_first = "attribute_exists(PK) AND attribute_not_exists(version)"
    is_own_write = "last_event = :event"
    transaction.update(
        account_keys.tenant(tenant_id),
        "SET settings = :settings, version = :version, updated_at = :at, updated_by = :by, last_event = :event",
        values,
        condition=f"{is_unchanged} OR ({is_first}) OR {is_own_write}",
        refusal=lambda _: ConcurrentChange(),
    )
    transaction.put(items.event_to_item(tenant_id, event))
