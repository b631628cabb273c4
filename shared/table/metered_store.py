"""A store that adds up the read units of its calls, for work that is bounded by what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any, Unpack

from shared.table.item import Item, item_size
from shared.table.keys.spelling import Key
from shared.table.store import Query, Store

_UNIT_BYTES = 4_096
"""Bytes that a read unit covers, as of now (DynamoDB developer guide, "Read consistency"); otherwise twice as many."""


class MeteredStore(Store):
    """The table, with the read units that were used through this store, as DynamoDB charges them for the items read."""

    def __init__(self, client: Any, table_name: str) -> None:
        super().__init__(client, table_name)
        self._lock = Lock()
        self.units = 0.0

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Return the item with a key, or None."""
        item = super().get(key, consistent=consistent)
        self._charge([_units_of(item_size(item) if item is not None else 0)], consistent=consistent)
        return item

    def get_many(self, keys: Sequence[Key], *, consistent: bool = True) -> dict[tuple[str, str], Item]:
        """Return the items that exist of any number of keys, by partition key and sort key."""
        found = super().get_many(keys, consistent=consistent)
        sizes = [item_size(item) for item in found.values()] + [0] * (len(keys) - len(found))
        self._charge(map(_units_of, sizes), consistent=consistent)
        return found

    def query(self, partition: str, *, limit: int, **options: Unpack[Query]) -> list[Item]:
        """Return up to `limit` items of a partition in the order of their sort keys."""
        found = super().query(partition, limit=limit, **options)
        size = sum(map(item_size, found))
        self._charge([_units_of(size)], consistent=bool(options.get("consistent")))
        return found

    def _charge(self, units: Iterable[int], *, consistent: bool) -> None:
        with self._lock:
            self.units += sum(units) * (1.0 if consistent else 0.5)


def _units_of(size: int) -> int:
    """Return the units of a read as of now: one for each 4 kB begun, and at least one."""
    return max(1, -(-size // _UNIT_BYTES))
