"""Chooses the contacts to look at: those that the indexes leave, in the order of their creation.

Indexes only narrow the choice; whether a contact matches is decided on its list row. So an index that lags by a moment
can leave a contact out or show an older state for that moment, but never shows a contact that does not match.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from operator import itemgetter
from typing import Protocol

from shared.domain import timestamps
from shared.domain.contacts.facets import DEFAULTS
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.order import contact_id_of
from shared.domain.contacts.record import Contact
from shared.domain.ids import NUMBERS, first_id_at, id_of
from shared.services.contacts.orders import TIMES, Bounds, OrderIndex, bounds_of
from shared.services.reading_budget import Budget
from shared.services.walks import MAX_LOOKUPS, Step, Walk, group_entries, portion_size

MAX_IN_RANGE = 2_000
"""How many contacts within a time range are taken from its index, whatever the order of the list."""
_LOWEST, _HIGHEST = id_of(0), id_of(NUMBERS - 1)
_BOOKED = ("has_bookings", "true")
_UNCOUNTED = ("customer_id",)  # a customer's record counts its contacts
_INDEXED = frozenset(
    {
        "tags",
        "type",
        "group",
        "owner_id",
        "own",
        "relationship_status",
        "lifecycle_stage",
        "source",
        "is_active",
        "has_bookings",
        "created_from",
        "created_to",
    }
)
"""Conditions that indexes answer (except for values that most contacts have), so that no row is needed."""


class ContactIndex(OrderIndex, Protocol):
    """The indexes of one tenant's contacts; see `shared.table.contacts.index.ContactIndex`."""

    def survivors(self, contact_ids: Collection[str]) -> dict[str, str]: ...

    def count(self, name: str) -> int: ...

    def counts(self) -> dict[str, int]: ...

    def counts_of(self, names: Sequence[str]) -> list[int]: ...
    def count_of_customer(self, customer_id: str) -> int: ...

    def with_all(
        self, facets: Sequence[tuple[str, str]], *, after: str | None, descending: bool, low: str, high: str
    ) -> Iterator[tuple[str, bool]]: ...

    def beginning_with(self, prefix: str, *, after: str | None) -> Iterator[tuple[str, str, str, str]]: ...

    def ending_with(self, ends: Sequence[str], *, after: str | None) -> Iterator[tuple[str, str, str]]: ...

    def skip_rows(self, count: int, *, descending: bool, low: str, high: str) -> tuple[int, str | None]: ...

    def size_of_range(self, field: str, between: Bounds, *, most: int) -> int: ...

    def top_companies(self, count: int) -> list[tuple[str, int]]: ...


def walk_by_creation(
    index: ContactIndex,
    wanted: ContactFilter,
    after: str | None,
    count: int,
    skip: int = 0,
    *,
    descending: bool,
    before: str | None = None,
) -> Walk[Contact]:
    """Return a walk over the contacts that indexes leave, in the order of their creation.

    It starts after the id `after` and ends below the id `before`. `count`: how many are likely to be taken.
    """
    low, high = id_bounds(wanted)
    high = min(high, before or high)
    facets = indexed_facets(wanted)
    if facets:
        ids = index.with_all(facets, after=after, descending=descending, low=low, high=high)
        passed = skip if _answers_all(wanted) else 0
        return Walk(look_up(index, wanted, ids, portion_size(count + skip), passed), after, skip)
    if skip and after is None and _answers_all(wanted):
        passed, after = index.skip_rows(skip, descending=descending, low=low, high=high)
        if after is None:
            return Walk(iter(()))
        skip -= passed
    # Conditions that no index serves exclude rows, so more rows are read than are wanted.
    portion = min(count + skip if not wanted.asked else max(count + skip, 64), 500)
    rows = index.all_rows(after=after, descending=descending, low=low, high=high, portion=portion)
    return Walk(((one.id, wanted.matches(one), one) for one in rows), after, skip)


def count_by_ids(index: ContactIndex, wanted: ContactFilter) -> Walk[Contact] | None:
    """Return a walk that counts matches without reading rows; None where rows are needed to decide."""
    facets = indexed_facets(wanted)
    if not facets or not _answers_all(wanted):
        return None
    low, high = id_bounds(wanted)
    ids = index.with_all(facets, after=None, descending=True, low=low, high=high)
    return Walk((one, is_there, None) for one, is_there in ids)


def ids_in_range(index: ContactIndex, wanted: ContactFilter, budget: Budget) -> list[str] | None:
    """Return the ids of the contacts within a wanted time range, in the order of their creation, from the index of that
    range. Returns None when they are many, or when a wanted posting list is shorter.
    """
    most = int(min(MAX_IN_RANGE, budget.left // 2))
    few: tuple[int, str, Bounds] | None = None
    for field in TIMES:
        between = bounds_of(wanted, field)
        if between is None:
            continue
        if between[0] > between[1]:
            return []
        size = index.size_of_range(field, between, most=most + 1)
        if size <= most and (few is None or size < few[0]):
            few = size, field, between
    if few is None:
        return None
    size, field, between = few
    facets = indexed_facets(wanted)
    if size > MAX_LOOKUPS and facets:
        names = [f"{facet}={value}" for facet, value in facets if facet not in _UNCOUNTED]
        if len(names) < len(facets) or min(index.counts_of(names)) < size:
            return None
    if not size:
        return []
    # From the earliest on: a contact that moves meanwhile moves to a later time, and is met there again.
    low, high = id_bounds(wanted)
    places = index.places(field, after=None, between=between, descending=False, portion=most + 1)
    ids = {contact_id_of(place) for place in places}
    return sorted(one for one in ids if low <= one <= high)


def walk_ids_by_creation(
    index: ContactIndex,
    wanted: ContactFilter,
    ids: Sequence[str],
    after: str | None,
    count: int,
    skip: int,
    budget: Budget,
    *,
    descending: bool,
) -> Walk[Contact]:
    """Return a walk over some contacts in the order of their creation, after the id `after`."""
    if after is not None:
        ids = ids[: bisect_left(ids, after)] if descending else ids[bisect_right(ids, after) :]
    ordered = within_budget(ids[::-1] if descending else ids, budget)
    return Walk(look_up(index, wanted, ordered, portion_size(count + skip)), after, skip)


def within_budget(ids: Sequence[str], budget: Budget) -> Iterator[tuple[str, bool]]:
    """Yield ids to be looked up. Raises BudgetSpent between two portions, and not before the first."""
    for number, one in enumerate(ids):
        if number and number % MAX_LOOKUPS == 0:
            budget.check()
        budget.advance()
        yield one, True


def look_up(
    index: ContactIndex,
    wanted: ContactFilter,
    ids: Iterator[tuple[str, bool]],
    portion: int,
    passed: int = 0,
) -> Iterator[Step[Contact]]:
    """Yield a step for each id. `ids` come with whether to look them up; the first `passed` of those are not read."""
    while passed:
        step = next(ids, None)
        if step is None:
            return
        yield *step, None
        passed -= step[1]
    for group in group_entries(ids, portion, needs_row=itemgetter(1)):
        contacts = {one.id: one for one in index.rows([one for one, is_there in group if is_there])}
        for one, _ in group:
            contact = contacts.get(one)
            if contact is not None and wanted.matches(contact):
                yield one, True, contact
            else:
                yield one, False, None


def indexed_facets(wanted: ContactFilter) -> Sequence[tuple[str, str]]:
    """Return the wanted facets that have posting lists. A bound on the last booking implies the facet of bookings."""
    found = [facet for facet in wanted.facets if DEFAULTS.get(facet[0]) != facet[1]]
    if bounds_of(wanted, "last_booking_at") is not None and _BOOKED not in found:
        found.append(_BOOKED)
    return found


def _answers_all(wanted: ContactFilter) -> bool:
    """Return whether indexes answer all conditions, so that no row is needed."""
    return _INDEXED.issuperset(wanted.asked) and not any(
        DEFAULTS.get(facet) == value for facet, value in wanted.facets
    )


def id_bounds(wanted: ContactFilter) -> tuple[str, str]:
    """Return the lowest and the highest id of contacts created in the wanted time: an id contains its time."""
    low, high = _LOWEST, _HIGHEST
    if wanted.created_from is not None:
        low = first_id_at(timestamps.to_milliseconds(wanted.created_from))
    if wanted.created_to is not None:
        high = first_id_at(timestamps.to_milliseconds(wanted.created_to) + 1)
    return low, high
