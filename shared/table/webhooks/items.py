"""Deliveries of webhooks as items of the table."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from shared.domain import timestamps
from shared.domain.errors import NOT_A_RECORD
from shared.domain.ids import milliseconds_of
from shared.domain.webhooks.delivery import KEPT_SECONDS, Attempt, Delivery
from shared.table.codec import AttributeCodec
from shared.table.item import Item
from shared.table.keys import webhooks as webhook_keys

_DELIVERY = AttributeCodec(
    texts=(
        "event_id",
        "event_type",
        "state",
        "reason",
        "next_attempt_at",
        "created_at",
        "webhook_id",
        "entity",
        "entity_id",
        "source_id",
        "due_at",
        "queued_at",
        "revision",
        "waits_until",
        "slot_at",
        "restarted_at",
        "claimed_by",
        "claimed_until",
    ),
    numbers=("webhook_version", "earlier_attempts", "faults"),
)


def delivery_to_item(tenant_id: str, delivery: Delivery) -> Item:
    """Return the item of a delivery."""
    item: Item = {
        **webhook_keys.delivery(tenant_id, delivery.webhook_id, delivery.event_id),
        **_DELIVERY.encode(delivery.__dict__),
    }
    if delivery.due_at:
        item.update(
            webhook_keys.due_delivery(
                delivery.due_at, delivery.webhook_id, delivery.event_id, delivery.next_attempt
            )
        )
    if delivery.attempts:
        attempts = [attempt.__dict__ for attempt in delivery.attempts]
        item["attempts"] = {"S": json.dumps(attempts, separators=(",", ":"), ensure_ascii=False)}
    expires_at = timestamps.to_milliseconds(delivery.last_used_at) // 1000 + KEPT_SECONDS
    item["expires_at"] = {"N": str(expires_at)}
    return item


def delivery_from_item(item: Item) -> Delivery:
    """Return the delivery of an item. Raises one of NOT_A_RECORD for an item that is damaged."""
    return Delivery.model_construct(**_DELIVERY.decode(item), attempts=_attempts_of(item))


def read_or_salvage(item: Item) -> Delivery:
    """Return the delivery of an item, or what can be read of it."""
    try:
        return delivery_from_item(item)
    except NOT_A_RECORD:
        return salvage(item)


def salvage(item: Item) -> Delivery:
    """Return a delivery with what can be read of its item, and without the rest. Its ids are those in its key."""
    _, webhook_id, event_id = webhook_keys.parse_delivery(item) or ("", "", "")
    values: dict[str, Any] = {
        "event_type": "",
        "entity": "",
        "entity_id": "",
        "created_at": timestamps.from_milliseconds(milliseconds_of(event_id)),
    }
    for name, attribute in item.items():
        with suppress(*NOT_A_RECORD):
            values |= _DELIVERY.decode({name: attribute})
    with suppress(*NOT_A_RECORD):
        values["attempts"] = _attempts_of(item)
    return Delivery.model_construct(**{**values, "webhook_id": webhook_id, "event_id": event_id})


def _attempts_of(item: Item) -> list[Attempt]:
    attempts = json.loads(item["attempts"]["S"]) if "attempts" in item else []
    return [Attempt.model_construct(**attempt) for attempt in attempts]
