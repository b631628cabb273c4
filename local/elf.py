"""Strips shared libraries of what only debuggers and linkers read, for any processor."""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"
"""The start of a 64-bit little-endian ELF file, as of both Linux platforms that Lambda has."""
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")


def strip(path: Path) -> int:
    """Cut a shared library after its last segment, and return the number of bytes removed.

    What follows the segments is the table of symbols, which is not the one that the loader reads, and the table of
    sections (System V ABI, "Program Header"). Raises ValueError when the file is not a library of this format.
    """
    content = path.read_bytes()
    if not content.startswith(_MAGIC):
        raise ValueError(f"{path} is not a 64-bit ELF file")
    header = list(_HEADER.unpack_from(content))
    first, count = header[5], header[10]
    segments = [_SEGMENT.unpack_from(content, first + number * _SEGMENT.size) for number in range(count)]
    end: int = max(offset + size for _, _, offset, _, _, size, _, _ in segments)
    header[6], header[12], header[13] = 0, 0, 0  # no table of sections
    path.write_bytes(_HEADER.pack(*header) + content[_HEADER.size : end])
    return len(content) - end
