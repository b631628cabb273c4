"""Booking events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared.wiring.base import store
from shared.wiring.contacts import contact_writing
from shared.wiring.tenants import find_tenant, owners

if TYPE_CHECKING:
    from shared.services.bookings import BookingService


def booking_service() -> BookingService:
    """The service that applies booking events to contacts."""
    from shared.services.bookings import BookingService
    from shared.table.bookings import BookingTable

    return BookingService(find_tenant, partial(BookingTable, store()), owners, contact_writing)
