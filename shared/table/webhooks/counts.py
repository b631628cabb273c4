"""Which tenants have webhooks, for code that works for all tenants."""

from __future__ import annotations

from collections.abc import Collection

from shared.table.keys import webhooks as webhook_keys
from shared.table.keys.spelling import identity_of
from shared.table.store import Store

_ZERO = {"N": "0"}


class WebhookCounts:
    """The numbers of webhooks of all tenants. Each changes in the transaction that adds or removes a webhook."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find_tenants_with_webhooks(self, tenant_ids: Collection[str]) -> set[str]:
        """Return those of some tenants that have webhooks as of now, disabled ones included.

        A tenant has none if its counter is zero or was never written. Any other content counts as webhooks: a damaged
        counter must not withhold events.

        Costs a read unit for each tenant, and a call for each hundred of them. Raises Unavailable.
        """
        counts = {tenant_id: webhook_keys.webhook_count(tenant_id) for tenant_id in dict.fromkeys(tenant_ids)}
        found = self._store.get_many(list(counts.values()))
        return {
            tenant_id
            for tenant_id, key in counts.items()
            if (item := found.get(identity_of(key))) is not None and item.get("webhooks") != _ZERO
        }
