"""Reading CSV files as people have them: the rows of a file, with their lines, whatever its encoding and quotes.

A file is read once, as a stream of blocks. No more than a block and one row are held at a time.

Quotes follow RFC 4180; blanks around them are ignored. A quote that is never closed would swallow everything after it.
A row therefore has at most MAX_ROW_BYTES, or what the caller allows. When it is longer, or its quotes are inconsistent,
only its first line is a bad row: the lines after it are read again, each as a row of its own, up to the line at which
the fault showed.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from shared.domain.encodings import CODECS
from shared.domain.imports.detection import MARKS, is_wide

MAX_ROW_BYTES = 131_072
"""Bytes of the longest row that is read, with all of its lines: ten times what the fields of a contact can hold. Lines
in UTF-16 or UTF-32 are measured in UTF-8."""
_KEPT_BYTES = 1_000
"""Bytes that are kept of a longer line."""
_LINES_OF_HEADER = 50
"""Lines of the longest header that is found."""

Encoding = str
"""The name of an encoding; see `shared.domain.encodings`."""
Fault = Literal["row_too_long", "quotes", "too_many_cells", "too_many_alike"]
"""Why a row fails unread. `too_many_alike`: too many rows before it share an address with it."""
DELIMITERS = (",", ";", "\t", "|")
_PADDING = b"\x1a\x00"
"""Bytes without meaning at the end of a file: Ctrl-Z, which ends a text in CP/M and DOS, and NUL."""


@dataclass(slots=True)
class Row:
    """A row that is not blank; blank rows are skipped.

    `line`: the number of its first line, counted from 1. `next_line`: the number of the line after it. `fault`: why
    `cells` may not be what was meant.
    """

    cells: list[str]
    line: int
    next_line: int
    fault: Fault | None = None


def read_rows(
    blocks: Iterable[bytes],
    encoding: str,
    delimiter: str,
    *,
    first_line: int = 1,
    max_row_bytes: int = MAX_ROW_BYTES,
) -> Iterator[Row]:
    """Yield the rows of a file from a line on. `blocks`: the bytes of the whole file. `encoding`: a name of CODECS."""
    lines = _lines(blocks, encoding, max_row_bytes)
    skipped = sum(1 for _ in islice(lines, first_line - 1))
    return _read(lines, _decoder(encoding), delimiter, skipped + 1, max_row_bytes)


def read_candidates(
    sample: bytes, encoding: str, delimiters: Iterable[str], lines: int
) -> Iterator[list[tuple[str, Row]]]:
    """Yield, for each of the first lines of a file, the rows that start on it, by delimiter. Any may be the header.

    `sample`: the start of the file. Blank lines have no rows.
    """
    decode = _decoder(encoding)
    head = list(islice(_lines([sample], encoding), lines + _LINES_OF_HEADER))
    for number in range(1, min(lines, len(head)) + 1):
        rows = ((one, next(_read(iter(head[number - 1 :]), decode, one, number), None)) for one in delimiters)
        yield [(delimiter, row) for delimiter, row in rows if row is not None and row.line == number]


def read_start(sample: bytes, encoding: str) -> str:
    """Return the first lines of a file as a text."""
    decode = _decoder(encoding)
    return "".join(decode(data) for data, _ in islice(_lines([sample], encoding), _LINES_OF_HEADER))


def _read(
    lines: Iterator[_Line],
    decode: Callable[[bytes], str],
    delimiter: str,
    line: int,
    most: int = MAX_ROW_BYTES,
) -> Iterator[Row]:
    feed = _Feed(lines, decode, most)
    reader = csv.reader(feed, delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        feed.begin_row()
        cells: list[str] | None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _RowTooLong:
            cells = None
        except csv.Error:
            cells = _read_with_blanks(feed, delimiter)
        if cells is not None:
            next_line = line + len(feed.row)
            if any(map(str.strip, cells)):
                yield Row(cells, line, next_line)
            line = next_line
            continue
        for data, size in feed.row:
            line += 1
            fault: Fault | None = "row_too_long"
            cells = [decode(data)]
            if size <= most:
                cells, fault = _alone(cells[0], delimiter)
            if fault or any(map(str.strip, cells)):
                yield Row(cells, line - 1, line, fault)


def _read_with_blanks(feed: _Feed, delimiter: str) -> list[str] | None:
    """Return the cells of a row in which blanks follow quoted cells. Returns None when its quotes are inconsistent."""
    feed.rewind()
    try:
        cells = _split(feed, delimiter)
    except (StopIteration, _RowTooLong):
        return None
    if cells is None:
        feed.put_back_last()
    return cells


def _split(lines: Iterator[str], delimiter: str) -> list[str] | None:
    """Return the cells of the first row of some lines, of which blanks around quoted cells are no part.

    Returns None when its quotes are inconsistent. Raises StopIteration when the lines end within a quoted cell.
    """
    blanks = " \t".replace(delimiter, "")
    cells = []
    text = next(lines)
    end = len(text.rstrip("\r\n"))
    at = 0
    while True:
        begin = at
        while begin < end and text[begin] in blanks:
            begin += 1
        if text[begin : begin + 1] == '"':
            cell, at = "", begin + 1
            while True:
                quote = text.find('"', at)
                if quote < 0:
                    cell += text[at:]
                    text, at = next(lines), 0
                    end = len(text.rstrip("\r\n"))
                    continue
                cell += text[at:quote]
                at = quote + 1
                if text[at : at + 1] != '"':
                    break
                cell += '"'
                at += 1
            while at < end and text[at] in blanks:
                at += 1
            if at < end and text[at] != delimiter:
                return None
        else:
            at = text.find(delimiter, begin, end)
            at = end if at < 0 else at
            cell = text[begin:at]
        cells.append(cell)
        if at >= end:
            return cells
        at += 1


def _alone(text: str, delimiter: str) -> tuple[list[str], Fault | None]:
    """Return the cells of a line that is a row of its own, and its fault, if any."""
    try:
        return next(csv.reader([text], delimiter=delimiter, skipinitialspace=True, strict=True)), None
    except csv.Error:
        pass
    try:
        cells = _split(iter((text,)), delimiter)
    except StopIteration:
        cells = None
    if cells is not None:
        return cells, None
    return next(csv.reader([text], delimiter=delimiter, skipinitialspace=True)), "quotes"


class _RowTooLong(Exception):
    """The row that is being read would be too long."""


_Line = tuple[bytes, int]
"""A line, of which only the beginning is kept when it is too long, and its length in bytes."""


class _Feed:
    """Feeds lines to csv.reader, and keeps those of the row that is being read, so that they can be read again."""

    __slots__ = ("_again", "_decode", "_most", "_source", "row", "row_bytes")

    def __init__(self, source: Iterator[_Line], decode: Callable[[bytes], str], most: int) -> None:
        self._most = most
        self._source = source
        self._again: deque[_Line] = deque()
        self._decode = decode
        self.row: list[_Line] = []
        self.row_bytes = 0

    def begin_row(self) -> None:
        self.row.clear()
        self.row_bytes = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._source)
        size = line[1]
        if self.row_bytes + size > self._most:
            if self.row:
                self._again.appendleft(line)
            else:
                self.row.append(line)
            raise _RowTooLong
        self.row.append(line)
        self.row_bytes += size
        return self._decode(line[0])

    def rewind(self) -> None:
        """Put back all lines of the row, to read it again."""
        self._again.extendleft(reversed(self.row))
        self.begin_row()

    def put_back_last(self) -> None:
        """Put back the line at which the quotes of the row became inconsistent: it may be the start of another row.

        There is no such line when the row has only one line.
        """
        if len(self.row) > 1:
            self._again.appendleft(self.row.pop())


def _decoder(encoding: str) -> Callable[[bytes], str]:
    """Return the function that decodes a line."""
    if encoding == "utf-8" or is_wide(encoding):  # lines of wide encodings have been converted to UTF-8
        return _from_utf8
    codec = CODECS[encoding]
    return lambda data: data.decode(codec, "replace")


def _from_utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    # Either a program cut a character in two, or another one wrote this line in another encoding.
    unreadable = text.count("\ufffd")
    others = sum(not character.isascii() for character in text) - unreadable
    return text if others > unreadable else data.decode("windows-1252", "replace")


def _lines(blocks: Iterable[bytes], encoding: str, most: int = MAX_ROW_BYTES) -> Iterator[_Line]:
    """Yield the lines with their ends, each with its length, without the mark at the start of the file and the padding
    at its end. Line ends are LF, CR LF or CR."""
    if is_wide(encoding):
        blocks = _as_utf8(blocks, encoding)
    tail, dropped = b"", 0
    for block in _without_mark(blocks):
        lines = (tail + block).splitlines(keepends=True)
        # The last line may continue in the next block; one that ends in CR may continue with LF.
        tail = b"" if not lines or lines[-1].endswith(b"\n") else lines.pop()
        for line in lines:
            yield _line(line, len(line) + dropped, most)
            dropped = 0
        if len(tail) > most and not tail.endswith(b"\r"):
            shown = _beginning(tail)
            dropped += len(tail) - len(shown)
            tail = shown
    tail = tail.rstrip(_PADDING)
    if tail:
        yield _line(tail, len(tail) + dropped, most)


def _without_mark(blocks: Iterable[bytes]) -> Iterator[bytes]:
    mark = MARKS[0][0]
    start, rest = b"", iter(blocks)
    while len(start) < len(mark) and (block := next(rest, None)) is not None:
        start += block
    yield start.removeprefix(mark)
    yield from rest


def _line(data: bytes, size: int, most: int) -> _Line:
    return (data, size) if size <= most else (_beginning(data), size)


def _beginning(data: bytes) -> bytes:
    # Cut before a byte that starts a character; a character of UTF-8 has at most four bytes.
    return data[
        : next(
            (n for n in range(_KEPT_BYTES, _KEPT_BYTES + 4) if data[n : n + 1] < b"\x80" or data[n] > 0xBF),
            _KEPT_BYTES,
        )
    ]


def _as_utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()
