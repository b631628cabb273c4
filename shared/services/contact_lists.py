"""Lists of contacts: from conditions to the cheapest way to answer them.

Indexes only narrow what is looked at; whether a contact belongs is judged on its list row. So an index that is a
moment behind can leave a contact out or show an older state for that moment, and never show one that was not asked
for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from math import inf
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.companies import LEAST_AT_THE_TOP, company_key
from shared.domain.contact import Contact
from shared.domain.contact_filter import (
    DEFAULTS,
    OTHERS,
    ContactFilter,
    counts_of,
    is_phone_search,
    numbers_of,
    terms_of_contact,
)
from shared.domain.contact_order import in_order
from shared.domain.errors import Invalid, RuleBroken
from shared.domain.ids import NUMBERS, first_id_at, id_of
from shared.domain.labels import ContactType, Group, Label, Tag
from shared.domain.search import found_in, prefixes_of
from shared.services import contact_orders
from shared.services.labelling import LabelRepository
from shared.services.narrowing import lists_worth_reading
from shared.services.paging import Cursors, Page, check_depth

MAX_SORTED = 2000
"""How many matches are sorted for an order that no index serves."""
MAX_COUNTED = 100_000
MAX_OWN = 10_000
"""How many contacts are counted one by one, for a caller who sees none but his own."""
TOP_COMPANIES = 10
_TOGETHER = 32
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
Entry = tuple[str, str, str]
"""What an index finds: its position, the term or digits, and a contact's id."""


class ContactIndex(contact_orders.OrderIndex, Protocol):
    """The indexes of one tenant's contacts; see `shared.table.contact_index.ContactIndex`."""

    def count(self, name: str) -> int: ...

    def counts(self) -> dict[str, int]: ...

    def counts_of(self, names: Sequence[str]) -> list[int]: ...
    def count_of_customer(self, customer_id: str) -> int: ...

    def with_all(
        self, facets: Sequence[tuple[str, str]], *, after: str | None, descending: bool, low: str, high: str
    ) -> Iterator[str]: ...

    def beginning_with(
        self, prefix: str, *, after: str | None
    ) -> Iterator[tuple[str, str, str, list[str]]]: ...

    def ending_with(self, reversed_digits: str, *, after: str | None) -> Iterator[tuple[str, str, str]]: ...

    def skip_rows(self, count: int, *, descending: bool, low: str, high: str) -> tuple[int, str | None]: ...

    def top_companies(self, count: int) -> list[tuple[str, int]]: ...


class Locks(Protocol):
    """Who has an address; see `shared.table.contacts.ContactTable`."""

    def all_owners_of_email(self, email: str, *, limit: int) -> list[str]: ...


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
            counts, companies = _counted(self._own())
        labels = self._labels.recent()
        total = counts.get("all", 0)
        inactive = counts.get("is_active=false", 0)
        customers = counts.get("customers", 0)
        with_contacts = counts.get("customers_with_contacts", 0)
        return {
            "total": total,
            "active": total - inactive,
            "inactive": inactive,
            "with_bookings": counts.get("has_bookings=true", 0),
            "bookings": counts.get("bookings", 0),
            "primary": counts.get("is_primary=true", 0),
            "customers": {
                "total": customers,
                "with_contacts": with_contacts,
                "without_contacts": customers - with_contacts,
            },
            "bookings_per_contact": round(counts.get("bookings", 0) / total, 3) if total else 0.0,
            "interactions": counts.get("interactions", 0),
            "by_source": _with_default(counts, "source", total),
            "by_relationship_status": _with_default(counts, "relationship_status", total),
            "by_lifecycle_stage": _with_default(counts, "lifecycle_stage", total),
            "by_tag": _by_label(counts, labels.all_of(Tag)),
            "by_type": _by_label(counts, labels.all_of(ContactType)),
            "by_group": _by_label(
                counts, [group for group in labels.all_of(Group) if group.kind == "static"]
            ),
            "top_companies": [{"company": name, "contacts": amount} for name, amount in companies],
        }

    def _own(self) -> Iterator[Contact]:
        own = ContactFilter(owner_id=self._caller.id)
        for number, (_, contact) in enumerate(self._by_creation(own, None, 500, descending=False)):
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
                return self._by_creation(wanted, after, count, skip, descending=sort != "created_at")
            if contact_orders.is_walked(wanted, sort):
                return contact_orders.walk(self._index, wanted, sort, after, count=count, skip=skip)
        return islice(self._found(wanted, sort, after, count), skip, None)

    def _found(self, wanted: ContactFilter, sort: str | None, after: Any, count: int) -> Iterator[Found]:
        """Matches that are found before they are put in order."""
        if wanted.email is not None:
            return self._sorted(self._with_email(wanted), sort or "-created_at", after)
        if wanted.search is not None:
            found = self._searched(wanted, after if sort is None else None, count)
            return found if sort is None else self._sorted((one for _, one in found), sort, after)
        if wanted.phone is not None:
            return self._sorted(self._with_number(wanted), sort or "-created_at", after)
        matches = self._by_creation(wanted, None, MAX_SORTED + 1, descending=True)
        return self._sorted((one for _, one in matches), sort or "", after)

    def walk(
        self, wanted: ContactFilter, *, after: str | None, before: str | None = None
    ) -> Iterator[tuple[str, bool]]:
        """Contacts in the order of their creation, behind the id `after` and below the id `before`, as far as no
        index rules them out: each one's id, and whether it matches.
        """
        _, candidates = self._candidates(wanted, after, 500, descending=False, before=before)
        return ((one.id, wanted.matches(one)) for one in candidates)

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

    def _by_creation(
        self, wanted: ContactFilter, after: str | None, count: int, skip: int = 0, *, descending: bool
    ) -> Iterator[Found]:
        skip, contacts = self._candidates(wanted, after, count, skip, descending=descending)
        matches = ((one.id, one) for one in contacts if wanted.matches(one))
        return islice(matches, skip, None)

    def _candidates(
        self,
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
        low, high = _id_bounds(wanted)
        high = min(high, before or high)
        indexed = _indexed(wanted)
        answered = len(indexed) == len(wanted.facets) and _INDEXED.issuperset(wanted.asked)
        if indexed:
            ids = self._index.with_all(indexed, after=after, descending=descending, low=low, high=high)
            if answered:
                ids, skip = islice(ids, skip, None), 0
            return skip, self._rows_of(ids, contact_orders.alike(count + skip))
        if skip and answered:
            passed, after = self._index.skip_rows(skip, descending=descending, low=low, high=high)
            if after is None:
                return 0, iter(())
            skip -= passed
        # Conditions that no index serves leave rows out, so more are read than are wanted.
        portion = min(count + skip if not wanted.asked else max(count + skip, 64), 500)
        return skip, self._index.all_rows(
            after=after, descending=descending, low=low, high=high, portion=portion
        )

    def _rows_of(self, ids: Iterator[str], portion: int) -> Iterator[Contact]:
        while together := list(islice(ids, portion)):
            yield from self._index.rows(together)

    def _with_email(self, wanted: ContactFilter) -> Iterator[Contact]:
        owners = self._locks.all_owners_of_email(wanted.email or "", limit=MAX_SORTED + 1)
        return (one for one in self._index.rows(owners) if wanted.matches(one))

    def _with_number(self, wanted: ContactFilter) -> Iterator[Contact]:
        digits = is_phone_search(wanted.phone or "")
        entries = self._index.ending_with(digits, after=None) if digits else iter(())
        ids = list(dict.fromkeys(contact_id for _, _, contact_id in islice(entries, MAX_SORTED + 1)))
        for start in range(0, len(ids), 100):
            yield from (one for one in self._index.rows(ids[start : start + 100]) if wanted.matches(one))

    def _searched(self, wanted: ContactFilter, after: Any, count: int) -> Iterator[Found]:
        """Contacts found by a number's end, then those found by words, in the order of what they were found by.

        A contact with several terms that begin alike stands at the first of them alone, so each is shown once.
        """
        search = wanted.search or ""
        digits, prefixes = is_phone_search(search), prefixes_of(search)
        stage, position = after or (0, None)

        def number(contact: Contact) -> str | None:
            return min(
                (one for one in numbers_of(contact) if digits and one.startswith(digits)), default=None
            )

        def term(contact: Contact) -> str | None:
            if number(contact) is not None:  # shown before
                return None
            return min((one for one in terms_of_contact(contact) if one.startswith(rarest)), default=None)

        if digits and stage == 0:
            numbers = self._index.ending_with(digits, after=position)
            yield from self._shown(wanted, 0, self._narrowed(wanted, numbers, count), number)
            position = None
        if prefixes:
            rarest = max(prefixes, key=len)  # the longest beginning is found the least often
            entries = (
                (place, found, contact_id)
                for place, found, contact_id, terms in self._index.beginning_with(rarest, after=position)
                if found_in(prefixes, terms)
            )
            yield from self._shown(wanted, 1, self._narrowed(wanted, entries, count), term)

    def _narrowed(self, wanted: ContactFilter, entries: Iterator[Entry], count: int) -> Iterator[Entry]:
        """Index entries, without those of contacts that lack facets where telling so costs less than their rows."""
        facets = _indexed(wanted)
        if not facets:
            return entries
        first = list(islice(entries, _TOGETHER))
        entries = chain(first, entries)
        if len(first) <= len(facets) + 1:  # rows that cost no more than the counters
            return entries
        total, *counts = self._index.counts_of(["all", *(f"{facet}={value}" for facet, value in facets)])
        sizes, facets = zip(*sorted(zip(counts, facets, strict=True)), strict=True)
        found = len(first) if len(first) < _TOGETHER else inf
        read = facets[: lists_worth_reading(sizes, total, found, count)]
        if not read:
            return entries
        low, high = _id_bounds(wanted)
        ids = set(self._index.with_all(read, after=None, descending=True, low=low, high=high))
        return (entry for entry in entries if entry[2] in ids)

    def _shown(
        self,
        wanted: ContactFilter,
        stage: int,
        entries: Iterator[Entry],
        first: Callable[[Contact], str | None],
    ) -> Iterator[Found]:
        """The contacts of index entries, each at the entry that is its `first` alone."""
        while portion := list(islice(entries, _TOGETHER)):
            contacts = {one.id: one for one in self._index.rows(list({entry[2]: None for entry in portion}))}
            for position, term, contact_id in portion:
                contact = contacts.get(contact_id)
                if contact is not None and wanted.matches(contact) and first(contact) == term:
                    yield [stage, position], contact

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


def require_searchable(wanted: ContactFilter) -> None:
    """Raises Invalid for a search that is for nothing."""
    if wanted.search is not None and not (is_phone_search(wanted.search) or prefixes_of(wanted.search)):
        raise Invalid.field("search", "search", "Give at least one letter or digit to search for.")


def _counted(contacts: Iterable[Contact]) -> tuple[Mapping[str, int], Sequence[tuple[str, int]]]:
    """What the tenant's counters would say if there were these contacts alone, and their top companies."""
    counts, sizes = Counter[str](), Counter[str]()
    spellings: dict[str, str] = {}
    customers: set[str] = set()
    for contact in contacts:
        counts.update(counts_of(contact))
        if key := company_key(contact.company):
            sizes[key] += 1
            spellings.setdefault(key, contact.company)
        if contact.customer_id:
            customers.add(contact.customer_id)
    counts.update({"customers": len(customers), "customers_with_contacts": len(customers)})
    top = sorted((-size, key) for key, size in sizes.items() if size >= LEAST_AT_THE_TOP)[:TOP_COMPANIES]
    return counts, [(spellings[key], -size) for size, key in top]


def _by_value(counts: Mapping[str, int], facet: str) -> dict[str, int]:
    start = f"{facet}="
    return {name.removeprefix(start): amount for name, amount in counts.items() if name.startswith(start)}


def _with_default(counts: Mapping[str, int], facet: str, total: int) -> dict[str, int]:
    found = _by_value(counts, facet)
    found[DEFAULTS[facet]] = total - sum(found.values())
    return {value: amount for value, amount in sorted(found.items()) if amount}


def _by_label(counts: Mapping[str, int], labels: Sequence[Label]) -> dict[str, int]:
    kinds = {label.name: counts.get(f"{label.entity}={label.id}", 0) for label in labels}
    return {name: amount for name, amount in kinds.items() if amount}


def _indexed(wanted: ContactFilter) -> Sequence[tuple[str, str]]:
    """The facets asked for that have posting lists."""
    return [facet for facet in wanted.facets if DEFAULTS.get(facet[0]) != facet[1]]


def _id_bounds(wanted: ContactFilter) -> tuple[str, str]:
    """The ids that contacts created in the wanted time can have: an id holds its time."""
    low, high = _LOWEST, _HIGHEST
    if wanted.created_from is not None:
        low = first_id_at(timestamps.to_milliseconds(wanted.created_from))
    if wanted.created_to is not None:
        high = first_id_at(timestamps.to_milliseconds(wanted.created_to) + 1)
    return low, high
