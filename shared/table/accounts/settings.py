"""The settings of a tenant in the table."""

from __future__ import annotations

from shared.domain.events import Event
from shared.domain.tenant import Tenant
from shared.table import event_items, guards
from shared.table.accounts.directory import settings_attribute, tenant_from_item
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.store import Store
from shared.table.transactions import Transaction


class SettingsTable:
    """The settings of one tenant, which are part of its item."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self) -> Tenant | None:
        """Return the tenant as of now, or None."""
        item = self._store.get(account_keys.tenant(self._tenant))
        return tenant_from_item(self._tenant, item) if item else None

    def save(self, before: Tenant, after: Tenant, event: Event) -> None:
        """Write changed settings and their event. The rest of the tenant's item, which the operator writes, is kept.

        Raises ConcurrentChange when they are no longer at the version of `before`.
        """
        transaction = Transaction()
        add_settings(transaction, self._tenant, before, after, event)
        self._store.commit(transaction)


def add_settings(
    transaction: Transaction, tenant_id: str, before: Tenant, after: Tenant, event: Event
) -> None:
    """Add changed settings and their event to a transaction, under the condition of `SettingsTable.save`."""
    guard = guards.at_version_or_own(before.version, event.id)
    values: Item = {
        ":settings": settings_attribute(after.settings),
        ":version": {"N": str(after.version)},
        ":at": {"S": event.at},
        ":by": {"S": event.actor},
        **guard["values"],
    }
    # Settings that were never changed are at version 1, which is not stored.
    is_first = "attribute_exists(PK) AND attribute_not_exists(version)"
    transaction.update(
        account_keys.tenant(tenant_id),
        "SET settings = :settings, version = :version, updated_at = :at, updated_by = :by, last_event = :event",
        values,
        condition=f"{guard['condition']} OR ({is_first})",
        refusal=guard["refusal"],
    )
    event_items.add_event(transaction, tenant_id, event, follows=before.last_event)
