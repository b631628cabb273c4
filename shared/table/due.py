"""The due-time index: deliveries of all tenants whose time has come."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.delivery import DeliveryRequest
from shared.table import keys
from shared.table.store import Store

_WORK = (keys.WORK_INDEX, keys.WORK_PK, keys.WORK_SK)
_PAGE = 100


class DueDeliveries:
    """What the scheduled task sees of deliveries: that they are due, and not what they hold."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def until(self, at: str) -> Iterator[list[tuple[str, DeliveryRequest]]]:
        """What is due up to `at`, each with its entry's position, in portions, a shard after the other.

        An entry lags behind its delivery by moments, so some may have been taken up already.

        Costs half a read unit for some thirty entries, and for each empty shard.
        """
        for shard in range(keys.DUE_SHARDS):
            after = None
            while True:
                rows = self._store.query(
                    keys.due_partition(shard),
                    limit=_PAGE,
                    between=keys.due_until(at),
                    after=after,
                    index=_WORK,
                )
                found = []
                for row in rows:
                    ids = keys.delivery_of(row)
                    if ids is not None:  # whatever else may come to lie there is not ours
                        position = row[keys.WORK_SK]["S"]
                        attempt = int(position.rpartition("#")[2])
                        found.append((position, DeliveryRequest(*ids, attempt)))
                if found:
                    yield found
                if len(rows) < _PAGE:
                    break
                after = rows[-1][keys.WORK_SK]["S"]

    def put_off(self, position: str, due: DeliveryRequest, until: str) -> None:
        """Move a delivery's due time, unless it has moved from `position` already."""
        entry = keys.due_delivery(until, due.webhook_id, due.event_id, due.attempt)
        self._store.update(
            keys.delivery(due.tenant_id, due.webhook_id, due.event_id),
            "SET WPK = :wpk, WSK = :wsk, due_at = :due",
            {
                ":wpk": entry[keys.WORK_PK],
                ":wsk": entry[keys.WORK_SK],
                ":due": {"S": until},
                ":position": {"S": position},
            },
            condition="WSK = :position",
        )
