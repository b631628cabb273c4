"""Reading CSV: encodings, quotes, bad lines, and parts of a file, which give the same rows as the whole."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import random
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.imports import csv_file
from shared.domain.imports.csv_file import DELIMITERS, Encoding, Row, encoding_of, read_rows
from tests.support.budgets import repetitions
from tests.support.cpu_time import cpu_seconds

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "windows-1252", "utf-16-le", "utf-16-be")


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def rows_of(text: str, encoding: Encoding = "utf-8", delimiter: str = ",") -> list[Row]:
    return list(read_rows([text.encode(encoding)], encoding, delimiter))


def told(rows: list[Row]) -> list[tuple[list[str], int, int, int, str | None]]:
    return [(row.cells, row.line, row.next_line, row.end, row.fault) for row in rows]


def read_in_parts(data: bytes, encoding: Encoding, rows: list[Row], sizes: random.Random) -> list[Row]:
    """Read the rows again, a few at a time, each time from only their own bytes."""
    found: list[Row] = []
    before = Row([], 0, 1, 0)
    while rows:
        count = sizes.randint(1, 4)
        part, rows = rows[:count], rows[count:]
        found += read_rows(
            blocks(data[before.end : part[-1].end], sizes.randint(1, 64)),
            encoding,
            ",",
            start=before.end,
            line=before.next_line,
            alone_until=before.alone_until,
        )
        before = part[-1]
    return found


TEXTS = st.text(st.characters(codec="cp1252", exclude_characters="\0\x81\x8d\x8f\x90\x9d"), max_size=12)


@given(
    table=st.lists(st.lists(TEXTS, min_size=1, max_size=5), max_size=12),
    encoding=st.sampled_from(ENCODINGS),
    delimiter=st.sampled_from(DELIMITERS),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=repetitions(50))
def test_what_a_csv_writer_wrote_is_read_as_csv_reader_reads_it(
    table: list[list[str]], encoding: Encoding, delimiter: str, ending: str, seed: int
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(table)
    data = written.getvalue().encode(encoding)
    rows = list(read_rows(blocks(data, random.Random(seed).randint(1, 50)), encoding, delimiter))
    expected = csv.reader(io.StringIO(written.getvalue(), newline=""), delimiter=delimiter)
    assert [row.cells for row in rows] == [cells for cells in expected if any(map(str.strip, cells))]
    assert all(row.fault is None for row in rows)


@given(
    text=st.text(st.sampled_from('ab ,"\n\ré\0'), max_size=150),
    encoding=st.sampled_from(ENCODINGS),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=repetitions(50))
def test_parts_of_any_file_read_to_the_rows_of_the_whole(text: str, encoding: Encoding, seed: int) -> None:
    data = text.encode(encoding)
    longest = csv_file.MAX_ROW_BYTES
    csv_file.MAX_ROW_BYTES, csv_file._KEPT_BYTES = 40, 8  # so that some rows are too long
    try:
        whole = list(read_rows([data], encoding, ","))
        sizes = random.Random(seed)
        assert told(list(read_rows(blocks(data, sizes.randint(1, 30)), encoding, ","))) == told(whole)
        assert told(read_in_parts(data, encoding, whole, sizes)) == told(whole)
    finally:
        csv_file.MAX_ROW_BYTES, csv_file._KEPT_BYTES = longest, 1_000
    assert all(earlier.end < later.end for earlier, later in itertools.pairwise(whole))


@given(data=st.binary(max_size=120), encoding=st.sampled_from(ENCODINGS), size=st.integers(1, 20))
@settings(max_examples=repetitions(50))
def test_any_bytes_are_read_without_an_error(data: bytes, encoding: Encoding, size: int) -> None:
    rows = list(read_rows(blocks(data, size), encoding, ","))
    assert told(rows) == told(list(read_rows([data], encoding, ",")))


@pytest.mark.parametrize(
    ("start", "encoding", "mark"),
    [
        (b"email\n", "utf-8", 0),
        ("café\n".encode(), "utf-8", 0),
        (codecs.BOM_UTF8 + b"email", "utf-8", 3),
        (codecs.BOM_UTF16_LE + "email".encode("utf-16-le"), "utf-16-le", 2),
        (codecs.BOM_UTF16_BE + "email".encode("utf-16-be"), "utf-16-be", 2),
        (b"caf\xe9\n", "windows-1252", 0),
        ("café".encode()[:-1], "utf-8", 0),
    ],
)
def test_the_encoding_is_recognised_from_the_start(start: bytes, encoding: str, mark: int) -> None:
    assert encoding_of(start) == (encoding, mark)


def test_check_82_an_unclosed_quote_costs_its_own_line_and_no_other() -> None:
    lines = [f"a{number},b" for number in range(50_000)]
    lines[100] = 'x,"never closed'
    rows = rows_of("\n".join(lines))
    assert len(rows) == 50_000
    assert [(row.line, row.fault) for row in rows if row.fault] == [(101, "quotes")]
    assert rows[101].cells == ["a101", "b"]


def test_check_82_an_unclosed_quote_ends_where_the_next_quoted_cell_contradicts_it() -> None:
    rows = rows_of('a,"open\nb,c\nd,"two\nlines"\ne,f\n')
    assert told(rows) == [
        (["a", "open\n"], 1, 2, 8, "quotes"),
        (["b", "c"], 2, 3, 12, None),
        (["d", "two\nlines"], 3, 5, 26, None),
        (["e", "f"], 5, 6, 30, None),
    ]


def test_check_82_a_cell_of_a_megabyte_costs_its_own_row_and_little_memory() -> None:
    data = b"a,b\n" + b"x" * 8_000_000 + b"\nc,d\n"
    tracemalloc.start()
    rows = list(read_rows(blocks(data, 65_536), "utf-8", ","))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(row.line, row.fault) for row in rows] == [(1, None), (2, "row_too_long"), (3, None)]
    assert rows[1].end == 8_000_005
    assert len(rows[1].cells[0]) == 1_000
    assert peak < 2_000_000


def test_a_line_of_another_encoding_within_a_utf8_file_is_read_as_windows_1252() -> None:
    rows = list(read_rows([b"caf\xc3\xa9\ncaf\xe9\n"], "utf-8", ","))
    assert [row.cells for row in rows] == [["café"], ["café"]]


def test_quotes_that_never_match_take_time_in_proportion_to_the_file() -> None:
    """Each of these lines opens a quote that the next line closes and opens again."""

    def read(lines: int) -> None:
        rows = list(read_rows(blocks(b'x","\n' * lines, 65_536), "utf-8", ","))
        assert len(rows) == lines
        assert {row.fault for row in rows} == {"quotes"}

    shorter = min(cpu_seconds(lambda: read(3_000)) for _ in range(3))
    assert cpu_seconds(lambda: read(30_000)) < 30 * shorter
