"""Lists of the entries of all contacts' timelines, in the order of time.

A row is a copy of the entry's item. The rows of a list can be indexed by a value, such as the type of an interaction:
the keys of the rows with each value are in a partition of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from heapq import merge
from operator import itemgetter
from typing import Generic, TypeVar

from shared.services.reading_budget import Budget
from shared.services.walks import group_entries
from shared.table import walking
from shared.table.budgeted_reads import BudgetedReads
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import lists as list_keys
from shared.table.keys import timeline as timeline_keys
from shared.table.keys.spelling import SK, identity_of
from shared.table.ranges import Bounds, Entry, walk_ranges
from shared.table.store import BATCH_GET, Store

_LARGEST = 500
"""The maximum number of rows that are read at once."""
_EARLIEST = "0"
"""A bound before all times. A key has at least one character."""

E = TypeVar("E")


class EntryList(Generic[E]):
    """The entries of one kind of all contacts of a tenant. Rows that are read are charged to a budget.

    `lists`: the names of the lists that are read as one, each with the prefixes that the sort keys of its entries have
    in the partitions of their contacts. `decode` makes the entry of a row. The lists follow the entries within about a
    second, and still have those of deleted contacts, until these are purged.
    """

    def __init__(
        self,
        store: Store,
        tenant_id: str,
        budget: Budget,
        lists: Mapping[str, Sequence[str]],
        decode: Callable[[Item], E],
    ) -> None:
        self._reads = BudgetedReads(store, budget)
        self._budget = budget
        self._tenant = tenant_id
        self._lists = lists
        self._decode = decode

    def walk(
        self,
        *,
        first: str | None,
        last: str | None,
        after: str | None,
        descending: bool,
        portion: int,
        value: str | None = None,
        contact_ids: Sequence[str] | None = None,
    ) -> Iterator[tuple[str, E]]:
        """Yield the entries after a position and within bounds of time (both included), each with its position.

        `value`: only those that are indexed under it. `contact_ids`: those of a few contacts, whatever their value,
        read from the partitions of these contacts as of now. Reads `portion` rows of each list, or of each contact, at
        first, and twice as many each time, up to 500. Raises BudgetSpent when the budget is spent.
        """
        bounds = timeline_keys.between(first or _EARLIEST, last)
        if bounds[0] > bounds[1]:
            return
        if contact_ids is not None:
            walks = [self._entries_of(one, bounds, after, descending, portion) for one in contact_ids]
        else:
            read = self._rows if value is None else self._indexed_rows
            walks = [read(name, value or "", bounds, after, descending, portion) for name in self._lists]
        reached: str | None = None
        for position, row in merge(*walks, key=itemgetter(0), reverse=descending):
            # An entry that has just moved from one list to another is in both for a moment.
            if position != reached:
                reached = position
                self._budget.advance()
                yield position, self._decode(row)

    def _entries_of(
        self, contact_id: str, between: Bounds, after: str | None, descending: bool, portion: int
    ) -> Iterator[Entry]:
        """Yield the entries of one contact, with the positions that they have in the lists."""
        partition = contact_keys.partition(self._tenant, contact_id)
        entries = walk_ranges(
            self._reads,
            [(partition, prefix) for prefixes in self._lists.values() for prefix in prefixes],
            between=between,
            after=after and list_keys.position_in_contact(after),
            descending=descending,
            portion=portion,
        )
        for position, item in entries:
            yield list_keys.position_in_list(position, contact_id), item

    def _rows(
        self,
        name: str,
        _: str,
        between: Bounds,
        after: str | None,
        descending: bool,
        portion: int,
    ) -> Iterator[Entry]:
        rows = walking.walk(
            self._reads,
            list_keys.partition(self._tenant, name),
            page=portion,
            largest=_LARGEST,
            between=between,
            after=after,
            descending=descending,
        )
        return ((_position(row), row) for row in rows)

    def _indexed_rows(
        self,
        name: str,
        value: str,
        between: Bounds,
        after: str | None,
        descending: bool,
        portion: int,
    ) -> Iterator[Entry]:
        places = walking.walk(
            self._reads,
            list_keys.partition(self._tenant, list_keys.index_of(name, value)),
            page=portion,
            largest=_LARGEST,
            between=between,
            after=after,
            descending=descending,
        )
        for group in group_entries(places, partial(next, _look_ups(portion)), needs_row=bool):
            keys = [list_keys.row(self._tenant, name, _position(place)) for place in group]
            found = self._reads.get_many(keys, consistent=False)
            rows = (found.get(identity_of(key)) for key in keys)
            yield from ((_position(row), row) for row in rows if row is not None)


def _look_ups(portion: int) -> Iterator[int]:
    """Yield how many rows are looked up together: `portion`, then a few, and then twice as many each time."""
    yield min(portion, BATCH_GET)
    size = 4
    while True:
        yield size
        size = min(2 * size, BATCH_GET)


def _position(row: Item) -> str:
    position: str = row[SK]["S"]
    return position
