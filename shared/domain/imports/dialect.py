"""The start of a file to import: whether it is a table in text, its encoding and delimiter, and its header.

Programs write lines of explanation above the header. It is therefore looked for in the first lines: the header is the
line with the most columns that are known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.domain.import_options import ImportOptions, is_delimiter
from shared.domain.imports.columns import Layout, recognize
from shared.domain.imports.csv_file import DELIMITERS, Row, read_candidates, read_start
from shared.domain.imports.detection import encoding_of
from shared.domain.imports.file import BadFile
from shared.domain.imports.file_kinds import refuse_binary, refuse_text
from shared.domain.imports.limits import DEFAULT_LIMITS

HEADER_LINES = 20
"""The first lines of a file, of which one is the header."""
MAX_HEADER_BYTES = 65_536
"""Bytes of the longest header, in UTF-8."""

_TELLING = {
    "email", "other_emails", "phone", "other_phones", "whatsapp", "name", "first_name", "last_name", "customer_number",
}  # fmt: skip
"""Fields that tell contacts apart. Other fields have names that a line of explanation may be, such as `Notes:`."""
_CERTAIN = 4
"""The score of two columns that tell contacts apart, at which no further line is looked at."""
_AROUND = " \t\r\n\ufeff"
_NOTHING = b' \t\r\n,;|"\x00\x1a\xef\xbb\xbf\xff\xfe'
"""Bytes of which a file without any cell consists, in any encoding."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DEFAULTS = ImportOptions()


def survey(
    sample: bytes,
    options: ImportOptions = _DEFAULTS,
    *,
    require_email: bool = True,
    max_columns: int = DEFAULT_LIMITS.columns,
) -> tuple[Layout, Row]:
    """Return the layout of a file and its header. The rows follow from line `next_line` of the header on.

    `sample`: the whole file, or its start with all of the first HEADER_LINES lines. `require_email`: whether contacts
    must have an address; the file must then have a column of addresses, unless the options match rows and contacts by
    something else. `max_columns`: the most columns that a file may have. The options name the encoding and the
    delimiter, and the fields of columns. Without a delimiter in the options, Excel's first line `sep=;` names it, or it
    is the one with which most columns are known.

    Raises BadFile when the sample is no table in text, is empty, or has no header with the columns that are needed.
    """
    refuse_binary(sample)
    if not sample.translate(None, _NOTHING):
        raise BadFile("The file is empty.", code="empty")
    encoding = encoding_of(sample, options.encoding)
    start = read_start(sample, encoding)
    named = options.delimiter or _named_delimiter(start)
    search = _Search(encoding, options, max_columns)
    search.look(sample, (named,) if named else DELIMITERS)
    if search.best is None and named and not options.delimiter:
        search.look(sample, DELIMITERS)
    best = search.best
    require_email = require_email and options.match_on == "email"
    if best is None or (require_email and not best.has_email):
        raise search.refusal(start, require_email)
    if sum(len(cell.encode()) + 1 for cell in best.row.cells) > MAX_HEADER_BYTES:
        raise BadFile(f"The header has more than {MAX_HEADER_BYTES:,} bytes.", code="header_too_long")
    if any(map(_CONTROL.search, best.layout.header)):
        raise _not_csv()
    return best.layout, best.row


def _named_delimiter(start: str) -> str | None:
    """Return the delimiter that Excel's first line `sep=;` names. Programs may have filled it up with delimiters."""
    line = start.splitlines()[0].strip('"') if start else ""
    delimiter = line[4:5]
    if line[:4].lower() != "sep=" or not is_delimiter(delimiter) or line[5:].strip(delimiter + '"'):
        return None
    return delimiter


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A line that may be the header, as it is with a delimiter. `score`: how much of it is known."""

    layout: Layout
    row: Row
    score: int

    @property
    def has_email(self) -> bool:
        return self.layout.has("email") or self.layout.has("other_emails")

    @property
    def rank(self) -> tuple[int, int]:
        return self.score, len(self.row.cells)


class _Search:
    """The search for the header. `best`: the best candidate that was found, if any."""

    def __init__(self, encoding: str, options: ImportOptions, max_columns: int) -> None:
        self._encoding = encoding
        self._mapping = options.mapping
        self._max_columns = max_columns
        self._begins_well: bool | None = None
        self._is_too_wide = False
        self.best: _Candidate | None = None

    def look(self, sample: bytes, delimiters: tuple[str, ...]) -> None:
        """Look at the first lines. Of equally good lines the first one counts."""
        for rows in read_candidates(sample, self._encoding, delimiters, HEADER_LINES):
            if rows and self._begins_well is None:
                self._begins_well = any(row.fault is None for _, row in rows)
            for delimiter, row in rows:
                self._consider(delimiter, row)
            if self.best is not None and self.best.score >= _CERTAIN:
                return

    def _consider(self, delimiter: str, row: Row) -> None:
        if row.fault:
            return
        if len(row.cells) > self._max_columns:
            self._is_too_wide = True
            return
        header = tuple(cell.strip(_AROUND) for cell in row.cells)
        columns = recognize(header, self._mapping)
        score = sum(2 if column.field in _TELLING else 1 for column in columns if column.field)
        found = _Candidate(Layout(self._encoding, delimiter, header, columns, row.line), row, score)
        tells = any(column.field in _TELLING for column in columns)
        if tells and (self.best is None or found.rank > self.best.rank):
            self.best = found

    def refusal(self, start: str, require_email: bool) -> BadFile:
        """Return the reason why there is no header. Raises BadFile for a text of another kind."""
        if self.best is None:
            refuse_text(start)
            if not self._begins_well or _CONTROL.search(start.rstrip("\x1a\x00")):
                return _not_csv()
            if self._is_too_wide:
                return BadFile(
                    f"The file has more than {self._max_columns:,} columns.", code="too_many_columns"
                )
        if require_email:
            return BadFile(
                f"The file has no e-mail column: one of its first {HEADER_LINES} lines must name the columns, one of"
                " them Email.",
                code="no_email_column",
            )
        return BadFile(
            f"The file has no header: one of its first {HEADER_LINES} lines must name the columns, one of them Email,"
            " Name or Phone.",
            code="no_header",
        )


def _not_csv() -> BadFile:
    return BadFile(
        "This is not a CSV file with a header, or not in the encoding that was detected or named.",
        code="not_csv",
    )
