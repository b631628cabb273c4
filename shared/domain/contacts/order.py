"""The orders in which contacts are listed.

A contact's place in an order is a string: places sort as the contacts do, and end with the contact's id, which breaks
ties. The index of an order and the sorting in memory both use places, so both return the same list. A contact
without a value in the order's field (never contacted, no bookings) has no place. Such contacts come after all others,
newest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.domain.contacts.record import Contact
from shared.domain.search import fold_line

INDEXED = ("name", "-updated_at", "-last_contacted_at", "-last_booking_at", "-total_bookings")
"""The orders with an index of places. Lists by creation need none: a contact's id contains its creation time."""

Position = list[str | None]
"""Where a list continues: `["placed", place]` after a place, `["unplaced", id]` after a contact without a place,
`["unplaced", None]` at the first of these. (A list, because cursors are JSON.)"""

PLACED, UNPLACED = "placed", "unplaced"
LOWEST, HIGHEST = "0", "~"
"""Texts that sort before and after all times and ids."""
_MAX_NAME = 100


def is_descending(order: str) -> bool:
    """Return whether an order shows the greatest place first."""
    return order.startswith("-")


def field_of(order: str) -> str:
    """Return the field of an order, such as `updated_at`."""
    return order.removeprefix("-")


def place_in(contact: Contact, order: str) -> str | None:
    """Return a contact's place in an order, at most 850 bytes; None if it has no value in the order's field."""
    field = field_of(order)
    if field == "created_at":
        return f"#{contact.id}"
    if field == "name":
        # Two spaces sort before a space and a word: van, Zoe before van Dyck, Ada.
        last, first = (fold_line(name, _MAX_NAME) for name in (contact.last_name, contact.first_name))
        return f"{last}  {first}  #{contact.id}"
    if field == "total_bookings":
        return f"{contact.total_bookings:012d}#{contact.id}" if contact.total_bookings else None
    at: str | None = getattr(contact, field)
    return f"{at}#{contact.id}" if at else None


def contact_id_of(place: str) -> str:
    """Return the id of the contact at a place."""
    return place.rpartition("#")[2]


def places_between(start: str | None, end: str | None) -> tuple[str, str]:
    """Return the bounds of the places from one time to another, both included; None for an open end."""
    return start or LOWEST, f"{end}#{HIGHEST}" if end else HIGHEST


def in_order(
    contacts: Iterable[Contact], order: str, after: Position | None
) -> Iterator[tuple[Position, Contact]]:
    """Yield contacts in an order, each with its position; only those after the position `after`."""
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
            is_after = stage != name or bound is None or (place < bound if descending else place > bound)
            if is_after:
                yield [name, place], contact
