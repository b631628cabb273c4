"""How many of the duplicates among invented people are found, how many pairs that are found are duplicates, and what a
page of suggestions costs as a tenant grows.

The yardstick is how general tools match without knowledge of people: pairs with a common block (an address, a number or
a last name), compared as texts by the trigrams of all fields, with the threshold that is best for this very set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from math import inf
from typing import Any

from benchmarks import people as invented
from benchmarks import scale
from benchmarks.duplicate_people import Person, make_people, pairs_of
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.duplicates.keys import MOST_CONTACTS, NATIONAL_ID, MatchKey
from shared.domain.duplicates.score import DEFAULT_SCORE, Compared, compare
from shared.domain.tenant import TenantSettings
from shared.projections.comparison import build_expected
from shared.services.contacts.reading import ContactReading
from shared.services.duplicates.suggestions import Suggestions
from shared.services.reading_budget import Budget
from shared.table.contacts import items as contact_items
from shared.table.contacts.index import ContactIndex
from shared.table.contacts.repository import ContactTable
from shared.table.cursors import Cursors
from shared.table.duplicates.dismissals import DismissalTable
from shared.table.duplicates.index import MatchIndex
from shared.table.keys.spelling import identity_of

Pair = tuple[int, int]
_AT = "2026-01-01T00:00:00.000Z"
_TENANT = "t1"
_CALLER = Caller(_TENANT, "user", "u1", "admin")
SIZES = (1_000, 50_000)


@dataclass(frozen=True, slots=True)
class Quality:
    """How well duplicates were found: `found` pairs, of which `right` ones are among the `duplicates`."""

    found: int
    right: int
    duplicates: int

    @property
    def precision(self) -> float:
        """The share of the pairs found that are duplicates."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """The share of the duplicates that were found."""
        return self.right / self.duplicates

    @property
    def harmonic_mean(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.right / (self.found + self.duplicates)


def contact_of(person: Person, number: int) -> Contact:
    """Return the contact for an entry of the set."""
    return Contact.model_validate(
        {
            "id": f"01996f3a-7c00-7000-8000-{number:012}",
            "first_name": person.first_name,
            "last_name": person.last_name,
            "full_name": f"{person.first_name} {person.last_name}",
            "email": person.email,
            "phone": person.phone,
            "whatsapp": person.whatsapp,
            "company": person.company,
            "custom_fields": {NATIONAL_ID: person.key} if person.key else {},
            "created_at": _AT,
            "created_by": "system:bench",
            "updated_at": _AT,
            "updated_by": "system:bench",
        }
    )


def find_pairs(people: list[Person]) -> dict[Pair, int]:
    """Return the pairs that share a match key, with their scores, as the table's index finds them."""
    contacts = [Compared(contact_of(one, number)) for number, one in enumerate(people)]
    having: dict[MatchKey, list[int]] = {}
    for number, contact in enumerate(contacts):
        for key in contact.keys:
            having.setdefault(key, []).append(number)
    pairs = {
        pair
        for numbers in having.values()
        if len(numbers) <= MOST_CONTACTS
        for pair in combinations(numbers, 2)
    }
    return {(one, other): compare(contacts[one], contacts[other]).score for one, other in pairs}


def judge(found: Iterable[Pair], duplicates: set[Pair]) -> Quality:
    """Return how well the duplicates were found."""
    pairs = set(found)
    return Quality(len(pairs), len(pairs & duplicates), len(duplicates))


def judge_suggestions(people: list[Person], least: int = DEFAULT_SCORE) -> Quality:
    """Return how well suggestions with a least score find the duplicates of the set."""
    return judge((pair for pair, score in find_pairs(people).items() if score >= least), pairs_of(people))


def judge_texts(people: list[Person]) -> tuple[Quality, float]:
    """Return how well the yardstick finds the duplicates of the set, at its best threshold, and that threshold."""
    duplicates = pairs_of(people)
    likeness = {pair: _compare_texts(people[pair[0]], people[pair[1]]) for pair in set(_blocked(people))}
    judged = [
        (judge((pair for pair, like in likeness.items() if like >= least), duplicates), least)
        for least in (percent / 100 for percent in range(20, 100, 2))
    ]
    return max(judged, key=lambda one: one[0].harmonic_mean)


def _blocked(people: list[Person]) -> Iterator[Pair]:
    blocks: dict[str, list[int]] = {}
    for number, one in enumerate(people):
        for value in {one.email, one.phone or "", one.last_name.casefold()} - {""}:
            blocks.setdefault(value, []).append(number)
    for numbers in blocks.values():
        yield from combinations(numbers, 2)


def _compare_texts(one: Person, other: Person) -> float:
    """Return the share of the trigrams of two entries that they have in common (the Jaccard index)."""
    ones, others = _trigrams(one), _trigrams(other)
    return len(ones & others) / len(ones | others)


def _trigrams(person: Person) -> set[str]:
    fields = (person.first_name, person.last_name, person.email, person.phone or "", person.company)
    text = f"  {' '.join(fields).casefold()} "
    return {text[at : at + 3] for at in range(len(text) - 2)}


def table(seeds: Iterable[int] = (16, 17, 18)) -> str:
    """Return the table of the figures, for sets of several seeds."""
    lines = [
        f"duplicates among 2,000 people, found at the default score of {DEFAULT_SCORE}",
        f"{'seed':>6}  {'duplicates':>10}  {'precision':>9}  {'recall':>6}    as texts: precision  recall  threshold",
    ]
    for seed in seeds:
        people = make_people(seed)
        ours, (texts, least) = judge_suggestions(people), judge_texts(people)
        lines.append(
            f"{seed:>6}  {ours.duplicates:>10}  {ours.precision:>9.3f}  {ours.recall:>6.3f}    "
            f"{texts.precision:>19.3f}  {texts.recall:>6.3f}  {least:>9.2f}"
        )
    return "\n".join(lines)


def _contacts_with_pairs(size: int) -> Iterator[Contact]:
    """Yield invented contacts. Each tenth one is the person of the one before, with a common mailbox or number; others
    share no values.
    """
    before: Contact | None = None
    for number, contact in enumerate(invented.contacts(size)):
        after = contact.with_fields({"phone": f"+1415{number:07}", "company": ""})
        if before is not None and number % 10 == 9:
            local, _, domain = (before.email or "").partition("@")
            names = {name: getattr(before, name) for name in ("first_name", "last_name", "full_name")}
            shared = {"email": f"{local}+x@{domain}"} if number % 20 == 9 else {"phone": before.phone}
            after = after.with_fields({**names, **shared})
        yield after
        before = after


def measure_cost(size: int) -> dict[str, tuple[int, float]]:
    """Measure the calls and read units of the first page of suggestions, and of the suggestions of one contact, in a
    tenant with invented contacts.
    """
    images = [contact_items.contact_to_item(_TENANT, one) for one in _contacts_with_pairs(size)]
    expected = build_expected(_TENANT, images)
    records = {identity_of(image): image for image in images}
    memory = scale.MemoryStore.of({**records, **expected})
    store: Any = memory
    budget = Budget(seconds=inf)
    found = Suggestions(
        _CALLER,
        ContactReading(_CALLER, ContactTable(store, _TENANT)),
        MatchIndex(store, _TENANT, budget),
        ContactIndex(store, _TENANT, budget),
        DismissalTable(store, _TENANT, budget),
        Cursors(b"bench"),
        budget,
        TenantSettings,
    )
    measured = {}
    page = found.list_pairs(min_score=DEFAULT_SCORE, limit=25, cursor=None)
    assert page.items
    measured["25 suggestions"] = memory.calls, memory.units
    memory.calls, memory.units = 0, 0.0
    found.list_pairs_of(page.items[0].contact_ids[0], min_score=DEFAULT_SCORE, limit=25, cursor=None)
    measured["the suggestions of one contact"] = memory.calls, memory.units
    return measured


def costs_table() -> str:
    """Return the table of the costs as a tenant grows."""
    columns = [measure_cost(size) for size in SIZES]
    rows = [["duplicates: calls / read units", *(f"{size:,} contacts" for size in SIZES)]]
    rows += [[name, *("{} / {:g}".format(*column[name]) for column in columns)] for name in columns[0]]
    return scale.align(rows)
