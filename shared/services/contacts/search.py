"""Contacts found by the text of a search: words, the end of a telephone number, an address."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from itertools import chain
from math import inf
from typing import Any, Protocol

from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.number_search import digits_of, ends_of, has_end
from shared.domain.contacts.record import Contact
from shared.domain.contacts.search import numbers_of, terms_of_contact
from shared.domain.errors import Invalid
from shared.domain.search import indexed, may_have, prefixes_of
from shared.services.contacts.planning import ContactIndex, id_bounds, indexed_facets, look_up
from shared.services.narrowing import count_lists_to_read
from shared.services.reading_budget import Budget, BudgetSpent
from shared.services.walks import MAX_LOOKUPS, Step, Walk, group_entries

_TOGETHER = 32
_IDS_PER_CHUNK = 60
"""How many ids of a posting list are read as one item: up to about seventy, fewer where a chunk was split."""

Entry = tuple[str, str, str | None]
"""An entry of an index: its position, the term or digits, and the contact's id; None for an excluded contact."""


class Locks(Protocol):
    """The holders of addresses; see `shared.table.contacts.repository.ContactTable`."""

    def all_owners_of_email(self, email: str, *, limit: int) -> list[str]: ...


def require_searchable(wanted: ContactFilter) -> None:
    """Raise Invalid for a search without a visible character."""
    if wanted.search is not None and not prefixes_of(wanted.search):
        raise Invalid.field("search", "search", "Give at least one visible character to search for.")


def find_by_number(index: ContactIndex, wanted: ContactFilter) -> Iterator[Step[Contact]]:
    """Yield the contacts that have a telephone number."""
    entries = index.ending_with([digits_of(wanted.phone or "")], after=None)
    shown: set[str] = set()
    for group in group_entries(entries, MAX_LOOKUPS, needs_row=bool):
        ids = list(dict.fromkeys(one for _, _, one in group if one not in shown))
        shown.update(ids)
        yield from look_up(index, wanted, ((one, True) for one in ids), MAX_LOOKUPS)


def search_contacts(
    index: ContactIndex, wanted: ContactFilter, after: Any, count: int, skip: int, budget: Budget
) -> Walk[Contact]:
    """Return a walk over the contacts found by the end of a number, then over those found by words, in the order of the
    numbers and words.

    A contact with several terms of the same beginning appears at the first of them only.
    """
    return Walk(_walk_found(index, wanted, after, count, budget), after, skip)


def _walk_found(
    index: ContactIndex, wanted: ContactFilter, after: Any, count: int, budget: Budget
) -> Iterator[Step[Contact]]:
    search = wanted.search or ""
    ends, prefixes = ends_of(search, wanted.country), prefixes_of(search)
    stage, position = after or (0, None)

    def number(contact: Contact) -> str | None:
        return min((one for one in numbers_of(contact) if has_end(one, ends)), default=None)

    def term(contact: Contact) -> str | None:
        if number(contact) is not None:  # shown before
            return None
        terms = indexed(terms_of_contact(contact))
        return min((one for one in terms if one.startswith(rarest)), default=None)

    if ends and stage == 0:
        numbers: Iterator[Entry] = index.ending_with(ends, after=position)
        yield from _judge(index, wanted, 0, _narrow(index, wanted, numbers, count, budget), number)
        position = None
    if prefixes:
        # The longest prefix occurs the least often.
        rarest = max((one.indexed for one in prefixes), key=len)
        entries = (
            (place, found, contact_id if may_have(prefixes, summary) else None)
            for place, found, contact_id, summary in index.beginning_with(rarest, after=position)
        )
        yield from _judge(index, wanted, 1, _narrow(index, wanted, entries, count, budget), term)


def _narrow(
    index: ContactIndex, wanted: ContactFilter, entries: Iterator[Entry], count: int, budget: Budget
) -> Iterator[Entry]:
    """Yield index entries, without the ids of contacts that lack facets, where that costs less than reading rows."""
    facets = indexed_facets(wanted)
    if not facets:
        yield from entries
        return
    groups = group_entries(entries, _TOGETHER, needs_row=_is_wanted)
    first = next(groups, ())
    found: float = sum(map(_is_wanted, first))
    ids: set[str] | None = None
    if found > len(facets) + 1:  # otherwise rows cost no more than the counters
        total, *counts = index.counts_of(["all", *(f"{facet}={value}" for facet, value in facets)])
        sizes, facets = zip(*sorted(zip(counts, facets, strict=True)), strict=True)
        read = count_lists_to_read(sizes, total, found if found < _TOGETHER else inf, count)
        if read and sum(sizes[:read]) / _IDS_PER_CHUNK <= budget.left / 2:
            low, high = id_bounds(wanted)
            walked = index.with_all(facets[:read], after=None, descending=True, low=low, high=high)
            with contextlib.suppress(
                BudgetSpent
            ):  # then the first group is checked on rows, and the walk ends with it
                ids = {one for one, is_there in walked if is_there}
    for place, term, contact_id in chain(first, chain.from_iterable(groups)):
        yield place, term, contact_id if ids is None or contact_id in ids else None


def _judge(
    index: ContactIndex,
    wanted: ContactFilter,
    stage: int,
    entries: Iterator[Entry],
    first: Callable[[Contact], str | None],
) -> Iterator[Step[Contact]]:
    """Yield a step for each index entry. A contact matches only at the entry that `first` returns for it."""
    for group in group_entries(entries, _TOGETHER, needs_row=_is_wanted):
        ids = {entry[2]: None for entry in group if entry[2] is not None}
        contacts = {one.id: one for one in index.rows(list(ids))}
        for position, term, contact_id in group:
            contact = contacts.get(contact_id) if contact_id is not None else None
            is_match = contact is not None and wanted.matches(contact) and first(contact) == term
            yield [stage, position], is_match, contact


def _is_wanted(entry: Entry) -> bool:
    return entry[2] is not None
