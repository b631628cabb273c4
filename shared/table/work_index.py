"""The index of work by time: what waits for a scheduled task, spread over shards and read oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice

from shared.table.keys.work import WORK_INDEX, WORK_PK, WORK_SK
from shared.table.store import Item, Store

_WORK = (WORK_INDEX, WORK_PK, WORK_SK)


def entries(
    store: Store, partitions: Iterable[str], between: tuple[str, str], *, page: int
) -> Iterator[Item]:
    """The entries of several partitions whose sort keys lie within `between`, in the order of the sort keys.

    The order runs across the partitions, not through one after the other, so that a walk that is cut off has
    seen the oldest entries of every partition, and can be taken up at the sort key where it stopped.
    Costs half a read unit for some thirty entries, and for each empty partition; holds up to `page` entries of
    each in memory.
    """
    walks = (_entries_of(store, partition, between, page) for partition in partitions)
    return merge(*walks, key=_position)


def portions(found: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Entries in lists of at most `size`."""
    while portion := list(islice(found, size)):
        yield portion


def _entries_of(store: Store, partition: str, between: tuple[str, str], page: int) -> Iterator[Item]:
    after = None
    while True:
        rows = store.query(partition, limit=page, between=between, after=after, index=_WORK)
        yield from rows
        if len(rows) < page:
            return
        after = _position(rows[-1])


def _position(entry: Item) -> str:
    position: str = entry[WORK_SK]["S"]
    return position
