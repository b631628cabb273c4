"""Rows that share a key are one group, and groups are cut into chunks."""

from __future__ import annotations

import random
import tracemalloc
from collections import defaultdict
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.imports.csv_file import Row
from shared.domain.imports.file import BadFile
from shared.domain.imports.groups import Group, decode_groups
from shared.services.imports import grouping
from shared.services.imports.grouping import CHUNK_BYTES, CHUNK_ROWS, Grouping
from tests.support.budgets import repetitions


def chunks_of(rows: Iterable[tuple[str, Sequence[str]]]) -> list[list[Group]]:
    """Return the groups of each chunk of rows, each given as its text and its keys."""
    with Grouping() as made:
        for line, (text, keys) in enumerate(rows, 2):
            made.add(Row([text], line, line + 1), keys)
        inputs = list(made.chunks())
    assert [number for number, _ in inputs] == list(range(len(inputs)))
    return [list(decode_groups(body)) for _, body in inputs]


def test_rows_of_all_kinds_come_back_as_they_were() -> None:
    texts = ["short", "\x01\x1f", "long " * 300, '漢字 \u2028 é 🙂 "\n' * 200, "\x02" * 2_000]
    (chunk,) = chunks_of((text, [str(at)]) for at, text in enumerate(texts))
    assert [one.row.cells for group in chunk for one in group.rows] == [[text] for text in texts]


@pytest.mark.parametrize(
    "text", ["some words in a cell " * 55, "some words in a cell " * 100, "\x01\x02\x03" * 50]
)
def test_check_8_the_temporary_file_is_hardly_larger_than_the_file(text: str) -> None:
    with Grouping() as made:
        for number in range(1, 2_001):
            made.add(Row([f"{number} {text}"], number, number + 1), [str(number)])
        database = made._database
        ((pages,),), ((size,),) = (database.execute(f"PRAGMA {name}") for name in ("page_count", "page_size"))
    assert pages * size < 1.3 * 2_000 * len(text)


def test_a_file_for_which_the_disk_has_no_room_is_refused() -> None:
    with Grouping() as made:
        made._database.execute("PRAGMA max_page_count = 50")

        def add_many() -> None:
            for number in range(1, 10_001):
                made.add(Row([f"cell {number}"], number, number + 1), [str(number)])

        with pytest.raises(BadFile) as refused:
            add_many()
    assert refused.value.code == "too_large"


def numbers(groups: Iterable[Group]) -> list[list[int]]:
    return [[one.number for one in group.rows] for group in groups]


def expected_groups(keys: Sequence[Sequence[str]]) -> list[list[int]]:
    """Return the connected rows, by the definition: each step joins a row to all groups that have one of its keys."""
    groups: list[tuple[list[int], set[str]]] = []
    for number, own in enumerate(keys, 1):
        joined = [group for group in groups if group[1] & {*own}]
        groups = [group for group in groups if not group[1] & {*own}]
        merged = sorted([number, *(one for group in joined for one in group[0])])
        groups.append((merged, {*own}.union(*(group[1] for group in joined))))
    return sorted(group for group, _ in groups)


@settings(max_examples=repetitions(200), deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=3), max_size=30), st.integers(1, 6))
def test_rows_that_share_a_key_directly_or_through_others_are_one_group(
    keys: list[list[str]], most: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "CHUNK_ROWS", most)
        chunks = chunks_of((f"row {number}", own) for number, own in enumerate(keys, 1))
    found = [group for chunk in chunks for group in chunk]
    assert numbers(found) == expected_groups(keys)
    for chunk in chunks:
        assert len(chunk) == 1 or sum(len(group.rows) for group in chunk) <= most
    rows = [one for group in found for one in group.rows]
    assert {one.number: (one.row.cells, one.row.line) for one in rows} == {
        number: ([f"row {number}"], number + 1) for number in range(1, len(keys) + 1)
    }


def test_chunks_are_filled_with_whole_groups_in_the_order_of_their_first_rows() -> None:
    rows = [(f"{number}", [f"key {number % 250}"]) for number in range(500)]
    chunks = chunks_of(rows)
    assert [len(chunk) for chunk in chunks] == [100, 100, 50]
    assert numbers(chunks[0])[0] == [1, 251]


def test_a_chunk_ends_at_its_number_of_bytes() -> None:
    chunks = chunks_of([("x" * 60_000, [])] * 40)
    assert {len(chunk) for chunk in chunks} == {CHUNK_BYTES // 60_000, 40 % (CHUNK_BYTES // 60_000)}


def test_a_large_group_is_a_chunk_of_its_own() -> None:
    rows = [("before", ["b"]), *((f"{number}", ["same"]) for number in range(700)), ("after", ["a"])]
    assert [[len(group.rows) for group in chunk] for chunk in chunks_of(rows)] == [[1], [700], [1]]


@pytest.mark.parametrize(
    ("limit", "most"), [("GROUP_ROWS", 5), ("GROUP_BYTES", 5 * len('[1,1,2,null,["x"]]\n'))]
)
def test_rows_of_a_group_beyond_its_limits_fail(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(grouping, limit, most)
    (chunk,) = chunks_of([("x", ["same"])] * 8)
    assert numbers(chunk) == [[1, 2, 3, 4, 5], [6], [7], [8]]
    assert [group.rows[0].row.fault for group in chunk] == [None, *["too_many_alike"] * 3]
    assert [group.rows[0].row.cells for group in chunk] == [["x"]] * 4


def test_a_file_with_too_many_linked_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MOST_LINKS", 3)
    singles = [(f"{number}", [f"{number}"]) for number in range(8)]
    assert len(chunks_of([*singles, ("link", ["0", "1", "2", "3"])])) == 1
    with pytest.raises(BadFile) as refusal:
        chunks_of([*singles, ("link", ["0", "1", "2", "3", "4"])])
    assert refusal.value.code == "too_many_linked_rows"


def test_texts_of_all_kinds_come_back_as_they_were() -> None:
    texts = ["", "\0", "\u2028", 'quote " and \\', "line\r\nbreak", "é 漢 🙂", "x" * 100_000]
    (chunk,) = chunks_of((text, []) for text in texts)
    assert [group.rows[0].row.cells[0] for group in chunk] == texts


def test_the_same_file_makes_the_same_chunks() -> None:
    chosen = random.Random(5)
    rows = [
        (f"{number}", [f"{chosen.randrange(400)}", f"{chosen.randrange(4000)}"]) for number in range(1000)
    ]
    assert chunks_of(rows) == chunks_of(rows)


def _peak(rows: int) -> int:
    """Return the peak of memory while a file of unique rows is grouped and its chunks pass by."""
    sizes = defaultdict[str, int](int)
    tracemalloc.start()
    with Grouping() as made:
        for number in range(rows):
            made.add(Row([f"person{number}@example.com", "Somebody"], number, number + 1), [f"e:{number}"])
        for _, body in made.chunks():
            sizes["chunks"] += 1
            sizes["rows"] += body.count(b"\n")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sizes == {"chunks": rows // CHUNK_ROWS, "rows": rows}
    return peak


def test_check_8_grouping_takes_the_same_memory_for_twice_the_rows() -> None:
    _peak(2_000)
    single, double = _peak(10_000), _peak(20_000)
    assert double - single < 100_000
    assert double < 2_000_000
