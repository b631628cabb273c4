"""Lists of contacts: answers conditions in the cheapest way."""

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
from shared.services.contacts import orders
from shared.services.contacts.planning import (
    ContactIndex,
    count_by_ids,
    ids_in_range,
    look_up,
    walk_by_creation,
    walk_ids_by_creation,
    within_budget,
)
from shared.services.contacts.search import Locks, find_by_number, require_searchable, search_contacts
from shared.services.contacts.statistics import TOP_COMPANIES, build_statistics, count_contacts
from shared.services.labels.labelling import LabelRepository
from shared.services.paging import Cursors, NumberedPositions, Page, check_depth
from shared.services.reading_budget import Budget, BudgetSpent
from shared.services.walks import MAX_LOOKUPS, Step, Taken, Walk, count_matches, take

MAX_SORTED = 2000
"""How many matches are sorted for an order that no index serves."""
_WALKED_TOGETHER = 500
"""Rows that a walk in the background reads at once, at most."""


class ContactLists:
    """The contacts of a tenant, found and counted, as one caller may see them.

    For a caller who may read only their own contacts, every list is narrowed to these before the search. So neither
    pages, nor totals, nor limits reveal other contacts.
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

    def read_many(self, contact_ids: Sequence[str], wanted: ContactFilter) -> dict[str, Contact]:
        """Return the contacts with some ids that match, by the ids, in their order. Of a merged contact, this is the
        survivor. A contact that several of the ids lead to is returned once, at the first of them.
        """
        found = self._read_rows(contact_ids)
        survivors = self._index.survivors([one for one in contact_ids if one not in found])
        found |= self._read_rows(sorted({*survivors.values()} - found.keys()))
        shown: dict[str, Contact] = {}
        seen: set[str] = set()
        for one in contact_ids:
            contact = found.get(survivors.get(one, one))
            if contact is not None and contact.id not in seen and wanted.matches(contact):
                seen.add(contact.id)
                shown[one] = contact
        return shown

    def _read_rows(self, contact_ids: Sequence[str]) -> dict[str, Contact]:
        found: dict[str, Contact] = {}
        for start in range(0, len(contact_ids), MAX_LOOKUPS):
            rows = self._index.rows(contact_ids[start : start + MAX_LOOKUPS])
            found.update((row.id, row) for row in rows)
        return found

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
        """Return a page of the contacts that match, from a cursor on or without the first `skip`.

        Without `sort` the newest contacts come first; with a search, contacts come in the order of the words that were
        found. When the budget is spent the page ends with what was found, which may be nothing, and has a cursor.

        Raises RuleBroken for a cursor of another list; with code `too_deep` for a page beyond row 10,000 without a
        cursor; and for an order without an index with code `too_many_to_sort` when more than MAX_SORTED contacts match,
        or `too_broad` when the budget is too small to find them.
        """
        wanted = self._narrow_to_visible(wanted)
        require_searchable(wanted)
        check_depth(skip, limit)
        self._budget.restart()
        scope = self._caller.scope("contacts", repr(wanted), str(sort))
        numbered = NumberedPositions(self._cursors, scope)
        after, skip = numbered.open(cursor, skip)
        walk = self._walk(wanted, sort, after, limit + 1, skip)
        taken = take(walk, limit)

        is_whole = taken.is_through and cursor is None and not skip
        total, at_least = self._total(wanted, include_total, walk, taken, is_whole=is_whole)
        positions = [position for position, _ in taken.found]
        return Page(
            self.with_label_names([contact for _, contact in taken.found]),
            None if taken.is_through else numbered.seal(taken.position, taken.skip),
            total,
            at_least,
            lambda number: numbered.seal(positions[number]),
        )

    def _narrow_to_visible(self, wanted: ContactFilter) -> ContactFilter:
        if self._caller.require("contacts:read") == "all":
            return wanted
        return wanted.narrowed_to_own(self._caller.id)

    def with_label_names(self, contacts: Sequence[Contact]) -> Sequence[Contact]:
        """Return contacts with the names of their labels."""
        if not any(one.has_labels for one in contacts):
            return contacts
        labels = self._labels.recent()
        return [one.with_label_names(labels) for one in contacts]

    def stats(self) -> dict[str, Any]:
        """Return the tenant's counters: `total`, `active`, `inactive`, `primary`, `customers`, `bookings`,
        `interactions`, numbers by source, status and label, and the companies with the most contacts. The cost does not
        depend on the number of contacts.

        For a caller who may read only their own contacts, these are counted one by one, with their customers. Raises
        RuleBroken, with code `too_many_to_count`, when the budget is too small for that.
        """
        self._budget.restart()
        if self._caller.require("contacts:read") == "all":
            counts: Mapping[str, int] = self._index.counts()
            companies: Sequence[tuple[str, int]] = self._index.top_companies(TOP_COMPANIES)
        else:
            counts, companies = count_contacts(self._read_own())
        return build_statistics(counts, companies, self._labels.recent())

    def _read_own(self) -> Iterator[Contact]:
        own = ContactFilter(own=self._caller.id)
        try:
            for _, is_match, contact in walk_by_creation(self._index, own, None, 500, descending=False).steps:
                if is_match and contact is not None:
                    yield contact
        except BudgetSpent:
            raise RuleBroken(
                "You have too many contacts to count them one by one. Their lists show them.",
                code="too_many_to_count",
            ) from None

    def _walk(
        self, wanted: ContactFilter, sort: str | None, after: Any, count: int, skip: int = 0
    ) -> Walk[Contact]:
        """Return a walk over matches in order, after `after`. `count`: how many are likely to be taken."""
        order = sort or "-created_at"
        if wanted.email is not None:
            return self._sort(self._find_by_email(wanted, order), order, after, skip)
        if wanted.search is not None:
            walk = search_contacts(self._index, wanted, None if sort else after, count, skip, self._budget)
            return self._sort(walk.steps, sort, after, skip) if sort else walk
        if wanted.phone is not None:
            return self._sort(find_by_number(self._index, wanted), order, after, skip)
        is_by_creation = order in ("-created_at", "created_at")
        if not is_by_creation and orders.has_index(wanted, order):
            return orders.walk(self._index, wanted, order, after, count=count, skip=skip)
        walk = self._by_creation(
            wanted,
            after if is_by_creation else None,
            count if is_by_creation else MAX_SORTED + 1,
            skip if is_by_creation else 0,
            descending=order != "created_at",
        )
        return walk if is_by_creation else self._sort(walk.steps, order, after, skip)

    def _by_creation(
        self, wanted: ContactFilter, after: str | None, count: int, skip: int = 0, *, descending: bool
    ) -> Walk[Contact]:
        """Return a walk over matches in the order of their creation, by the cheapest index."""
        ids = ids_in_range(self._index, wanted, self._budget)
        if ids is None:
            return walk_by_creation(self._index, wanted, after, count, skip, descending=descending)
        return walk_ids_by_creation(
            self._index, wanted, ids, after, count, skip, self._budget, descending=descending
        )

    def walk(
        self, wanted: ContactFilter, *, after: str | None, before: str | None = None
    ) -> Iterator[tuple[str, bool]]:
        """Return the ids of the contacts that no index excludes, each with whether the contact matches, in the order of
        their creation, after the id `after` and below the id `before`.

        Raises BudgetSpent when the budget is spent: use an unlimited budget, and stop in time.
        """
        self._budget.restart()
        walk = walk_by_creation(self._index, wanted, after, _WALKED_TOGETHER, descending=False, before=before)
        return ((position, is_match) for position, is_match, _ in walk.steps)

    def walk_list(self, wanted: ContactFilter, *, sort: str | None, after: Any) -> Iterator[Step[Contact]]:
        """Return the steps through a list in an order, after the position `after`; see `shared.services.walks.Step`.

        Raises RuleBroken as `list` does, when the steps are taken, and BudgetSpent as `walk` does.
        """
        self._budget.restart()
        return self._walk(wanted, sort, after, _WALKED_TOGETHER).steps

    def find_all(self, wanted: ContactFilter, *, limit: int) -> Sequence[str] | None:
        """Return the ids of all contacts that match; None when there are more than `limit`, or when the budget is too
        small to find them.
        """
        self._budget.restart()
        try:
            taken = take(self._walk(wanted, None if wanted.search else "created_at", None, limit + 1), limit)
        except RuleBroken:  # too many to be sorted
            return None
        return [contact.id for _, contact in taken.found] if taken.is_through else None

    def _find_by_email(self, wanted: ContactFilter, order: str) -> Iterator[Step[Contact]]:
        owners = self._locks.all_owners_of_email(wanted.email or "", limit=MAX_SORTED + 1)
        self._budget.charge(len(owners))
        if len(owners) > MAX_SORTED:
            raise _too_many_to_sort(order)
        return look_up(self._index, wanted, within_budget(owners, self._budget), MAX_LOOKUPS)

    def _sort(self, steps: Iterator[Step[Contact]], order: str, after: Any, skip: int) -> Walk[Contact]:
        matches = (contact for _, is_match, contact in steps if is_match and contact is not None)
        try:
            found = list(islice(matches, MAX_SORTED + 1))
        except BudgetSpent:
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
        """Return how many contacts match, if counters have the number; otherwise None."""
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
        """Return how many contacts match; or None and how many were met, when the budget is too small to count them."""
        total = self.count_of(wanted)
        if total is not None or not include_total:
            return total, None
        if walk.total is not None:
            return walk.total, None
        if is_whole:
            return taken.matches, None
        try:
            counting = count_by_ids(self._index, wanted) or self._walk(wanted, None, None, 500)
        except BudgetSpent:
            return None, taken.matches
        met, is_all = count_matches(counting)
        return (met, None) if is_all else (None, max(met, taken.matches))


def _too_many_to_sort(order: str) -> RuleBroken:
    return RuleBroken(
        f"More than {MAX_SORTED:,} contacts match, too many to sort by {order}. Narrow the filter, or sort by "
        "created_at.",
        code="too_many_to_sort",
    )
