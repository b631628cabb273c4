"""The interface of a kind of record that is projected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.table.item import Item
from shared.table.keys import lists as list_keys
from shared.table.keys import projections as projection_keys
from shared.table.keys.spelling import SK, Key, tenant_of_item

Facet = tuple[str, str]
"""The name and the value of a facet, such as `("tag", "0190…")`."""


@dataclass(frozen=True, slots=True)
class Projected:
    """The contents of the projections for one state of a live record, besides its list row.

    `rows`: the items by which searches and sorted lists find the record. `facets`: the posting lists that contain its
    id. `counts`: its share of the tenant's counters. `company`: the company, as the record spells it, that counts it;
    empty for none.
    """

    rows: tuple[Item, ...] = ()
    facets: frozenset[Facet] = frozenset()
    counts: Counter[str] = field(default_factory=Counter)
    company: str = ""


NOTHING = Projected()
"""The contents of the projections for a record that does not exist or is deleted."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record that is projected.

    `sort_key`: the sort key of its items. `list_name`: the list that shows its records. `project`: works out the
    contents of the projections from a tenant id and a record's item, or its list row, which has the same attributes.
    """

    sort_key: str
    list_name: str
    project: Callable[[str, Item], Projected]

    def matches(self, key: dict[str, Any]) -> bool:
        """Whether a key, or the key of an item, is that of a record of this kind."""
        return bool(key[SK]["S"] == self.sort_key)

    def row_key(self, record: dict[str, Any]) -> Key:
        """Return the key of a record's list row."""
        return list_keys.row_of(record, self.list_name)

    def tombstone_key(self, record: dict[str, Any]) -> Key:
        """Return the key of the item that says at which version a record was taken off its list."""
        return projection_keys.tombstone(record)


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
        """The contents of the projections for this state."""
        if self._projected is None:
            tenant_id = tenant_of_item(self.item)
            self._projected = self._kind.project(tenant_id, self.item) if self.is_live else NOTHING
        return self._projected


def is_live(item: Item) -> bool:
    """Whether a record's item is that of a record that lists show: one that is not deleted."""
    return "deleted_at" not in item


def version_of(item: Item | None) -> int:
    """Return the version of a record's item, list row or tombstone; 0 for none."""
    return int(item["version"]["N"]) if item else 0
