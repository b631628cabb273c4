"""The cost of reading lists as a tenant grows: calls, read units and items scanned, by DynamoDB's rules.

No emulator is used: the projections of invented contacts are in sorted lists in memory, with the interface of the
table, and each read is counted.
"""

from __future__ import annotations

import contextlib
import math
import random
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from benchmarks import people
from shared.domain.callers import Caller
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.record import Contact
from shared.domain.errors import RuleBroken
from shared.domain.labels.record import NO_LABELS, Labels
from shared.projections.comparison import build_expected
from shared.services.contacts.lists import ContactLists
from shared.services.reading_budget import Budget
from shared.table.contacts import items as contact_items
from shared.table.contacts.index import ContactIndex
from shared.table.cursors import Cursors
from shared.table.item import Item
from shared.table.keys import counters as counter_keys
from shared.table.keys import postings as posting_keys
from shared.table.keys.spelling import SK, Key, identity_of
from shared.table.postings import chunks_of

_HOW = ("sort", "skip", "include_total")
SIZES = (1_000, 10_000, 50_000)
BUDGET_UNITS = 60
_QUERY_BYTES = 1_048_576  # the most that one query scans
_TENANT = "t1"
_CALLER = Caller(_TENANT, "user", "u1", "admin")

READS: dict[str, dict[str, Any]] = {
    "list, newest first": {},
    "list by name": {"sort": "name"},
    "list by last change": {"sort": "-updated_at"},
    "list by last booking": {"sort": "-last_booking_at"},
    "list by number of bookings": {"sort": "-total_bookings"},
    "active by name": {"sort": "name", "is_active": True},
    "row 500 of a tag": {"tags": ("newsletter",), "skip": 475},
    "row 1,000, newest first": {"skip": 975},
    "row 1,000 by name": {"sort": "name", "skip": 975},
    "row 10,000, newest first": {"skip": 9_975},
    "row 10,000 by name": {"sort": "name", "skip": 9_975},
    "tag, every second": {"tags": ("newsletter",)},
    "tag, thirty in all": {"tags": ("gold",)},
    "two tags": {"tags": ("vip", "spring")},
    "tag and owner": {"tags": ("vip",), "owner_id": "owner-1"},
    "tag and source": {"tags": ("spring",), "source": "import"},
    "active and tag": {"is_active": True, "tags": ("vip",)},
    "inactive": {"is_active": False},
    "three tags": {"tags": ("vip", "spring", "newsletter")},
    "created in a day": {
        "created_from": "2025-01-01T06:00:00.000Z",
        "created_to": "2025-01-01T12:00:00.000Z",
    },
    "search, one word": {"search": "muller"},
    "search, two words": {"search": "jose garcia"},
    "search and tag": {"search": "smith", "tags": ("vip",)},
    "search and two tags": {"search": "smith", "tags": ("vip", "spring")},
    "search, rare, and tag": {"search": "p77", "tags": ("newsletter",)},
    "search, address": {"search": "p77@"},
    "number's end": {"search": "5550"},
    "changed before all": {"updated_to": "2001-01-01T00:00:00.000Z"},
    "changed before all, by name": {"updated_to": "2001-01-01T00:00:00.000Z", "sort": "name"},
    "changed since some day": {"updated_from": "2024-01-01T00:00:00.000Z"},
    "booked, none in that time": {"last_booking_from": "2099-01-01T00:00:00.000Z"},
    "booked, some day": {"last_booking_from": "2024-01-01T00:00:00.000Z"},
    "contacted, none in that time": {"last_contacted_from": "2099-01-01T00:00:00.000Z"},
    "common values, none has them": {"is_active": True, "also": (ContactFilter(email="-"),)},
    "by name, none has them": {"is_active": True, "source": "api", "has_bookings": True, "sort": "name"},
    "by bookings, those without": {"has_bookings": False, "sort": "-total_bookings"},
    "search of one letter, none is left": {"search": "a", "is_primary": True},
    "search of one letter, by name": {"search": "a", "sort": "name"},
    "total of two tags": {"tags": ("vip", "spring"), "include_total": True},
    "total of common values": {"is_active": True, "source": "api", "include_total": True},
    "total of a search": {"search": "smith", "include_total": True},
    "tags, ten thousand passed over": {"tags": ("newsletter",), "skip": 9_975},
    "common values, ten thousand passed over": {"is_active": True, "skip": 9_975},
}
"""Reads of one page each. The budget of a request bounds their cost, however large the tenant."""


@dataclass(slots=True)
class MemoryStore:
    """The reading methods of `shared.table.store.Store` over sorted lists, which count what is read."""

    partitions: dict[str, list[str]] = field(default_factory=dict)
    found: dict[tuple[str, str], Item] = field(default_factory=dict)
    calls: int = 0
    units: float = 0.0
    scanned: int = 0
    rows: int = 0
    """Items that were returned, looked up by their keys or found by queries."""

    @classmethod
    def of(cls, given: dict[tuple[str, str], Item]) -> MemoryStore:
        partitions: defaultdict[str, list[str]] = defaultdict(list)
        for pk, sk in sorted(given):
            partitions[pk].append(sk)
        return cls(dict(partitions), given)

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        return self.get_many([key], consistent=consistent).get(identity_of(key))

    def get_many(self, wanted: Sequence[Key], *, consistent: bool = True) -> dict[tuple[str, str], Item]:
        self.calls += math.ceil(len(wanted) / 100)
        found: dict[tuple[str, str], Item] = {}
        for key in wanted:
            place = identity_of(key)
            item = self.found.get(place)
            self.units += _units(_size(item) if item else 0, consistent)
            self.rows += 1
            if item:
                found[place] = item
        return found

    def query(
        self,
        partition: str,
        *,
        limit: int,
        prefix: str | None = None,
        after: str | None = None,
        between: tuple[str, str] | None = None,
        descending: bool = False,
        consistent: bool = False,
    ) -> list[Item]:
        low, high = between or ((prefix, prefix + "\U0010ffff") if prefix else ("", "\U0010ffff"))
        if after is not None:
            low, high = (low, after) if descending else (after, high)
        # The item at `after` is read too, as in Store.
        read = self._read(partition, low, high, limit + (after is not None), descending, consistent)
        self.rows += len(read)
        return [item for item in read if item[SK]["S"] != after][:limit]

    def skip(
        self,
        partition: str,
        count: int,
        *,
        between: tuple[str, str] | None = None,
        descending: bool = False,
        go_on: Callable[[], bool] = lambda: True,
    ) -> tuple[int, str | None]:
        low, high = between or ("", "\U0010ffff")
        read = self._read(partition, low, high, count, descending, consistent=False)
        return len(read), read[-1][SK]["S"] if len(read) == count else None

    def _read(
        self, partition: str, low: str, high: str, limit: int, descending: bool, consistent: bool
    ) -> list[Item]:
        sort_keys = self.partitions.get(partition, [])
        chosen = sort_keys[bisect_left(sort_keys, low) : bisect_right(sort_keys, high)]
        read = [self.found[partition, sk] for sk in (chosen[::-1] if descending else chosen)[:limit]]
        size = sum(map(_size, read))
        self.calls += max(1, math.ceil(size / _QUERY_BYTES))
        self.scanned += len(read)
        self.units += _units(size, consistent)
        return read


def _size(item: Item) -> int:
    """Return an item's bytes: names and values (Amazon DynamoDB Developer Guide, "Item sizes and formats")."""
    total = 0
    for name, attribute in item.items():
        kind, value = next(iter(attribute.items()))
        total += len(name)
        if kind == "S":
            total += len(value.encode())
        elif kind == "B":
            total += len(value)
        elif kind == "L":
            total += 3 + sum(1 + len(one["S"].encode()) for one in value)
        else:
            total += 1 + len(str(value)) // 2
    return total


def _units(size: int, consistent: bool) -> float:
    return max(1, math.ceil(size / 4096)) * (1.0 if consistent else 0.5)


class _NoLocks:
    def all_owners_of_email(self, email: str, *, limit: int) -> list[str]:
        return []


class _NoLabels:
    """Labels without names: filters name them by their ids."""

    def recent(self) -> Labels:
        return NO_LABELS


def _lists(store: MemoryStore) -> ContactLists:
    budget = Budget(seconds=inf)
    index: Any = ContactIndex(store, _TENANT, budget)  # type: ignore[arg-type]
    labels: Any = _NoLabels()
    return ContactLists(_CALLER, index, _NoLocks(), labels, Cursors(b"bench"), budget)


def measure(size: int) -> dict[str, tuple[int, float, int]]:
    """Measure for each read the calls, read units and items scanned of a first page of 25."""
    images = (contact_items.contact_to_item(_TENANT, one) for one in people.contacts(size))
    store = MemoryStore.of(build_expected(_TENANT, images))
    lists = _lists(store)
    measured = {}
    for name, wanted in READS.items():
        store.calls, store.units, store.scanned = 0, 0.0, 0
        conditions, how = split_read(wanted)
        with contextlib.suppress(
            RuleBroken
        ):  # a read that is too broad to be sorted costs units all the same
            lists.list(ContactFilter(**conditions), **how, limit=25, cursor=None)
        measured[name] = store.calls, store.units, store.scanned
    return measured


def split_read(read: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a read's conditions, and the options of its list."""
    how = {"sort": None, **{part: read[part] for part in _HOW if part in read}}
    return {part: value for part, value in read.items() if part not in how}, how


WALKS: dict[str, dict[str, Any]] = {
    "list, newest first": {},
    "by name": {"sort": "name"},
    "tag, every second": {"tags": ("newsletter",)},
    "search, one word": {"search": "muller"},
}


def measure_walks() -> dict[str, tuple[int, int, float]]:
    """Measure for each walk by cursor through the largest tenant, in pages of 100, the contacts, calls and read units.

    Raises AssertionError unless it returns each matching contact exactly once.
    """
    contacts = list(people.contacts(SIZES[-1]))
    images = (contact_items.contact_to_item(_TENANT, one) for one in contacts)
    store = MemoryStore.of(build_expected(_TENANT, images))
    lists = _lists(store)
    measured = {}
    for name, wanted in WALKS.items():
        store.calls, store.units = 0, 0.0
        sort = wanted.get("sort")
        matching = ContactFilter(**{part: value for part, value in wanted.items() if part != "sort"})
        walked: list[str] = []
        cursor: str | None = None
        while True:
            page = lists.list(matching, sort=sort, limit=100, cursor=cursor)
            walked += [one.id for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
            assert len(page.items) == 100
        assert sorted(walked) == sorted(one.id for one in contacts if matching.matches(one))
        measured[name] = len(walked), store.calls, store.units
    return measured


def walks_table() -> str:
    """Return the costs of walking whole lists by cursor, which also checks that each contact is returned once."""
    rows = [[f"walks of {SIZES[-1]:,} by cursor, each contact once", "contacts", "calls / read units"]]
    rows += [
        [name, f"{count:,}", f"{calls:,} / {units:,g}"]
        for name, (count, calls, units) in measure_walks().items()
    ]
    return align(rows)


_TOGETHER = 10


def _at_random(each: int) -> list[str]:
    chosen = list("abc" * each) + [""] * (SIZES[-1] - 3 * each)
    random.Random(1).shuffle(chosen)
    return chosen


def _in_blocks(length: int) -> list[str]:
    """Return blocks of a, b and c, and two thirds as many contacts without any."""
    return [("a", "b", "c", "", "")[number // length % 5] for number in range(SIZES[-1])]


SPREADS: dict[str, list[str]] = {
    "10,000 each, at random": _at_random(10_000),
    "10,000 each, in turn": _in_blocks(1),
    "10,000 each, in blocks of 100": _in_blocks(100),
    "10,000 each, in blocks of 300": _in_blocks(300),
    "10,000 each, in blocks of 1,000": _in_blocks(1_000),
    "10,000 each, in three blocks": _in_blocks(10_000),
    "10,000 each, two alike and one apart": [
        {"a": "ab", "b": "c"}.get(letter, "") for letter in _at_random(10_000)
    ],
    "16,666 each, at random": _at_random(16_666),
}
"""Distributions of three tags in the largest tenant: the tags of each contact. Ten further contacts, evenly spread,
have all three; no other contact does."""


def measure_spreads() -> dict[str, list[float]]:
    """Measure for each distribution the calls and read units that find the ten contacts with all three tags, newest and
    oldest first.
    """
    contacts = list(people.contacts(SIZES[-1]))
    measured: dict[str, list[float]] = {}
    for name, spread in SPREADS.items():
        store = _build_spread(contacts, spread)
        measured[name] = []
        for sort in ("-created_at", "created_at"):
            store.calls, store.units = 0, 0.0
            page = _lists(store).list(ContactFilter(tags=("a", "b", "c")), sort=sort, limit=25, cursor=None)
            assert len(page.items) == _TOGETHER
            measured[name] += [store.calls, store.units]
    return measured


def _build_spread(contacts: Sequence[Contact], spread: Sequence[str]) -> MemoryStore:
    """Return a store with the posting lists and counters of the three tags, and the rows of the ten contacts."""
    apart = len(contacts) // _TOGETHER
    together = contacts[apart // 2 :: apart]
    chosen = {one.id for one in together}
    given = build_expected(
        _TENANT,
        (
            contact_items.contact_to_item(_TENANT, one.model_copy(update={"tag_ids": [*"abc"]}))
            for one in together
        ),
    )
    for tag in "abc":
        ids = [one.id for one, has in zip(contacts, spread, strict=True) if tag in has or one.id in chosen]
        counter = {**counter_keys.counter(_TENANT, f"tag={tag}"), "amount": {"N": str(len(ids))}}
        for item in (counter, *chunks_of(posting_keys.partition(_TENANT, "tag", tag), ids)):
            given[identity_of(item)] = item
    return MemoryStore.of(given)


def spreads_table() -> str:
    """Return the costs of three tags that many contacts have, of which ten have all, for each distribution."""
    rows = [
        [f"three tags among {SIZES[-1]:,}, ten with all: calls / read units", "newest first", "oldest first"]
    ]
    for name, (calls, units, calls_up, units_up) in measure_spreads().items():
        rows.append([name, f"{calls} / {_format_units(units)}", f"{calls_up} / {_format_units(units_up)}"])
    return align(rows)


def table() -> str:
    """Return the calls, read units and items scanned of each read at each size."""
    columns = [measure(size) for size in SIZES]
    head = [
        f"a page of 25: calls / read units (! over {BUDGET_UNITS}) / items scanned",
        *(f"{size:,} contacts" for size in SIZES),
    ]
    rows = [head] + [
        [name, *(f"{c} / {_format_units(u)} / {s}" for c, u, s in (column[name] for column in columns))]
        for name in READS
    ]
    return align(rows)


def _format_units(units: float) -> str:
    return f"{units:g}{'!' if units > BUDGET_UNITS else ''}"


def align(rows: list[list[str]]) -> str:
    """Return rows of cells as lines with aligned columns."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(widths[n]) for n, cell in enumerate(row)).rstrip() for row in rows)


if __name__ == "__main__":
    print(table(), spreads_table(), walks_table(), sep="\n\n")
