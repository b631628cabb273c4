"""The booking: an appointment as it is after its events, in whatever order they arrived."""

from __future__ import annotations

from bisect import bisect_left
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.bookings.event import BookingEvent, BookingState, Order
from shared.domain.timestamps import Timestamp

MAX_EVENTS = 100
"""The maximum number of events that a booking lists: those with the highest order."""
BEFORE_ALL: Order = (-1, "", "")
"""An order lower than that of every event."""


class BookingEntry(BaseModel):
    """One event of a booking, as the booking lists it.

    `state`: the state of the booking after the event. `version`: the booking's version in the scheduling product.
    `interaction_id`: the interaction of the event.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    event_id: str
    state: BookingState
    occurred_at: Timestamp
    starts_at: Timestamp
    version: int
    interaction_id: str

    @property
    def order(self) -> Order:
        """The event's position among the events of its booking."""
        return self.version, self.occurred_at, self.event_id


class Booking(BaseModel):
    """An appointment of a contact with an organizer.

    `events`: in their order; the last one determines the times, the state and the contact of the booking. The
    `title` and the organizer come from the last event that names them. `organizer_id`: the user who organizes it, null
    if that is not a user of the tenant. `version` counts the changes.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    contact_id: str
    state: BookingState
    starts_at: Timestamp
    ends_at: Timestamp | None = None
    title: str = ""
    organizer_id: str | None = None
    organizer_email: str | None = None
    events: list[BookingEntry] = []

    version: Annotated[int, SkipJsonSchema(), Field(exclude=True)] = 0
    title_order: Annotated[Order, SkipJsonSchema(), Field(exclude=True)] = BEFORE_ALL
    organizer_order: Annotated[Order, SkipJsonSchema(), Field(exclude=True)] = BEFORE_ALL

    @classmethod
    def blank(cls, booking_id: str, *, version: int = 0) -> Booking:
        """Return a booking without events, to which the first one is applied."""
        return cls.model_construct(
            id=booking_id, contact_id="", state="cancelled", starts_at="", version=version
        )

    @property
    def order(self) -> Order:
        """The order of its last event."""
        return self.events[-1].order if self.events else BEFORE_ALL

    @property
    def is_counted(self) -> bool:
        """Whether it counts in its contact's `total_bookings`: a cancelled one does not."""
        return self.state != "cancelled"

    def with_fields(self, update: dict[str, Any]) -> Booking:
        """Return the booking with some fields replaced, without validating the new values."""
        return self.model_construct(**{**self.__dict__, **update})

    def apply(self, event: BookingEvent, *, contact_id: str, organizer_id: str | None) -> Booking:
        """Return the booking after one more of its events.

        `contact_id`: the contact with the invitee's address. `organizer_id`: the user whom the event names as the
        organizer. The same events in any order result in the same booking.
        """
        order = event.order
        given: dict[str, Any] = {"version": self.version + 1, "events": self._events_with(event)}
        if order > self.order:
            given.update(
                contact_id=contact_id,
                state=event.state,
                starts_at=str(event.starts_at),
                ends_at=None if event.ends_at is None else str(event.ends_at),
            )
        if event.title and order > self.title_order:
            given.update(title=event.title, title_order=order)
        if (organizer_id or event.organizer_email) and order > self.organizer_order:
            given.update(
                organizer_id=organizer_id,
                organizer_email=event.organizer_email or None,
                organizer_order=order,
            )
        return self.with_fields(given)

    def _events_with(self, event: BookingEvent) -> list[BookingEntry]:
        entry = BookingEntry.model_construct(
            event_id=event.event_id,
            state=event.state,
            occurred_at=str(event.occurred_at),
            starts_at=str(event.starts_at),
            version=event.version,
            interaction_id=event.interaction_id,
        )
        # An event may come again after its contact was purged, when no item is left that says it was processed.
        events = [one for one in self.events if one.event_id != event.event_id]
        events.insert(bisect_left(events, entry.order, key=lambda one: one.order), entry)
        return events[-MAX_EVENTS:]
