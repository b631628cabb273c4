"""The header of any table is its first line, whatever words its rows have."""

from __future__ import annotations

import csv
import io

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.import_options import ImportOptions
from shared.domain.imports.csv_file import read_rows
from shared.domain.imports.dialect import survey
from tests.support.budgets import repetitions

TABLES = 1_000
"""Tables in the short budget; ten thousand in the long one."""
HEADINGS = [
    "Vorname",
    "Company",
    "Phone",
    "Notes",
    "Kanal",
    "Alternativ",
    "Ort",
    "Telefonart",
    "Tags",
    "custom.a",
]
WORDS = [
    "email", "E-Mail", "phone", "Telefon", "mobile", "company", "name", "Vorname", "notes", "title", "row_number",
    "reason_code", "message", "a@example.com", "Ann <ann@example.com>", "bad", "", "030 901820", "email, phone, name",
    "email;phone;name", "2024-01-05", "Line 2: email: Not an address.",
]  # fmt: skip


@given(
    headings=st.lists(st.sampled_from(HEADINGS), unique=True, max_size=5),
    position=st.integers(0, 5),
    rows=st.lists(st.lists(st.sampled_from(WORDS), min_size=6, max_size=6), max_size=21),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    mapped=st.sampled_from([None, "custom.kanal", "skip"]),
)
@example(["Kanal", "Alternativ"], 0, [["bad", "email", "phone", "", "", ""]] * 2, ";", None)
@settings(max_examples=repetitions(TABLES))
def test_check_82_the_header_is_above_rows_of_any_words(
    headings: list[str], position: int, rows: list[list[str]], delimiter: str, mapped: str | None
) -> None:
    header = [*headings[:position], "E-Mail", *headings[position:]]
    # The only cell of a row with another delimiter may as well be the header below a line of explanation.
    table = [row[: len(header)] for row in rows if headings or not {",", ";"} & {*row[0]}]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([header, *table])
    data = text.getvalue().encode()
    mapping = {"Kanal": None if mapped == "skip" else mapped} if mapped and "Kanal" in header else {}
    layout, found = survey(data, ImportOptions(mapping=mapping))
    assert (found.line, found.cells) == (1, header)
    read = read_rows([data], layout.encoding, layout.delimiter, first_line=found.next_line)
    assert [row.cells for row in read] == [row for row in table if any(row)]
