"""The interface of a kind of record that is projected."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.table.item import Item
from shared.table.keys import hours as hour_keys
from shared.table.keys import lists as list_keys
from shared.table.keys import projections as projection_keys
from shared.table.keys.spelling import SK, Key, tenant_of_item
from shared.table.keys.work import WORK_PK, WORK_SK

Facet = tuple[str, str]
"""The name and the value of a facet, such as `("tag", "0190…")`."""


HourlyCount = tuple[str, str, str]
"""A count by hour: the metric, the hour in UTC (`2026-05-04T09`), and the name of the count in that hour."""


@dataclass(frozen=True, slots=True)
class Projected:
    """The contents of the projections for one state of a live record, besides its list row.

    `rows`: the items by which searches and sorted lists find the record. `facets`: the posting lists that contain its
    id. `counts`: its share of the tenant's counters. `company`: the company, as the record spells it, that counts it;
    empty for none. `hourly`: its share of the counts by hour.
    """

    rows: tuple[Item, ...] = ()
    facets: frozenset[Facet] = frozenset()
    counts: Counter[str] = field(default_factory=Counter)
    company: str = ""
    hourly: Counter[HourlyCount] = field(default_factory=Counter)


NOTHING = Projected()
"""The contents of the projections for a record that does not exist or is deleted."""


@dataclass(frozen=True, slots=True)
class Kind(ABC):
    """A kind of record that is projected. `list_name`: the list that shows its records."""

    list_name: str

    @abstractmethod
    def matches(self, key: dict[str, Any]) -> bool:
        """Whether a key, or the key of an item, is that of a record of this kind."""

    @abstractmethod
    def row_key(self, record: dict[str, Any]) -> Key:
        """Return the key of a record's list row."""

    @abstractmethod
    def tombstone_key(self, record: dict[str, Any]) -> Key:
        """Return the key of the item that says at which version a record was taken off its list."""

    @abstractmethod
    def project(self, tenant_id: str, item: Item, /) -> Projected:
        """Return the contents of the projections for a record's item, or for its list row, which has the same
        attributes.
        """

    @abstractmethod
    def project_purged(self, item: Item, /) -> Projected:
        """Return the contents of the projections that remain of a record whose contact is purged."""


@dataclass(frozen=True, slots=True)
class RecordKind(Kind):
    """A kind of record with a partition of its own.

    `sort_key`: the sort key of its items. `contents`: works out what `project` returns. Nothing remains of a purged
    record.
    """

    sort_key: str
    contents: Callable[[str, Item], Projected]

    def matches(self, key: dict[str, Any]) -> bool:
        return bool(key[SK]["S"] == self.sort_key)

    def row_key(self, record: dict[str, Any]) -> Key:
        return list_keys.row_of(record, self.list_name)

    def tombstone_key(self, record: dict[str, Any]) -> Key:
        return projection_keys.tombstone(record)

    def project(self, tenant_id: str, item: Item, /) -> Projected:
        return self.contents(tenant_id, item)

    def project_purged(self, _item: Item, /) -> Projected:
        return NOTHING


@dataclass(frozen=True, slots=True)
class EntryKind(Kind):
    """A kind of entry on the timelines of contacts.

    `prefixes`: those of its sort keys, each followed by `<time>#<id>`. An entry whose time changes is removed at one
    key and put at another, with the next version: for the projections these are two records. `count`: works out
    an entry's counts by hour. Those of a purged contact's entries remain, apart from the others. `index`: the
    attribute by whose values the rows of the list are indexed, except those without a value; empty for none.
    `prefix_of`: returns the prefix of an entry, or of its list row, if there are several.
    """

    prefixes: tuple[str, ...]
    count: Callable[[Item], Counter[HourlyCount]]
    index: str = ""
    prefix_of: Callable[[Item], str] | None = None

    def matches(self, key: dict[str, Any]) -> bool:
        return bool(key[SK]["S"].startswith(self.prefixes))

    def row_key(self, record: dict[str, Any]) -> Key:
        return list_keys.row_of_entry(record, self.list_name)

    def tombstone_key(self, record: dict[str, Any]) -> Key:
        return projection_keys.entry_tombstone(record)

    def project(self, tenant_id: str, item: Item, /) -> Projected:
        rows: tuple[Item, ...] = ()
        if self.index in item:
            name = list_keys.index_of(self.list_name, item[self.index]["S"])
            rows = (list_keys.place(tenant_id, name, self._position_of(item)),)
        return Projected(rows=rows, hourly=self.count(item))

    def record_key(self, row: Item) -> Key:
        """Return the key of the entry that a list row shows."""
        prefix = self.prefix_of(row) if self.prefix_of is not None else self.prefixes[0]
        return list_keys.entry_of_row(row, prefix)

    def _position_of(self, item: Item) -> str:
        """Return the sort key of the list row of an entry's item, or of a list row."""
        is_row = not self.matches(item)
        position: str = (item if is_row else self.row_key(item))[SK]["S"]
        return position

    def project_purged(self, item: Item, /) -> Projected:
        counts = self.count(item)
        return Projected(
            hourly=Counter(
                {(metric, hour, f"{hour_keys.PURGED}{name}"): n for (metric, hour, name), n in counts.items()}
            )
        )


def count_nothing(_: Item, /) -> Counter[HourlyCount]:
    """Return no counts, for entries that are not counted by hour."""
    return Counter()


def count_at(metric: str, at: str, name: str) -> Counter[HourlyCount]:
    """Return one count of something, by `name`, in the quarter of an hour of a time."""
    quarter = int(at[14:16]) // 15  # of 2026-05-04T09:34:00.000Z
    return Counter([(metric, at[:13], f"{name}.{quarter}")])


PURGED_AT = "purged_at"
"""The attribute of a removal that says that the record's contact is being purged."""


class Image:
    """A record in one state, as its item or its list row. It is decoded at most once."""

    __slots__ = ("_kind", "_projected", "item")

    def __init__(self, kind: Kind, item: Item) -> None:
        self.item = item
        self._kind = kind
        self._projected: Projected | None = None

    @property
    def version(self) -> int:
        return version_of(self.item)

    @property
    def is_live(self) -> bool:
        return is_live(self.item)

    @property
    def projected(self) -> Projected:
        """The contents of the projections for this state; those that remain, when it is a removal."""
        if self._projected is None:
            tenant_id = tenant_of_item(self.item)
            if self.is_live:
                self._projected = self._kind.project(tenant_id, self.item)
            elif PURGED_AT in self.item:
                self._projected = self._kind.project_purged(self.item)
            else:
                self._projected = NOTHING
        return self._projected


def row_of(item: Item, row_key: Key) -> Item:
    """Return the list row of a record's item: the item under the row's key, without its entry in the index of work."""
    return {name: value for name, value in item.items() if name not in (WORK_PK, WORK_SK)} | row_key


def removal_of(item: Item, at: str = "") -> Item:
    """Return the state of a record that was removed in its state `item`: deleted at a time, at the next version."""
    return {**item, "deleted_at": {"S": at}, "version": {"N": str(version_of(item) + 1)}}


def is_live(item: Item) -> bool:
    """Whether a record's item is that of a record that lists show: one that is not deleted."""
    return "deleted_at" not in item


def version_of(item: Item | None) -> int:
    """Return the version of a record's item, list row or tombstone; 0 for none."""
    return int(item["version"]["N"]) if item else 0
