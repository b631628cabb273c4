"""Contacts as a workbook of Excel (.xlsx).

xlsxwriter is loaded when a workbook is made: only the functions with the package of spreadsheets have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import BinaryIO

from shared.domain.cell_texts import add_mark
from shared.domain.errors import RuleBroken
from shared.domain.exports.fields import CUSTOM, Exported, ExportField, cell_of

_MAX_CELL = 32_767
"""Characters of a cell (Microsoft, "Excel specifications and limits")."""
_MAX_TEXT = 200_000_000
"""Characters of all cells. With their marking they fit on the disk of a function, 512 MB (AWS Lambda quotas)."""


@contextmanager
def write_workbook(columns: Sequence[ExportField], contacts: Iterable[Exported]) -> Iterator[BinaryIO]:
    """Yield a temporary file with a workbook of one sheet: a header, and a row for each contact.

    Rows are written as they come, so memory does not grow with them. Texts are cells of type text, which no spreadsheet
    runs as a formula. Only a text that looks like a marked one is marked, so that an import reads it back unchanged.
    """
    from xlsxwriter import Workbook

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    with TemporaryFile() as file:
        with Workbook(file, options) as book:
            sheet = book.add_worksheet("Contacts")
            sheet.freeze_panes(1, 0)
            for position, column in enumerate(columns):
                sheet.write_string(0, position, column.header)
            written = 0
            for number, one in enumerate(contacts, 1):
                for position, column in enumerate(columns):
                    value = column.value_of(one)
                    if type(value) is int and not column.name.startswith(CUSTOM):
                        sheet.write_number(number, position, value)
                    elif text := cell_of(column.name, value):
                        marked = add_mark(text) if text.startswith("'") else text
                        sheet.write_string(number, position, marked[:_MAX_CELL])
                        written += len(text)
                if written > _MAX_TEXT:
                    message = "The texts are too long for a workbook. Choose fewer fields, or export as csv."
                    raise RuleBroken(message, code="export_too_large")
        file.seek(0)
        yield file
