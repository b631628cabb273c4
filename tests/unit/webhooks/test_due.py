"""The queueing of due deliveries: tenants take turns, and each delivery costs two calls."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain import timestamps
from shared.domain.events import Notice
from shared.domain.ids import derived_id
from shared.domain.webhooks.delivery import Delivery, DeliveryRequest
from shared.services.side_by_side import SideBySide
from shared.services.webhooks.due import send_due
from shared.table.store import Store
from shared.table.webhooks.deliveries import DeliveryTable
from shared.table.webhooks.due import DueDeliveries
from tests.support.memory_table import MemoryTable

NOW = "2026-05-04T12:00:00.000Z"


class Room:
    """A queue that keeps what it is sent, and has other messages."""

    def __init__(self) -> None:
        self.sent: list[DeliveryRequest] = []

    def send(self, requests: Sequence[DeliveryRequest], *, delay: int = 0) -> None:
        self.sent += requests

    def holds_messages(self) -> bool:
        return True


def test_the_due_deliveries_of_one_tenant_do_not_hold_up_those_of_another() -> None:
    calls = 0

    def count(operation: str) -> None:
        nonlocal calls
        calls += 1

    table = MemoryTable(before_call=count)
    store, room = Store(table, "table", sleep=lambda _: None), Room()
    for number in range(401):
        tenant_id = "busy" if number < 400 else "other"
        at = timestamps.plus(NOW, number - 4_000)
        notice = Notice(
            id=derived_id(timestamps.to_milliseconds(at), str(number)),
            type="contact.created",
            tenant_id=tenant_id,
            at=at,
            entity="contact",
            entity_id="c",
            version=1,
            origin="api",
        )
        DeliveryTable(store, tenant_id).add_delivery(Delivery.create(notice, "w", at=at))
    calls = 0
    sent = send_due(DueDeliveries(store), room, has_time=lambda: True, now=lambda: NOW, calls=SideBySide(1))
    assert sent == len(room.sent) == 401
    assert "other" in {one.tenant_id for one in room.sent[:10]}
    of_busy = [one.event_id for one in room.sent if one.tenant_id == "busy"]
    assert of_busy == sorted(of_busy), "the longest overdue first"
    assert calls <= 2 * 401 + 12  # postponed, noted as queued; pages of the index


def test_what_is_queued_is_postponed_by_one_call() -> None:
    calls = 0

    def count(operation: str) -> None:
        nonlocal calls
        calls += 1

    store, room = Store(MemoryTable(before_call=count), "table", sleep=lambda _: None), Room()
    table = DeliveryTable(store, "t1")
    event_id = derived_id(timestamps.to_milliseconds(NOW), "e")
    delivery = Delivery.create_test("w", 1, event_id=event_id, at=timestamps.plus(NOW, -600))
    table.add_delivery(delivery)
    table.mark_queued(delivery, delivery.created_at)
    calls = 0
    assert send_due(DueDeliveries(store), room, has_time=lambda: True, now=lambda: NOW) == 0
    assert calls == 5  # four shards, one delivery
    assert room.sent == []
