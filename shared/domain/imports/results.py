"""The fate of a row, and the rows of the results file."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.domain.cell_texts import mark_once
from shared.domain.errors import DomainError, FieldError
from shared.domain.imports.cells import text_in
from shared.domain.imports.columns import RESULT_COLUMNS, Layout
from shared.domain.imports.csv_file import Row

MAX_RESULT_BYTES = 524_288
"""Bytes of the longest row of results. The cells of a row of a file have at most three times MAX_ROW_BYTES there: a
byte of another encoding can become three in UTF-8, and a quotation mark is doubled. Messages have MAX_WORDS
characters."""
MAX_WORDS = 4_000
"""Characters of the message of a row. A cell of Excel holds 32,767."""

RowOutcome = Literal["created", "updated", "merged", "skipped", "unchanged", "failed", "not_run", "unknown"]


@dataclass(frozen=True, slots=True)
class Fate:
    """The fate of a row.

    `code` and `message` say why the row has this outcome, if there is more to say. `warnings`: what was left out of it.
    """

    outcome: RowOutcome
    contact_id: str = ""
    code: str = ""
    message: str = ""
    warnings: tuple[FieldError, ...] = ()

    @property
    def reason_code(self) -> str:
        """The code of the fate, or of its first warning; empty without either."""
        return self.code or (self.warnings[0].code if self.warnings else "")

    @property
    def words(self) -> str:
        """The message of the fate and those of its warnings, as one text of at most MAX_WORDS characters."""
        left_out = (f"{one.field}: {one.message}" for one in self.warnings)
        words = " ".join(filter(None, (self.message, *left_out))) if self.warnings else self.message
        return words if len(words) <= MAX_WORDS else f"{words[: MAX_WORDS - 1]}…"


def fail_row(row: Row, error: DomainError) -> Fate:
    """Return the fate of a refused row: the code of the first reason, and all reasons in words, with the line."""
    reasons = " ".join(f"{one.field}: {one.message}" for one in error.errors) or error.detail
    code = error.errors[0].code if error.errors else error.code
    return Fate("failed", code=code, message=f"Line {row.line}: {reasons}")


def result_header(layout: Layout) -> bytes:
    """Return the first line of a results file, after the mark by which spreadsheets recognize UTF-8.

    The results of a results file have its columns once.
    """
    own = layout.header[: layout.own_width]
    return codecs.BOM_UTF8 + _write_rows([[*map(mark_once, own), *RESULT_COLUMNS]])[0].encode()


def result_lines(layout: Layout, rows: Iterable[tuple[int, Row, Fate]]) -> list[str]:
    """Return the lines of rows in a results file: each row, by its number, as it is in the imported file, and its fate.

    A line has its end, and may contain line breaks.
    """
    widths = layout.own_width, len(layout.header)
    return _write_rows(
        [
            *map(mark_once, _fit_width(row, *widths, layout.delimiter)),
            number,
            row.line,
            fate.outcome,
            fate.contact_id,
            fate.reason_code,
            fate.words,
        ]
        for number, row, fate in rows
    )


def has_surplus(row: Row, width: int) -> bool:
    """Return whether a row has more cells than a header of `width` cells, not counting blank ones."""
    return any(map(text_in, row.cells[width:]))


def _fit_width(row: Row, width: int, all_columns: int, delimiter: str) -> Sequence[str]:
    """Return the cells of the file's own columns, which are the first `width` of `all_columns`.

    Surplus cells are joined into the last one, unless they are blank: so the row can be read again from its results as
    it was read from the file.
    """
    cells = row.cells
    if len(cells) <= width:
        return [*cells, *[""] * (width - len(cells))]
    if not has_surplus(row, all_columns):
        return cells[:width]
    end = len(cells) - (all_columns - width)  # old results are the last cells
    return [*cells[: width - 1], delimiter.join(cells[width - 1 : end])]


class _Lines(list[str]):
    """The lines that `csv.writer` writes, which passes each row in one call."""

    write = list.append


def _write_rows(rows: Iterable[Sequence[object]]) -> list[str]:
    lines = _Lines()
    csv.writer(lines).writerows(rows)
    return lines
