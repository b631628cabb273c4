"""Turns the first sheet of an Excel workbook (.xlsx, ECMA-376) into CSV. A program of its own, since files are hostile.

A workbook may be made to take any memory: an archive that unpacks to terabytes, a sheet with a value in its first and
in its last cell, a text that a million cells share. `main` therefore limits the memory and the time of its process.
It writes an empty object to standard output, or the code and sentence of a refusal.

What the library reads has been unpacked before, into an archive without compression, within bounds that do not depend
on the sizes that the archive states.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import TextIOWrapper
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from shared.domain.imports.file import BadFile
from shared.domain.imports.file_kinds import refuse_zip
from shared.domain.imports.limits import DEFAULT_LIMITS

MAX_UNPACKED = 50_000_000
"""Bytes of the largest workbook when unpacked. Images and other parts that are not read do not count."""
MAX_PARTS = 10_000
"""Files of the archive with the most files."""
MEMORY = 1_073_741_824
"""Bytes of memory of the process, as addresses (setrlimit(2), RLIMIT_AS)."""
CPU_SECONDS = 120
"""Seconds of processor time of the process."""
LINE_BREAK = "\u2028"
"""What line breaks of cells become, so that each row of the sheet is one line: U+2028, LINE SEPARATOR."""

_BLOCK = 262_144
_DTD = b"<!DOCTYPE"
_ENCRYPTED = 0x1
"""The bit of the flags of an encrypted file (APPNOTE.TXT 4.4.4)."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The methods of compression of workbooks (ECMA-376 Part 2, annex C)."""


def convert(workbook: BinaryIO, sheet: BinaryIO) -> None:
    """Write the first sheet of a workbook as CSV in UTF-8, one line for each row of the sheet.

    Raises BadFile when the file is no workbook, is damaged, has a password, or is too large.
    """
    with _reading(), TemporaryFile() as plain:
        unpack(workbook, plain)
        plain.flush()
        _write(_rows(plain), sheet)


def unpack(workbook: BinaryIO, target: BinaryIO) -> None:
    """Copy the parts of a workbook that are read into an archive without compression. Raises BadFile."""
    with zipfile.ZipFile(workbook) as archive, zipfile.ZipFile(target, "w") as copy:
        parts = archive.infolist()
        if len(parts) > MAX_PARTS:
            raise _too_large()
        if any(part.flag_bits & _ENCRYPTED for part in parts):
            raise BadFile("This file has a password. Save it without one.", code="encrypted")
        refuse_zip({part.filename for part in parts}, lambda name: _start(archive, name))
        left = MAX_UNPACKED
        for part in parts:
            if not part.filename.startswith("xl/media/") and part.filename.endswith((".xml", ".rels")):
                left -= _copy(archive, part, copy, left)


def _start(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as part:
        return part.read(_BLOCK)


def _copy(archive: zipfile.ZipFile, part: zipfile.ZipInfo, copy: zipfile.ZipFile, most: int) -> int:
    """Copy a part of at most `most` bytes. Returns its size."""
    if part.compress_type not in _METHODS:
        raise _damaged()
    size, before = 0, b""
    with archive.open(part) as source, copy.open(part.filename, "w") as target:
        while block := source.read(_BLOCK):
            size += len(block)
            if size > most:
                raise _too_large()
            # A workbook has no document type (ECMA-376 Part 2, 8.1.4), and without one no entities that grow.
            if _DTD in (before + block).replace(b"\0", b"").upper():
                raise _damaged()
            before = block[-2 * len(_DTD) :]
            target.write(block)
    return size


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        EOFError,
        ValueError,
        OverflowError,
    ) as error:
        raise _damaged() from error
    except MemoryError as error:
        raise _too_large() from error


def _too_large() -> BadFile:
    return BadFile(
        f"The workbook has more than {MAX_UNPACKED:,} bytes when it is unpacked, or too many cells. Save it as CSV, or"
        " split it.",
        code="workbook_too_large",
    )


def _damaged() -> BadFile:
    return BadFile(
        "The workbook is damaged. Open it in Excel and save it again, or save it as CSV.", code="workbook"
    )


def _rows(workbook: BinaryIO) -> Iterator[list[Any]]:
    """Yield the rows of the first sheet, from its first row to the last one with a value. Raises BadFile."""
    from python_calamine import (
        CalamineError,
        CalamineWorkbook,
        PasswordError,
        SheetTypeEnum,
        SheetVisibleEnum,
    )

    try:
        with CalamineWorkbook.from_path(f"/dev/fd/{workbook.fileno()}") as opened:
            sheets = [sheet for sheet in opened.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
            shown = [sheet for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible] or sheets
            if not shown:
                raise BadFile("The workbook has no sheet with cells.", code="empty")
            yield from opened.get_sheet_by_name(shown[0].name).iter_rows()
    except PasswordError as error:
        raise BadFile("This file has a password. Save it without one.", code="encrypted") from error
    except CalamineError as error:
        raise _damaged() from error


def _write(rows: Iterable[list[Any]], sheet: BinaryIO) -> None:
    text = TextIOWrapper(sheet, encoding="utf-8", newline="", write_through=True)
    write = csv.writer(text, lineterminator="\n").writerow
    for number, row in enumerate(rows):
        write([_TEXTS.get(type(cell), str)(cell) for cell in row])
        if number % 1_000 == 0 and sheet.tell() > DEFAULT_LIMITS.file_bytes:
            raise _too_large()
    text.detach().flush()


def _of_text(value: str) -> str:
    if "\n" in value or "\r" in value:
        return value.replace("\r\n", LINE_BREAK).replace("\n", LINE_BREAK).replace("\r", LINE_BREAK)
    return value


def _of_number(value: float) -> str:
    # Excel computes with 15 digits, and shows no more of them (Excel specifications and limits).
    if not value.is_integer():
        return f"{value:.15g}"
    # From 10**16, where `repr` has an exponent, only its digits are those of the file.
    return str(int(value)) if abs(value) < 1e16 else format(Decimal(repr(value)), "f")


def _of_moment(value: datetime) -> str:
    moment = (value + timedelta(microseconds=500_000)).replace(microsecond=0)
    return moment.date().isoformat() if moment.time() == time() else moment.isoformat()


def _of_duration(value: timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


_TEXTS: dict[type, Callable[[Any], str]] = {
    str: _of_text,
    float: _of_number,
    int: str,
    bool: lambda value: "TRUE" if value else "FALSE",
    datetime: _of_moment,
    date: date.isoformat,
    time: lambda value: value.isoformat("seconds"),
    timedelta: _of_duration,
}
"""How a value of each type is written: as Excel shows it by default, but dates as in ISO 8601."""


def main() -> None:
    """Convert the workbook that is open with the number of the first argument to the file of the second one."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        with os.fdopen(int(sys.argv[1]), "rb") as workbook, os.fdopen(int(sys.argv[2]), "wb") as sheet:
            convert(workbook, sheet)
    except BadFile as refusal:
        sys.stdout.write(json.dumps({"code": refusal.code, "detail": refusal.detail}))
    else:
        sys.stdout.write("{}")


if __name__ == "__main__":
    main()
