"""Which pairs are suggested, page by page, over an index in memory."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from typing import Any

import pytest

from benchmarks.duplicate_people import Person
from benchmarks.duplicates import contact_of
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.duplicates.keys import KINDS, MOST_CONTACTS, MatchKey, match_keys
from shared.domain.duplicates.score import Compared, compare
from shared.domain.tenant import TenantSettings
from shared.services.contacts.reading import ContactReading
from shared.services.duplicates.suggestions import Pair, Suggestions
from shared.services.reading_budget import Budget
from shared.table.cursors import Cursors
from tests.support.budgets import repetitions

ADMIN = Caller("t1", "user", "admin", "admin")
OWN = Caller("t1", "user", "u1", "user", granted={"contacts:read": "own"})


class Index:
    """The match keys, rows and dismissals of some contacts. `asked`: how often keys were looked up."""

    def __init__(self, contacts: Sequence[Contact], budget: Budget | None = None) -> None:
        self.contacts = {one.id: one for one in contacts}
        self.dismissed: dict[Pair, str] = {}
        self.budget = budget or Budget.unlimited()
        self.having: dict[MatchKey, list[str]] = {}
        for one in contacts:
            for key in match_keys(one):
                self.having.setdefault(key, []).append(one.id)

    def get(self, contact_id: str) -> Contact | None:
        return self.contacts.get(contact_id)

    def rows(self, contact_ids: Sequence[str]) -> list[Contact]:
        self.budget.charge(len(contact_ids))
        return [self.contacts[one] for one in contact_ids if one in self.contacts]

    def find_contacts(self, key: MatchKey) -> list[str]:
        self.budget.check()
        found = sorted(self.having.get(key, ()))[: MOST_CONTACTS + 1]
        self.budget.charge(max(1, len(found)))
        return found

    def walk_shared(self, after: str | None = None) -> Iterator[tuple[str, MatchKey]]:
        for position, key in sorted((self.position_of(key), key) for key in self.having):
            if self.find_marked([key]) and (after is None or position > after):
                yield position, key

    def position_of(self, key: MatchKey) -> str:
        return f"{KINDS.index(key.kind)}#{key.kind}#{key.value}#"

    def key_at(self, position: str) -> MatchKey:
        return next(key for key in self.having if self.position_of(key) == position)

    def find_marked(self, keys: Collection[MatchKey]) -> set[MatchKey]:
        return {key for key in keys if 2 <= len(self.having.get(key, ())) <= MOST_CONTACTS}

    def read(self, pairs: Collection[Pair]) -> dict[Pair, str]:
        return {pair: digest for pair, digest in self.dismissed.items() if pair in pairs}

    def suggestions(self, caller: Caller = ADMIN) -> Suggestions:
        return Suggestions(
            caller,
            ContactReading(caller, self),
            self,
            self,
            self,
            Cursors(b"key"),
            self.budget,
            TenantSettings,
        )

    def walk(self, caller: Caller = ADMIN, *, min_score: int = 70, limit: int = 25) -> list[Pair]:
        """All pairs, page by page; the budget begins again with each page."""
        found: list[Pair] = []
        cursor: str | None = None
        while True:
            self.budget.restart()
            page = self.suggestions(caller).list_pairs(min_score=min_score, limit=limit, cursor=cursor)
            assert len(page.items) <= limit
            found += [(one.contact_ids[0], one.contact_ids[1]) for one in page.items]
            if page.next_cursor is None:
                return found
            assert cursor != page.next_cursor, "each page gets further"
            cursor = page.next_cursor


def someone(number: int, chosen: random.Random, **fields: Any) -> Contact:
    """A contact with few different values, so that many share several of them."""
    person = Person(
        number,
        "",
        chosen.choice(("Ada", "Adda", "A.", "Grace", "")) or "Bob",
        chosen.choice(("Lovelace", "Lovelcae", "Hopper")),
        f"{chosen.choice('abc')}+{number}@example.com",
        phone=chosen.choice((None, "+14155550101", "+14155550102", "+14155550103")),
        company=chosen.choice(("", "Engines", "Navy")),
    )
    return contact_of(person, number).with_fields({"owner_id": chosen.choice(("u1", "u2")), **fields})


def pairs_by_definition(contacts: Sequence[Contact], index: Index, least: int) -> set[Pair]:
    """All pairs with a score that share a key which has a marker."""
    return {
        (one.id, other.id)
        for one, other in combinations(contacts, 2)
        if index.find_marked(match_keys(one) & match_keys(other))
        and (found := compare(Compared(one), Compared(other))).reasons
        and found.score >= least
    }


@pytest.mark.parametrize("seed", range(repetitions(12)))
def test_each_pair_is_suggested_once_on_pages_of_any_size_and_budget(seed: int) -> None:
    chosen = random.Random(seed)
    contacts = [someone(number, chosen) for number in range(chosen.choice((2, 12, 40, 90)))]
    least = chosen.choice((0, 40, 70, 90))
    rows = chosen.choice((math.inf, 1, 30, 300))
    index = Index(contacts, Budget(rows, math.inf))
    found = index.walk(min_score=least, limit=chosen.choice((7, 25, 100)))
    assert len(found) == len(set(found))
    assert set(found) == pairs_by_definition(contacts, index, least)


def test_the_strongest_kind_of_key_comes_first() -> None:
    chosen = random.Random(1)
    index = Index([someone(number, chosen) for number in range(30)])
    kinds = []
    for pair in index.walk(min_score=0):
        keys = match_keys(index.contacts[pair[0]]) & match_keys(index.contacts[pair[1]])
        kinds.append(min(KINDS.index(key.kind) for key in keys))
    assert kinds == sorted(kinds) and len(set(kinds)) > 1


def test_a_key_that_more_than_fifty_contacts_have_makes_no_pairs() -> None:
    chosen = random.Random(2)
    same = {
        "first_name": "Ada",
        "last_name": "King",
        "full_name": "Ada King",
        "company": "",
        "phone": "+14155550199",
    }
    for count, pairs in ((MOST_CONTACTS, math.comb(MOST_CONTACTS, 2)), (MOST_CONTACTS + 1, 0)):
        contacts = [someone(number, chosen, **same, email=f"{number}@example.com") for number in range(count)]
        index = Index(contacts)
        assert len(index.walk(limit=100)) == pairs
        first = index.suggestions().list_pairs_of(contacts[0].id, min_score=0, limit=100, cursor=None)
        assert len(first.items) == (count - 1 if pairs else 0)


def test_a_pair_whose_first_common_key_has_no_marker_is_suggested_at_the_next_one() -> None:
    chosen = random.Random(3)
    same = {"first_name": "Ada", "last_name": "King", "full_name": "Ada King", "company": ""}
    crowd = [
        someone(number, chosen, **same, phone="+14155550199", email=f"{number}@example.com")
        for number in range(60)
    ]
    twins = [one.with_fields({"whatsapp": "+14155550200"}) for one in crowd[:2]]
    assert Index([*twins, *crowd[2:]]).walk() == [(twins[0].id, twins[1].id)]


def test_callers_see_pairs_of_contacts_that_they_both_see() -> None:
    chosen = random.Random(4)
    contacts = [someone(number, chosen) for number in range(40)]
    index = Index(contacts)
    own = {one.id for one in contacts if one.owner_id == "u1"}
    everything = index.walk(min_score=0)
    assert set(index.walk(OWN, min_score=0)) == {pair for pair in everything if own.issuperset(pair)}
    for contact_id in own:
        page = index.suggestions(OWN).list_pairs_of(contact_id, min_score=0, limit=100, cursor=None)
        assert all(own.issuperset(one.contact_ids) for one in page.items)


def test_the_pairs_of_a_contact_are_those_of_the_list_the_likeliest_first() -> None:
    chosen = random.Random(5)
    contacts = [someone(number, chosen) for number in range(40)]
    index = Index(contacts)
    everything = {frozenset(pair) for pair in index.walk(min_score=30)}
    found: set[frozenset[str]] = set()
    for contact in contacts:
        scores, cursor = [], None
        while True:
            page = index.suggestions().list_pairs_of(contact.id, min_score=30, limit=3, cursor=cursor)
            assert all(one.contact_ids[0] == contact.id for one in page.items)
            scores += [one.score for one in page.items]
            found |= {frozenset(one.contact_ids) for one in page.items}
            if (cursor := page.next_cursor) is None:
                break
        assert scores == sorted(scores, reverse=True)
    assert found == everything


def test_a_dismissed_pair_is_left_out_while_what_is_common_stays() -> None:
    chosen = random.Random(6)
    index = Index([someone(number, chosen) for number in range(30)])
    before = index.walk()
    one, other = before[0]
    pair = Compared(index.contacts[one]), Compared(index.contacts[other])
    index.dismissed = {(one, other): compare(*pair).digest}
    assert index.walk() == before[1:]
    listed = index.suggestions().list_pairs_of(other, min_score=70, limit=100, cursor=None)
    assert one not in {two.contact_ids[1] for two in listed.items}
    index.dismissed = {(one, other): "of other values"}
    assert index.walk() == before


def test_a_page_ends_early_when_its_time_is_up_and_the_next_one_goes_on() -> None:
    chosen = random.Random(7)
    contacts = [someone(number, chosen) for number in range(40)]
    clock = iter(range(10**9))
    slow = Index(contacts, Budget(math.inf, 3, clock=lambda: float(next(clock))))
    assert slow.walk(limit=100) == Index(contacts).walk(limit=100)
