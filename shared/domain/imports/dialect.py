"""The start of a file to import: whether it is a table in text, its encoding and delimiter, and its header.

Programs write lines of explanation above the header. It is therefore looked for in the first lines: the header is the
first line with a column that is known, unless that line looks like an explanation of a later one. Rows may have words
that are names of columns, too, such as a preferred channel `Email`: a line with an address is no header, nor is a line
below rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.domain.import_options import ImportOptions, is_delimiter
from shared.domain.imports.columns import RESULT_COLUMNS, Layout, recognize
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
    "id",
}  # fmt: skip
"""Fields that tell contacts apart. Other fields have names that a line of explanation may be, such as `Notes:`."""
_CLEARLY_MORE = 2
"""How many times as many columns must be known of a line for an earlier line to be an explanation of it."""
_AROUND = " \t\r\n\ufeff"
_BETWEEN_WORDS = re.compile(r"[\s,;|:<>\"']+")
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
    must have an address; the file must then have a column of addresses or of the ids of contacts, unless the options
    match rows and contacts by something else. `max_columns`: the most columns that a file may have. The options name
    the encoding and the delimiter, and the fields of columns. Without a delimiter in the options, Excel's first line
    `sep=;` names it, or it is the one with which most columns are known.

    Raises BadFile when the sample is no table in text, is empty, or has no header with the columns that are needed.
    """
    refuse_binary(sample)
    if not sample.translate(None, _NOTHING):
        raise BadFile("The file is empty.", code="empty")
    encoding = encoding_of(sample, options.encoding)
    start = read_start(sample, encoding)
    refuse_text(start)
    needs_email = require_email and options.match_on == "email"
    named = options.delimiter or _named_delimiter(start)
    search = _Search(encoding, options, max_columns, needs_email=needs_email)
    search.look(sample, (named,) if named else DELIMITERS)
    if search.best is None and named and not options.delimiter:
        search.look(sample, DELIMITERS)
    best = search.best
    if best is None or not best.tells or (needs_email and not (best.has_email or best.layout.has("id"))):
        raise search.refusal(start)
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
    """A line that may be the header, as it is with a delimiter.

    `filled`: how many of its cells are not blank. `known`: how many different columns are known. `mapped`: how many the
    options name, also those that are not read. `score`: how much is known of the line.
    """

    layout: Layout
    row: Row
    filled: int
    known: int
    mapped: int
    score: int

    @classmethod
    def of(cls, layout: Layout, row: Row) -> _Candidate:
        """Return a line as it is with a delimiter."""
        known = {column.header.casefold() for column in layout.columns if column.field}
        return cls(
            layout,
            row,
            filled=sum(map(bool, layout.header)),
            known=len(known),
            mapped=len({one.header.casefold() for one in layout.columns if one.reason == "mapping"}),
            score=sum(2 if column.field in _TELLING else 1 for column in layout.columns if column.field),
        )

    @property
    def has_email(self) -> bool:
        return self.layout.has("email") or self.layout.has("other_emails")

    @property
    def has_results(self) -> bool:
        return set(RESULT_COLUMNS) <= set(self.layout.header)

    @property
    def tells(self) -> bool:
        return any(column.field in _TELLING for column in self.layout.columns)

    @property
    def has_address(self) -> bool:
        """Whether an address is in a cell that the options do not name."""
        return any(
            "@" in one.header and one.reason != "mapping" and any(map(_is_address, _words_of(one.header)))
            for one in self.layout.columns
        )

    @property
    def is_data(self) -> bool:
        """Whether a cell is an address, other than in a pair such as `Email;info@example.com` above a table."""
        is_pair = self.filled == 2 and self.known == 1
        return not is_pair and any(map(_is_address, self.layout.header))

    @property
    def rank(self) -> tuple[bool, int, int, bool, int]:
        """The rank among the readings of one line."""
        return self.has_results, self.mapped, self.score, self.has_email, len(self.row.cells)

    def is_below_explanation(self, earlier: _Candidate, *, needs_email: bool) -> bool:
        """Return whether an earlier line is an explanation above this one, and not the header."""
        if self.filled <= earlier.filled:
            return False
        is_needed = needs_email and self.has_email and not earlier.has_email
        return is_needed or self.known >= max(2, _CLEARLY_MORE * earlier.known)


def _words_of(cell: str) -> list[str]:
    return _BETWEEN_WORDS.split(cell)


def _is_address(word: str) -> bool:
    """Return whether a word is an e-mail address. One in brackets is an example in a heading."""
    local, _, domain = word.partition("@")
    is_domain = "." in domain.strip(".") and domain.replace(".", "").replace("-", "").isalnum()
    return is_domain and bool(local) and not local.startswith("(") and not _BETWEEN_WORDS.search(local)


class _Search:
    """The search for the header. `best`: the best candidate that was found, if any."""

    def __init__(self, encoding: str, options: ImportOptions, max_columns: int, *, needs_email: bool) -> None:
        self._encoding = encoding
        self._mapping = options.mapping
        self._max_columns = max_columns
        self._needs_email = needs_email
        self._begins_well: bool | None = None
        self._is_too_wide = False
        self.best: _Candidate | None = None

    def look(self, sample: bytes, delimiters: tuple[str, ...]) -> None:
        """Look at the first lines, until the header is certain or the rows of a table have begun."""
        widths = dict.fromkeys(delimiters, 0)  # filled cells of the widest row with an address so far
        for rows in read_candidates(sample, self._encoding, delimiters, HEADER_LINES):
            if rows and self._begins_well is None:
                self._begins_well = any(row.fault is None for _, row in rows)
            readings = [one for delimiter, row in rows if (one := self._candidate(delimiter, row))]
            if any(one.has_address for one in readings):
                for one in readings:
                    if one.is_data:
                        delimiter = one.layout.delimiter
                        widths[delimiter] = max(widths[delimiter], one.filled)
                if self.best and 0 < self.best.filled <= widths[self.best.layout.delimiter]:
                    return
                continue
            self._consider(readings, widths)
            if self.best is not None and self._is_certain(self.best):
                return

    def _candidate(self, delimiter: str, row: Row) -> _Candidate | None:
        if row.fault or (self.best is not None and row.line < self.best.row.next_line):
            return None
        if len(row.cells) > self._max_columns:
            self._is_too_wide = True
            return None
        header = tuple(cell.strip(_AROUND) for cell in row.cells)
        columns = recognize(header, self._mapping)
        return _Candidate.of(Layout(self._encoding, delimiter, header, columns, row.line), row)

    def _consider(self, readings: list[_Candidate], widths: dict[str, int]) -> None:
        """Take a line for the header if it is better than those above. Of equally good lines the first one counts."""
        found = max(
            (
                one
                for one in readings
                if one.filled > widths[one.layout.delimiter] and (one.tells or one.mapped or one.has_results)
            ),
            key=lambda one: one.rank,
            default=None,
        )
        if found is None:
            return
        if self.best is None or found.has_results or found.mapped > self.best.mapped:
            self.best = found
            return
        # A row of the table that the earlier line begins is several cells, whatever else is between them.
        delimiter = self.best.layout.delimiter
        is_row = found.layout.delimiter != delimiter and any(
            len(one.row.cells) > 1 for one in readings if one.layout.delimiter == delimiter
        )
        if (
            not is_row
            and found.mapped == self.best.mapped
            and found.is_below_explanation(self.best, needs_email=self._needs_email)
        ):
            self.best = found

    def _is_certain(self, found: _Candidate) -> bool:
        is_all_mapped = found.mapped >= len(self._mapping)
        return found.has_results or (is_all_mapped and found.has_email and found.known > 1)

    def refusal(self, start: str) -> BadFile:
        """Return the reason why there is no header."""
        if self.best is None:
            if not self._begins_well or _CONTROL.search(start.rstrip("\x1a\x00")):
                return _not_csv()
            if self._is_too_wide:
                return BadFile(
                    f"The file has more than {self._max_columns:,} columns.", code="too_many_columns"
                )
        if self._needs_email:
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
