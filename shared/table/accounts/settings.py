"""The settings of a tenant in the table, and whether it is suspended."""

from __future__ import annotations

from typing import Any

from shared.domain.events import Event
from shared.domain.tenant import Tenant
from shared.table import event_items, guards
from shared.table.accounts.directory import settings_attribute, tenant_from_item
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.store import Store
from shared.table.transactions import Transaction


class SettingsTable:
    """The changes of one tenant's item: its settings, and whether it is suspended."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self) -> Tenant | None:
        """Return the tenant as of now, or None."""
        item = self._store.get(account_keys.tenant(self._tenant))
        return tenant_from_item(self._tenant, item) if item else None

    def save(self, before: Tenant, after: Tenant, event: Event) -> None:
        """Write changed settings and their event. The rest of the tenant's item is kept.

        Raises ConcurrentChange when the tenant is no longer at the version of `before`.
        """
        transaction = Transaction()
        add_settings(transaction, self._tenant, before, after, event)
        self._store.commit(transaction)

    def save_suspension(self, before: Tenant, after: Tenant, event: Event) -> None:
        """Write whether the tenant is suspended, with the event. Raises ConcurrentChange as `save` does."""
        transaction = Transaction()
        _add_change(transaction, self._tenant, before, after, event, "suspended", {"BOOL": after.suspended})
        self._store.commit(transaction)


def add_settings(
    transaction: Transaction, tenant_id: str, before: Tenant, after: Tenant, event: Event
) -> None:
    """Add changed settings and their event to a transaction, under the condition of `SettingsTable.save`."""
    _add_change(transaction, tenant_id, before, after, event, "settings", settings_attribute(after.settings))


def _add_change(
    transaction: Transaction,
    tenant_id: str,
    before: Tenant,
    after: Tenant,
    event: Event,
    attribute: str,
    value: dict[str, Any],
) -> None:
    """Add the new value of an attribute of a tenant's item, with the event, under the condition of
    `SettingsTable.save`.
    """
    guard = guards.at_version_or_own(before.version, event.id)
    values: Item = {
        ":value": value,
        ":version": {"N": str(after.version)},
        ":at": {"S": event.at},
        ":by": {"S": event.actor},
        **guard["values"],
    }
    # A tenant that was never changed is at version 1, which is not stored.
    is_first = "attribute_exists(PK) AND attribute_not_exists(version)"
    transaction.update(
        account_keys.tenant(tenant_id),
        f"SET {attribute} = :value, version = :version, updated_at = :at, updated_by = :by, last_event = :event",
        values,
        condition=f"{guard['condition']} OR ({is_first})",
        refusal=guard["refusal"],
    )
    event_items.add_event(transaction, tenant_id, event, follows=before.last_event)
