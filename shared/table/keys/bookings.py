"""Keys of bookings: which are counted, and which of their events were processed."""

from __future__ import annotations

from shared.table.keys.spelling import Key, escape, make_key, tenant_prefix


def partition(tenant_id: str, booking_id: str) -> str:
    """Return the partition of a booking."""
    return f"{tenant_prefix(tenant_id)}BOOKING#{escape(booking_id)}"


def booking(tenant_id: str, booking_id: str) -> Key:
    """Return the key of a booking."""
    return make_key(partition(tenant_id, booking_id), "BOOKING")


def processed_event(tenant_id: str, booking_id: str, event_id: str) -> Key:
    """Return the key of the row saying that a booking event was processed. Not under EVENT#: the events there are our
    own, and get published.
    """
    return make_key(partition(tenant_id, booking_id), f"TAKEN#{escape(event_id)}")
