"""A walk of several posting lists finds what a walk of the set of all their ids would find."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.table.posting_unions import UnionWalk

IDS = st.sets(st.integers(0, 40), max_size=12)


class FakeWalk:
    """A walk of some ids, which like that of the table must not be asked for ids that it has passed."""

    def __init__(self, ids: set[int], *, descending: bool) -> None:
        self._ids, self._descending = ids, descending
        self._bound: int | None = None
        self.asked = 0

    def seek(self, bound: int) -> int | None:
        assert self._bound is None or (bound <= self._bound if self._descending else bound >= self._bound)
        self._bound = bound
        self.asked += 1
        beyond = [one for one in self._ids if (one <= bound if self._descending else one >= bound)]
        return (max if self._descending else min)(beyond, default=None)


@given(st.lists(IDS, min_size=1, max_size=3), st.lists(st.integers(0, 40), max_size=10), st.booleans())
def test_seeking_in_a_union_finds_what_seeking_in_a_set_does(
    lists: list[set[int]], bounds: list[int], descending: bool
) -> None:
    union = UnionWalk([FakeWalk(ids, descending=descending) for ids in lists], descending=descending)
    all_ids = FakeWalk(set[int]().union(*lists), descending=descending)
    for bound in sorted(bounds, reverse=descending):
        assert union.seek(bound) == all_ids.seek(bound)


@given(IDS, st.booleans())
def test_an_empty_list_is_asked_once_however_long_the_other_is(ids: set[int], descending: bool) -> None:
    empty, full = FakeWalk(set(), descending=descending), FakeWalk(ids, descending=descending)
    union = UnionWalk([empty, full], descending=descending)
    step, bound, met = (-1, 40, []) if descending else (1, 0, [])
    found: int | None
    while (found := union.seek(bound)) is not None:
        met.append(found)
        bound = found + step
    assert met == sorted(ids, reverse=descending)
    assert empty.asked == 1
    assert full.asked <= len(ids) + 1
