"""Any file is read to its end: each row is in the results, once, whatever its quotes, line ends and encoding."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.domain.encodings import CODECS
from shared.domain.import_options import ImportOptions
from shared.domain.imports.columns import Layout
from shared.domain.imports.csv_file import Row
from shared.domain.imports.detection import is_wide
from shared.domain.imports.file import BadFile
from shared.domain.imports.groups import decode_groups
from shared.domain.imports.limits import DEFAULT_LIMITS
from shared.domain.imports.results import Fate, fail_row, result_header, result_lines
from shared.domain.imports.rows import RowReader
from shared.domain.tenant import TenantSettings
from shared.files import workbook as reader
from shared.services.imports.gathering import Part, encode_lines, gather
from shared.services.imports.grouping import Grouping
from shared.services.imports.sources import Source
from tests.support.budgets import repetitions
from tests.support.workbooks import workbook

FILES = 1_000
"""Files in the short budget; ten thousand in the long one."""
DELIMITERS = [",", ";", "\t", "|"]
NAMED = ["^", "~", ":"]
LINE_ENDS = ["\n", "\r\n", "\r"]
HEADERS = [
    "Email", "E-mail Address", "First Name", "Last Name", "Phone", "Mobile Phone", "Company", "Notes", "Tags", "x", "",
    "Größe", "Имя",
]  # fmt: skip
PIECES = [
    "a@example.com", "b@example.com", "Ann", "Zoë", "Иван", "山田", "=1+1", "+49 30 123", '"', '""', "'", ",", ";",
    "\t", "|", "\n", "\r\n", "\r", " ", "\0", "\x1a", "\u2028", "\ufeff", "x" * 300,
]  # fmt: skip

cells = st.lists(st.sampled_from(PIECES), max_size=3).map("".join)
tables = st.lists(st.lists(cells, min_size=1, max_size=6), max_size=8)


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, ImportOptions]:
    """Return a file as somebody may have it, mostly well-made, and the options that name what it does not show."""
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", *CODECS]))
    named = draw(st.booleans())
    delimiter = draw(st.sampled_from(DELIMITERS + NAMED * named))
    headers = draw(st.lists(st.sampled_from(HEADERS), min_size=1, max_size=5))
    lines = draw(
        st.lists(st.sampled_from(["", "sep=;", "Notes:", 'a "list', "Email", ";;", "a,b,c"]), max_size=3)
    )
    written = io.StringIO(newline="")
    end = draw(st.sampled_from(LINE_ENDS))
    quoting = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(["Email", *headers])
    writer.writerows(draw(tables))
    text = "".join(line + end for line in lines) + written.getvalue()
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from([*PIECES, f'" {delimiter}'])) + text[at:]
    data = text.encode(CODECS.get(encoding, encoding), "replace")
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=3)) + data[at:]
    known = encoding if encoding in CODECS else None
    return data, ImportOptions(encoding=known if named else None, delimiter=delimiter if named else None)


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def lines_of(data: bytes, encoding: str) -> list[bytes]:
    """Return the lines of a file, in UTF-8 when they are in UTF-16 or UTF-32."""
    if is_wide(encoding):
        data = data.decode(encoding, "replace").encode()
    return data.removeprefix(b"\xef\xbb\xbf").splitlines()


def check_that_no_line_is_lost(data: bytes, layout: Layout, header: Row, rows: list[Row]) -> None:
    """Each line below the header that has a visible character is part of one row."""
    owners: dict[int, int] = {}
    for number, row in enumerate(rows):
        assert header.next_line <= row.line < row.next_line
        for line in range(row.line, row.next_line):
            assert owners.setdefault(line, number) == number
    codec = "utf-8" if is_wide(layout.encoding) else CODECS[layout.encoding]
    for line, content in enumerate(lines_of(data, layout.encoding), 1):
        shown = (
            content.decode(codec, "replace").replace(layout.delimiter, "").replace('"', "").strip("\0\x1a")
        )
        assert line < header.next_line or line in owners or not shown.strip(), (line, content)


def check_that_results_have_each_row_once(layout: Layout, rows: list[Row], options: ImportOptions) -> None:
    row_reader = RowReader(layout, options, TenantSettings())
    with Grouping() as grouping:
        for row in rows:
            grouping.add(row, row_reader.keys(row))
        chunks = [body for _, body in grouping.chunks()]
    outputs = []
    for number, body in enumerate(chunks):
        lines = []
        for group in decode_groups(body):
            for one in group.rows:
                error = row_reader.read(one.row).error
                fate = Fate("created") if error is None else fail_row(one.row, error)
                lines += [(one.number, line) for line in result_lines(layout, [(one.number, one.row, fate)])]
        if number % 2 == 0:
            outputs.append(encode_lines(lines))
    parts = [Part("output", one) for one in outputs] + [Part("not_run", one) for one in chunks[1::2]]
    text = b"".join([result_header(layout), *gather(layout, parts, rows=len(rows))]).decode("utf-8-sig")
    found = list(csv.reader(io.StringIO(text, newline="")))[1:]
    width = len(layout.header)
    assert [line[width] for line in found] == [str(number) for number in range(1, len(rows) + 1)]
    assert {line[width + 2] for line in found} <= {"created", "failed", "not_run"}


def check(data: bytes, options: ImportOptions, size: int) -> None:
    source = Source(data, lambda: blocks(data, size), DEFAULT_LIMITS.columns)
    try:
        layout, header = source.survey(options, require_email=True)
    except BadFile:
        return
    rows = list(source.rows(layout, header))
    check_that_no_line_is_lost(data, layout, header, rows)
    check_that_results_have_each_row_once(layout, rows, options)


@given(made=files(), size=st.integers(1, 200))
@settings(
    max_examples=repetitions(FILES), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_check_82_no_row_of_a_file_is_lost(made: tuple[bytes, ImportOptions], size: int) -> None:
    check(*made, size)


@given(
    start=st.sampled_from([b"", b"Email\n", b"Email;x\r\n", b"sep=,\nEmail,\0\n"]),
    rest=st.binary(max_size=200),
)
@example(b"Email\n", b"PK\x03\x04")
@settings(max_examples=repetitions(FILES // 4))
def test_check_82_no_row_of_any_bytes_is_lost(start: bytes, rest: bytes) -> None:
    check(start + rest, ImportOptions(), 50)


CLEAN = st.text(st.sampled_from("abc é,;\t|\"\n'=0"), max_size=8)


@given(
    table=st.lists(st.lists(CLEAN, min_size=2, max_size=4), max_size=8),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "windows-1252"]),
    delimiter=st.sampled_from(DELIMITERS),
    end=st.sampled_from(LINE_ENDS),
    above=st.lists(st.sampled_from(["Contacts", "", "Notes:", "as of 2024"]), max_size=19),
    size=st.integers(1, 100),
)
@settings(max_examples=repetitions(FILES // 4))
def test_what_a_csv_writer_wrote_is_read_as_csv_reader_reads_it(
    table: list[list[str]], encoding: str, delimiter: str, end: str, above: list[str], size: int
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(
        [["Email", "First Name", "é"], *table]
    )
    text = "".join(line + end for line in above) + written.getvalue()
    data = text.encode(encoding)
    source = Source(data, lambda: blocks(data, size), DEFAULT_LIMITS.columns)
    layout, header = source.survey(ImportOptions(), require_email=True)
    assert (layout.delimiter, header.line) == (delimiter, len(above) + 1)
    expected = list(csv.reader(io.StringIO(written.getvalue(), newline=""), delimiter=delimiter))[1:]
    rows = list(source.rows(layout, header))
    assert [row.cells for row in rows] == [row for row in expected if any(map(str.strip, row))]
    assert not any(row.fault for row in rows)


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\ufffe\uffff"), max_size=10
    ),
    st.integers(-(10**14), 10**14),
    st.floats(-1e6, 1e6).map(lambda value: round(value, 6)),
    st.booleans(),
)


def shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.15g}"
    return str(value)


@given(table=st.lists(st.lists(VALUES, min_size=1, max_size=5), max_size=12))
@settings(max_examples=repetitions(40))
def test_a_workbook_has_the_rows_that_were_written(table: list[list[Any]]) -> None:
    sheet = io.BytesIO()
    reader.convert(io.BytesIO(workbook([["Email", *"abcde"], *table])), sheet)
    data = sheet.getvalue()
    source = Source(data, lambda: blocks(data, 100), DEFAULT_LIMITS.columns, is_workbook=True)
    rows = list(source.rows(*source.survey(ImportOptions(), require_email=True)))
    expected = {
        number: [shown(value).lstrip(" ") for value in row]
        for number, row in enumerate(table, 2)
        if any(shown(value).strip() for value in row)
    }
    assert {row.line: row.cells[: len(expected[row.line])] for row in rows} == expected
    assert not any(any(row.cells[len(expected[row.line]) :]) for row in rows)
