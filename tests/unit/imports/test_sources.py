"""A workbook as a source of rows: line breaks in its cells are those of the sheet."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.import_options import ImportOptions
from shared.domain.imports.limits import DEFAULT_LIMITS
from shared.services.imports.sources import Source

SHEET = "Email,Full\u2028Name,My\u2028Phone\na@example.com,Ann\u2028Lee,1\n".encode()


def source(*, is_workbook: bool) -> Source:
    def blocks() -> Iterator[bytes]:
        yield SHEET

    return Source(SHEET, blocks, DEFAULT_LIMITS.columns, is_workbook=is_workbook)


def test_line_breaks_of_a_sheet_are_in_its_header_and_its_rows() -> None:
    options = ImportOptions(mapping={"My\nPhone": "whatsapp"}, delimiter=";", encoding="windows-1251")
    layout, header = source(is_workbook=True).survey(options, require_email=True)
    assert layout.header == ("Email", "Full\nName", "My\nPhone")
    assert [(column.header, column.field) for column in layout.columns] == [
        ("Email", "email"),
        ("Full\nName", "name"),
        ("My\nPhone", "whatsapp"),
    ]
    (row,) = source(is_workbook=True).rows(layout, header)
    assert (row.cells, row.line) == (["a@example.com", "Ann\nLee", "1"], 2)


def test_a_text_keeps_its_line_separators() -> None:
    text = source(is_workbook=False)
    (row,) = text.rows(*text.survey(ImportOptions(), require_email=True))
    assert row.cells[1] == "Ann\u2028Lee"
