"""Ranges of a contact's partition, read together in one order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge

from shared.table import walking
from shared.table.item import Item
from shared.table.keys.spelling import SK

_LARGEST = 500
"""Items of a range that are read at once, at most."""

Entry = tuple[str, Item]
"""A position, which is a sort key without the prefix of its range, and the item."""


def walk_ranges(
    reads: walking.Reads,
    partition: str,
    prefixes: Sequence[str],
    *,
    between: tuple[str, str],
    after: str | None,
    descending: bool,
    portion: int,
) -> Iterator[Entry]:
    """Yield the entries of some ranges, in the order of their positions, after a position and within bounds.

    No two entries have the same position. Reads `portion` of each range at first and twice as many each time, up to
    500; each query is of one range.
    """
    walks = (
        _walk_range(reads, partition, prefix, between, after, descending, portion) for prefix in prefixes
    )
    return merge(*walks, key=lambda entry: entry[0], reverse=descending)


def _walk_range(
    reads: walking.Reads,
    partition: str,
    prefix: str,
    between: tuple[str, str],
    after: str | None,
    descending: bool,
    portion: int,
) -> Iterator[Entry]:
    rows = walking.walk(
        reads,
        partition,
        page=portion,
        largest=_LARGEST,
        between=(prefix + between[0], prefix + between[1]),
        after=None if after is None else prefix + after,
        descending=descending,
        consistent=True,
    )
    for row in rows:
        yield row[SK]["S"].removeprefix(prefix), row
