"""Reading CSV files as people have them: the encoding, the delimiter, and the rows with their positions in the file.

A file is read as a stream of blocks, and can be read in parts: a reader that starts at the end of a row, with the
position that this row states, gets the same rows as a reader of the whole file. No more than a block and one row are
held at a time.

Quotes follow RFC 4180. A quote that is never closed would swallow everything after it. A row therefore has at most
MAX_ROW_BYTES. When it is longer, or its quotes are inconsistent, only its first line is a bad row: the lines after it
are read again, each as a row of its own, up to the line at which the fault showed.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

MAX_ROW_BYTES = 131_072
"""Bytes of the longest row that is read, with all of its lines: ten times what the fields of a contact can hold."""
_KEPT_BYTES = 1_000
"""Bytes that are kept of a longer line."""

Encoding = Literal["utf-8", "windows-1252", "utf-16-le", "utf-16-be"]
Fault = Literal["row_too_long", "quotes", "too_many_alike"]
"""Why a row fails unread. `too_many_alike`: too many rows before it share an address with it."""
DELIMITERS = (",", ";", "\t", "|")

_MARKS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(slots=True)
class Row:
    """A row that is not blank; blank rows are skipped.

    `line`: the number of its first line, counted from 1. `next_line`, `end`: the number of the line and the offset of
    the byte after it. `fault`: why `cells` may not be what was meant. `alone_until`: each line before this offset is a
    row of its own, because a quote before them is never closed.
    """

    cells: list[str]
    line: int
    next_line: int
    end: int
    fault: Fault | None = None
    alone_until: int = 0


def encoding_of(sample: bytes) -> tuple[Encoding, int]:
    """Return the encoding of a file that starts with `sample`, and the length of its byte order mark.

    Without a mark it is UTF-8 when the sample is valid UTF-8, and Windows-1252 when it is not.
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
    """Yield the rows in `blocks`, the bytes of the file from offset `start`, where line number `line` starts.

    To continue after a row, pass its `end`, `next_line` and `alone_until`.
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
                feed.put_back_last()
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
    """Return the cells of a line that is a row of its own, and its fault, if any."""
    if size > MAX_ROW_BYTES:
        return [text], "row_too_long"
    try:
        return next(csv.reader([text], delimiter=delimiter, skipinitialspace=True, strict=True)), None
    except csv.Error:
        return next(csv.reader([text], delimiter=delimiter, skipinitialspace=True)), "quotes"


class _RowTooLong(Exception):
    """The row that is being read would have more than MAX_ROW_BYTES."""


_Line = tuple[bytes, int]
"""A line, of which only the beginning is kept when it is too long, and its length in the file."""


class _Feed:
    """Feeds lines to csv.reader, and keeps those of the row that is being read, so that they can be read again."""

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
        """Add the next line to the row, however long it is. Returns False at the end."""
        try:
            self._add(self._again.popleft() if self._again else self._next_of_source())
        except StopIteration:
            return False
        return True

    def put_back_last(self) -> None:
        """Put back the line at which the quotes of the row became inconsistent: it may be the start of another row.

        There is no such line when the quotes were still open at the end, or when the row has only one line.
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
    # Lines of UTF-16 files have been converted to UTF-8.
    return _from_utf8


def _from_utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:  # the file mixes two encodings, which its beginning did not show
        return _from_windows(data)


def _from_windows(data: bytes) -> str:
    return data.decode("windows-1252", "replace")


def _lines(blocks: Iterable[bytes], encoding: Encoding) -> Iterator[_Line]:
    """Yield the lines with their ends, each with its length in the file. Line ends are LF, CR LF or CR."""
    measure: Callable[[bytes], int] = len
    if encoding.startswith("utf-16"):
        blocks, measure = _as_utf8(blocks, encoding), _utf16_bytes
    tail, dropped = b"", 0
    for block in blocks:
        lines = (tail + block).splitlines(keepends=True)
        # The last line may continue in the next block; one that ends in CR may continue with LF.
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
    # Cut before a byte that starts a character; a character of UTF-8 has at most four bytes.
    return data[
        : next(
            (n for n in range(_KEPT_BYTES, _KEPT_BYTES + 4) if data[n : n + 1] < b"\x80" or data[n] > 0xBF),
            _KEPT_BYTES,
        )
    ]


def _as_utf8(blocks: Iterable[bytes], encoding: Encoding) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _utf16_bytes(data: bytes) -> int:
    return len(data.decode().encode("utf-16-le"))
