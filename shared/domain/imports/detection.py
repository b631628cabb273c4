"""The encoding of a file, detected from its start."""

from __future__ import annotations

import codecs

MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    # Before UTF-16, whose mark is the beginning of this one.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, and the encodings of the files that start with them (The Unicode Standard, section 23.8)."""

_LOOKED_AT = 4_096
"""Bytes at the start of a file in which UTF-16 without a mark is recognized."""


def is_wide(encoding: str) -> bool:
    """Return whether each character takes two or four bytes, so that a line break is not one byte."""
    return encoding.startswith(("utf-16", "utf-32"))


def encoding_of(sample: bytes, named: str | None = None) -> str:
    """Return the encoding of a file that starts with `sample`. `named`: the encoding that its user names, if any.

    A byte order mark is decisive, and then the name. Without a name it is UTF-16 when every other byte of the start is
    NUL as in Western texts; UTF-8 when most lines that are not ASCII are valid UTF-8; and else Windows-1252. A name
    that leaves the byte order open means little-endian, unless the start shows the other one.
    """
    for mark, encoding in MARKS:
        if sample.startswith(mark):
            return encoding
    if named == "utf-32":
        return "utf-32-le"
    if named and named != "utf-16":
        return named
    return _unmarked_utf16(sample[:_LOOKED_AT]) or ("utf-16-le" if named else _narrow(sample))


def _unmarked_utf16(start: bytes) -> str | None:
    start = start[: len(start) // 2 * 2]
    nuls = start[::2].count(0), start[1::2].count(0)
    for encoding, (none, many) in (("utf-16-le", nuls), ("utf-16-be", nuls[::-1])):
        # At least a quarter of the characters are ASCII: delimiters, digits, names of columns.
        if none == 0 and many > 0 and many * 8 >= len(start):
            try:
                codecs.getincrementaldecoder(encoding)().decode(start)
            except UnicodeDecodeError:
                return None
            return encoding
    return None


def _narrow(sample: bytes) -> str:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        balance = sum(map(_weigh_line, sample.splitlines()[:-1] or [sample]))
        return "utf-8" if balance > 0 else "windows-1252"
    return "utf-8"


def _weigh_line(line: bytes) -> int:
    """Return 1 for a line that can only be UTF-8, -1 for a line that cannot be, 0 for ASCII."""
    if line.isascii():
        return 0
    try:
        line.decode()
    except UnicodeDecodeError:
        return -1
    return 1
