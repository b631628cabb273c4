"""Keys of webhook subscriptions and their deliveries."""

from __future__ import annotations

from shared.domain import timestamps
from shared.domain.ids import first_id_at
from shared.table.keys import work
from shared.table.keys.spelling import Key, escape, identity_of, make_key, tenant_prefix, unescape

DELIVERY = "DELIVERY#"
DUE_SHARDS = 4


def webhooks(tenant_id: str) -> str:
    """Return the partition of a tenant's subscriptions."""
    return f"{tenant_prefix(tenant_id)}WEBHOOKS"


def webhook(tenant_id: str, webhook_id: str) -> Key:
    """Return the key of a subscription."""
    return make_key(webhooks(tenant_id), escape(webhook_id))


def webhook_count(tenant_id: str) -> Key:
    """Return the key of the number of a tenant's subscriptions, which holds their limit under races. The publisher
    reads it to decide which events the fan-out receives, so it must never be too low.
    """
    return make_key(f"{tenant_prefix(tenant_id)}WEBHOOKS#COUNT", "COUNT")


def data_key(tenant_id: str) -> Key:
    """Return the key of a tenant's data key, which encrypts the secrets of its webhooks."""
    return make_key(f"{tenant_prefix(tenant_id)}WEBHOOKS#KEY", "KEY")


def deliveries(tenant_id: str, webhook_id: str) -> str:
    """Return the partition of a subscription's deliveries."""
    return f"{tenant_prefix(tenant_id)}WEBHOOK#{escape(webhook_id)}"


def delivery(tenant_id: str, webhook_id: str, event_id: str) -> Key:
    """Return the key of a delivery. Deliveries sort by their event's id, which is the order of the events."""
    return make_key(deliveries(tenant_id, webhook_id), f"{DELIVERY}{escape(event_id)}")


def deliveries_between(first: str | None, last: str | None) -> tuple[str, str]:
    """Return the bounds of the sort keys of deliveries whose events' ids were made from one timestamp to another, both
    included. None for no bound.
    """
    low = "" if first is None else first_id_at(timestamps.to_milliseconds(first))
    # The id's digits of the time: they sort before all ids of that millisecond, and after all ids of earlier ones.
    high = "~" if last is None else first_id_at(timestamps.to_milliseconds(last) + 1)[:13]
    return f"{DELIVERY}{low}", f"{DELIVERY}{high}"


def slots(tenant_id: str) -> Key:
    """Return the key of the time of the next attempt that a tenant's slow subscriptions may have."""
    return make_key(f"{tenant_prefix(tenant_id)}WEBHOOKS#SLOTS", "SLOTS")


def parse_delivery(key: Key) -> tuple[str, str, str] | None:
    """Return the tenant, webhook and event id of a delivery's key; None for a key of another kind."""
    pk, sk = identity_of(key)
    if not sk.startswith(DELIVERY):
        return None
    _, tenant_id, _, webhook_id = pk.split("#")
    return unescape(tenant_id), unescape(webhook_id), unescape(sk.removeprefix(DELIVERY))


def due_delivery(at: str, webhook_id: str, event_id: str, attempt: int) -> Key:
    """Return the index attributes of a delivery whose attempt (its number) is due at a time."""
    identifier = f"{DELIVERY}{webhook_id}#{event_id}#{attempt}"
    return work.entry(due_partition(work.shard_of(identifier, DUE_SHARDS)), at, identifier)


def attempt_of(position: str) -> int:
    """Return the number of the attempt from the index sort key of a delivery."""
    return int(position.rpartition("#")[2])


def due_partition(shard: int) -> str:
    """Return the index partition of one shard of the deliveries that are due."""
    return f"DUE#{shard}"
