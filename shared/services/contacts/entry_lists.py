"""Lists of the entries of all contacts' timelines, as far as one caller may see the contacts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Protocol, Self, TypeVar

from shared.domain.callers import Caller
from shared.domain.contacts.facets import OWN, SURVIVING
from shared.domain.contacts.record import Contact
from shared.domain.ids import NUMBERS, id_of
from shared.services.paging import Cursors, NumberedPositions, Page, check_depth
from shared.services.reading_budget import Budget, BudgetSpent
from shared.services.walks import (
    MAX_LOOKUPS,
    Step,
    Walk,
    count_matches,
    group_entries,
    take,
)

MAX_OWN = 10_000
"""Up to how many contacts of a caller are read from the index of own contacts, so that others need no look-up."""
MAX_FEW = 10
"""Up to how many contacts are read from their own timelines instead of from the list of all entries."""
_LEAST_OF_CONTACT = 4
"""Entries of each of a few contacts that are read at first, at least."""
_LEAST_PORTION = 64
"""Rows that are read at first under conditions that may exclude rows."""
_LARGE_PORTION = 500
_ALL = id_of(0), id_of(NUMBERS - 1)


class ContactEntry(Protocol):
    """An entry of a contact's timeline."""

    @property
    def contact_id(self) -> str: ...

    def with_fields(self, update: dict[str, Any]) -> Self: ...


class ContactRows(Protocol):
    """The contacts of one tenant as lists show them; see `shared.table.contacts.index.ContactIndex`."""

    def rows(self, contact_ids: Sequence[str]) -> list[Contact]: ...

    def survivors(self, contact_ids: Collection[str]) -> dict[str, str]: ...

    def with_all(
        self, facets: Sequence[tuple[str, str]], *, after: str | None, descending: bool, low: str, high: str
    ) -> Iterator[tuple[str, bool]]: ...


E = TypeVar("E", bound=ContactEntry)


@dataclass(frozen=True, slots=True)
class WantedEntries(Generic[E]):
    """The entries to list.

    `walk(after, portion, contact_ids)` yields those that indexes leave, in order, each with its position; it reads
    `portion` rows at first. `contact_ids`: only the entries of a few contacts; None for those of all. `matches` decides
    which of them are wanted. `query` names the list and all conditions, for its cursors. `is_selective`: whether
    `matches` or `owner_id` may exclude entries. `owner_id`: only entries of contacts that belong to this user; None for
    all. `total` returns how many there are with a contact that is not deleted, None if no counter has that.
    """

    query: tuple[str, ...]
    walk: Callable[[str | None, int, Sequence[str] | None], Iterator[tuple[str, E]]]
    matches: Callable[[E], bool]
    is_selective: bool
    owner_id: str | None = None
    total: Callable[[], int | None] = lambda: None


class EntryLists:
    """Lists of entries of all contacts that one caller may see. Entries of deleted contacts are left out. Those of


    The list row of each entry's contact decides, looked up at most once for a list. For a caller who may read only
    their own contacts, the index of these excludes most others without a look-up.
    """

    def __init__(self, caller: Caller, contacts: ContactRows, cursors: Cursors, budget: Budget) -> None:
        self._caller = caller
        self._contacts = contacts
        self._cursors = cursors
        self._budget = budget

    def list(
        self,
        wanted: WantedEntries[E],
        *,
        limit: int,
        cursor: str | None,
        skip: int = 0,
        include_total: bool = False,
    ) -> Page[E]:
        """Return a page of the wanted entries, from a cursor on or without the first `skip`.

        `total`: from counters for a caller who may read all contacts, if there is one for these conditions; otherwise
        counted if `include_total`, as far as the budget suffices. When the budget is spent the page ends with what was
        found, which may be nothing, and has a cursor.

        Raises RuleBroken for a cursor of another list, and with code `too_deep` for a page beyond row 10,000 without a
        cursor.
        """
        level = self._caller.require("contacts:read")
        check_depth(skip, limit)
        self._budget.restart()
        scope = self._caller.scope(*wanted.query)
        numbered = NumberedPositions(self._cursors, scope)
        after, skip = numbered.open(cursor, skip)
        contacts = _VisibleContacts(self._caller, self._contacts, wanted.owner_id)
        taken = take(Walk(_steps(wanted, contacts, after, limit + 1 + skip), after, skip), limit)

        total = wanted.total() if level == "all" else None
        at_least = None
        if total is None and include_total:
            if taken.is_through and cursor is None:
                total = taken.matches
            else:
                met, is_all = count_matches(Walk(_steps(wanted, contacts, None, _LARGE_PORTION)))
                total, at_least = (met, None) if is_all else (None, max(met, taken.matches))
        return Page(
            [entry for _, entry in taken.found],
            None if taken.is_through else numbered.seal(taken.position, taken.skip),
            total,
            at_least,
            lambda number: numbered.seal(taken.found[number][0]),
        )

    def walk(self, wanted: WantedEntries[E]) -> Iterator[E]:
        """Yield all wanted entries, in order. Raises BudgetSpent when the budget is spent."""
        self._caller.require("contacts:read")
        contacts = _VisibleContacts(self._caller, self._contacts, wanted.owner_id)
        for _, is_match, entry in _steps(wanted, contacts, None, _LARGE_PORTION):
            if is_match and entry is not None:
                yield entry


class _VisibleContacts:
    """The contacts that a caller may see, each looked up at most once. `owner_id`: only those that this user owns.

    A merged contact is one of them if its survivor is.
    """

    def __init__(self, caller: Caller, contacts: ContactRows, owner_id: str | None) -> None:
        self._caller = caller
        self._contacts = contacts
        self._owner_id = owner_id
        self._sees_all = caller.level("contacts:read") == "all"
        self._known: dict[str, bool] = {}
        self._survivors: dict[str, str] = {}
        self._facets = [
            *([] if self._sees_all else [(OWN, caller.id)]),
            *([] if owner_id is None else [("owner_id", owner_id)]),
        ]
        self._candidates: frozenset[str] | None = None
        self._has_read_candidates = not self._facets

    def needs_look_up(self, contact_id: str) -> bool:
        """Whether only the contact's list row can tell if it is one of them."""
        if self._survivors.get(contact_id, contact_id) in self._known:
            return False
        candidates = self._find_candidates()
        return candidates is None or contact_id in candidates

    @property
    def few(self) -> Sequence[str] | None:
        """The ids that the indexes have, if these are at most MAX_FEW; otherwise None."""
        candidates = self._find_candidates()
        return sorted(candidates) if candidates is not None and len(candidates) <= MAX_FEW else None

    def look_up(self, contact_ids: set[str]) -> None:
        """Look up contacts. Those that no list shows may be merged: then their survivors are looked up."""
        wanted = contact_ids - self._survivors.keys()
        without_row = wanted - {row.id for row in self._read_rows(wanted)}
        if without_row:
            self._survivors.update(self._contacts.survivors(without_row))
        survivors = {self._survivors[one] for one in contact_ids if one in self._survivors}
        self._read_rows(survivors - self._known.keys())

    def _read_rows(self, contact_ids: Collection[str]) -> list[Contact]:
        """Look up contacts by their list rows. Return the rows that exist."""
        rows = self._contacts.rows(sorted(contact_ids)) if contact_ids else []
        self._known.update(dict.fromkeys(contact_ids, False))
        for contact in rows:
            is_visible = self._sees_all or self._caller.owns_contact(contact)
            self._known[contact.id] = is_visible and self._owner_id in (None, contact.owner_id)
        return rows

    def shows(self, contact_id: str) -> bool:
        """Whether a contact that was looked up, or needs no look-up, is one of them."""
        return self._known.get(self._survivors.get(contact_id, contact_id), False)

    def show(self, entry: E) -> E:
        """Return an entry of one of them as it is shown: an entry of a merged contact as its survivor's."""
        survivor_id = self._survivors.get(entry.contact_id)
        return entry if survivor_id is None else entry.with_fields({"contact_id": survivor_id})

    def _find_candidates(self) -> frozenset[str] | None:
        """Return what `_read_candidates` returns, read once."""
        if not self._has_read_candidates:
            self._candidates, self._has_read_candidates = self._read_candidates(), True
        return self._candidates

    def _read_candidates(self) -> frozenset[str] | None:
        """Return the ids of the contacts that may be among them, from the indexes of own contacts and of the owner's,
        with those of the contacts that were merged into them; None when they are too many to read them.
        """
        try:
            found = self._read_ids(self._facets)
            survivors = self._read_ids([SURVIVING, *self._facets]) if found else frozenset()
        except BudgetSpent:
            return None
        if found is None or survivors is None:
            return None
        for survivor in self._read_rows(survivors):
            self._survivors.update(dict.fromkeys(survivor.merged_from, survivor.id))
        found |= self._survivors.keys()
        return found if len(found) <= MAX_OWN else None

    def _read_ids(self, facets: Sequence[tuple[str, str]]) -> frozenset[str] | None:
        """Return the ids of the contacts with some facets; None if more than MAX_OWN steps find them."""
        low, high = _ALL
        walk = self._contacts.with_all(facets, after=None, descending=True, low=low, high=high)
        steps = list(islice(walk, MAX_OWN + 1))
        return frozenset(one for one, is_one in steps if is_one) if len(steps) <= MAX_OWN else None


def _steps(
    wanted: WantedEntries[E], contacts: _VisibleContacts, after: str | None, count: int
) -> Iterator[Step[E]]:
    """Yield a step for each entry after a position. `count`: how many are likely to be taken."""
    few = contacts.few
    portion = max(count + count // 8, _LEAST_PORTION if wanted.is_selective else 0)
    if few:
        portion = max(portion // len(few), _LEAST_OF_CONTACT)
    groups, shown = 0, 0

    def needs_look_up(found: tuple[str, E, bool]) -> bool:
        return found[2] and contacts.needs_look_up(found[1].contact_id)

    def group_size() -> int:
        """Return as many look-ups as are missing, and at least twice as many in each further group."""
        least = 1 << groups if groups else 0
        return min(max(count - shown, least, 1), MAX_LOOKUPS)

    entries = wanted.walk(after, min(portion, _LARGE_PORTION), few)
    found = ((position, entry, wanted.matches(entry)) for position, entry in entries)
    for group in group_entries(found, group_size, needs_row=needs_look_up):
        contacts.look_up({one[1].contact_id for one in group if needs_look_up(one)})
        groups += 1
        for position, entry, matches in group:
            is_match = matches and contacts.shows(entry.contact_id)
            shown += is_match
            yield position, is_match, contacts.show(entry) if is_match else entry
