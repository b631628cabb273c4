"""Which contacts are looked at: what the indexes leave of them, in the order of their creation.

Indexes only narrow what is looked at; whether a contact belongs is judged on its list row. So an index that is a
moment behind can leave a contact out or show an older state for that moment, and never show one that was not asked
for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Protocol

from shared.domain import timestamps
from shared.domain.contacts.facets import DEFAULTS
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.record import Contact
from shared.domain.ids import NUMBERS, first_id_at, id_of
from shared.services.contacts import orders as contact_orders
from shared.services.contacts.orders import Bounds, bounds_of
from shared.services.reading_budget import Budget
from shared.services.walks import MOST_TOGETHER, Step, Walk, alike, in_groups

MAX_IN_RANGE = 2_000
"""How many contacts within a range of time are taken from its index, whatever the order of the list."""
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
"""Conditions that indexes answer (but for values that most contacts have), so that no row needs to be judged."""


class ContactIndex(contact_orders.OrderIndex, Protocol):
    """The indexes of one tenant's contacts; see `shared.table.contacts.index.ContactIndex`."""

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


def by_creation(
    index: ContactIndex,
    wanted: ContactFilter,
    after: str | None,
    count: int,
    skip: int = 0,
    *,
    descending: bool,
    before: str | None = None,
) -> Walk[Contact]:
    """The contacts that indexes leave, in the order of their creation, behind the id `after` and below the id `before`.

    `count`: how many are likely to be taken.
    """
    low, high = id_bounds(wanted)
    high = min(high, before or high)
    facets = indexed_facets(wanted)
    if facets:
        ids = index.with_all(facets, after=after, descending=descending, low=low, high=high)
        passed = skip if _answers_all(wanted) else 0
        return Walk(looked_up(index, wanted, ids, alike(count + skip), passed), after, skip)
    if skip and after is None and _answers_all(wanted):
        passed, after = index.skip_rows(skip, descending=descending, low=low, high=high)
        if after is None:
            return Walk(iter(()))
        skip -= passed
    # Conditions that no index serves leave rows out, so more are read than are wanted.
    portion = min(count + skip if not wanted.asked else max(count + skip, 64), 500)
    rows = index.all_rows(after=after, descending=descending, low=low, high=high, portion=portion)
    return Walk(((one.id, wanted.matches(one), one) for one in rows), after, skip)


def counted_by_ids(index: ContactIndex, wanted: ContactFilter) -> Walk[Contact] | None:
    """A walk to count the contacts that match, which reads no rows; None where rows must be judged."""
    facets = indexed_facets(wanted)
    if not facets or not _answers_all(wanted):
        return None
    low, high = id_bounds(wanted)
    ids = index.with_all(facets, after=None, descending=True, low=low, high=high)
    return Walk((one, is_there, None) for one, is_there in ids)


def ids_in_range(index: ContactIndex, wanted: ContactFilter, budget: Budget) -> list[str] | None:
    """The ids, in the order of their creation, of the contacts within a range of time that is asked for, as the range's
    index has them: where these are few, and no posting list that is asked for is shorter. Else None.
    """
    most = int(min(MAX_IN_RANGE, budget.left // 2))
    few: tuple[int, str, Bounds] | None = None
    for field in contact_orders.TIMES:
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
    if size > MOST_TOGETHER and facets:
        names = [f"{facet}={value}" for facet, value in facets if facet not in _UNCOUNTED]
        if len(names) < len(facets) or min(index.counts_of(names)) < size:
            return None
    if not size:
        return []
    # From the earliest on: what moves meanwhile moves to later times, and is met there again.
    low, high = id_bounds(wanted)
    places = index.places(field, after=None, between=between, descending=False, portion=most + 1)
    ids = {place.rpartition("#")[2] for place in places}
    return sorted(one for one in ids if low <= one <= high)


def by_creation_in_range(
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
    """Those of some contacts that match, in the order of their creation, behind the id `after`."""
    if after is not None:
        ids = ids[: bisect_left(ids, after)] if descending else ids[bisect_right(ids, after) :]
    ordered = asking(ids[::-1] if descending else ids, budget)
    return Walk(looked_up(index, wanted, ordered, alike(count + skip)), after, skip)


def asking(ids: Sequence[str], budget: Budget) -> Iterator[tuple[str, bool]]:
    """Ids to be looked up, as far as the budget goes: Spent is raised between portions, and not before the first."""
    for number, one in enumerate(ids):
        if number and number % MOST_TOGETHER == 0:
            budget.ask()
        budget.advance()
        yield one, True


def looked_up(
    index: ContactIndex,
    wanted: ContactFilter,
    ids: Iterator[tuple[str, bool]],
    portion: int,
    passed: int = 0,
) -> Iterator[Step[Contact]]:
    """Steps over ids, each with whether it is to be looked up; the first `passed` of these without their rows."""
    while passed:
        step = next(ids, None)
        if step is None:
            return
        yield *step, None
        passed -= step[1]
    for group in in_groups(ids, portion, needs_row=itemgetter(1)):
        contacts = {one.id: one for one in index.rows([one for one, is_there in group if is_there])}
        for one, _ in group:
            contact = contacts.get(one)
            if contact is not None and wanted.matches(contact):
                yield one, True, contact
            else:
                yield one, False, None


def indexed_facets(wanted: ContactFilter) -> Sequence[tuple[str, str]]:
    """The facets asked for that have posting lists. A bound on the last booking asks for bookings, too."""
    found = [facet for facet in wanted.facets if DEFAULTS.get(facet[0]) != facet[1]]
    if bounds_of(wanted, "last_booking_at") is not None and _BOOKED not in found:
        found.append(_BOOKED)
    return found


def _answers_all(wanted: ContactFilter) -> bool:
    """Whether indexes answer all conditions, so that no row needs to be judged."""
    return _INDEXED.issuperset(wanted.asked) and not any(
        DEFAULTS.get(facet) == value for facet, value in wanted.facets
    )


def id_bounds(wanted: ContactFilter) -> tuple[str, str]:
    """The ids that contacts created in the wanted time can have: an id holds its time."""
    low, high = _LOWEST, _HIGHEST
    if wanted.created_from is not None:
        low = first_id_at(timestamps.to_milliseconds(wanted.created_from))
    if wanted.created_to is not None:
        high = first_id_at(timestamps.to_milliseconds(wanted.created_to) + 1)
    return low, high
