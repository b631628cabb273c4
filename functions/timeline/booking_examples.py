"""Examples of the routes of bookings; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.bookings.booking import Booking, BookingEntry
from shared.domain.errors import NotFound
from shared.http.examples import ADA_ID, LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

RESCHEDULED = Booking(
    id="booking-4711",
    contact_id=ADA_ID,
    state="rescheduled",
    starts_at="2025-04-09T10:00:00.000Z",
    ends_at="2025-04-09T10:30:00.000Z",
    title="First talk",
    organizer_id=USER_ID,
    organizer_email="charles@example.com",
    events=[
        BookingEntry(
            event_id="event-1",
            state="created",
            occurred_at="2025-04-06T09:45:00.000Z",
            starts_at="2025-04-08T10:00:00.000Z",
            version=1,
            interaction_id="01960a7d-3560-7d5c-b0a4-6e2f8c1d9b35",
        ),
        BookingEntry(
            event_id="event-2",
            state="rescheduled",
            occurred_at="2025-04-07T08:00:00.000Z",
            starts_at="2025-04-09T10:00:00.000Z",
            version=2,
            interaction_id="01960f43-b400-7a1f-9c3e-2d4b6f8a0c17",
        ),
    ],
)

EXAMPLES = {
    "list_bookings": Example(
        answer=Page(
            [RESCHEDULED],
            None,
        ),
        parameters={"from": "2025-04-01", "to": "2031-12-31"},
        problems=(NotFound("Contact"),),
    ),
    "list_all_bookings": Example(
        answer=Page([RESCHEDULED], None),
        parameters={"from": "2025-04-01", "to": "2031-12-31", "sort": "starts_at"},
        problems=(LIMIT_REFUSED,),
    ),
}
