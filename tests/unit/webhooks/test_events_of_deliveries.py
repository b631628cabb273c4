"""A delivery finds its event, in whichever range of its contact's events that is."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.webhooks.delivery import Delivery
from shared.table.event_items import event_to_item
from shared.table.store import Store
from shared.table.webhooks.deliveries import DeliveryTable
from tests.support.memory_table import MemoryTable


@pytest.mark.parametrize(
    ("type", "changes", "prefix"),
    [
        ("contact.updated", {"company": (None, "A")}, "EVENT#0"),
        ("contact.updated", {"interaction_count": (1, 2)}, "EVENT#0"),
        ("interaction.created", {"interaction_count": (1, 2)}, "EVENT#~0"),
        ("interaction.created", {"interaction_count": (1, 2), "tags": (None, ["a"])}, "EVENT#0"),
        ("note.created", {}, "EVENT#~0"),
    ],
)
def test_a_delivery_finds_its_event(type: str, changes: dict[str, Any], prefix: str) -> None:
    table = MemoryTable(lambda operation: None)
    event = Event(
        id=new_id(),
        type=type,
        entity="contact",
        entity_id=new_id(),
        at="2026-01-01T00:00:00.000Z",
        actor="user:u1",
        origin="api",
        version=2,
        changes=changes,
    )
    item = event_to_item("t1", event)
    assert item["SK"]["S"].startswith(prefix)
    table.put(item)
    delivery = Delivery.model_construct(
        entity="contact", entity_id=event.entity_id, event_id=event.id, event_type=type
    )
    webhooks = DeliveryTable(Store(table, "table", sleep=lambda seconds: None), "t1")
    assert webhooks.event_of(delivery) == event
