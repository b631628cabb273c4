"""Posting lists are read before rows where that is cheaper."""

from __future__ import annotations

from math import inf

import pytest

from shared.services.narrowing import count_lists_to_read


@pytest.mark.parametrize(
    ("sizes", "total", "found", "wanted", "lists"),
    [
        ([10_000], 50_000, inf, 26, 1),
        ([10_000], 50_000, 30, 26, 0),
        ([20_000], 1_000_000, inf, 26, 1),
        ([200_000], 1_000_000, inf, 26, 0),
        ([45_000], 50_000, inf, 26, 0),
        ([100, 40_000], 50_000, inf, 26, 1),
        ([1_000, 1_000], 50_000, inf, 26, 2),
        ([0], 50_000, inf, 26, 1),
        ([0], 0, 3, 26, 1),
        ([5], 3, 32, 26, 0),
    ],
    ids=str,
)
def test_as_many_lists_are_read_as_spare_more_rows_than_they_cost(
    sizes: list[int], total: int, found: float, wanted: int, lists: int
) -> None:
    assert count_lists_to_read(sizes, total, found, wanted) == lists
