"""Bookings in the order of their starts: those of one contact, and those of all contacts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from shared.domain.bookings.booking import Booking
from shared.domain.contacts.record import Contact
from shared.services.contacts.parts import of_contact
from shared.services.reading_budget import Budget
from shared.table.bookings import items as booking_items
from shared.table.budgeted_reads import BudgetedReads
from shared.table.contacts.parts import Parts
from shared.table.contacts.repository import ContactTable
from shared.table.entry_lists import EntryList
from shared.table.keys import bookings as booking_keys
from shared.table.keys import lists as list_keys
from shared.table.keys import timeline as timeline_keys
from shared.table.ranges import walk_ranges
from shared.table.store import Store


class BookingRanges:
    """The bookings of one tenant's contacts, read within a budget."""

    def __init__(self, store: Store, tenant_id: str, budget: Budget) -> None:
        self._reads = BudgetedReads(store, budget)
        self._tenant = tenant_id
        self._parts = Parts(self._reads, tenant_id)
        self._contacts = ContactTable(store, tenant_id)

    def contact(self, contact_id: str) -> Contact | None:
        """Return a live contact as of now, or None."""
        return self._contacts.get(contact_id)

    def walk(
        self,
        contact: Contact,
        *,
        is_counted: bool | None,
        starts_from: str | None,
        starts_to: str | None,
        after: str | None,
        portion: int,
    ) -> Iterator[tuple[str, Booking]]:
        """Yield a contact's bookings, those that start last first, each with its position for `after`. Those of
        contacts merged into it are among them.

        `is_counted`: only those that are not cancelled, or only those that are; None for all. `starts_from` and
        `starts_to`: bounds of the start, both included. Raises BudgetSpent when the budget is spent.
        """
        prefixes = {
            None: booking_keys.RANGES,
            True: (booking_keys.COUNTED,),
            False: (booking_keys.CANCELLED,),
        }[is_counted]
        entries = walk_ranges(
            self._reads,
            self._parts.ranges(contact, prefixes),
            between=timeline_keys.between(starts_from, starts_to),
            after=after,
            descending=True,
            portion=portion,
        )
        for position, row in entries:
            yield position, of_contact(booking_items.booking_from_item(self._tenant, row), contact.id)


class BookingRows:
    """The bookings of all contacts of one tenant, read within a budget. They follow the bookings within a second."""

    def __init__(self, store: Store, tenant_id: str, budget: Budget) -> None:
        self._store = store
        self._tenant = tenant_id
        self._budget = budget

    def walk(
        self,
        ranges: tuple[bool, ...],
        *,
        first: str | None,
        last: str | None,
        after: str | None,
        descending: bool,
        portion: int,
        contact_ids: Sequence[str] | None = None,
    ) -> Iterator[tuple[str, Booking]]:
        """Yield bookings after a position and within bounds of their starts, each with its position.

        `ranges`: which bookings to read, each named by whether they are cancelled. `contact_ids`: those of a few
        contacts, as of now. Raises BudgetSpent when the budget is spent.
        """
        rows = EntryList(
            self._store,
            self._tenant,
            self._budget,
            {name: (prefix,) for name, prefix in (_LISTS[is_cancelled] for is_cancelled in ranges)},
            partial(booking_items.booking_from_item, self._tenant),
        )
        return rows.walk(
            first=first,
            last=last,
            after=after,
            descending=descending,
            portion=portion,
            contact_ids=contact_ids,
        )


_LISTS = {
    False: (list_keys.BOOKINGS, booking_keys.COUNTED),
    True: (list_keys.CANCELLED_BOOKINGS, booking_keys.CANCELLED),
}
