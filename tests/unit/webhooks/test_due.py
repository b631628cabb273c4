"""The queueing of due deliveries: tenants take turns, and each delivery costs two calls."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.domain import timestamps
from shared.domain.errors import Unavailable
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


def _add(store: Store, tenant_id: str, at: str) -> None:
    """Add the delivery of an event to a tenant's webhook."""
    notice = Notice(
        id=derived_id(timestamps.to_milliseconds(at), tenant_id),
        type="contact.created",
        tenant_id=tenant_id,
        at=at,
        entity="contact",
        entity_id="c",
        version=1,
        origin="api",
    )
    DeliveryTable(store, tenant_id).add_delivery(Delivery.create(notice, "w", at=at))


def test_the_due_deliveries_of_one_tenant_do_not_hold_up_those_of_another() -> None:
    calls = 0

    def count(operation: str) -> None:
        nonlocal calls
        calls += 1

    table = MemoryTable(before_call=count)
    store, room = Store(table, "table", sleep=lambda _: None), Room()
    for number in range(401):
        _add(store, "busy" if number < 400 else "other", timestamps.plus(NOW, number - 4_000))
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


def test_check_10_a_tenant_whose_deliveries_the_table_is_too_busy_for_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, room = Store(MemoryTable(), "table", sleep=lambda _: None), Room()
    for number in range(25):
        _add(store, "busy", timestamps.plus(NOW, number - 4_000))
    _add(store, "other", timestamps.plus(NOW, -3_000))
    index, left, asked = DueDeliveries(store), list[str](), list[str]()
    postpone = index.postpone

    def refuse(position: str, due: DeliveryRequest, until: str) -> tuple[bool, str | None]:
        asked.append(due.tenant_id)
        if due.tenant_id == "busy":
            raise Unavailable
        return postpone(position, due, until)

    with monkeypatch.context() as patch:
        patch.setattr(index, "postpone", refuse)
        sent = send_due(index, room, has_time=lambda: True, now=lambda: NOW, on_busy=left.append)
    assert (sent, [one.tenant_id for one in room.sent]) == (1, ["other"])
    assert left == ["busy"]
    assert asked.count("busy") < 10, "each call waits for the table, so few are made"
    assert send_due(index, room, has_time=lambda: True, now=lambda: NOW) == 25
