"""The items of bookings."""

from __future__ import annotations

from typing import Any

from shared.domain.bookings.booking import Booking, BookingEntry
from shared.domain.bookings.event import Order, interaction_id_of
from shared.table.codec import AttributeCodec
from shared.table.item import Item
from shared.table.keys import bookings as booking_keys
from shared.table.keys.spelling import SK, Key

_CODEC = AttributeCodec(
    texts=(
        "id",
        "contact_id",
        "state",
        "starts_at",
        "ends_at",
        "title",
        "organizer_id",
        "organizer_email",
    ),
    numbers=("version",),
    json=("events", "title_order", "organizer_order"),
    defaults={
        "ends_at": None,
        "title": "",
        "organizer_id": None,
        "organizer_email": None,
        "events": [],
        "title_order": None,
        "organizer_order": None,
    },
)


def booking_key(tenant_id: str, booking: Booking) -> Key:
    """Return the key of a booking."""
    return booking_keys.booking(
        tenant_id, booking.contact_id, booking.id, booking.starts_at, is_counted=booking.is_counted
    )


def booking_to_item(tenant_id: str, booking: Booking) -> Item:
    """Return the item of a booking. Omits the orders of title and organizer if they equal that of the last event."""
    last = booking.order
    values = {
        **booking.__dict__,
        "events": [_entry_to_list(entry) for entry in booking.events],
        "title_order": _unless(last, booking.title_order),
        "organizer_order": _unless(last, booking.organizer_order),
    }
    return {**booking_key(tenant_id, booking), **_CODEC.encode(values)}


def booking_from_item(tenant_id: str, item: Item) -> Booking:
    """Return the booking of an item."""
    values = _CODEC.decode(item)
    values["events"] = [_entry_from_list(tenant_id, values["id"], entry) for entry in values["events"]]
    last = values["events"][-1].order
    for name in ("title_order", "organizer_order"):
        values[name] = last if values[name] is None else tuple(values[name])
    return Booking.model_construct(**values)


def locator_to_item(tenant_id: str, booking: Booking) -> Item:
    """Return the locator of a booking, which has the booking's version."""
    return {
        **booking_keys.locator(tenant_id, booking.id),
        "contact_id": {"S": booking.contact_id},
        "entry": booking_key(tenant_id, booking)[SK],
        "version": {"N": str(booking.version)},
    }


def _unless(last: Order, order: Order) -> list[Any] | None:
    return None if order == last else list(order)


def _entry_to_list(entry: BookingEntry) -> list[Any]:
    return [*entry.order, entry.state, entry.starts_at]


def _entry_from_list(tenant_id: str, booking_id: str, values: list[Any]) -> BookingEntry:
    version, occurred_at, event_id, state, starts_at = values
    return BookingEntry.model_construct(
        event_id=event_id,
        state=state,
        occurred_at=occurred_at,
        starts_at=starts_at,
        version=version,
        interaction_id=interaction_id_of(tenant_id, booking_id, event_id, occurred_at),
    )
