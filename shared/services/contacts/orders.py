"""Lists of contacts in an order that has an index: by name, by last change, by last contact or booking, by bookings.

The index has places (`shared.domain.contacts.order`) only; what a page shows is read from the contacts' list rows. An
entry counts if it is the place that the contact's row gives, so each contact appears once, however far the index lags.
Contacts without a place come last, from the list by creation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Protocol

from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.order import (
    HIGHEST,
    INDEXED,
    LOWEST,
    PLACED,
    UNPLACED,
    Position,
    contact_id_of,
    field_of,
    is_descending,
    place_in,
    places_between,
)
from shared.domain.contacts.record import Contact
from shared.services.walks import Step, Walk, group_entries, portion_size

_MOST_HAVE: tuple[tuple[str, object], ...] = (("source", "api"), ("is_active", True))
"""Conditions that most contacts meet, so that checking them on rows excludes few."""
_BY_BOOKINGS = ("-last_booking_at", "-total_bookings")
_ALL_PLACED = ("name", "-updated_at")
"""Orders in which every contact has a place."""
TIMES = ("updated_at", "last_booking_at", "last_contacted_at")
"""The times that have an order, besides the time of creation."""

Bounds = tuple[str, str]


class OrderIndex(Protocol):
    """The indexes that orders are read from; see `shared.table.contacts.index.ContactIndex`."""

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


def has_index(wanted: ContactFilter, order: str) -> bool:
    """Return whether a list in an order is read from its index, whatever its size: with conditions that the index
    answers, or that most contacts meet. With other conditions the matches are found first, and then sorted.
    """
    return order in INDEXED and all(
        name in _range_of(order) or (name, value) in _MOST_HAVE or _is_any_booking(name, value, order)
        for name, value in wanted.asked.items()
    )


def walk(
    index: OrderIndex, wanted: ContactFilter, order: str, after: Position | None, *, count: int, skip: int = 0
) -> Walk[Contact]:
    """Return a walk over the contacts of a list in an order, after the position `after`.

    `count`: how many are likely to be taken. Where the index answers all conditions, rows are skipped without reading.
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
    # Conditions that are checked on rows exclude some: a few more rows are read than are wanted.
    portion = (count + skip) * 5 // 4 if judged else count + skip
    found: list[Iterator[Step[Contact]]] = []
    if stage == PLACED:
        found.append(_placed(index, wanted, order, bound, between, portion_size(portion)))
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
    for group in group_entries(places, portion, needs_row=bool):
        # A contact that is just moving may be there twice.
        ids = dict.fromkeys(contact_id_of(place) for place in group)
        contacts = {one.id: one for one in index.rows(list(ids))}
        for place in group:
            contact = contacts.get(contact_id_of(place))
            if contact is not None and place_in(contact, order) == place and wanted.matches(contact):
                yield [PLACED, place], True, contact
            else:
                yield [PLACED, place], False, None


def _unplaced(
    index: OrderIndex, wanted: ContactFilter, order: str, after: str | None, portion: int
) -> Iterator[Step[Contact]]:
    rows = index.all_rows(after=after, descending=True, low=LOWEST, high=HIGHEST, portion=portion)
    for contact in rows:
        if place_in(contact, order) is None and wanted.matches(contact):
            yield [UNPLACED, contact.id], True, contact
        else:
            yield [UNPLACED, contact.id], False, None


def _range_of(order: str) -> tuple[str, str]:
    """Return the conditions that bound the field of an order, such as `updated_from` and `updated_to`."""
    stem = field_of(order).removesuffix("_at")
    return f"{stem}_from", f"{stem}_to"


def bounds_of(wanted: ContactFilter, field: str) -> Bounds | None:
    """Return the first and the last place in an order within the wanted time; None when no time is wanted."""
    if field not in TIMES:
        return None
    start, end = wanted.span_of(field.removesuffix("_at"))
    if start is None and end is None:
        return None
    return places_between(start, end)


def _asks_for_place(wanted: ContactFilter, order: str) -> bool:
    """Return whether all wanted contacts have a place in an order."""
    return (
        order in _ALL_PLACED
        or bounds_of(wanted, field_of(order)) is not None
        or any(_is_any_booking(name, value, order) for name, value in wanted.asked.items())
    )


def _is_any_booking(name: str, value: object, order: str) -> bool:
    return name == "has_bookings" and value is True and order in _BY_BOOKINGS
