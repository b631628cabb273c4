"""The orders in which contacts are listed.

A contact's place in an order is a text: places sort as the contacts do, and end with the contact's id, which breaks
ties. The index of an order and the sorting of a few contacts both go by it, so a list is the same by either way.
Who lacks what an order goes by (was never contacted, has no bookings) has no place in it, and comes behind all
who have one, newest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.domain.contacts.record import Contact
from shared.domain.search import fold_line

INDEXED = ("name", "-updated_at", "-last_contacted_at", "-last_booking_at", "-total_bookings")
"""The orders that have an index of places. The lists by creation are their own: a contact's id holds its time."""

Position = list[str | None]
"""Where a walk goes on: `["placed", place]` behind a place, `["unplaced", id]` among those without one, None for their
first. (A list, as it comes back from a cursor.)"""

PLACED, UNPLACED = "placed", "unplaced"
_MAX_NAME = 100


def is_descending(order: str) -> bool:
    """Whether an order shows the greatest place first."""
    return order.startswith("-")


def field_of(order: str) -> str:
    """What an order goes by, such as `updated_at`."""
    return order.removeprefix("-")


def place_in(contact: Contact, order: str) -> str | None:
    """A contact's place in an order; None when it lacks what the order goes by. At most 850 bytes long."""
    field = field_of(order)
    if field == "created_at":
        return f"#{contact.id}"
    if field == "name":
        # Two spaces come before one with a word behind it: van, Zoe before van Dyck, Ada.
        last, first = (fold_line(name, _MAX_NAME) for name in (contact.last_name, contact.first_name))
        return f"{last}  {first}  #{contact.id}"
    if field == "total_bookings":
        return f"{contact.total_bookings:012d}#{contact.id}" if contact.total_bookings else None
    at: str | None = getattr(contact, field)
    return f"{at}#{contact.id}" if at else None


def in_order(
    contacts: Iterable[Contact], order: str, after: Position | None
) -> Iterator[tuple[Position, Contact]]:
    """Contacts in an order, each with its position; only those behind `after`."""
    placed: list[tuple[str, Contact]] = []
    unplaced: list[tuple[str, Contact]] = []
    for contact in contacts:
        place = place_in(contact, order)
        (unplaced if place is None else placed).append((place or contact.id, contact))
    stage, bound = after or (PLACED, None)
    for name, entries, descending in (
        (PLACED, placed, is_descending(order)),
        (UNPLACED, unplaced, True),
    ):
        if stage == UNPLACED and name == PLACED:
            continue
        for place, contact in sorted(entries, key=lambda entry: entry[0], reverse=descending):
            is_behind = stage != name or bound is None or (place < bound if descending else place > bound)
            if is_behind:
                yield [name, place], contact
