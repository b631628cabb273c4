"""Which contacts are looked at: what the indexes leave of them, in the order of their creation.

Indexes only narrow what is looked at; whether a contact belongs is judged on its list row. So an index that is a
moment behind can leave a contact out or show an older state for that moment, and never show one that was not asked
for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.contact import Contact
from shared.domain.contact_filter import DEFAULTS, ContactFilter
from shared.domain.ids import NUMBERS, first_id_at, id_of
from shared.services import contact_orders

_LOWEST, _HIGHEST = id_of(0), id_of(NUMBERS - 1)
_INDEXED = frozenset(
    {
        "tags",
        "type",
        "group",
        "owner_id",
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

Found = tuple[Any, Contact]
"""A contact and its position, from where a walk goes on behind it."""


class ContactIndex(contact_orders.OrderIndex, Protocol):
    """The indexes of one tenant's contacts; see `shared.table.contact_index.ContactIndex`."""

    def count(self, name: str) -> int: ...

    def counts(self) -> dict[str, int]: ...

    def counts_of(self, names: Sequence[str]) -> list[int]: ...
    def count_of_customer(self, customer_id: str) -> int: ...

    def with_all(
        self, facets: Sequence[tuple[str, str]], *, after: str | None, descending: bool, low: str, high: str
    ) -> Iterator[str]: ...

    def beginning_with(self, prefix: str, *, after: str | None) -> Iterator[tuple[str, str, str, str]]: ...

    def ending_with(self, ends: Sequence[str], *, after: str | None) -> Iterator[tuple[str, str, str]]: ...

    def skip_rows(self, count: int, *, descending: bool, low: str, high: str) -> tuple[int, str | None]: ...

    def top_companies(self, count: int) -> list[tuple[str, int]]: ...


def by_creation(
    index: ContactIndex,
    wanted: ContactFilter,
    after: str | None,
    count: int,
    skip: int = 0,
    *,
    descending: bool,
) -> Iterator[Found]:
    skip, contacts = candidates(index, wanted, after, count, skip, descending=descending)
    matches = ((one.id, one) for one in contacts if wanted.matches(one))
    return islice(matches, skip, None)


def candidates(
    index: ContactIndex,
    wanted: ContactFilter,
    after: str | None,
    count: int,
    skip: int = 0,
    *,
    descending: bool,
    before: str | None = None,
) -> tuple[int, Iterator[Contact]]:
    """The contacts that indexes leave, in the order of their creation, and how many matches among them are still to
    be skipped.
    """
    low, high = id_bounds(wanted)
    high = min(high, before or high)
    indexed = indexed_facets(wanted)
    answered = len(indexed) == len(wanted.facets) and _INDEXED.issuperset(wanted.asked)
    if indexed:
        ids = index.with_all(indexed, after=after, descending=descending, low=low, high=high)
        if answered:
            ids, skip = islice(ids, skip, None), 0
        return skip, _rows_of(index, ids, contact_orders.alike(count + skip))
    if skip and answered:
        passed, after = index.skip_rows(skip, descending=descending, low=low, high=high)
        if after is None:
            return 0, iter(())
        skip -= passed
    # Conditions that no index serves leave rows out, so more are read than are wanted.
    portion = min(count + skip if not wanted.asked else max(count + skip, 64), 500)
    return skip, index.all_rows(after=after, descending=descending, low=low, high=high, portion=portion)


def _rows_of(index: ContactIndex, ids: Iterator[str], portion: int) -> Iterator[Contact]:
    while together := list(islice(ids, portion)):
        yield from index.rows(together)


def indexed_facets(wanted: ContactFilter) -> Sequence[tuple[str, str]]:
    """The facets asked for that have posting lists."""
    return [facet for facet in wanted.facets if DEFAULTS.get(facet[0]) != facet[1]]


def id_bounds(wanted: ContactFilter) -> tuple[str, str]:
    """The ids that contacts created in the wanted time can have: an id holds its time."""
    low, high = _LOWEST, _HIGHEST
    if wanted.created_from is not None:
        low = first_id_at(timestamps.to_milliseconds(wanted.created_from))
    if wanted.created_to is not None:
        high = first_id_at(timestamps.to_milliseconds(wanted.created_to) + 1)
    return low, high
