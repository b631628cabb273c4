"""Keys of bookings: where each one is, as it is, and which of its events were processed.

A booking is in the partition of its contact, sorted by its start, those that are cancelled apart from those that count.
A locator in the booking's own partition says in which contact's, and under which sort key.
"""

from __future__ import annotations

from typing import Any

from shared.table.keys import contacts as contact_keys
from shared.table.keys.spelling import SK, Key, escape, make_key, tenant_prefix, unescape

COUNTED, CANCELLED = "BOOKING#", "BOOKINGX#"
RANGES = (COUNTED, CANCELLED)
"""The ranges of a contact's bookings: those that count, and those that are cancelled."""
_LOCATOR, _PROCESSED = "BOOKING", "TAKEN#"


def partition(tenant_id: str, booking_id: str) -> str:
    """Return the partition of a booking's locator and of its processed events."""
    return f"{tenant_prefix(tenant_id)}BOOKING#{escape(booking_id)}"


def locator(tenant_id: str, booking_id: str) -> Key:
    """Return the key of a booking's locator."""
    return make_key(partition(tenant_id, booking_id), _LOCATOR)


def is_locator(key: dict[str, Any]) -> bool:
    """Whether a key in a booking's partition is that of its locator."""
    return bool(key[SK]["S"] == _LOCATOR)


def processed_event(tenant_id: str, booking_id: str, event_id: str) -> Key:
    """Return the key of the row saying that a booking event was processed. Not under EVENT#: the events there are our
    own, and get published.
    """
    return make_key(partition(tenant_id, booking_id), f"{_PROCESSED}{escape(event_id)}")


def booking(tenant_id: str, contact_id: str, booking_id: str, starts_at: str, *, is_counted: bool) -> Key:
    """Return the key of a booking. The bookings of a contact sort by their starts."""
    kind = COUNTED if is_counted else CANCELLED
    return make_key(contact_keys.partition(tenant_id, contact_id), f"{kind}{starts_at}#{escape(booking_id)}")


def located(tenant_id: str, locator: dict[str, Any]) -> Key:
    """Return the key of the booking that a locator leads to."""
    return make_key(contact_keys.partition(tenant_id, locator["contact_id"]["S"]), locator["entry"]["S"])


def id_of(key: dict[str, Any]) -> str | None:
    """Return the booking's id in the key of a booking; None for a key of another kind."""
    sort_key: str = key[SK]["S"]
    return unescape(sort_key.rpartition("#")[2]) if sort_key.startswith(RANGES) else None
