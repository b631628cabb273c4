"""Routes of bookings: of one contact, and of all."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.bookings.booking import Booking
from shared.domain.bookings.conditions import BookingFilter
from shared.domain.bookings.event import BookingState
from shared.domain.days import first_of, last_of
from shared.domain.errors import NotFound, RuleBroken
from shared.domain.moments import FROM, TO, Moment
from shared.http.call import Call
from shared.http.listing import ListQuery, NumberedListQuery
from shared.http.routes import Reply, Routes
from shared.wiring.bookings import booking_lists, tenant_bookings
from shared.wiring.tenants import tenant_settings

routes = Routes("Bookings")


class _Conditions(BaseModel):
    """Conditions on bookings that must all hold."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    state: BookingState | None = Field(None, description="Only bookings in this state.")
    starts_from: Moment | None = Field(
        None, alias="from", description=f"Bookings that start {FROM[0].lower()}{FROM[1:]}"
    )
    starts_to: Moment | None = Field(
        None, alias="to", description=f"Bookings that start {TO[0].lower()}{TO[1:]}"
    )

    def bounds(self, tenant_id: str) -> tuple[str | None, str | None]:
        """Return the bounds of the start as timestamps. A date means the whole day in the tenant's time zone."""
        if not self.starts_from and not self.starts_to:
            return None, None
        zone = tenant_settings(tenant_id).timezone
        return (
            self.starts_from and first_of(self.starts_from, zone),
            self.starts_to and last_of(self.starts_to, zone),
        )


class BookingListQuery(ListQuery, _Conditions):
    """The bookings of a contact to list. All conditions must hold."""


class AllBookingsQuery(NumberedListQuery, _Conditions):
    """The bookings to list and their order. All conditions must hold."""

    cancelled: bool | None = Field(
        None, description="`false`: only bookings that are not cancelled. `true`: only cancelled ones."
    )
    organizer_id: str | None = Field(
        None, min_length=1, max_length=128, description="The id of the user who organizes the booking."
    )
    sort: Literal["-starts_at", "starts_at"] = Field(
        "-starts_at",
        description="By default the latest start comes first. `sort=starts_at` with `from` lists upcoming bookings.",
    )
    include_total: bool = Field(
        False,
        description="Count the bookings under all conditions, within the request's budget of rows and time. If the "
        "budget does not suffice, `total` is null and `total_at_least` is the number counted so far.",
    )


@routes.route(
    "GET",
    "/bookings",
    summary="List the bookings of all contacts",
    query=AllBookingsQuery,
    answer=Booking,
    paged=True,
    errors=(RuleBroken,),
)
def list_all_bookings(call: Call, query: AllBookingsQuery) -> Reply:
    """Lists the bookings of the contacts that the caller may see. The list follows changes within about a second.
    `total` is set without conditions, and with no conditions but `state` and `cancelled`, for callers who may read all
    contacts.
    """
    limit, skip = query.part
    first, last = query.bounds(call.caller.tenant_id)
    page = tenant_bookings(call.caller, call.budget).list(
        BookingFilter(query.state, query.cancelled, first, last, query.organizer_id),
        sort=query.sort,
        limit=limit,
        cursor=query.cursor,
        skip=skip,
        include_total=query.include_total,
    )
    return Reply(page=page)


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
    starts_from, starts_to = query.bounds(call.caller.tenant_id)
    page = booking_lists(call.caller, call.budget).of_contact(
        contact_id,
        state=query.state,
        starts_from=starts_from,
        starts_to=starts_to,
        limit=query.limit,
        cursor=query.cursor,
    )
    return Reply(page=page)
