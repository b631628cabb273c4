"""Groups the rows of a file by their keys, and cuts the groups into chunks.

The rows pass through a private temporary SQLite database, which stays in memory until its cache is full and continues
in a file that has no name (SQLite documentation, "Temporary Files Used By SQLite"). The memory that grouping takes
therefore does not grow with the file.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter

from shared.domain.imports.csv_file import Row
from shared.domain.imports.file import BadFile
from shared.domain.imports.groups import encode_line, encode_row

CHUNK_ROWS = 200
CHUNK_BYTES = 1_048_576
"""A chunk ends before the group with which it would exceed either limit. A larger group is a chunk of its own."""
GROUP_ROWS = 2_000
GROUP_BYTES = 16 * 1_048_576
"""Of a group, the rows up to either limit are worked on together, since a worker holds a group as a whole. The others
fail."""
MOST_LINKS = 100_000
"""Rows of a file that may each make one group of several. Their links are kept in memory."""

_LONG_ROW = 1_000
"""Characters of JSON from which on a row is compressed: it takes 8 to 40 µs, and a page of 4,096 bytes holds few of
them."""
_CONTROL = "\\u00"
"""What JSON has for a control character: six characters for one byte of the file."""
_TOGETHER = 50
"""Rows that are written to the database at once."""
_ADD_KEY = "INSERT OR IGNORE INTO keys VALUES (?, ?)"
_SETTINGS = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -2000;
CREATE TABLE keys (hash INTEGER PRIMARY KEY, first INTEGER NOT NULL);
CREATE TABLE rows (number INTEGER PRIMARY KEY, first INTEGER NOT NULL, row NOT NULL);
CREATE INDEX rows_of_groups ON rows (first, number);
BEGIN;
"""


class Grouping:
    """The rows of one file. Each row is added once, in the order of the file; then `chunks` yields them as chunks.

    `rows`: the number of rows that were added.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_SETTINGS)
        self._links: dict[int, int] = {}
        self._pending: list[tuple[int, int, str | bytes]] = []
        self.rows = 0

    def __enter__(self) -> Grouping:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, row: Row, keys: Iterable[str]) -> None:
        """Add the next row of the file, with its keys.

        Raises BadFile when too many rows link groups that were separate before, and when the disk is full.
        """
        self.rows += 1
        with _refusing_large_files():
            first = self._first_row({_hash(key) for key in keys})
            self._pending.append((first, self.rows, _pack(encode_row(row))))
            if len(self._pending) == _TOGETHER:
                self._write_pending()

    def _first_row(self, hashes: set[int]) -> int:
        """Return the first row of the group to which the present row belongs by its keys."""
        execute = self._database.execute
        if len(hashes) == 1 and execute(_ADD_KEY, (*hashes, self.rows)).rowcount:
            return self.rows  # the usual row: its only key is new
        known: dict[int, int] = {}
        for one in hashes:
            found = execute("SELECT first FROM keys WHERE hash = ?", (one,)).fetchone()
            if found is not None:
                known[one] = self._resolve(found[0])
        first = min(known.values(), default=self.rows)
        for other in {*known.values()} - {first}:
            self._link(other, first)
        for one in hashes - known.keys():
            execute(_ADD_KEY, (one, first))
        return first

    def _write_pending(self) -> None:
        self._database.executemany("INSERT INTO rows (first, number, row) VALUES (?, ?, ?)", self._pending)
        self._pending.clear()

    def _resolve(self, first: int) -> int:
        """Return the first row of the group that a group has become part of."""
        root = first
        while root in self._links:
            root = self._links[root]
        while first != root:
            self._links[first], first = root, self._links[first]
        return root

    def _link(self, first: int, to: int) -> None:
        if len(self._links) == MOST_LINKS:
            raise BadFile(
                f"In this file, more than {MOST_LINKS:,} rows have addresses of several other rows. Split it.",
                code="too_many_linked_rows",
            )
        self._links[first] = to

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        """Yield the inputs of the chunks with their numbers: groups in the order of their first rows, the rows of a
        group in the order of the file.

        An input has a line for each row; see `shared.domain.imports.groups.decode_groups`.
        """
        with _refusing_large_files():
            self._write_pending()
            for first in list(self._links):
                self._database.execute(
                    "UPDATE rows SET first = ? WHERE first = ?", (self._resolve(first), first)
                )
        number, lines, size = 0, list[bytes](), 0
        for group in self._groups():
            more = sum(map(len, group))
            if lines and (len(lines) + len(group) > CHUNK_ROWS or size + more > CHUNK_BYTES):
                yield (number, b"".join(lines))
                number, lines, size = number + 1, [], 0
            lines += group
            size += more
        if lines:
            yield (number, b"".join(lines))

    def _groups(self) -> Iterator[list[bytes]]:
        """Yield the lines of each group; rows beyond the limits of a group are groups of their own, with a fault."""
        found = self._database.execute("SELECT first, number, row FROM rows ORDER BY first, number")
        with closing(found):
            for first, rows in groupby(found, key=itemgetter(0)):
                lines, size, is_full = list[bytes](), 0, False
                for _, number, packed in rows:
                    row = _unpack(packed)
                    line = _line(first, number, row)
                    is_full |= bool(lines) and (len(lines) == GROUP_ROWS or size + len(line) > GROUP_BYTES)
                    if not is_full:
                        lines.append(line)
                        size += len(line)
                        continue
                    if lines:
                        yield lines
                        lines = []
                    yield [_line(number, number, _refuse(row))]
                if lines:
                    yield lines


@contextmanager
def _refusing_large_files() -> Iterator[None]:
    """Turn the fault of a full disk into a refusal of the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        raise BadFile(
            "The rows of this file take more space than there is to work on them. Split it.", code="too_large"
        ) from error


def _pack(row: str) -> str | bytes:
    return zlib.compress(row.encode(), 1) if len(row) > _LONG_ROW or _CONTROL in row else row


def _unpack(packed: str | bytes) -> str:
    return packed if isinstance(packed, str) else zlib.decompress(packed).decode()


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def _line(first: int, number: int, row: str) -> bytes:
    return encode_line(first, number, row).encode() + b"\n"


def _refuse(row: str) -> str:
    line, _, cells = json.loads(row)
    return encode_row(Row(cells, line, line, "too_many_alike"))
