"""The results of an attempt are gathered in the order of the file."""

from __future__ import annotations

import csv
import io
import random
import tracemalloc
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import FieldError
from shared.domain.imports.columns import Layout, recognize
from shared.domain.imports.csv_file import Row
from shared.domain.imports.groups import encode_line, encode_row
from shared.domain.imports.results import MAX_WORDS, Fate, result_header, result_lines
from shared.services.imports.gathering import Part, encode_lines, gather
from tests.support.budgets import repetitions

HEADER = ("Email", "Notes")
LAYOUT = Layout("utf-8", ",", HEADER, recognize(HEADER, {}))


def row_of(number: int, note: str = "note") -> Row:
    return Row([f"person{number}@example.com", note], number + 1, number + 2)


def output(numbers: list[int], note: str = "note") -> bytes:
    rows = [(number, row_of(number, note), Fate("created", f"c{number}")) for number in numbers]
    return encode_lines(zip(numbers, result_lines(LAYOUT, rows), strict=True))


def unread(numbers: list[int]) -> bytes:
    return b"".join(
        encode_line(number, number, encode_row(row_of(number))).encode() + b"\n" for number in numbers
    )


def rows_in(blocks: Iterator[bytes]) -> list[dict[str, str]]:
    text = (result_header(LAYOUT) + b"".join(blocks)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@settings(max_examples=repetitions(50), deadline=None)
@given(st.integers(0, 60), st.integers(1, 7), st.randoms(use_true_random=False))
def test_rows_of_chunks_in_any_order_are_in_the_order_of_the_file(
    count: int, size: int, chosen: random.Random
) -> None:
    """check 8: no row is lost, and those of chunks that were not worked on say so."""
    numbers = list(range(1, count + 1))
    chosen.shuffle(numbers)
    chunks = [numbers[start : start + size] for start in range(0, count, size)]
    done = [chunk for chunk in chunks if chosen.random() < 0.6]
    left = [chunk for chunk in chunks if chunk not in done]
    parts = [Part("output", output(chunk)) for chunk in done] + [
        Part("not_run", unread(chunk)) for chunk in left
    ]
    found = rows_in(gather(LAYOUT, parts, rows=count))
    assert [int(row["row_number"]) for row in found] == list(range(1, count + 1))
    created = {number for chunk in done for number in chunk}
    for number, row in enumerate(found, 1):
        assert row["Email"] == f"person{number}@example.com"
        assert (row["outcome"], row["contact_id"]) == (
            ("created", f"c{number}") if number in created else ("not_run", "")
        )


def test_texts_of_all_kinds_come_back_as_they_were() -> None:
    note = 'quote " and , comma\r\nbreak \u2028 é 漢 🙂'
    (row,) = rows_in(gather(LAYOUT, [Part("output", output([1], note))], rows=1))
    assert row["Notes"] == note


def test_a_row_with_many_warnings_has_a_message_that_fits_a_cell() -> None:
    fate = Fate("created", "c1", warnings=(FieldError("email", "email", "This is no address."),) * 40_000)
    assert len(fate.words) == MAX_WORDS and fate.words.endswith("…")


def test_rows_of_which_nothing_is_left_have_a_line_of_their_own() -> None:
    """check 8: no row is lost, even if parts of the results are."""
    parts = [Part("output", output([2])), Part("lost", unread([4]))]
    found = rows_in(gather(LAYOUT, parts, rows=5))
    assert [(one["row_number"], one["Email"], one["outcome"], one["reason_code"]) for one in found] == [
        ("1", "", "unknown", "result_gone"),
        ("2", "person2@example.com", "created", ""),
        ("3", "", "unknown", "result_gone"),
        ("4", "person4@example.com", "unknown", "result_gone"),
        ("5", "", "unknown", "result_gone"),
    ]


def _peak(rows: int) -> int:
    def outputs() -> Iterator[Part]:
        for start in range(1, rows, 200):
            yield Part("output", output(list(range(start, start + 200))))

    size = 0
    tracemalloc.start()
    for block in gather(LAYOUT, outputs(), rows=rows):
        size += len(block)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 30 * rows
    return peak


def test_check_8_gathering_takes_the_same_memory_for_twice_the_rows() -> None:
    _peak(2_000)
    single, double = _peak(10_000), _peak(20_000)
    assert double - single < 300_000, "ten thousand lines held would be more than a megabyte"
    assert double < 3_000_000
