"""Decides whether to read whole posting lists before the rows of what a search finds."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, prod

_IDS_PER_ROW = 292
"""How many ids of a posting list cost as much as one list row: of 4,096 bytes, at 14 bytes each."""


def count_lists_to_read(sizes: Sequence[int], total: int, found: float, wanted: int) -> int:
    """Return how many posting lists, the shortest first, to read whole before rows are read.

    `sizes`: how many contacts have each facet, ascending. `total`: how many contacts there are. `found`: how many
    contacts the search finds, infinite when they are many. `wanted`: how many matches the caller asks for. The facets
    are assumed to be independent of each other and of the search; a wrong estimate costs more and finds the same.
    """
    shares = [size / max(total, size, 1) for size in sizes]

    def cost(lists: int) -> float:
        """Return the cost in rows: until enough rows have the other facets too, or all rows in these lists are read."""
        have, others = prod(shares[:lists]), prod(shares[lists:])
        rows = min(found * have if have else 0, wanted / others if others else inf)
        return sum(sizes[:lists]) / _IDS_PER_ROW + rows

    return min(range(len(sizes) + 1), key=cost)
