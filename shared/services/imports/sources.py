"""The file of an import as rows, whether it is text or an Excel workbook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol

from shared.domain.import_options import ImportOptions
from shared.domain.imports.columns import Layout
from shared.domain.imports.csv_file import Row, read_rows
from shared.domain.imports.dialect import survey
from shared.domain.imports.file import BadFile
from shared.domain.imports.file_kinds import ZIP
from shared.domain.imports.limits import ImportLimits
from shared.domain.imports.record import ImportRun
from shared.domain.imports.retrying import rows_to_retry, survey_results, with_kept_faults
from shared.services.imports.scans import Scans

_SAMPLE = 1_048_576
"""Bytes at the start of a file in which its header is looked for."""
_BLOCK = 1_048_576
"""Bytes of a sheet that are held at a time."""
_LINE_BREAK = "\u2028"
"""How a line break in a cell of a workbook is written, so that each row of the sheet is one line."""


class Files(Protocol):
    """Files to import; see `shared.files.drop_bucket.DropBucket`."""

    def read(self, key: str, etag: str, start: int, end: int) -> Iterator[bytes]: ...


OpenWorkbook = Callable[[Iterable[bytes]], AbstractContextManager[BinaryIO]]
"""Returns the first sheet of a workbook as CSV; see `shared.files.spreadsheets.open_workbook`."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import. `sample`: its start, or that of its sheet in CSV. `blocks`: returns its bytes in blocks.
    `is_results`: it is the results of another import, of which only the rows that a retry works on are read."""

    sample: bytes
    blocks: Callable[[], Iterator[bytes]]
    max_columns: int
    is_workbook: bool = False
    is_results: bool = False

    def survey(self, options: ImportOptions, *, require_email: bool) -> tuple[Layout, Row]:
        """Return the layout of the file and its header; see `shared.domain.imports.dialect.survey`. Raises BadFile."""
        if self.is_results:
            return survey_results(self.sample, options)
        most = self.max_columns
        if not self.is_workbook:
            return survey(self.sample, options, require_email=require_email, max_columns=most)
        mapping = {name.replace("\n", _LINE_BREAK): field for name, field in options.mapping.items()}
        options = options.changed(encoding="utf-8", delimiter=",", mapping=mapping)
        layout, header = survey(self.sample, options, require_email=require_email, max_columns=most)
        columns = (replace(one, header=_with_line_breaks(one.header)) for one in layout.columns)
        names = tuple(map(_with_line_breaks, layout.header))
        return replace(layout, header=names, columns=tuple(columns)), header

    def rows(self, layout: Layout, header: Row) -> Iterator[Row]:
        """Yield the rows below the header. Their lines are those of the file, or the rows of the sheet."""
        if self.is_results:
            return rows_to_retry(self.blocks(), layout, header)
        rows = read_rows(self.blocks(), layout.encoding, layout.delimiter, first_line=header.next_line)
        rows = with_kept_faults(rows, layout) if layout.own_width < len(layout.header) else rows
        if not self.is_workbook:
            return rows
        return (replace(row, cells=[*map(_with_line_breaks, row.cells)]) for row in rows)


class Sources:
    """Opens the files of imports."""

    def __init__(self, files: Files, open_workbook: OpenWorkbook, scans: Scans, limits: ImportLimits) -> None:
        self._files = files
        self._open_workbook = open_workbook
        self._scans = scans
        self._limits = limits

    @contextmanager
    def open(self, run: ImportRun) -> Iterator[Source]:
        """Return the file of an import.

        Raises BadFile when a scan for malware does not say that it is clean, when it is too large, and when it is a zip
        archive that cannot be read as a workbook.
        """
        most = self._limits.file_bytes
        if not run.retry_of:
            self._scans.require_clean(run.object_key)
        if run.size > most and not run.retry_of:
            raise BadFile(f"The file has more than {most:,} bytes. Split it.", code="too_large")
        sample = b"".join(self._read(run, 0, min(run.size, _SAMPLE)))

        def blocks() -> Iterator[bytes]:
            yield sample
            yield from self._read(run, len(sample), run.size)

        if run.retry_of or not sample.startswith(ZIP):
            yield Source(sample, blocks, self._limits.columns, is_results=bool(run.retry_of))
            return
        with self._open_workbook(blocks()) as sheet:
            yield Source(
                sheet.read(_SAMPLE), lambda: _read_again(sheet), self._limits.columns, is_workbook=True
            )

    def _read(self, run: ImportRun, start: int, end: int) -> Iterator[bytes]:
        return self._files.read(run.object_key, run.etag, start, end)


def _read_again(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(_BLOCK):
        yield block


def _with_line_breaks(text: str) -> str:
    return text.replace(_LINE_BREAK, "\n")
