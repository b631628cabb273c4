"""The rows of results: those that failed or were not run are tried again, and corrected results are imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import get_args

from shared.domain.cell_texts import remove_mark
from shared.domain.import_options import ImportOptions
from shared.domain.imports.columns import RESULT_COLUMNS, Layout, recognize
from shared.domain.imports.csv_file import Fault, Row, read_rows
from shared.domain.imports.file import BadFile
from shared.domain.imports.results import MAX_RESULT_BYTES

_ENCODING, _DELIMITER = "utf-8", ","
"""The encoding and the delimiter of all results."""
_TRIED_AGAIN = ("failed", "not_run")
"""The outcomes of rows that a retry works on."""
_LINE, _OUTCOME, _CODE = map(RESULT_COLUMNS.index, ("line", "outcome", "reason_code"))
_KEPT_FAULTS = frozenset(get_args(Fault)) - {"too_many_alike"}
"""The faults of rows whose cells, as the results have them, may not be what was meant."""


def survey_results(sample: bytes, options: ImportOptions) -> tuple[Layout, Row]:
    """Return the layout of results, without the columns that are not of the imported file, and their header.

    `sample`: the start of the results, with all of the header. Raises BadFile for anything that is not results.
    """
    header = next(read_rows([sample], _ENCODING, _DELIMITER, max_row_bytes=MAX_RESULT_BYTES), None)
    width = len(header.cells) - len(RESULT_COLUMNS) if header is not None else -1
    if header is None or width < 0 or tuple(header.cells[width:]) != RESULT_COLUMNS:
        raise BadFile("These are not the results of an import.")
    names = tuple(map(remove_mark, header.cells[:width]))
    return Layout(_ENCODING, _DELIMITER, names, recognize(names, options.mapping)), header


def rows_to_retry(blocks: Iterable[bytes], layout: Layout, header: Row) -> Iterator[Row]:
    """Yield the rows of results that are to be tried again, with the cells and the line that they have in the
    imported file. A row that cannot be read fails by itself. Raises BadFile for anything that is not results."""
    width = len(layout.header)
    for row in read_rows(
        blocks,
        layout.encoding,
        layout.delimiter,
        first_line=header.next_line,
        max_row_bytes=MAX_RESULT_BYTES,
    ):
        if row.fault:
            yield row
            continue
        if len(row.cells) != width + len(RESULT_COLUMNS):
            raise BadFile("These are not the results of an import.")
        results = row.cells[width:]
        if results[_OUTCOME] in _TRIED_AGAIN and results[_LINE].isdecimal():
            fault = _kept_fault(results)
            yield Row(row.cells[:width], int(results[_LINE]), row.next_line, fault)


def with_kept_faults(rows: Iterable[Row], layout: Layout) -> Iterator[Row]:
    """Yield the rows of a file. In a results file, a row keeps the fault that its `reason_code` names: its cells are
    those of the results, which may not be what was meant. A user who corrects the row empties the `reason_code`.
    """
    width, all_columns = layout.own_width, len(layout.header)
    for row in rows:
        if width < all_columns <= len(row.cells) and not row.fault:
            fault = _kept_fault([text.strip() for text in row.cells[width:all_columns]])
            yield replace(row, fault=fault) if fault else row
        else:
            yield row


def _kept_fault(results: Sequence[str]) -> Fault | None:
    """Return the fault of a row whose cells could not be told apart. `results`: the cells of RESULT_COLUMNS."""
    code = results[_CODE]
    is_faulty = results[_OUTCOME] in _TRIED_AGAIN and code in _KEPT_FAULTS
    return code if is_faulty else None  # type: ignore[return-value]
