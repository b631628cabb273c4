"""The start of a file to import: whether it is CSV, and how to read it."""

from __future__ import annotations

import re

from shared.domain.errors import RuleBroken
from shared.domain.imports.columns import Layout, recognize
from shared.domain.imports.csv_file import DELIMITERS, Row, encoding_of, read_rows

MAX_FILE_BYTES = 200_000_000
"""Bytes of the largest file that can be imported."""
MAX_HEADER_BYTES = 65_536
"""Bytes of the longest header line."""
MAX_ROWS = 2_000_000
"""Rows of the largest file that can be imported."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

# How files of other kinds start: https://www.iana.org/assignments/media-types and the specifications of the formats.
_OTHER_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (
        b"PK\x03\x04",
        "zip",
        "This is a zip archive or an Excel workbook (.xlsx), not a CSV file. Save it as CSV.",
    ),
    (b"PK\x05\x06", "zip", "This is an empty zip archive, not a CSV file."),
    (b"\x1f\x8b", "gzip", "This is a gzip archive, not a CSV file. Unpack it first."),
    (b"\xd0\xcf\x11\xe0", "excel", "This is an old Excel workbook (.xls), not a CSV file. Save it as CSV."),
    (b"%PDF-", "pdf", "This is a PDF document, not a CSV file."),
)


class BadFile(RuleBroken):
    """The file cannot be imported. `code` and `detail` say why, without repeating any of the file's content."""

    code = "not_csv"


class FileReplaced(BadFile):
    """The object was removed or replaced."""

    code = "replaced"

    def __init__(self) -> None:
        super().__init__(
            "The file was replaced or removed while it was being imported. A file put in its place is imported by"
            " itself; its rows that are contacts already count as duplicates."
        )


def survey(sample: bytes) -> tuple[Layout, Row]:
    """Return the layout and the header row of a file that starts with `sample`, the whole file or at least
    MAX_HEADER_BYTES.

    Of the delimiters with which there is an e-mail column, the one that makes most columns is chosen. Raises BadFile.
    """
    for beginning, code, sentence in _OTHER_KINDS:
        if sample.startswith(beginning):
            raise BadFile(sentence, code=code)
    encoding, mark = encoding_of(sample)
    found: list[tuple[Layout, Row]] = []
    for delimiter in DELIMITERS:
        row = next(read_rows([sample[mark:]], encoding, delimiter, start=mark), None)
        if row is None:
            raise BadFile("The file is empty.", code="empty")
        header = tuple(cell.strip(" \t\r\n\ufeff") for cell in row.cells)
        if not row.fault:
            found.append((Layout(encoding, delimiter, header, recognize(header, {})), row))
    if not found or any(_CONTROL.search(name) for name in found[0][0].header):
        raise BadFile(
            "This is not a CSV file in UTF-8, UTF-16 with a byte order mark, or Windows-1252, with a header line."
        )
    layout, row = max(found, key=lambda one: (one[0].has("email"), len(one[0].header)))
    if not layout.has("email"):
        raise BadFile(
            "The file has no e-mail column: its first line must name the columns, one of them Email.",
            code="no_email_column",
        )
    if row.end - mark > MAX_HEADER_BYTES:
        raise BadFile(f"The header line has more than {MAX_HEADER_BYTES:,} bytes.", code="header_too_long")
    return layout, row
