"""Reading CSV: encodings, quotes, and bad lines."""

from __future__ import annotations

import csv
import io
import random
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.encodings import CODECS
from shared.domain.imports.csv_file import DELIMITERS, Row, read_rows
from tests.support.budgets import repetitions
from tests.support.cpu_time import cpu_seconds

ENCODINGS = ("utf-8", "windows-1252", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def rows_of(text: str, encoding: str = "utf-8", delimiter: str = ",") -> list[Row]:
    return list(read_rows([text.encode(encoding)], encoding, delimiter))


def told(rows: list[Row]) -> list[tuple[list[str], int, int, str | None]]:
    return [(row.cells, row.line, row.next_line, row.fault) for row in rows]


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
    table: list[list[str]], encoding: str, delimiter: str, ending: str, seed: int
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(table)
    data = written.getvalue().encode(encoding)
    rows = list(read_rows(blocks(data, random.Random(seed).randint(1, 50)), encoding, delimiter))
    expected = csv.reader(io.StringIO(written.getvalue(), newline=""), delimiter=delimiter)
    assert [row.cells for row in rows] == [cells for cells in expected if any(map(str.strip, cells))]
    assert all(row.fault is None for row in rows)


@given(data=st.binary(max_size=120), encoding=st.sampled_from(ENCODINGS), size=st.integers(1, 20))
@settings(max_examples=repetitions(50))
def test_any_bytes_are_read_without_an_error(data: bytes, encoding: str, size: int) -> None:
    rows = list(read_rows(blocks(data, size), encoding, ","))
    assert told(rows) == told(list(read_rows([data], encoding, ",")))


@given(
    lines=st.lists(st.text(st.sampled_from('ab ,"é\0'), max_size=20), max_size=12),
    encoding=st.sampled_from(ENCODINGS),
    skipped=st.integers(0, 14),
)
@settings(max_examples=repetitions(50))
def test_rows_are_read_from_any_line_as_if_the_file_began_there(
    lines: list[str], encoding: str, skipped: int
) -> None:
    def read(lines: list[str], first_line: int) -> list[Row]:
        data = "".join(f"{line}\n" for line in lines).encode(encoding)
        return list(read_rows([data], encoding, ",", first_line=first_line))

    found = read(lines, skipped + 1)
    expected = read(lines[skipped:], 1)
    assert [(row.cells, row.line - skipped, row.fault) for row in found] == [
        (row.cells, row.line, row.fault) for row in expected
    ]


@pytest.mark.parametrize(
    "text",
    [
        '"Ann" ,"One"\n"Bob"\t, "Two"\n',
        ' "Ann","One"\n\t"Bob","Two"  \n',
        '"Ann", "One" \r\n"Bob" , "Two"',
        "Ann, One\r Bob,Two",
    ],
)
def test_blanks_beside_quotes_are_no_part_of_the_cells(text: str) -> None:
    rows = rows_of(text)
    assert [[cell.strip() for cell in row.cells] for row in rows] == [["Ann", "One"], ["Bob", "Two"]]
    assert all(row.fault is None for row in rows)
    if '"' in text:
        assert rows[0].cells == ["Ann", "One"]


def test_a_quoted_cell_before_blanks_may_have_quotes_and_line_breaks() -> None:
    rows = rows_of('"say ""hi"", then\ngo" , "b"\nc,d\n')
    assert told(rows) == [(['say "hi", then\ngo', "b"], 1, 3, None), (["c", "d"], 3, 4, None)]


def test_blanks_that_delimit_are_not_skipped() -> None:
    assert [row.cells for row in rows_of('"a"\t\t"b"\n', delimiter="\t")] == [["a", "", "b"]]


def test_check_82_line_ends_may_be_mixed() -> None:
    assert [(row.cells, row.line) for row in rows_of("a\r\nb\nc\rd\n\r\ne")] == [
        (["a"], 1), (["b"], 2), (["c"], 3), (["d"], 4), (["e"], 6)
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("end", ["\x1a", "\n\x1a", "\r\n\x1a\x1a", "\0\0\0"])
def test_a_last_ctrl_z_is_no_row(encoding: str, end: str) -> None:
    rows = rows_of("a,b\nc,d" + end, encoding)
    assert [row.cells for row in rows] == [["a", "b"], ["c", "d"]]


def test_check_82_nul_is_part_of_its_cell() -> None:
    assert told(rows_of("a,b\nc\0,d\ne,f\n"))[1:] == [(["c\0", "d"], 2, 3, None), (["e", "f"], 3, 4, None)]


@pytest.mark.parametrize("encoding", [name for name in CODECS if name not in ("utf-16", "utf-32")])
def test_every_encoding_is_read(encoding: str) -> None:
    text = {
        "utf": "Ж",
        "windows-874": "ก",
        "windows-1251": "Ж",
        "iso-8859-5": "Ж",
        "koi8-r": "Ж",
        "shift-jis": "ソ表",
    }
    word = text.get(encoding, text.get(encoding[:3], "x"))
    data = f"a,{word}\r\nb,{word}\r\n".encode(CODECS[encoding])
    rows = list(read_rows(blocks(data, 3), encoding, ","))
    assert told(rows) == [(["a", word], 1, 2, None), (["b", word], 2, 3, None)]


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
        (["a", "open\n"], 1, 2, "quotes"),
        (["b", "c"], 2, 3, None),
        (["d", "two\nlines"], 3, 5, None),
        (["e", "f"], 5, 6, None),
    ]


def test_check_82_a_cell_of_a_megabyte_costs_its_own_row_and_little_memory() -> None:
    data = b"a,b\n" + b"x" * 8_000_000 + b"\nc,d\n"
    tracemalloc.start()
    rows = list(read_rows(blocks(data, 65_536), "utf-8", ","))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(row.line, row.fault) for row in rows] == [(1, None), (2, "row_too_long"), (3, None)]
    assert len(rows[1].cells[0]) == 1_000
    assert peak < 2_000_000


def test_a_line_of_another_encoding_within_a_utf8_file_is_read_as_windows_1252() -> None:
    rows = list(read_rows([b"caf\xc3\xa9\ncaf\xe9\n"], "utf-8", ","))
    assert [row.cells for row in rows] == [["café"], ["café"]]


def test_a_line_of_utf8_with_a_character_cut_in_two_is_no_line_of_another_encoding() -> None:
    data = "a,Zoë Größe\nb,Zoë Größ".encode()[:-1] + b"\nc,Jos\xe9\n"
    assert [row.cells for row in read_rows([data], "utf-8", ",")] == [
        ["a", "Zoë Größe"],
        ["b", "Zoë Grö\ufffd"],
        ["c", "José"],
    ]


def test_quotes_that_never_match_take_time_in_proportion_to_the_file() -> None:
    """Each of these lines opens a quote that the next line closes and opens again."""

    def read(lines: int) -> None:
        rows = list(read_rows(blocks(b'x","\n' * lines, 65_536), "utf-8", ","))
        assert len(rows) == lines
        assert {row.fault for row in rows} == {"quotes"}

    shorter = min(cpu_seconds(lambda: read(3_000)) for _ in range(3))
    assert cpu_seconds(lambda: read(30_000)) < 30 * shorter


def test_blanks_beside_every_quote_take_time_in_proportion_to_the_file() -> None:
    def read(lines: int) -> None:
        rows = list(read_rows(blocks(b'"x" , "y\nz" \n' * lines, 65_536), "utf-8", ","))
        assert len(rows) == lines
        assert {row.fault for row in rows} == {None}

    shorter = min(cpu_seconds(lambda: read(3_000)) for _ in range(3))
    assert cpu_seconds(lambda: read(30_000)) < 30 * shorter


def _peak_of_reading(rows: int) -> int:
    def file() -> Iterator[bytes]:
        for start in range(0, rows, 1000):
            yield b"".join(b"person%d@example.com,Ann\n" % number for number in range(start, start + 1000))

    tracemalloc.start()
    assert sum(1 for _ in read_rows(file(), "utf-8", ",")) == rows
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_check_8_reading_takes_the_same_memory_for_twice_the_rows() -> None:
    _peak_of_reading(2_000)
    single, double = _peak_of_reading(10_000), _peak_of_reading(20_000)
    assert double - single < 100_000
    assert double < 2_000_000
