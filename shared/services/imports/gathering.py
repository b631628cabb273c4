"""Gathers the results of an attempt: the lines of all rows, in the order of the file.

Chunks hold groups, so the rows of neighbouring lines of the file may be in any two of them. The lines pass through a
private temporary SQLite database, which stays in memory until its cache is full and continues in a file that has no
name: the memory that gathering takes does not grow with the file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

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


def gather(layout: Layout, outputs: Iterable[bytes], unread: Iterable[bytes]) -> Iterator[bytes]:
    """Yield blocks of the lines of all rows, in the order of the file.

    `outputs`: of the chunks that were worked on. `unread`: the inputs of the other chunks, whose rows were not run.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        database.executescript(_SETTINGS)
        insert = "INSERT OR REPLACE INTO lines VALUES (?, ?)"
        for output in outputs:
            database.executemany(insert, map(json.loads, output.splitlines()))
        for chunk in unread:
            database.executemany(insert, _lines_not_run(layout, chunk))
        block, size = list[bytes](), 0
        for (line,) in database.execute("SELECT line FROM lines ORDER BY number"):
            block.append(line.encode())
            size += len(block[-1])
            if size >= _BLOCK:
                yield b"".join(block)
                block, size = [], 0
        if block:
            yield b"".join(block)


def _lines_not_run(layout: Layout, chunk: bytes) -> Iterator[tuple[int, str]]:
    rows = [one for group in decode_groups(chunk) for one in group.rows]
    lines = result_lines(layout, ((one.number, one.row, not_run(layout, one.row)) for one in rows))
    return zip((one.number for one in rows), lines, strict=True)
