"""Booking events, and the bookings of contacts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared.wiring.base import cursors, store
from shared.wiring.contacts import contact_reading, contact_writing, entry_lists
from shared.wiring.tenants import find_tenant, owners

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.services.bookings.listing import BookingLists
    from shared.services.bookings.processing import BookingService
    from shared.services.bookings.tenant_list import TenantBookings
    from shared.services.reading_budget import Budget


def booking_service() -> BookingService:
    """The service that applies booking events to contacts."""
    from shared.services.bookings.processing import BookingService
    from shared.table.bookings.repository import BookingTable

    return BookingService(find_tenant, partial(BookingTable, store()), owners, contact_writing)


def tenant_bookings(caller: Caller, budget: Budget | None = None) -> TenantBookings:
    """The bookings of all contacts of the tenant, for one caller. They are read within the request's budget, or within
    a budget of their own.
    """
    from shared.services.bookings.tenant_list import TenantBookings
    from shared.services.reading_budget import Budget
    from shared.table.bookings.lists import BookingRows
    from shared.table.contacts.index import ContactIndex

    tenant_id = caller.tenant_id
    budget = budget or Budget()
    return TenantBookings(
        entry_lists(caller, budget),
        BookingRows(store(), tenant_id, budget),
        ContactIndex(store(), tenant_id, budget),
    )


def booking_lists(caller: Caller, budget: Budget | None = None) -> BookingLists:
    """The lists of bookings, for one caller. They are read within the request's budget, or within a budget of their
    own.
    """
    from shared.services.bookings.listing import BookingLists
    from shared.services.reading_budget import Budget
    from shared.table.bookings.lists import BookingRanges

    budget = budget or Budget()
    return BookingLists(
        caller, contact_reading(caller), BookingRanges(store(), caller.tenant_id, budget), cursors(), budget
    )
