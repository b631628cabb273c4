"""Deliveries of all tenants that are due."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from shared.domain.webhooks.delivery import DeliveryRequest
from shared.table import walking
from shared.table.item import Item
from shared.table.keys import webhooks as webhook_keys
from shared.table.keys.spelling import Key
from shared.table.keys.work import WORK_PK, WORK_SK
from shared.table.store import Store

_PAGE = 100
_PORTION = 1_000


class DueDeliveries:
    """The deliveries as the scheduled task sees them: which are due, and not their contents."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def due_until(self, at: str) -> Iterator[list[tuple[str, DeliveryRequest]]]:
        """Yield the deliveries due by `at` in portions, each with the position of its entry, the longest overdue first.

        Within a portion of a thousand, the tenants take turns, so that one with many does not hold up the others.

        Entries follow their deliveries within moments, so some attempts may have been made already. Costs half a read
        unit for some thirty entries, and for each empty shard.
        """
        shards = [webhook_keys.due_partition(shard) for shard in range(webhook_keys.DUE_SHARDS)]
        rows = walking.walk_due(self._store, shards, at, page=_PAGE)
        for portion in walking.portions(rows, _PORTION):
            if found := [due for row in portion if (due := _due(row))]:
                yield list(_take_turns(found))

    def postpone(self, position: str, due: DeliveryRequest, until: str) -> tuple[bool, str | None]:
        """Postpone a delivery. Return whether its due time was still at `position`, so that no other caller has it, and
        since when its message is queued, if that is known.
        """
        entry = _entry(due, until)
        is_moved, found = self._store.update_or_read(
            _key(due),
            "SET WPK = :wpk, WSK = :wsk, due_at = :due",
            {
                ":wpk": entry[WORK_PK],
                ":wsk": entry[WORK_SK],
                ":due": {"S": until},
                ":position": {"S": position},
            },
            condition="WSK = :position",
        )
        return is_moved, found["queued_at"]["S"] if "queued_at" in found else None

    def mark_queued(self, due: DeliveryRequest, due_at: str, at: str) -> None:
        """Write that the message of a delivery taken with the due time `due_at` is in the queue since `at`."""
        self._store.update(
            _key(due),
            "SET queued_at = :at",
            {":at": {"S": at}, ":position": _entry(due, due_at)[WORK_SK]},
            condition="WSK = :position",
        )


def _take_turns(
    found: list[tuple[str, DeliveryRequest]],
) -> Iterator[tuple[str, DeliveryRequest]]:
    """Yield the first entry of each tenant, then the second of each, and so on."""
    by_tenant: dict[str, list[tuple[str, DeliveryRequest]]] = {}
    for one in found:
        by_tenant.setdefault(one[1].tenant_id, []).append(one)
    for entries in zip_longest(*by_tenant.values()):
        yield from (one for one in entries if one is not None)


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
