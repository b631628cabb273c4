"""Lists of contacts in an order that has an index: by name, by last change, contact or booking, by bookings.

The index holds places (`shared.domain.contacts.order`) and nothing else; what a page shows is read from the contacts'
list rows. An entry counts if it is the place that the contact's row gives, so each contact is shown at one place,
however far the index is behind. Those without a place come last, from the list by creation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Protocol

from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.order import (
    INDEXED,
    PLACED,
    UNPLACED,
    Position,
    field_of,
    is_descending,
    place_in,
)
from shared.domain.contacts.record import Contact
from shared.services.walks import Step, Walk, alike, in_groups

_MOST_HAVE: tuple[tuple[str, object], ...] = (("source", "api"), ("is_active", True))
"""Conditions that hold for most contacts, so that judging them on rows leaves few out."""
_BY_BOOKINGS = ("-last_booking_at", "-total_bookings")
_ALL_PLACED = ("name", "-updated_at")
"""Orders in which every contact has a place."""
TIMES = ("updated_at", "last_booking_at", "last_contacted_at")
"""The times that have an order, besides that of the creation."""
_LOWEST, _HIGHEST = "0", "~"

Bounds = tuple[str, str]


class OrderIndex(Protocol):
    """What orders are read from; see `shared.table.contacts.index.ContactIndex`."""

    def places(
        self, field: str, *, after: str | None, between: Bounds | None, descending: bool, portion: int
    ) -> Iterator[str]: ...

    def skip_places(
        self, field: str, count: int, *, between: Bounds | None, descending: bool
    ) -> tuple[int, str | None]: ...

    def rows(self, contact_ids: Sequence[str]) -> list[Contact]: ...

    def all_rows(
        self, *, after: str | None, descending: bool, low: str, high: str, portion: int
    ) -> Iterator[Contact]: ...


def is_walked(wanted: ContactFilter, order: str) -> bool:
    """Whether a list in an order is read from its index, at any size: under conditions that the index answers, or
    that most contacts meet. Under others the matches are found first, and sorted.
    """
    return order in INDEXED and all(
        name in _range_of(order) or (name, value) in _MOST_HAVE or _is_any_booking(name, value, order)
        for name, value in wanted.asked.items()
    )


def walk(
    index: OrderIndex, wanted: ContactFilter, order: str, after: Position | None, *, count: int, skip: int = 0
) -> Walk[Contact]:
    """The contacts of a list in an order behind `after`, each with its position.

    `count`: how many are likely to be taken. What the index answers alone is skipped without reading rows.
    """
    between = bounds_of(wanted, field_of(order))
    if between is not None and between[0] > between[1]:
        return Walk(iter(()))
    stage, bound = after or (PLACED, None)
    judged = any(condition in _MOST_HAVE for condition in wanted.asked.items())
    if skip and not judged and after is None:
        passed, bound = index.skip_places(
            field_of(order), skip, between=between, descending=is_descending(order)
        )
        skip -= passed
        stage = UNPLACED if bound is None else PLACED
        after = [stage, bound]
    # Some are left out by what is judged on rows: a few more are read than are wanted.
    portion = (count + skip) * 5 // 4 if judged else count + skip
    found: list[Iterator[Step[Contact]]] = []
    if stage == PLACED:
        found.append(_placed(index, wanted, order, bound, between, alike(portion)))
        bound = None
    if not _asks_for_place(wanted, order):
        found.append(_unplaced(index, wanted, order, bound, min(max(portion, 64), 500)))
    return Walk(chain.from_iterable(found), after, skip)


def _placed(
    index: OrderIndex,
    wanted: ContactFilter,
    order: str,
    after: str | None,
    between: Bounds | None,
    portion: int,
) -> Iterator[Step[Contact]]:
    places = index.places(
        field_of(order), after=after, between=between, descending=is_descending(order), portion=portion
    )
    for group in in_groups(places, portion, needs_row=bool):
        # One that is just moving may be there twice.
        ids = dict.fromkeys(place.rpartition("#")[2] for place in group)
        contacts = {one.id: one for one in index.rows(list(ids))}
        for place in group:
            contact = contacts.get(place.rpartition("#")[2])
            if contact is not None and place_in(contact, order) == place and wanted.matches(contact):
                yield [PLACED, place], True, contact
            else:
                yield [PLACED, place], False, None


def _unplaced(
    index: OrderIndex, wanted: ContactFilter, order: str, after: str | None, portion: int
) -> Iterator[Step[Contact]]:
    rows = index.all_rows(after=after, descending=True, low=_LOWEST, high=_HIGHEST, portion=portion)
    for contact in rows:
        if place_in(contact, order) is None and wanted.matches(contact):
            yield [UNPLACED, contact.id], True, contact
        else:
            yield [UNPLACED, contact.id], False, None


def _range_of(order: str) -> tuple[str, str]:
    """The conditions that bound what an order goes by, such as `updated_from` and `updated_to`."""
    stem = field_of(order).removesuffix("_at")
    return f"{stem}_from", f"{stem}_to"


def bounds_of(wanted: ContactFilter, field: str) -> Bounds | None:
    """The first and last place in an order within the time that is asked for; None when none is."""
    if field not in TIMES:
        return None
    start, end = wanted.span_of(field.removesuffix("_at"))
    if start is None and end is None:
        return None
    return f"{start or _LOWEST}", f"{end}#{_HIGHEST}" if end else _HIGHEST


def _asks_for_place(wanted: ContactFilter, order: str) -> bool:
    """Whether none without a place in an order is wanted."""
    return (
        order in _ALL_PLACED
        or bounds_of(wanted, field_of(order)) is not None
        or any(_is_any_booking(name, value, order) for name, value in wanted.asked.items())
    )


def _is_any_booking(name: str, value: object, order: str) -> bool:
    return name == "has_bookings" and value is True and order in _BY_BOOKINGS
