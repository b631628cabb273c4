"""Lists of contacts: from conditions to the cheapest way to answer them.

Indexes only narrow what is looked at; whether a contact belongs is judged on its list row. So an index that is a
moment behind can leave a contact out or show an older state for that moment, and never show one that was not asked
for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contact import Contact
from shared.domain.contact_filter import (
    DEFAULTS,
    OTHERS,
    ContactFilter,
    is_phone_search,
    numbers_of,
    terms_of_contact,
)
from shared.domain.errors import Invalid, PermissionDenied, RuleBroken
from shared.domain.ids import first_id_at
from shared.domain.search import found_in, prefixes_of
from shared.services.paging import Cursors, Page

MAX_SORTED = 2000
"""How many matches are sorted for an order that no index serves."""
MAX_COUNTED = 100_000
_TOGETHER = 32
_LOWEST, _HIGHEST = "0", "g"

Found = tuple[Any, Contact]
"""A contact and its position, from where a walk goes on behind it."""


class ContactIndex(Protocol):
    """The indexes of one tenant's contacts; see `shared.table.contact_index.ContactIndex`."""

    def count(self, name: str) -> int: ...

    def counts(self) -> dict[str, int]: ...

    def with_all(
        self, facets: Sequence[tuple[str, str]], *, after: str | None, descending: bool, low: str, high: str
    ) -> Iterator[str]: ...

    def beginning_with(
        self, prefix: str, *, after: str | None
    ) -> Iterator[tuple[str, str, str, list[str]]]: ...

    def ending_with(self, reversed_digits: str, *, after: str | None) -> Iterator[tuple[str, str, str]]: ...

    def rows(self, contact_ids: Sequence[str]) -> list[Contact]: ...

    def all_rows(
        self, *, after: str | None, descending: bool, low: str, high: str, portion: int
    ) -> Iterator[Contact]: ...


class Locks(Protocol):
    """Who has an address; see `shared.table.contacts.ContactTable`."""

    def owner_of_email(self, email: str) -> str | None: ...


class ContactLists:
    """The contacts of a tenant, found and counted, as one caller may see them."""

    def __init__(self, caller: Caller, index: ContactIndex, locks: Locks, cursors: Cursors) -> None:
        self._caller = caller
        self._index = index
        self._locks = locks
        self._cursors = cursors

    def list(
        self,
        wanted: ContactFilter,
        *,
        sort: str | None,
        limit: int,
        cursor: str | None,
        include_total: bool = False,
    ) -> Page[Contact]:
        """A page of the contacts that match.

        Without `sort` the newest come first, and with a search those come first whose word does in the alphabet.
        Raises RuleBroken for a cursor of another list and, with code `too_many_to_sort`, for an order that would
        have to sort more than MAX_SORTED matches.
        """
        if self._caller.require("contacts:read") == "own":
            raise PermissionDenied.lacking("contacts:read:all")
        require_searchable(wanted)
        scope = (self._caller.tenant_id, self._caller.id, "contacts", repr(wanted), str(sort))
        after = self._cursors.open(scope, cursor) if cursor else None
        found = list(islice(self._walk(wanted, sort, after, limit + 1), limit + 1))
        more = len(found) > limit
        return Page(
            [contact for _, contact in found[:limit]],
            self._cursors.seal(scope, found[limit - 1][0]) if more else None,
            self._total(wanted, include_total),
        )

    def stats(self) -> dict[str, Any]:
        """The tenant's counters: `total`, `active`, `inactive`, `bookings`, `interactions`, and numbers by source
        and by tag. Costs the same however many contacts there are.
        """
        if self._caller.require("contacts:read") == "own":
            raise PermissionDenied.lacking("contacts:read:all")
        counts = self._index.counts()
        total = counts.get("all", 0)
        inactive = counts.get("is_active=false", 0)
        by_source = _by_value(counts, "source")
        by_source[DEFAULTS["source"]] = total - sum(by_source.values())
        return {
            "total": total,
            "active": total - inactive,
            "inactive": inactive,
            "with_bookings": counts.get("has_bookings=true", 0),
            "bookings": counts.get("bookings", 0),
            "bookings_per_contact": round(counts.get("bookings", 0) / total, 3) if total else 0.0,
            "interactions": counts.get("interactions", 0),
            "by_source": {source: amount for source, amount in sorted(by_source.items()) if amount},
            "by_tag": dict(sorted(_by_value(counts, "tag").items())),
        }

    def _walk(self, wanted: ContactFilter, sort: str | None, after: Any, count: int) -> Iterator[Found]:
        """Matches in order behind `after`; `count`: how many are likely to be taken."""
        if wanted.email is not None:
            return self._sorted(self._with_email(wanted), sort or "-created_at", after)
        if wanted.search is not None:
            found = self._searched(wanted, after if sort is None else None)
            return found if sort is None else self._sorted((one for _, one in found), sort, after)
        if wanted.phone is not None:
            return self._sorted(self._with_number(wanted), sort or "-created_at", after)
        if sort in (None, "-created_at", "created_at"):
            return self._by_creation(wanted, after, count, descending=sort != "created_at")
        matches = self._by_creation(wanted, None, MAX_SORTED + 1, descending=True)
        return self._sorted((one for _, one in matches), sort or "", after)

    def walk(
        self, wanted: ContactFilter, *, after: str | None, before: str | None = None
    ) -> Iterator[tuple[str, bool]]:
        """Contacts in the order of their creation, behind the id `after` and below the id `before`, as far as no
        index rules them out: each one's id, and whether it matches.
        """
        candidates = self._candidates(wanted, after, 500, descending=False, before=before)
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
        self, wanted: ContactFilter, after: str | None, count: int, *, descending: bool
    ) -> Iterator[Found]:
        contacts = self._candidates(wanted, after, count, descending=descending)
        return ((one.id, one) for one in contacts if wanted.matches(one))

    def _candidates(
        self,
        wanted: ContactFilter,
        after: str | None,
        count: int,
        *,
        descending: bool,
        before: str | None = None,
    ) -> Iterator[Contact]:
        """The contacts that indexes leave, in the order of their creation."""
        low, high = _id_bounds(wanted)
        high = min(high, before or high)
        indexed = [facet for facet in wanted.facets if DEFAULTS.get(facet[0]) != facet[1]]
        if indexed:
            ids = self._index.with_all(indexed, after=after, descending=descending, low=low, high=high)
            return self._rows_of(ids, min(count, 100))
        # Conditions that no index serves leave rows out, so more are read than are wanted.
        portion = min(count if not wanted.asked else max(count, 64), 500)
        return self._index.all_rows(after=after, descending=descending, low=low, high=high, portion=portion)

    def _rows_of(self, ids: Iterator[str], portion: int) -> Iterator[Contact]:
        while together := list(islice(ids, portion)):
            yield from self._index.rows(together)

    def _with_email(self, wanted: ContactFilter) -> Iterator[Contact]:
        owner = self._locks.owner_of_email(wanted.email or "")
        return (one for one in self._index.rows([owner] if owner else []) if wanted.matches(one))

    def _with_number(self, wanted: ContactFilter) -> Iterator[Contact]:
        digits = is_phone_search(wanted.phone or "")
        entries = self._index.ending_with(digits, after=None) if digits else iter(())
        ids = list(dict.fromkeys(contact_id for _, _, contact_id in islice(entries, MAX_SORTED)))
        for start in range(0, len(ids), 100):
            yield from (one for one in self._index.rows(ids[start : start + 100]) if wanted.matches(one))

    def _searched(self, wanted: ContactFilter, after: Any) -> Iterator[Found]:
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
            yield from self._shown(wanted, 0, self._index.ending_with(digits, after=position), number)
            position = None
        if prefixes:
            rarest = max(prefixes, key=len)  # the longest beginning is found the least often
            entries = (
                (place, found, contact_id)
                for place, found, contact_id, terms in self._index.beginning_with(rarest, after=position)
                if found_in(prefixes, terms)
            )
            yield from self._shown(wanted, 1, entries, term)

    def _shown(
        self,
        wanted: ContactFilter,
        stage: int,
        entries: Iterator[tuple[str, str, str]],
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
        placed = sorted(((_place(one, sort), one) for one in found), key=lambda entry: entry[0])
        for place, contact in placed:
            position = list(place)
            if after is None or position > after:
                yield position, contact

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


def _by_value(counts: dict[str, int], facet: str) -> dict[str, int]:
    start = f"{facet}="
    return {name.removeprefix(start): amount for name, amount in counts.items() if name.startswith(start)}


def _id_bounds(wanted: ContactFilter) -> tuple[str, str]:
    """The ids that contacts created in the wanted time can have: an id holds its time."""
    low, high = _LOWEST, _HIGHEST
    if wanted.created_from is not None:
        low = first_id_at(timestamps.to_milliseconds(wanted.created_from))
    if wanted.created_to is not None:
        high = first_id_at(timestamps.to_milliseconds(wanted.created_to) + 1)
    return low, high


def _place(contact: Contact, sort: str) -> tuple[str, str]:
    """Where a contact stands in an order: texts that sort as the contacts do, ties by id."""
    if sort == "created_at":
        return "", contact.id
    if sort == "-created_at":
        return "", _reversed(contact.id)
    if sort == "name":
        return f"{contact.last_name.casefold()} {contact.first_name.casefold()}".strip(), contact.id
    if sort == "-total_bookings":
        return f"{10**12 - contact.total_bookings:013d}", contact.id
    return _reversed(getattr(contact, sort.removeprefix("-")) or ""), contact.id


def _reversed(text: str) -> str:
    """A text of digits and lower-case letters that sorts the other way round; the empty one sorts last."""
    return "".join(chr(0x7E - ord(letter) + 0x20) for letter in text) or "\x7f"
