"""Walks: partitions read page by page, and the entries of the index `work` that are due."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Protocol, Unpack

from shared.table.item import Item
from shared.table.keys.spelling import PK, SK, tenant_of
from shared.table.keys.work import WORK_INDEX, WORK_PK, WORK_SK, due_until
from shared.table.store import Query, Store

_WORK = (WORK_INDEX, WORK_PK, WORK_SK)


class Reads(Protocol):
    """Where a walk reads: the store, or the store under a request's budget."""

    def query(self, partition: str, *, limit: int, **options: Unpack[Query]) -> list[Item]: ...


def pages(
    reads: Reads, partition: str, *, page: int, largest: int = 0, **options: Unpack[Query]
) -> Iterator[list[Item]]:
    """Yield the items of a partition in pages, in the order of their sort keys.

    The first page has `page` items, and each further one twice as many, up to `largest`; by default all have `page`.
    The last page may be empty.
    """
    sort_key = (options.get("index") or ("", PK, SK))[2]
    while True:
        rows = reads.query(partition, limit=page, **options)
        yield rows
        if len(rows) < page:
            return
        options["after"] = rows[-1][sort_key]["S"]
        page = max(page, min(2 * page, largest))


def walk(
    reads: Reads, partition: str, *, page: int, largest: int = 0, **options: Unpack[Query]
) -> Iterator[Item]:
    """Yield the items of a partition in the order of their sort keys; `page` and `largest` as for `pages`."""
    for rows in pages(reads, partition, page=page, largest=largest, **options):
        yield from rows


def walk_entries(
    store: Store, partitions: Iterable[str], between: tuple[str, str], *, page: int
) -> Iterator[Item]:
    """Yield the entries of the index `work` in some partitions, within bounds, in the order of the sort keys.

    The order runs across the partitions, not through one after the other, so that a walk that is cut off has seen the
    oldest entries of every partition, and can continue at the sort key where it stopped. Costs half a read unit for
    some thirty entries, and for each empty partition; holds up to `page` entries of each partition in memory.
    """
    walks = (walk(store, partition, page=page, between=between, index=_WORK) for partition in partitions)
    return merge(*walks, key=_position)


def walk_due(store: Store, partitions: Iterable[str], at: str, *, page: int) -> Iterator[Item]:
    """Yield the entries that are due at a time, the longest overdue first; like `walk_entries`.

    The index follows the table within moments, so some may have been handled or postponed already.
    """
    return walk_entries(store, partitions, due_until(at), page=page)


def walk_due_records(store: Store, partition: str, at: str, *, page: int) -> Iterator[tuple[str, str]]:
    """Yield the tenant id and the sort key of the records that are due at a time, the longest overdue first."""
    for entry in walk_due(store, (partition,), at, page=page):
        if tenant_id := tenant_of(entry[PK]["S"]):
            yield tenant_id, entry[SK]["S"]


def portions(entries: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Yield entries in lists of at most `size`."""
    while portion := list(islice(entries, size)):
        yield portion


def _position(entry: Item) -> str:
    position: str = entry[WORK_SK]["S"]
    return position
