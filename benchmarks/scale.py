"""What reading lists costs as a tenant grows: calls, read units and items gone through, by DynamoDB's rules.

No emulator is asked: the projections of made-up contacts lie in sorted lists in memory, behind the same interface as
the table, and each read is counted.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import people
from shared.domain.callers import Caller
from shared.domain.contact_filter import ContactFilter
from shared.projections.contacts import expected
from shared.services.contact_lists import ContactLists
from shared.table import items, keys
from shared.table.contact_index import ContactIndex
from shared.table.cursors import Cursors
from shared.table.store import Item

SIZES = (1_000, 10_000, 50_000)
BUDGET_UNITS = 60
_TENANT = "t1"
_CALLER = Caller(_TENANT, "user", "u1", "admin")

READS: dict[str, dict[str, Any]] = {
    "list, newest first": {},
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
    "search, address": {"search": "p77@"},
    "number's end": {"search": "5550"},
}


@dataclass(slots=True)
class MemoryStore:
    """As much of `shared.table.store.Store` as reading needs, over sorted lists; counts what is read."""

    partitions: dict[str, list[str]] = field(default_factory=dict)
    found: dict[tuple[str, str], Item] = field(default_factory=dict)
    calls: int = 0
    units: float = 0.0
    scanned: int = 0

    @classmethod
    def of(cls, given: dict[tuple[str, str], Item]) -> MemoryStore:
        partitions: defaultdict[str, list[str]] = defaultdict(list)
        for pk, sk in sorted(given):
            partitions[pk].append(sk)
        return cls(dict(partitions), given)

    def get(self, key: keys.Key, *, consistent: bool = True) -> Item | None:
        return self.get_many([key], consistent=consistent).get((key[keys.PK]["S"], key[keys.SK]["S"]))

    def get_many(self, wanted: Sequence[keys.Key], *, consistent: bool = True) -> dict[tuple[str, str], Item]:
        self.calls += math.ceil(len(wanted) / 100)
        found: dict[tuple[str, str], Item] = {}
        for key in wanted:
            place = key[keys.PK]["S"], key[keys.SK]["S"]
            item = self.found.get(place)
            self.units += _units(_size(item) if item else 0, consistent)
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
        sort_keys = self.partitions.get(partition, [])
        chosen = sort_keys[bisect_left(sort_keys, low) : bisect_right(sort_keys, high)]
        if descending:
            chosen = chosen[::-1]
        # The bound is read too, as in Store.
        chosen = chosen[: limit + (after is not None)]
        read = [self.found[partition, sk] for sk in chosen]
        self.calls += 1
        self.scanned += len(read)
        self.units += _units(sum(map(_size, read)), consistent)
        return [item for item in read if item[keys.SK]["S"] != after][:limit]


def _size(item: Item) -> int:
    """An item's bytes: names and values (Amazon DynamoDB Developer Guide, "Item sizes and formats")."""
    total = 0
    for name, attribute in item.items():
        kind, value = next(iter(attribute.items()))
        total += len(name)
        if kind == "S":
            total += len(value.encode())
        elif kind == "L":
            total += 3 + sum(1 + len(one["S"].encode()) for one in value)
        else:
            total += 1 + len(str(value)) // 2
    return total


def _units(size: int, consistent: bool) -> float:
    return max(1, math.ceil(size / 4096)) * (1.0 if consistent else 0.5)


class _NoLocks:
    def all_owners_of_email(self, email: str, *, limit: int) -> list[str]:
        return None


def measure(size: int) -> dict[str, tuple[int, float, int]]:
    """For each read: calls, read units and items gone through for a first page of 25."""
    images = (items.contact_to_item(_TENANT, one) for one in people.contacts(size))
    store = MemoryStore.of(expected(_TENANT, images))
    index: Any = ContactIndex(store, _TENANT)  # type: ignore[arg-type]
    lists = ContactLists(_CALLER, index, _NoLocks(), Cursors(b"bench"))
    measured = {}
    for name, wanted in READS.items():
        store.calls, store.units, store.scanned = 0, 0.0, 0
        lists.list(ContactFilter(**wanted), sort=None, limit=25, cursor=None)
        measured[name] = store.calls, store.units, store.scanned
    return measured


def table() -> str:
    """Calls, read units and items gone through of each read at each size."""
    columns = [measure(size) for size in SIZES]
    head = [
        "a page of 25: calls / read units / items gone through",
        *(f"{size:,} contacts" for size in SIZES),
    ]
    rows = [head] + [
        [name, *(f"{c} / {u:g} / {s}" for c, u, s in (column[name] for column in columns))] for name in READS
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
    return "\n".join("  ".join(cell.ljust(widths[n]) for n, cell in enumerate(row)).rstrip() for row in rows)


if __name__ == "__main__":
    print(table())
