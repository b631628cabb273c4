"""CSV files as people have them: which encoding and delimiter, and their rows, each with its place in the file.

A file is read as a stream of blocks, and may be read in parts: whoever starts at the end of a row, with what
that row says of its place, gets the rows that a reader of the whole file gets from there on. At no time is
more than a block and one row held.

Quotes follow RFC 4180. A quote that is never closed would swallow all that comes after it; so a row may have
MAX_ROW_BYTES, and when it has more, or its quotes make no sense, only its first line is a bad row: the lines
behind it are read again, each for itself, up to where the trouble showed.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

MAX_ROW_BYTES = 131_072
"""The longest row that is read, all of its lines together: ten times what a contact's fields can hold."""
_SHOWN = 1_000  # bytes that are kept of a longer one

Encoding = Literal["utf-8", "windows-1252", "utf-16-le", "utf-16-be"]
Fault = Literal["row_too_long", "quotes"]
DELIMITERS = (",", ";", "\t", "|")

_MARKS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(slots=True)
class Row:
    """A row that has something in it; blank ones are passed over.

    `line`: the number of its first line, from 1. `next_line` and `end`: the number of the line, and the
    offset of the byte, behind it. `fault`: why `cells` are only what could be made of it. `alone_until`: lines
    before this offset are rows each for itself, since a quote before them is never closed.
    """

    cells: list[str]
    line: int
    next_line: int
    end: int
    fault: Fault | None = None
    alone_until: int = 0


def encoding_of(sample: bytes) -> tuple[Encoding, int]:
    """The encoding of a file that starts with `sample`, and how long its byte order mark is.

    Without a mark it is UTF-8 when the sample can be that, and Windows-1252 when not.
    """
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding, len(mark)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "windows-1252", 0
    return "utf-8", 0


def read_rows(
    blocks: Iterable[bytes],
    encoding: Encoding,
    delimiter: str,
    *,
    start: int = 0,
    line: int = 1,
    alone_until: int = 0,
) -> Iterator[Row]:
    """The rows in `blocks`, the file's bytes from offset `start`, where line number `line` begins.

    To go on behind a row, give its `end`, `next_line` and `alone_until`.
    """
    feed = _Feed(_lines(blocks, encoding), _decoder(encoding))
    reader = csv.reader(feed, delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        feed.begin_row()
        alone = None
        if start < alone_until:
            if not feed.take():
                return
            alone = alone_until
        else:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except _RowTooLong:
                alone = start + feed.row_bytes
            except csv.Error:
                feed.put_back_culprit()
                alone = start + feed.row_bytes
        if alone is None:
            start += feed.row_bytes
            next_line = line + len(feed.row)
            if any(map(str.strip, cells)):
                yield Row(cells, line, next_line, start)
            line = next_line
            continue
        for data, size in feed.row:
            start += size
            line += 1
            cells, fault = _alone(feed.decode(data), size, delimiter)
            if fault or any(map(str.strip, cells)):
                yield Row(cells, line - 1, line, start, fault, alone)


def _alone(text: str, size: int, delimiter: str) -> tuple[list[str], Fault | None]:
    """The cells of one line, and what is wrong with it."""
    if size > MAX_ROW_BYTES:
        return [text], "row_too_long"
    try:
        return next(csv.reader([text], delimiter=delimiter, skipinitialspace=True, strict=True)), None
    except csv.Error:
        return next(csv.reader([text], delimiter=delimiter, skipinitialspace=True)), "quotes"


class _RowTooLong(Exception):
    """The row under way would have more than MAX_ROW_BYTES."""


_Line = tuple[bytes, int]
"""A line and its length in the file; of a line that is too long only the beginning."""


class _Feed:
    """Hands lines to csv.reader, and remembers those of the row under way so that they can be read again."""

    __slots__ = ("_again", "_ended", "_source", "decode", "row", "row_bytes")

    def __init__(self, source: Iterator[_Line], decode: Callable[[bytes], str]) -> None:
        self._source = source
        self._again: deque[_Line] = deque()
        self._ended = False
        self.decode = decode
        self.row: list[_Line] = []
        self.row_bytes = 0

    def begin_row(self) -> None:
        self.row.clear()
        self.row_bytes = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._next_of_source()
        size = line[1]
        if self.row_bytes + size > MAX_ROW_BYTES:
            if self.row:
                self._again.appendleft(line)
            else:
                self._add(line)
            raise _RowTooLong
        self.row.append(line)
        self.row_bytes += size
        return self.decode(line[0])

    def take(self) -> bool:
        """Take one line into the row, however long; False at the end."""
        try:
            self._add(self._again.popleft() if self._again else self._next_of_source())
        except StopIteration:
            return False
        return True

    def put_back_culprit(self) -> None:
        """Put back the line at which the row's quotes ceased to make sense: it may begin a row of its own.

        There is none when the quotes were still open at the end, or the row is this one line.
        """
        if not self._ended and len(self.row) > 1:
            line = self.row.pop()
            self.row_bytes -= line[1]
            self._again.appendleft(line)

    def _add(self, line: _Line) -> None:
        self.row.append(line)
        self.row_bytes += line[1]

    def _next_of_source(self) -> _Line:
        try:
            return next(self._source)
        except StopIteration:
            self._ended = True
            raise


def _decoder(encoding: Encoding) -> Callable[[bytes], str]:
    if encoding == "windows-1252":
        return _from_windows
    # Lines of UTF-16 files come as UTF-8 already.
    return _from_utf8


def _from_utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:  # pasted together of two encodings; the beginning of the file did not show it
        return _from_windows(data)


def _from_windows(data: bytes) -> str:
    return data.decode("windows-1252", "replace")


def _lines(blocks: Iterable[bytes], encoding: Encoding) -> Iterator[_Line]:
    """The lines, ends included, each with its length in the file. Line ends are LF, CR LF or CR."""
    measure: Callable[[bytes], int] = len
    if encoding.startswith("utf-16"):
        blocks, measure = _as_utf8(blocks, encoding), _utf16_bytes
    tail, dropped = b"", 0
    for block in blocks:
        lines = (tail + block).splitlines(keepends=True)
        # The last line may go on in the next block; one that ends in CR may go on with LF.
        tail = b"" if not lines or lines[-1].endswith(b"\n") else lines.pop()
        for line in lines:
            yield _line(line, measure(line) + dropped)
            dropped = 0
        if len(tail) > MAX_ROW_BYTES and not tail.endswith(b"\r") and measure(tail) > MAX_ROW_BYTES:
            shown = _beginning(tail)
            dropped += measure(tail) - measure(shown)
            tail = shown
    if tail:
        yield _line(tail, measure(tail) + dropped)


def _line(data: bytes, size: int) -> _Line:
    return (data, size) if size <= MAX_ROW_BYTES else (_beginning(data), size)


def _beginning(data: bytes) -> bytes:
    # Cut before a byte that is not inside a character of UTF-8, which has at most four.
    return data[
        : next((n for n in range(_SHOWN, _SHOWN + 4) if data[n : n + 1] < b"\x80" or data[n] > 0xBF), _SHOWN)
    ]


def _as_utf8(blocks: Iterable[bytes], encoding: Encoding) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _utf16_bytes(data: bytes) -> int:
    return len(data.decode().encode("utf-16-le"))
