"""Lists of contacts: from conditions to the cheapest way to answer them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from shared.domain.callers import Caller
from shared.domain.contacts.facets import DEFAULTS, ORGANIZING_OWNER, OTHER_VALUES
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.order import in_order
from shared.domain.contacts.record import Contact
from shared.domain.errors import RuleBroken
from shared.services.contacts import orders as contact_orders
from shared.services.contacts.planning import (
    ContactIndex,
    asking,
    by_creation,
    by_creation_in_range,
    counted_by_ids,
    ids_in_range,
    looked_up,
)
from shared.services.contacts.search import Locks, require_searchable, searched, with_number
from shared.services.contacts.statistics import TOP_COMPANIES, counted, statistics_of
from shared.services.labels.labelling import LabelRepository
from shared.services.paging import Cursors, Page, check_depth
from shared.services.reading_budget import Budget, Spent
from shared.services.walks import MOST_TOGETHER, Step, Taken, Walk, count_matches, take

MAX_SORTED = 2000
"""How many matches are sorted for an order that no index serves."""


class ContactLists:
    """The contacts of a tenant, found and counted, as one caller may see them.

    For a caller who reads their own alone every list is narrowed to them before anything is looked for, so that neither
    pages, nor totals, nor how far one can go, tell of others.
    """

    def __init__(
        self,
        caller: Caller,
        index: ContactIndex,
        locks: Locks,
        labels: LabelRepository,
        cursors: Cursors,
        budget: Budget,
    ) -> None:
        self._caller = caller
        self._index = index
        self._locks = locks
        self._labels = labels
        self._cursors = cursors
        self._budget = budget

    def list(
        self,
        wanted: ContactFilter,
        *,
        sort: str | None,
        limit: int,
        cursor: str | None,
        skip: int = 0,
        include_total: bool = False,
    ) -> Page[Contact]:
        """A page of the contacts that match, from a cursor on or without the first `skip`.

        Without `sort` the newest come first, and with a search those come first whose word does in the alphabet. Once
        the budget is spent the page ends with what was found, which may be nothing, and has a cursor.

        Raises RuleBroken for a cursor of another list; with code `too_deep` for a page beyond row 10,000 without a
        cursor; and for an order that is made by sorting with code `too_many_to_sort`, when more than MAX_SORTED
        contacts match, or `too_broad`, when the budget does not suffice to find them.
        """
        wanted = self._seen(wanted)
        require_searchable(wanted)
        check_depth(skip, limit)
        self._budget.begin()
        scope = self._caller.scope("contacts", repr(wanted), str(sort))
        after = self._cursors.open(scope, cursor) if cursor is not None else None
        if isinstance(after, dict):  # a page by number that was not reached yet
            after, skip = after["after"], after["skip"]
        walk = self._walk(wanted, sort, after, limit + 1, skip)
        taken = take(walk, limit)

        def seal(position: Any, skip: int = 0) -> str:
            return self._cursors.seal(scope, {"after": position, "skip": skip} if skip else position)

        is_whole = taken.is_through and cursor is None and not skip
        total, at_least = self._total(wanted, include_total, walk, taken, is_whole=is_whole)
        positions = [position for position, _ in taken.found]
        return Page(
            self._named([contact for _, contact in taken.found]),
            None if taken.is_through else seal(taken.position, taken.skip),
            total,
            at_least,
            lambda number: seal(positions[number]),
        )

    def _seen(self, wanted: ContactFilter) -> ContactFilter:
        if self._caller.require("contacts:read") == "all":
            return wanted
        return wanted.narrowed_to_own(self._caller.id)

    def _named(self, contacts: Sequence[Contact]) -> Sequence[Contact]:
        """Contacts with the names of their labels."""
        if not any(one.has_labels for one in contacts):
            return contacts
        labels = self._labels.recent()
        return [one.with_label_names(labels) for one in contacts]

    def stats(self) -> dict[str, Any]:
        """The tenant's counters: `total`, `active`, `inactive`, `primary`, `customers`, `bookings`, `interactions`,
        numbers by source, status and label, and the companies with the most contacts. Costs the same however many
        contacts there are.

        For a caller who reads their own alone these are counted one by one, with the customers they belong to. Raises
        RuleBroken, with code `too_many_to_count`, when the budget does not suffice for that.
        """
        self._budget.begin()
        if self._caller.require("contacts:read") == "all":
            counts: Mapping[str, int] = self._index.counts()
            companies: Sequence[tuple[str, int]] = self._index.top_companies(TOP_COMPANIES)
        else:
            counts, companies = counted(self._own())
        return statistics_of(counts, companies, self._labels.recent())

    def _own(self) -> Iterator[Contact]:
        own = ContactFilter(own=self._caller.id)
        try:
            for _, is_match, contact in by_creation(self._index, own, None, 500, descending=False).steps:
                if is_match and contact is not None:
                    yield contact
        except Spent:
            raise RuleBroken(
                "You have too many contacts to count them one by one. Their lists show them.",
                code="too_many_to_count",
            ) from None

    def _walk(
        self, wanted: ContactFilter, sort: str | None, after: Any, count: int, skip: int = 0
    ) -> Walk[Contact]:
        """Matches in order behind `after`; `count`: how many are likely to be taken."""
        order = sort or "-created_at"
        if wanted.email is not None:
            return self._sorted(self._with_email(wanted, order), order, after, skip)
        if wanted.search is not None:
            walk = searched(self._index, wanted, None if sort else after, count, skip, self._budget)
            return self._sorted(walk.steps, sort, after, skip) if sort else walk
        if wanted.phone is not None:
            return self._sorted(with_number(self._index, wanted), order, after, skip)
        is_by_creation = order in ("-created_at", "created_at")
        if not is_by_creation and contact_orders.is_walked(wanted, order):
            return contact_orders.walk(self._index, wanted, order, after, count=count, skip=skip)
        walk = self._by_creation(
            wanted,
            after if is_by_creation else None,
            count if is_by_creation else MAX_SORTED + 1,
            skip if is_by_creation else 0,
            descending=order != "created_at",
        )
        return walk if is_by_creation else self._sorted(walk.steps, order, after, skip)

    def _by_creation(
        self, wanted: ContactFilter, after: str | None, count: int, skip: int = 0, *, descending: bool
    ) -> Walk[Contact]:
        """Matches in the order of their creation, by the shortest way to them."""
        ids = ids_in_range(self._index, wanted, self._budget)
        if ids is None:
            return by_creation(self._index, wanted, after, count, skip, descending=descending)
        return by_creation_in_range(
            self._index, wanted, ids, after, count, skip, self._budget, descending=descending
        )

    def walk(
        self, wanted: ContactFilter, *, after: str | None, before: str | None = None
    ) -> Iterator[tuple[str, bool]]:
        """Contacts in the order of their creation, behind the id `after` and below the id `before`, as far as no
        index rules them out: each one's id, and whether it matches.

        Raises Spent when the budget is: give one that is not limited, and stop in time.
        """
        self._budget.begin()
        walk = by_creation(self._index, wanted, after, 500, descending=False, before=before)
        return ((position, is_match) for position, is_match, _ in walk.steps)

    def find_all(self, wanted: ContactFilter, *, limit: int) -> Sequence[str] | None:
        """The ids of all contacts that match; None when they are more than `limit`, or when the budget does not suffice
        to find all.
        """
        self._budget.begin()
        try:
            taken = take(self._walk(wanted, None if wanted.search else "created_at", None, limit + 1), limit)
        except RuleBroken:  # too many to be sorted
            return None
        return [contact.id for _, contact in taken.found] if taken.is_through else None

    def _with_email(self, wanted: ContactFilter, order: str) -> Iterator[Step[Contact]]:
        owners = self._locks.all_owners_of_email(wanted.email or "", limit=MAX_SORTED + 1)
        self._budget.charge(len(owners))
        if len(owners) > MAX_SORTED:
            raise _too_many_to_sort(order)
        return looked_up(self._index, wanted, asking(owners, self._budget), MOST_TOGETHER)

    def _sorted(self, steps: Iterator[Step[Contact]], order: str, after: Any, skip: int) -> Walk[Contact]:
        matches = (contact for _, is_match, contact in steps if is_match and contact is not None)
        try:
            found = list(islice(matches, MAX_SORTED + 1))
        except Spent:
            raise RuleBroken(
                f"Too many contacts would have to be looked through to sort those that match by {order}. Narrow the "
                "filter, for example by a tag or a time, or sort by created_at.",
                code="too_broad",
            ) from None
        if len(found) > MAX_SORTED:
            raise _too_many_to_sort(order)
        ordered = ((position, True, contact) for position, contact in in_order(found, order, after))
        return Walk(ordered, after, skip, len(found))

    def count_of(self, wanted: ContactFilter) -> int | None:
        """How many contacts match, where counters tell it."""
        asked = wanted.asked
        facets = wanted.facets
        if not asked:
            return self._index.count("all")
        if asked.keys() == {"organizer_id"}:
            names = ("organizer_id", ORGANIZING_OWNER)
            return sum(self._index.counts_of([f"{name}={wanted.organizer_id}" for name in names]))
        if len(asked) == len(facets) == 1 and not wanted.also:
            facet, value = facets[0]
            if facet == "customer_id":
                return self._index.count_of_customer(value)
            if DEFAULTS.get(facet) != value:
                return self._index.count(f"{facet}={value}")
            others = sum(self._index.count(f"{facet}={other}") for other in OTHER_VALUES[facet])
            return self._index.count("all") - others
        return None

    def _total(
        self,
        wanted: ContactFilter,
        include_total: bool,
        walk: Walk[Contact],
        taken: Taken[Contact],
        *,
        is_whole: bool,
    ) -> tuple[int | None, int | None]:
        """How many contacts match; or, when the budget does not suffice to count them, None and how many were met."""
        total = self.count_of(wanted)
        if total is not None or not include_total:
            return total, None
        if walk.total is not None:
            return walk.total, None
        if is_whole:
            return taken.matches, None
        try:
            counting = counted_by_ids(self._index, wanted) or self._walk(wanted, None, None, 500)
        except Spent:
            return None, taken.matches
        met, is_all = count_matches(counting)
        return (met, None) if is_all else (None, max(met, taken.matches))


def _too_many_to_sort(order: str) -> RuleBroken:
    return RuleBroken(
        f"More than {MAX_SORTED:,} contacts match, too many to sort by {order}. Narrow the filter, or sort by "
        "created_at.",
        code="too_many_to_sort",
    )
