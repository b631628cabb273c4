"""Ranges of contacts' partitions, read together in one order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge

from shared.table import walking
from shared.table.budgeted_reads import BudgetedReads
from shared.table.item import Item
from shared.table.keys.spelling import SK

_LARGEST = 500
"""The maximum number of items of a range that are read at once, where these are small."""

Bounds = tuple[str, str]
"""The first and the last possible position of a range, both included."""
ALL_IDS: Bounds = ("", "~")
"""The bounds of all ids: `~` sorts after each of them."""
Range = tuple[str, str]
"""A partition, and the prefix that the sort keys of a range in it have."""
Entry = tuple[str, Item]
"""A position, which is a sort key without the prefix of its range, and the item."""


def walk_ranges(
    reads: walking.Reads,
    ranges: Sequence[Range],
    *,
    between: Bounds,
    after: str | None,
    descending: bool,
    portion: int,
    largest: int = _LARGEST,
) -> Iterator[Entry]:
    """Yield the entries of some ranges, in the order of their positions, after a position and within bounds.

    No two entries have the same position. Reads `portion` of each range at first and twice as many each time, up to
    `largest`; each query is of one range.
    """
    walks = (_walk_range(reads, one, between, after, descending, portion, largest) for one in ranges)
    return merge(*walks, key=lambda entry: entry[0], reverse=descending)


def walk_ids(
    reads: walking.Reads, ranges: Sequence[Range], *, after: str | None, portion: int
) -> Iterator[Entry]:
    """Yield the entries of some ranges whose positions are UUIDv7s, the newest first, from before the id `after` on.

    Reads `portion` of each range at once; each query is of one range.
    """
    return walk_ranges(
        reads,
        ranges,
        between=ALL_IDS,
        after=after,
        descending=True,
        portion=portion,
        largest=portion,
    )


def skip_range(
    reads: BudgetedReads, partition: str, prefix: str, count: int, *, between: Bounds, descending: bool
) -> tuple[int, str | None]:
    """Skip the first `count` entries that `walk_ranges` would yield of one range, or fewer when the budget is spent.

    Returns how many were skipped, and the position after which to continue, None at the end.
    """
    skipped, continue_after = reads.skip(
        partition, count, between=(prefix + between[0], prefix + between[1]), descending=descending
    )
    return skipped, None if continue_after is None else continue_after.removeprefix(prefix)


def _walk_range(
    reads: walking.Reads,
    of: Range,
    between: Bounds,
    after: str | None,
    descending: bool,
    portion: int,
    largest: int,
) -> Iterator[Entry]:
    partition, prefix = of
    rows = walking.walk(
        reads,
        partition,
        page=portion,
        largest=largest,
        between=(prefix + between[0], prefix + between[1]),
        after=None if after is None else prefix + after,
        descending=descending,
        consistent=True,
    )
    for row in rows:
        yield row[SK]["S"].removeprefix(prefix), row
