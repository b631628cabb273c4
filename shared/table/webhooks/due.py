"""The due-time index: deliveries of all tenants whose time has come."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.webhooks.delivery import DeliveryRequest
from shared.table import work_index
from shared.table.keys import webhooks as webhook_keys
from shared.table.keys import work as work_keys
from shared.table.keys.spelling import Key
from shared.table.keys.work import WORK_PK, WORK_SK
from shared.table.store import Item, Store

_PAGE = 100


class DueDeliveries:
    """What the scheduled task sees of deliveries: that they are due, and not what they hold."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def due_until(self, at: str) -> Iterator[list[tuple[str, DeliveryRequest]]]:
        """The deliveries due up to `at`, each with its entry's position, in portions, the longest overdue first.

        An entry lags behind its delivery by moments, so some may have been taken up already.

        Costs half a read unit for some thirty entries, and for each empty shard.
        """
        shards = [webhook_keys.due_partition(shard) for shard in range(webhook_keys.DUE_SHARDS)]
        rows = work_index.entries(self._store, shards, work_keys.due_until(at), page=_PAGE)
        for portion in work_index.portions(rows, _PAGE):
            if found := [due for row in portion if (due := _due(row))]:
                yield found

    def postpone_if_queued(
        self, position: str, due: DeliveryRequest, until: str, *, queued_since: str
    ) -> bool:
        """Move a delivery's due time on if its message was queued at `queued_since` or later; whether it was.

        False too when the due time has moved from `position` already.
        """
        return self._move(position, due, until, {":since": {"S": queued_since}}, " AND queued_at >= :since")

    def postpone(self, position: str, due: DeliveryRequest, until: str) -> bool:
        """Move a delivery's due time on; False when it has moved from `position` already, so that others have it."""
        return self._move(position, due, until)

    def mark_queued(self, due: DeliveryRequest, due_at: str, at: str) -> None:
        """Note that the message of a delivery taken with the due time `due_at` waits in the queue since `at`."""
        self._store.update(
            _key(due),
            "SET queued_at = :at",
            {":at": {"S": at}, ":position": _entry(due, due_at)[WORK_SK]},
            condition="WSK = :position",
        )

    def _move(
        self,
        position: str,
        due: DeliveryRequest,
        until: str,
        values: Item | None = None,
        condition: str = "",
    ) -> bool:
        entry = _entry(due, until)
        is_there = "WSK = :position"
        return self._store.update(
            _key(due),
            "SET WPK = :wpk, WSK = :wsk, due_at = :due",
            {
                ":wpk": entry[WORK_PK],
                ":wsk": entry[WORK_SK],
                ":due": {"S": until},
                ":position": {"S": position},
                **(values or {}),
            },
            condition=f"{is_there}{condition}",
        )


def _due(row: Item) -> tuple[str, DeliveryRequest] | None:
    ids = webhook_keys.parse_delivery(row)
    if ids is None:  # whatever else may come to lie there is not ours
        return None
    position = row[WORK_SK]["S"]
    return position, DeliveryRequest(*ids, webhook_keys.attempt_of(position))


def _key(due: DeliveryRequest) -> Key:
    return webhook_keys.delivery(due.tenant_id, due.webhook_id, due.event_id)


def _entry(due: DeliveryRequest, at: str) -> Key:
    return webhook_keys.due_delivery(at, due.webhook_id, due.event_id, due.attempt)
