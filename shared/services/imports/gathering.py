"""Gathers the results of an attempt: the lines of all rows, in the order of the file.

Chunks hold groups, so the rows of neighbouring lines of the file may be in any two of them. The lines pass through a
private temporary SQLite database, which stays in memory until its cache is full and continues in a file that has no
name: the memory that gathering takes does not grow with the file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Literal, NamedTuple

import pydantic_core

from shared.domain.imports.columns import Layout
from shared.domain.imports.csv_file import Row
from shared.domain.imports.groups import decode_groups
from shared.domain.imports.results import Fate, result_lines
from shared.domain.imports.rows import FAULTS, fault_of

_SETTINGS = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -2000;
CREATE TABLE lines (number INTEGER PRIMARY KEY, line TEXT NOT NULL);
BEGIN;
"""
_BLOCK = 262_144
"""Bytes of a block of lines, at least."""
_NOT_RUN = Fate("not_run", message="The import ended before this row.")
_LOST = Fate(
    "unknown",
    code="result_gone",
    message="What became of this row is no longer known: the import stood still for longer than its parts are kept.",
)
_NO_CELLS = Row([], 0, 0)
_LINES = "SELECT number, line FROM lines ORDER BY number"


def not_run(layout: Layout, row: Row) -> Fate:
    """Return the fate of a row that was not run. Its fault is named, since the results have its cells as if they were
    what was meant."""
    fault = fault_of(row, len(layout.header))
    if fault is None:
        return _NOT_RUN
    return Fate("not_run", code=fault, message=f"{_NOT_RUN.message} {FAULTS[fault]}")


def encode_lines(lines: Iterable[tuple[int, str]]) -> bytes:
    """Return the output of a chunk: the number of each row and its line of the results."""
    return b"".join(pydantic_core.to_json(line) + b"\n" for line in lines)


class Part(NamedTuple):
    """What is read of a chunk: its output; or the input of one that was not worked on (`not_run`), or whose output is
    gone (`lost`)."""

    kind: Literal["output", "not_run", "lost"]
    body: bytes


def gather(layout: Layout, parts: Iterable[Part], *, rows: int) -> Iterator[bytes]:
    """Yield blocks of the lines of all rows, in the order of the file.

    `rows`: how many there are. Rows of which nothing is left have a line without cells.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        database.executescript(_SETTINGS)
        insert = "INSERT OR REPLACE INTO lines VALUES (?, ?)"
        for kind, body in parts:
            if kind == "output":
                database.executemany(insert, map(json.loads, body.splitlines()))
            else:
                database.executemany(
                    insert, _lines_of(layout, body, not_run if kind == "not_run" else lambda *_: _LOST)
                )
        block, size = list[bytes](), 0
        for line in _with_all_rows(layout, database.execute(_LINES), rows):
            block.append(line.encode())
            size += len(block[-1])
            if size >= _BLOCK:
                yield b"".join(block)
                block, size = [], 0
        if block:
            yield b"".join(block)


def _lines_of(
    layout: Layout, chunk: bytes, fate_of: Callable[[Layout, Row], Fate]
) -> Iterator[tuple[int, str]]:
    rows = [one for group in decode_groups(chunk) for one in group.rows]
    lines = result_lines(layout, ((one.number, one.row, fate_of(layout, one.row)) for one in rows))
    return zip((one.number for one in rows), lines, strict=True)


def _with_all_rows(layout: Layout, lines: Iterable[tuple[int, str]], rows: int) -> Iterator[str]:
    """Yield the lines by number, and a line without cells for each row that has none."""
    following = 1
    for number, line in lines:
        yield from _lines_without_cells(layout, range(following, number))
        following = number + 1
        yield line
    yield from _lines_without_cells(layout, range(following, rows + 1))


def _lines_without_cells(layout: Layout, numbers: Iterable[int]) -> Iterator[str]:
    for number in numbers:
        yield from result_lines(layout, [(number, _NO_CELLS, _LOST)])
