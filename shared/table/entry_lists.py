"""Lists of the entries of all contacts' timelines, in the order of time.

A row is a copy of the entry's item. The rows of a list can be indexed by a value, such as the type of an interaction:
the keys of the rows with each value are in a partition of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from heapq import merge
from typing import Generic, TypeVar

from shared.services.reading_budget import Budget
from shared.services.walks import group_entries
from shared.table import walking
from shared.table.budgeted_reads import BudgetedReads
from shared.table.item import Item
from shared.table.keys import lists as list_keys
from shared.table.keys import timeline as timeline_keys
from shared.table.keys.spelling import SK, identity_of
from shared.table.store import BATCH_GET, Store

_LARGEST = 500
"""The maximum number of rows that are read at once."""
_EARLIEST = "0"
"""A bound before all times. A key has at least one character."""

E = TypeVar("E")


class EntryList(Generic[E]):
    """The entries of one kind of all contacts of a tenant. Rows that are read are charged to a budget.

    `decode` makes the entry of a row. The list follows the entries within about a second, and still has those of
    deleted contacts, until these are purged.
    """

    def __init__(
        self,
        store: Store,
        tenant_id: str,
        budget: Budget,
        names: tuple[str, ...],
        decode: Callable[[Item], E],
    ) -> None:
        """Create a list from the lists with some names, which are read as one."""
        self._reads = BudgetedReads(store, budget)
        self._budget = budget
        self._tenant = tenant_id
        self._names = names
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
    ) -> Iterator[tuple[str, E]]:
        """Yield the entries after a position and within bounds of time (both included), each with its position.

        `value`: only those that are indexed under it. Reads `portion` rows of each list at first, and twice as many
        each time, up to 500. Raises BudgetSpent when the budget is spent.
        """
        low, high = timeline_keys.between(first or _EARLIEST, last)
        if low > high:
            return
        read = self._rows if value is None else self._indexed_rows
        walks = [read(name, value or "", (low, high), after, descending, portion) for name in self._names]
        rows = merge(*walks, key=_position, reverse=descending)
        reached: str | None = None
        for row in rows:
            position = _position(row)
            if (
                position == reached
            ):  # an entry that has just moved from one list to another is in both for a moment
                continue
            reached = position
            self._budget.advance()
            yield position, self._decode(row)

    def _rows(
        self,
        name: str,
        _: str,
        between: tuple[str, str],
        after: str | None,
        descending: bool,
        portion: int,
    ) -> Iterator[Item]:
        return walking.walk(
            self._reads,
            list_keys.partition(self._tenant, name),
            page=portion,
            largest=_LARGEST,
            between=between,
            after=after,
            descending=descending,
        )

    def _indexed_rows(
        self,
        name: str,
        value: str,
        between: tuple[str, str],
        after: str | None,
        descending: bool,
        portion: int,
    ) -> Iterator[Item]:
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
            yield from (row for key in keys if (row := found.get(identity_of(key))) is not None)


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
