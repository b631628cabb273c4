"""Deliveries of all tenants that are due."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.webhooks.delivery import DeliveryRequest
from shared.table import walking
from shared.table.item import Item
from shared.table.keys import webhooks as webhook_keys
from shared.table.keys.spelling import Key
from shared.table.keys.work import WORK_PK, WORK_SK
from shared.table.store import Store

_PAGE = 100


class DueDeliveries:
    """The deliveries as the scheduled task sees them: which are due, and not their contents."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def due_until(self, at: str) -> Iterator[list[tuple[str, DeliveryRequest]]]:
        """Yield the deliveries due by `at` in portions, each with the position of its entry, the longest overdue first.

        Entries follow their deliveries within moments, so some attempts may have been made already. Costs half a read
        unit for some thirty entries, and for each empty shard.
        """
        shards = [webhook_keys.due_partition(shard) for shard in range(webhook_keys.DUE_SHARDS)]
        rows = walking.walk_due(self._store, shards, at, page=_PAGE)
        for portion in walking.portions(rows, _PAGE):
            if found := [due for row in portion if (due := _due(row))]:
                yield found

    def postpone_if_queued(
        self, position: str, due: DeliveryRequest, until: str, *, queued_since: str
    ) -> bool:
        """Postpone a delivery if its message was queued at `queued_since` or later; return whether it was.

        Returns False too when the due time is no longer at `position`.
        """
        return self._move(position, due, until, {":since": {"S": queued_since}}, " AND queued_at >= :since")

    def postpone(self, position: str, due: DeliveryRequest, until: str) -> bool:
        """Postpone a delivery; return False when its due time is no longer at `position`, because another caller has
        it.
        """
        return self._move(position, due, until)

    def mark_queued(self, due: DeliveryRequest, due_at: str, at: str) -> None:
        """Write that the message of a delivery taken with the due time `due_at` is in the queue since `at`."""
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
        is_unmoved = "WSK = :position"
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
            condition=f"{is_unmoved}{condition}",
        )


def _due(row: Item) -> tuple[str, DeliveryRequest] | None:
    ids = webhook_keys.parse_delivery(row)
    if ids is None:  # not a delivery
        return None
    position = row[WORK_SK]["S"]
    return position, DeliveryRequest(*ids, webhook_keys.attempt_of(position))


def _key(due: DeliveryRequest) -> Key:
    return webhook_keys.delivery(due.tenant_id, due.webhook_id, due.event_id)


def _entry(due: DeliveryRequest, at: str) -> Key:
    return webhook_keys.due_delivery(at, due.webhook_id, due.event_id, due.attempt)
