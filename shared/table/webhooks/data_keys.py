"""The tenants' data keys in the table, encrypted by KMS."""

from __future__ import annotations

from shared.domain.errors import Unavailable
from shared.table import guards
from shared.table.item import Item, binary
from shared.table.keys import webhooks as webhook_keys
from shared.table.store import Store


class DataKeyTable:
    """The encrypted data keys of all tenants. A data key is written once and never changes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, tenant_id: str) -> bytes | None:
        """Return a tenant's data key as of now, or None when it has none. Costs a read unit."""
        item = self._store.get(webhook_keys.data_key(tenant_id))
        return binary(item["encrypted"]) if item else None

    def add(self, tenant_id: str, encrypted: bytes) -> bytes:
        """Write a tenant's first data key; return the key in the table, which another call may have written first.

        Raises Unavailable.
        """
        item: Item = {**webhook_keys.data_key(tenant_id), "encrypted": {"B": encrypted}}
        if self._store.put(item, condition=guards.IS_NEW):
            return encrypted
        if (first := self.get(tenant_id)) is None:
            raise Unavailable
        return first
