"""Contacts as a workbook of Excel (.xlsx).

xlsxwriter is loaded when a workbook is made: only the functions with the package of spreadsheets have it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from shared.domain.cell_texts import add_mark
from shared.domain.errors import RuleBroken
from shared.domain.exports.fields import CUSTOM, Exported, ExportField, cell_of

_MAX_CELL = 32_767
"""Characters of a cell (Microsoft, "Excel specifications and limits")."""
_MAX_ROWS_BYTES = 600_000_000
"""Bytes of a sheet's rows as XML. They are on the disk twice while the sheet is put together, and compressed in the
file: three times at most, in the 2,048 MB of the function (`EphemeralStorage`)."""
_CELL_BYTES = 60
"""Bytes of a cell beside its text."""
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


@contextmanager
def write_workbook(columns: Sequence[ExportField], contacts: Iterable[Exported]) -> Iterator[BinaryIO]:
    """Yield a temporary file with a workbook of one sheet: a header, and a row for each contact.

    Rows are written as they come, so memory does not grow with them. Texts are cells of type text, which no spreadsheet
    runs as a formula. Only a text that looks like a marked one is marked, so that an import reads it back unchanged.
    Raises RuleBroken with code `export_too_large` when the rows, or the disk, have no room for more.
    """
    from xlsxwriter import Workbook

    # All temporary files are in a folder of their own: a workbook that is given up is not closed, and leaves none.
    with TemporaryDirectory() as folder, TemporaryFile(dir=folder) as file:
        with _full_disk_as_refusal():
            book = Workbook(file, {**_OPTIONS, "tmpdir": folder})
            sheet = book.add_worksheet("Contacts")
            try:
                _write_rows(sheet, columns, contacts)
            except BaseException:
                sheet.row_data_fh.close()
                raise
            book.close()
        file.seek(0)
        yield file


def _write_rows(sheet: Any, columns: Sequence[ExportField], contacts: Iterable[Exported]) -> None:
    sheet.freeze_panes(1, 0)
    for position, column in enumerate(columns):
        sheet.write_string(0, position, column.header)
    written = 0
    for number, one in enumerate(contacts, 1):
        for position, column in enumerate(columns):
            value = column.value_of(one)
            if type(value) is int and not column.name.startswith(CUSTOM):
                sheet.write_number(number, position, value)
                written += _CELL_BYTES
            elif text := cell_of(column.name, value):
                marked = add_mark(text) if text.startswith("'") else text
                sheet.write_string(number, position, marked[:_MAX_CELL])
                written += len(escape(text).encode()) + _CELL_BYTES
        if written > _MAX_ROWS_BYTES:
            raise _too_large()


@contextmanager
def _full_disk_as_refusal() -> Iterator[None]:
    from xlsxwriter.exceptions import FileCreateError

    try:
        yield
    except (OSError, FileCreateError) as error:
        # xlsxwriter raises an error of its own with that of the system.
        cause = error.args[0] if isinstance(error, FileCreateError) and error.args else error
        if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
            raise _too_large() from error
        raise


def _too_large() -> RuleBroken:
    message = "The file is too large for a workbook. Choose fewer fields, or export as csv."
    return RuleBroken(message, code="export_too_large")
