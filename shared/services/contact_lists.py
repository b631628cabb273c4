"""Lists of contacts: from conditions to the cheapest way to answer them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from shared.domain.callers import Caller
from shared.domain.contact import Contact
from shared.domain.contact_filter import DEFAULTS, OTHERS, ContactFilter
from shared.domain.contact_order import in_order
from shared.domain.errors import RuleBroken
from shared.services import contact_orders
from shared.services.contact_planning import ContactIndex, Found, by_creation, candidates
from shared.services.contact_search import Locks, require_searchable, searched, with_email, with_number
from shared.services.contact_statistics import TOP_COMPANIES, counted, statistics_of
from shared.services.labelling import LabelRepository
from shared.services.paging import Cursors, Page, check_depth

MAX_SORTED = 2000
"""How many matches are sorted for an order that no index serves."""
MAX_COUNTED = 100_000
MAX_OWN = 10_000
"""How many contacts are counted one by one, for a caller who sees none but his own."""


class ContactLists:
    """The contacts of a tenant, found and counted, as one caller may see them.

    For one who reads his own alone every list is narrowed to them before anything is looked for, so that neither
    pages, nor totals, nor how far one can go, tell of others.
    """

    def __init__(
        self, caller: Caller, index: ContactIndex, locks: Locks, labels: LabelRepository, cursors: Cursors
    ) -> None:
        self._caller = caller
        self._index = index
        self._locks = locks
        self._labels = labels
        self._cursors = cursors

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

        Without `sort` the newest come first, and with a search those come first whose word does in the alphabet.
        Raises RuleBroken for a cursor of another list, with code `too_deep` for a page beyond row 10,000 without a
        cursor and, with code `too_many_to_sort`, for an order that would have to sort more than MAX_SORTED matches.
        """
        wanted = self._seen(wanted)
        require_searchable(wanted)
        check_depth(skip, limit)
        scope = self._caller.scope("contacts", repr(wanted), str(sort))
        after = self._cursors.open(scope, cursor) if cursor is not None else None
        found = list(islice(self._walk(wanted, sort, after, limit + 1, skip), limit + 1))
        more = len(found) > limit
        return Page(
            self._named([contact for _, contact in found[:limit]]),
            self._cursors.seal(scope, found[limit - 1][0]) if more else None,
            self._total(wanted, include_total),
        )

    def _seen(self, wanted: ContactFilter) -> ContactFilter:
        if self._caller.require("contacts:read") == "all":
            return wanted
        return wanted.owned_by(self._caller.id)

    def _named(self, contacts: Sequence[Contact]) -> Sequence[Contact]:
        """Contacts with the names of their labels."""
        if not any(one.has_labels for one in contacts):
            return contacts
        labels = self._labels.recent()
        return [one.named(labels) for one in contacts]

    def stats(self) -> dict[str, Any]:
        """The tenant's counters: `total`, `active`, `inactive`, `primary`, `customers`, `bookings`, `interactions`,
        numbers by source, status and label, and the companies with the most contacts. Costs the same however many
        contacts there are.

        For a caller who reads his own alone these are counted one by one, with the customers they belong to. Raises
        RuleBroken, with code `too_many_to_count`, when they are more than MAX_OWN.
        """
        if self._caller.require("contacts:read") == "all":
            counts: Mapping[str, int] = self._index.counts()
            companies: Sequence[tuple[str, int]] = self._index.top_companies(TOP_COMPANIES)
        else:
            counts, companies = counted(self._own())
        return statistics_of(counts, companies, self._labels.recent())

    def _own(self) -> Iterator[Contact]:
        own = ContactFilter(owner_id=self._caller.id)
        for number, (_, contact) in enumerate(by_creation(self._index, own, None, 500, descending=False)):
            if number == MAX_OWN:
                raise RuleBroken(
                    f"You have more than {MAX_OWN:,} contacts, too many to count one by one.",
                    code="too_many_to_count",
                )
            yield contact

    def _walk(
        self, wanted: ContactFilter, sort: str | None, after: Any, count: int, skip: int = 0
    ) -> Iterator[Found]:
        """Matches in order behind `after`, but for the first `skip`; `count`: how many are likely to be taken."""
        if wanted.email is None and wanted.search is None and wanted.phone is None:
            if sort in (None, "-created_at", "created_at"):
                return by_creation(self._index, wanted, after, count, skip, descending=sort != "created_at")
            if contact_orders.is_walked(wanted, sort):
                return contact_orders.walk(self._index, wanted, sort, after, count=count, skip=skip)
        return islice(self._found(wanted, sort, after, count), skip, None)

    def _found(self, wanted: ContactFilter, sort: str | None, after: Any, count: int) -> Iterator[Found]:
        """Matches that are found before they are put in order."""
        if wanted.email is not None:
            return self._sorted(
                with_email(self._index, self._locks, wanted, limit=MAX_SORTED + 1),
                sort or "-created_at",
                after,
            )
        if wanted.search is not None:
            found = searched(self._index, wanted, after if sort is None else None, count)
            return found if sort is None else self._sorted((one for _, one in found), sort, after)
        if wanted.phone is not None:
            return self._sorted(
                with_number(self._index, wanted, limit=MAX_SORTED + 1), sort or "-created_at", after
            )
        found = by_creation(self._index, wanted, None, MAX_SORTED + 1, descending=True)
        return self._sorted((one for _, one in found), sort or "", after)

    def walk(
        self, wanted: ContactFilter, *, after: str | None, before: str | None = None
    ) -> Iterator[tuple[str, bool]]:
        """Contacts in the order of their creation, behind the id `after` and below the id `before`, as far as no
        index rules them out: each one's id, and whether it matches.
        """
        _, contacts = candidates(self._index, wanted, after, 500, descending=False, before=before)
        return ((one.id, wanted.matches(one)) for one in contacts)

    def find_all(
        self, wanted: ContactFilter, *, limit: int, has_time: Callable[[], bool]
    ) -> Sequence[str] | None:
        """The ids of all contacts that match, or None when they are more than `limit`, or there is no time to go
        through all that may.
        """
        if wanted.email is None and wanted.search is None and wanted.phone is None:
            candidates = self.walk(wanted, after=None)
        else:
            candidates = ((one.id, True) for _, one in self._walk(wanted, None, None, limit + 1))
        found: list[str] = []
        for contact_id, is_match in candidates:
            if is_match:
                found.append(contact_id)
            if len(found) > limit or not has_time():
                return None
        return found

    def _sorted(self, matches: Iterator[Contact], sort: str, after: Any) -> Iterator[Found]:
        found = list(islice(matches, MAX_SORTED + 1))
        if len(found) > MAX_SORTED:
            raise RuleBroken(
                f"More than {MAX_SORTED:,} contacts match, too many to sort by {sort}. Narrow the filter, or sort "
                "by created_at.",
                code="too_many_to_sort",
            )
        return in_order(found, sort, after)

    def count_of(self, wanted: ContactFilter) -> int | None:
        """How many contacts match, where counters tell it."""
        return self._total(wanted, include_total=False)

    def _total(self, wanted: ContactFilter, include_total: bool) -> int | None:
        asked = wanted.asked
        facets = wanted.facets
        if not asked:
            return self._index.count("all")
        if len(asked) == len(facets) == 1:
            facet, value = facets[0]
            if facet == "customer_id":
                return self._index.count_of_customer(value)
            if DEFAULTS.get(facet) != value:
                return self._index.count(f"{facet}={value}")
            others = sum(self._index.count(f"{facet}={other}") for other in OTHERS[facet])
            return self._index.count("all") - others
        if include_total:
            # Only ids count here, and each row read is as cheap as any other way to it.
            return sum(1 for _ in islice(self._walk(wanted, None, None, 500), MAX_COUNTED))
        return None
