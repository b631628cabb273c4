"""Results that are imported, and the results of that: no round changes a cell, or what a row says."""

from __future__ import annotations

import csv
import io

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.import_options import ImportOptions
from shared.domain.imports.columns import RESULT_COLUMNS
from shared.domain.imports.limits import DEFAULT_LIMITS
from shared.domain.imports.results import Fate, fail_row, result_header, result_lines
from shared.domain.imports.rows import ReadRow, RowReader
from shared.domain.tenant import TenantSettings
from shared.services.imports.sources import Source
from tests.support.budgets import repetitions

HEADER = ["Email", "=Company", "About", "Phone 1 - Value", "Phone 1 - Label", "Tags", "custom.size"]
CELLS = st.one_of(
    st.sampled_from(
        ["=SUM(1)", "'=SUM(1)", "''=SUM(1)", "'t Hooft", "+49 30 901820", "-5", "@home", "\t'=1", " =1"]
    ),
    st.lists(st.sampled_from([*"'\"=+-@,; ax\t\r\n\u200b"]), max_size=8).map("".join),
)
ROWS = st.lists(st.lists(CELLS, min_size=len(HEADER) - 1, max_size=len(HEADER) + 1), min_size=1, max_size=3)


def csv_of(rows: list[list[str]], delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode()


def cells_of(results: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(results.decode("utf-8-sig"), newline="")))


def run(file: bytes) -> tuple[bytes, list[ReadRow]]:
    """Return the results of a file, and what its rows say."""
    options = ImportOptions(mapping={"Company": "company"})
    source = Source(file, lambda: iter([file]), DEFAULT_LIMITS.columns)
    layout, header = source.survey(options, require_email=True)
    reader = RowReader(layout, options, TenantSettings(default_country="DE"))
    lines, found = list[str](), list[ReadRow]()
    for number, row in enumerate(source.rows(layout, header), 1):
        read = reader.read(row)
        fate = fail_row(row, read.error) if read.error else Fate("created", warnings=read.warnings)
        lines += result_lines(layout, [(number, row, fate)])
        found.append(read)
    return result_header(layout) + "".join(lines).encode(), found


@given(rows=ROWS, delimiter=st.sampled_from([",", ";", "\t"]))
@example(rows=[["\t'=1", "''=1", "+49 30 901820", "=mobile", "=tag", "'=1"]], delimiter=",")
@example(rows=[["\t", "'\t", "\t", "\n", " \t ", "'"]], delimiter=",")
@example(rows=[["Smith", "ACME", "", "", "", "x", "surplus"]], delimiter=";")
@settings(max_examples=repetitions(150))
def test_check_84_results_of_results_have_the_same_cells_and_rows(
    rows: list[list[str]], delimiter: str
) -> None:
    table = [HEADER, *([f"p{at}@example.com", *cells] for at, cells in enumerate(rows))]
    results, first = run(csv_of(table, delimiter))
    width = len(HEADER)
    before = cells_of(results)
    assert before[0] == ["Email", "'=Company", *HEADER[2:], *RESULT_COLUMNS]
    for _ in range(3):
        results, found = run(results)
        after = cells_of(results)
        assert after[0] == before[0]
        assert [row[:width] for row in after] == [row[:width] for row in before]
        assert [row[-2] for row in after] == [row[-2] for row in before]
        assert [(one.fields, one.warnings) for one in found] == [(one.fields, one.warnings) for one in first]
