"""Lists of bookings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from shared.domain.bookings.booking import Booking
from shared.domain.bookings.event import BookingState
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.services.contacts.parts import portion_of_part
from shared.services.contacts.reading import ContactReading
from shared.services.paging import Cursors, Page
from shared.services.reading_budget import Budget
from shared.services.walks import Step, read_page_of_steps


class Bookings(Protocol):
    """The bookings of one tenant; see `shared.table.bookings.lists.BookingRanges`."""

    def contact(self, contact_id: str) -> Contact | None: ...

    def walk(
        self,
        contact: Contact,
        *,
        is_counted: bool | None,
        starts_from: str | None,
        starts_to: str | None,
        after: str | None,
        portion: int,
    ) -> Iterator[tuple[str, Booking]]: ...


class BookingLists:
    """The bookings of the contacts that one caller may see. Any other contact raises NotFound."""

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        bookings: Bookings,
        cursors: Cursors,
        budget: Budget,
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._bookings = bookings
        self._cursors = cursors
        self._budget = budget

    def of_contact(
        self,
        contact_id: str,
        *,
        state: BookingState | None,
        starts_from: str | None,
        starts_to: str | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Booking]:
        """Return a page of a contact's bookings, latest start first. `state` and the bounds of the start restrict it if
        they are given.
        """
        contact = self._reading.read(contact_id, find=self._bookings.contact)

        def steps(after: str | None) -> Iterator[Step[Booking]]:
            walk = self._bookings.walk(
                contact,
                is_counted=None if state is None else state != "cancelled",
                starts_from=starts_from,
                starts_to=starts_to,
                after=after,
                portion=portion_of_part(limit + 1, contact),
            )
            for position, booking in walk:
                self._budget.advance()
                yield position, state is None or booking.state == state, booking

        return read_page_of_steps(
            steps,
            lambda booking: booking,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("bookings", contact.id, state or "", starts_from or "", starts_to or ""),
        )
