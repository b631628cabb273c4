"""Contacts found by what somebody types: words, the end of a telephone number, an address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from math import inf
from typing import Any, Protocol

from shared.domain.contact import Contact
from shared.domain.contact_filter import ContactFilter, numbers_of, terms_of_contact
from shared.domain.errors import Invalid
from shared.domain.number_search import digits_of, ends_of
from shared.domain.search import indexed, may_have, prefixes_of
from shared.services.contact_planning import ContactIndex, Found, id_bounds, indexed_facets
from shared.services.narrowing import lists_worth_reading

_TOGETHER = 32

Entry = tuple[str, str, str]
"""What an index finds: its position, the term or digits, and a contact's id."""


class Locks(Protocol):
    """Who has an address; see `shared.table.contacts.ContactTable`."""

    def all_owners_of_email(self, email: str, *, limit: int) -> list[str]: ...


def require_searchable(wanted: ContactFilter) -> None:
    """Raises Invalid for a search that is for nothing."""
    if wanted.search is not None and not prefixes_of(wanted.search):
        raise Invalid.field("search", "search", "Give at least one visible character to search for.")


def with_email(index: ContactIndex, locks: Locks, wanted: ContactFilter, *, limit: int) -> Iterator[Contact]:
    """The contacts that have an address, looked for among `limit` owners of it."""
    owners = locks.all_owners_of_email(wanted.email or "", limit=limit)
    return (one for one in index.rows(owners) if wanted.matches(one))


def with_number(index: ContactIndex, wanted: ContactFilter, *, limit: int) -> Iterator[Contact]:
    """The contacts that have a telephone number, looked for among `limit` entries of it."""
    entries = index.ending_with([digits_of(wanted.phone or "")], after=None)
    ids = list(dict.fromkeys(contact_id for _, _, contact_id in islice(entries, limit)))
    for start in range(0, len(ids), 100):
        yield from (one for one in index.rows(ids[start : start + 100]) if wanted.matches(one))


def searched(index: ContactIndex, wanted: ContactFilter, after: Any, count: int) -> Iterator[Found]:
    """Contacts found by a number's end, then those found by words, in the order of what they were found by.

    A contact with several terms that begin alike stands at the first of them alone, so each is shown once.
    """
    search = wanted.search or ""
    ends, prefixes = ends_of(search, wanted.country), prefixes_of(search)
    stage, position = after or (0, None)

    def number(contact: Contact) -> str | None:
        return min((one for one in numbers_of(contact) if one.startswith(ends)), default=None)

    def term(contact: Contact) -> str | None:
        if number(contact) is not None:  # shown before
            return None
        terms = indexed(terms_of_contact(contact))
        return min((one for one in terms if one.startswith(rarest)), default=None)

    if ends and stage == 0:
        numbers = index.ending_with(ends, after=position)
        yield from _shown(index, wanted, 0, _narrowed(index, wanted, numbers, count), number)
        position = None
    if prefixes:
        # The longest beginning is found the least often.
        rarest = max((one.indexed for one in prefixes), key=len)
        entries = (
            (place, found, contact_id)
            for place, found, contact_id, summary in index.beginning_with(rarest, after=position)
            if may_have(prefixes, summary)
        )
        yield from _shown(index, wanted, 1, _narrowed(index, wanted, entries, count), term)


def _narrowed(
    index: ContactIndex, wanted: ContactFilter, entries: Iterator[Entry], count: int
) -> Iterator[Entry]:
    """Index entries, without those of contacts that lack facets where telling so costs less than their rows."""
    facets = indexed_facets(wanted)
    if not facets:
        return entries
    first = list(islice(entries, _TOGETHER))
    entries = chain(first, entries)
    if len(first) <= len(facets) + 1:  # rows that cost no more than the counters
        return entries
    total, *counts = index.counts_of(["all", *(f"{facet}={value}" for facet, value in facets)])
    sizes, facets = zip(*sorted(zip(counts, facets, strict=True)), strict=True)
    found = len(first) if len(first) < _TOGETHER else inf
    read = facets[: lists_worth_reading(sizes, total, found, count)]
    if not read:
        return entries
    low, high = id_bounds(wanted)
    ids = set(index.with_all(read, after=None, descending=True, low=low, high=high))
    return (entry for entry in entries if entry[2] in ids)


def _shown(
    index: ContactIndex,
    wanted: ContactFilter,
    stage: int,
    entries: Iterator[Entry],
    first: Callable[[Contact], str | None],
) -> Iterator[Found]:
    """The contacts of index entries, each at the entry that is its `first` alone."""
    while portion := list(islice(entries, _TOGETHER)):
        contacts = {one.id: one for one in index.rows(list({entry[2]: None for entry in portion}))}
        for position, term, contact_id in portion:
            contact = contacts.get(contact_id)
            if contact is not None and wanted.matches(contact) and first(contact) == term:
                yield [stage, position], contact
