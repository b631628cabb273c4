"""Groups: the rows of a file that share a key, such as an e-mail address, directly or through other rows.

A group is worked on as a whole: what becomes of a row depends only on its group and on the contacts that exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import pydantic_core

from shared.domain.imports.csv_file import Row


class NumberedRow(NamedTuple):
    """A row of a file. `number`: the row below the header is 1."""

    number: int
    row: Row


class Group(NamedTuple):
    """A group of rows, in the order of the file."""

    rows: tuple[NumberedRow, ...]


def encode_row(row: Row) -> str:
    """Return a row in JSON: a list of its line, its fault and its cells."""
    return pydantic_core.to_json((row.line, row.fault, row.cells)).decode()


def encode_line(first: int, number: int, row: str) -> str:
    """Return the line of a row in the input of a chunk, without its end.

    `first`: the number of the first row of its group. `row`: what `encode_row` returned.
    """
    return f"[{first},{number},{row[1:]}"


def decode_groups(lines: bytes) -> Iterator[Group]:
    """Yield the groups of a chunk from its input: the lines of its rows, each with its end."""
    # A line of JSON contains no line break: those of cells are escaped.
    read = pydantic_core.from_json(b"[%b]" % lines.rstrip(b"\n").replace(b"\n", b","))
    for _, rows in groupby(read, key=itemgetter(0)):
        yield Group(
            tuple(
                NumberedRow(number, Row(cells, line, line, fault)) for _, number, line, fault, cells in rows
            )
        )
