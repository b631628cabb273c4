"""Suggests pairs of contacts that may be one person.

Only contacts that share a match key are compared. The keys that several contacts share have markers, which are walked
in order. Two contacts may share several keys; they are suggested at the first one that has a marker.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple, Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.duplicates.keys import MOST_CONTACTS, MatchKey
from shared.domain.duplicates.score import Compared, Comparison, compare
from shared.domain.duplicates.views import Duplicate
from shared.domain.tenant import TenantSettings
from shared.services.contacts.reading import ContactReading
from shared.services.paging import Cursors, Page, read_page
from shared.services.reading_budget import Budget
from shared.services.walks import Step, group_entries, read_page_of_steps

MOST_OF_NEW = 10
"""Possible duplicates in the answer to the creation of a contact."""
_KEYS_AT_ONCE = 50
"""Keys whose contacts are read together at most."""

Pair = tuple[str, str]
"""The ids of two contacts, the older one first."""


class SharedKeys(Protocol):
    """The match keys of one tenant; see `shared.table.duplicates.index.MatchIndex`."""

    def find_contacts(self, key: MatchKey) -> list[str]: ...

    def walk_shared(self, after: str | None = None) -> Iterator[tuple[str, MatchKey]]: ...

    def position_of(self, key: MatchKey) -> str: ...

    def key_at(self, position: str) -> MatchKey: ...

    def find_marked(self, keys: Collection[MatchKey]) -> set[MatchKey]: ...


class ContactRows(Protocol):
    """The contacts of one tenant as lists show them; see `shared.table.contacts.index.ContactIndex`."""

    def rows(self, contact_ids: Sequence[str]) -> list[Contact]: ...


class Dismissals(Protocol):
    """The pairs that were dismissed; see `shared.table.duplicates.dismissals.DismissalTable`."""

    def read(self, pairs: Collection[Pair]) -> Mapping[Pair, str]: ...


class Suggestion(NamedTuple):
    """Two contacts that may be one person, the older one first, and what they have in common."""

    one: Compared
    other: Compared
    comparison: Comparison

    @property
    def pair(self) -> Pair:
        """The ids of the contacts."""
        return self.one.contact.id, self.other.contact.id

    @property
    def keys(self) -> frozenset[MatchKey]:
        """The match keys that the contacts share."""
        return self.one.keys & self.other.keys


@dataclass(frozen=True, slots=True)
class ComparedGroup:
    """Contacts that were compared with each other, by id. `alike`: the pairs with the score, the older contact first.
    `dismissed`: those of them that were dismissed.
    """

    contacts: Mapping[str, Contact]
    alike: frozenset[Pair]
    dismissed: frozenset[Pair]


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A pair of contacts of a shared key, with the position of its marker; no pair at the end of the key."""

    position: str
    suggestion: Suggestion | None


class _Entry(NamedTuple):
    """A key that several contacts share, with the position of its marker. `after`: the pair after which to continue."""

    position: str
    key: MatchKey
    contact_ids: list[str]
    after: Pair | None


class Suggestions:
    """Pairs of contacts that may be one person, both of which one caller may see.

    What is read is charged to `budget`.
    """

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        keys: SharedKeys,
        contacts: ContactRows,
        dismissals: Dismissals,
        cursors: Cursors,
        budget: Budget,
        settings: Callable[[], TenantSettings],
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._keys = keys
        self._contacts = contacts
        self._dismissals = dismissals
        self._cursors = cursors
        self._budget = budget
        self._settings = settings

    def list_pairs(self, *, min_score: int, limit: int, cursor: str | None) -> Page[Duplicate]:
        """Return a page of the pairs with a score, those with the strongest keys first. It is shorter, with a cursor,
        when the budget is spent.
        """
        self._caller.require("contacts:read")
        return read_page_of_steps(
            lambda after: self.walk(after, min_score, most=limit + 1),
            _show,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("duplicates", str(min_score)),
        )

    def list_pairs_of(
        self, contact_id: str, *, min_score: int, limit: int, cursor: str | None
    ) -> Page[Duplicate]:
        """Return a page of the pairs of one contact with a score, the likeliest first. The contact comes first in each.

        The pairs of a merged contact are those of its survivor. Raises NotFound.
        """
        contact = self._reading.read_present(contact_id)
        found = self.find_alike(contact, min_score)
        dismissed = self._dismissals.read([_ordered(one).pair for one in found])
        pending = [one for one in found if dismissed.get(_ordered(one).pair) != one.comparison.digest]

        def read(limit: int, after: list[object] | None) -> list[Suggestion]:
            return [one for one in pending if after is None or _place_of(one) > after][:limit]

        return read_page(
            read,
            _place_of,
            _show,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("duplicates", str(min_score), contact_id),
        )

    def find_alike(self, contact: Contact, min_score: int) -> list[Suggestion]:
        """Return the contacts that may be the same person as one, which need not be written yet, the likeliest first.

        Dismissed pairs are not left out.
        """
        self._caller.require("contacts:read")
        compared = Compared.under(self._settings(), contact)
        having = [self._keys.find_contacts(key) for key in sorted(compared.keys)]
        ids = dict.fromkeys(one for found in having if len(found) <= MOST_CONTACTS for one in found)
        others = self._read_visible([one for one in ids if one != contact.id])
        found = (Suggestion(compared, other, compare(compared, other)) for other in others.values())
        wanted = (one for one in found if one.comparison.reasons and one.comparison.score >= min_score)
        return sorted(wanted, key=_place_of)

    def find_for_new(self, contact: Contact, min_score: int) -> list[Duplicate]:
        """Return what a contact that is about to be created may duplicate, at most MOST_OF_NEW."""
        return [_show(one) for one in self.find_alike(contact, min_score)[:MOST_OF_NEW]]

    def compare_all(self, contact_ids: Sequence[str], min_score: int) -> ComparedGroup:
        """Compare those of some contacts that the caller may see with each other, as lists show them."""
        self._caller.require("contacts:read")
        contacts = self._read_visible(sorted(contact_ids))
        found = (
            Suggestion(one, other, compare(one, other)) for one, other in combinations(contacts.values(), 2)
        )
        alike = [one for one in found if one.keys and one.comparison.score >= min_score]
        dismissed = self._dismissals.read([_ordered(one).pair for one in alike])
        return ComparedGroup(
            {one: compared.contact for one, compared in contacts.items()},
            frozenset(_ordered(one).pair for one in alike),
            frozenset(
                _ordered(one).pair
                for one in alike
                if dismissed.get(_ordered(one).pair) == one.comparison.digest
            ),
        )

    def walk(self, after: Sequence[str] | None, min_score: int, *, most: int) -> Iterator[Step[Suggestion]]:
        """Yield a step for each pair with a score after a position, and one for each shared key, with the strongest
        keys first. A pair matches if it is a suggestion. `most`: pairs whose dismissals are looked up together.
        """
        candidates = self._find_candidates(after, min_score, most)
        for portion in group_entries(candidates, most, needs_row=lambda one: one.suggestion):
            yield from self._judge(portion)

    def _find_candidates(
        self, after: Sequence[str] | None, min_score: int, most: int
    ) -> Iterator[_Candidate]:
        """Yield the pairs of the contacts of each shared key that have the score, and one candidate without a pair at
        the end of each key.
        """
        for group in group_entries(self._walk_keys(after), min(most, _KEYS_AT_ONCE), needs_row=bool):
            telling = {one for entry in group if _is_telling(entry) for one in entry.contact_ids}
            contacts = self._read_visible(sorted(telling))
            for entry in group:
                yield from self._compare(entry, contacts, min_score)
                yield _Candidate(entry.position, None)
                self._budget.check_time()

    def _walk_keys(self, after: Sequence[str] | None) -> Iterator[_Entry]:
        """Yield the keys that several contacts share after a position: that of a marker, or of a pair at a marker."""
        position = after[0] if after else None
        if after and len(after) > 1 and position is not None:
            key = self._keys.key_at(position)
            yield _Entry(position, key, self._keys.find_contacts(key), (after[1], after[2]))
        for at, key in self._keys.walk_shared(position):
            yield _Entry(at, key, self._keys.find_contacts(key), None)

    def _compare(
        self, entry: _Entry, contacts: Mapping[str, Compared], min_score: int
    ) -> Iterator[_Candidate]:
        """Yield the pairs of the contacts of a key that have the score and still share the key."""
        found = (contacts.get(one) for one in sorted(entry.contact_ids) if _is_telling(entry))
        having = [one for one in found if one is not None and entry.key in one.keys]
        for one, other in combinations(having, 2):
            if entry.after is not None and (one.contact.id, other.contact.id) <= entry.after:
                continue
            comparison = compare(one, other)
            if comparison.reasons and comparison.score >= min_score:
                yield _Candidate(entry.position, Suggestion(one, other, comparison))

    def _judge(self, candidates: Sequence[_Candidate]) -> Iterator[Step[Suggestion]]:
        """Yield a step for each candidate: a match if the pair was not dismissed, and has no marker before this one."""
        earlier = {
            one: [key for key in one.suggestion.keys if self._keys.position_of(key) < one.position]
            for one in candidates
            if one.suggestion is not None
        }
        marked = self._keys.find_marked({key for keys in earlier.values() for key in keys})
        first = [
            one.suggestion for one, keys in earlier.items() if one.suggestion and marked.isdisjoint(keys)
        ]
        dismissed = self._dismissals.read([one.pair for one in first])
        pending = {one.pair for one in first if dismissed.get(one.pair) != one.comparison.digest}
        for candidate in candidates:
            one = candidate.suggestion
            if one is None:
                yield [candidate.position], False, None
            else:
                is_first = marked.isdisjoint(earlier[candidate])
                yield [candidate.position, *one.pair], is_first and one.pair in pending, one
            self._budget.advance()

    def _read_visible(self, contact_ids: Sequence[str]) -> dict[str, Compared]:
        """Return those of some contacts that the caller may see, by id."""
        sees_all = self._caller.level("contacts:read") == "all"
        return {
            one.id: Compared(one)
            for one in (self._contacts.rows(contact_ids) if contact_ids else ())
            if sees_all or self._caller.owns_contact(one)
        }


def _is_telling(entry: _Entry) -> bool:
    return 2 <= len(entry.contact_ids) <= MOST_CONTACTS


def _ordered(one: Suggestion) -> Suggestion:
    return (
        one if one.one.contact.id < one.other.contact.id else Suggestion(one.other, one.one, one.comparison)
    )


def _place_of(one: Suggestion) -> list[object]:
    return [-one.comparison.score, one.other.contact.id]


def _show(one: Suggestion) -> Duplicate:
    return Duplicate.of(one.one.contact, one.other.contact, one.comparison)
