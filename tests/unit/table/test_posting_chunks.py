"""Ids are the same after packing and unpacking, and a chunk costs one write unit."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import NUMBERS, derived_id, id_of, number_of
from shared.table.keys import postings as posting_keys
from shared.table.postings import chunks_of, ids_in
from tests.support.item_size import item_size

OWNERS = posting_keys.partition(str(uuid.UUID(int=1)), "owner_id", str(uuid.UUID(int=2)))

NUMBERS_AT_ALL = st.sets(st.integers(0, NUMBERS - 1), max_size=300)
CLOSE_TOGETHER = st.tuples(st.integers(0, NUMBERS - 2000), st.sets(st.integers(0, 1999), max_size=2000)).map(
    lambda drawn: {drawn[0] + one for one in drawn[1]}
)


@given(st.integers(0, NUMBERS - 1), st.integers(0, NUMBERS - 1))
def test_numbers_sort_as_their_ids(one: int, other: int) -> None:
    assert (number_of(id_of(one)), number_of(id_of(other))) == (one, other)
    assert (one < other) == (id_of(one) < id_of(other))


@given(NUMBERS_AT_ALL | CLOSE_TOGETHER)
def test_ids_come_out_of_chunks_of_one_write_unit_as_they_went_in(numbers: set[int]) -> None:
    ids = {id_of(number) for number in numbers}
    chunks = list(chunks_of(OWNERS, ids))
    assert ids_in(chunks) == ids
    assert ids_in(reversed(chunks)) == ids
    assert max(map(item_size, chunks)) <= 1024


def test_chunks_that_do_not_join_are_no_list() -> None:
    chunks = list(chunks_of(OWNERS, (derived_id(n * 60_000, str(n)) for n in range(500))))
    assert len(chunks) > 3
    for left_out in range(len(chunks)):
        assert ids_in(chunks[:left_out] + chunks[left_out + 1 :]) is None
    assert ids_in([{**chunks[0], "ids": chunks[1]["ids"]}, *chunks[1:]]) is None
    assert ids_in([]) == set()


def test_ids_made_over_hours_take_under_fourteen_bytes_each_and_those_of_an_import_eight() -> None:
    apart = [derived_id(1_760_000_000_000 + n * 300_000, str(n)) for n in range(2000)]
    imported = [derived_id(1_760_000_000_000, str(n), ordinal=n) for n in range(2000)]
    tags = posting_keys.partition("demo", "tag", "newsletter")
    assert sum(map(item_size, chunks_of(tags, apart))) / 2000 < 14
    assert sum(map(item_size, chunks_of(tags, imported))) / 2000 < 8
