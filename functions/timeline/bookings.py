"""Routes of a contact's bookings."""

from __future__ import annotations

from pydantic import Field

from shared.domain.bookings.booking import Booking
from shared.domain.bookings.event import BookingState
from shared.domain.days import first_of, last_of
from shared.domain.errors import NotFound
from shared.domain.moments import FROM, TO, Moment
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.wiring.bookings import booking_lists
from shared.wiring.tenants import tenant_settings

routes = Routes("Bookings")


class BookingListQuery(ListQuery):
    """The bookings of a contact to list. All conditions must hold."""

    state: BookingState | None = Field(None, description="Only bookings in this state.")
    starts_from: Moment | None = Field(
        None, alias="from", description=f"Bookings that start {FROM[0].lower()}{FROM[1:]}"
    )
    starts_to: Moment | None = Field(
        None, alias="to", description=f"Bookings that start {TO[0].lower()}{TO[1:]}"
    )


@routes.route(
    "GET",
    "/contacts/{contact_id}/bookings",
    summary="List a contact's bookings, latest start first",
    query=BookingListQuery,
    answer=Booking,
    paged=True,
    errors=(NotFound,),
)
def list_bookings(call: Call, contact_id: str, query: BookingListQuery) -> Reply:
    starts_from, starts_to = query.starts_from, query.starts_to
    if starts_from or starts_to:
        zone = tenant_settings(call.caller.tenant_id).timezone
        starts_from = starts_from and first_of(starts_from, zone)
        starts_to = starts_to and last_of(starts_to, zone)
    page = booking_lists(call.caller, call.budget).of_contact(
        contact_id,
        state=query.state,
        starts_from=starts_from,
        starts_to=starts_to,
        limit=query.limit,
        cursor=query.cursor,
    )
    return Reply(page=page)
