"""Files of other kinds than tables in text, recognized by how they start.

The beginnings are those of the IANA registry of media types and of the formats' specifications.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Set

from shared.domain.imports.file import BadFile

ZIP = b"PK\x03\x04"
"""The beginning of a zip archive, which an Excel workbook is, too."""

_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""The name of the stream that holds an encrypted workbook ([MS-OFFCRYPTO] 2.3.4.4)."""

_ARCHIVE = "archive", "This is an archive, not a CSV file. Unpack it first."
_IMAGE = "image", "This is an image, not a CSV file."
_ZIP = "zip", "This is a zip archive, not a CSV file or an Excel workbook. Unpack it first."
_BINARY: tuple[tuple[bytes, tuple[str, str]], ...] = (
    (ZIP, _ZIP),
    (b"PK\x05\x06", _ZIP),
    (b"PK\x07\x08", _ZIP),
    (b"\x1f\x8b", ("gzip", "This is a gzip archive, not a CSV file. Unpack it first.")),
    (_OLE, ("excel", "This is an old Excel workbook (.xls). Save it as CSV or .xlsx.")),
    (b"%PDF-", ("pdf", "This is a PDF document, not a CSV file.")),
    (b"Rar!\x1a\x07", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"BZh", _ARCHIVE),
    (b"\xfd7zXZ\x00", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", _ARCHIVE),
    (b"\x89PNG", _IMAGE),
    (b"\xff\xd8\xff", _IMAGE),
    (b"GIF8", _IMAGE),
)
_TEXT: tuple[tuple[str, str, str], ...] = (
    (
        r"<!doctype html|<html|<head|<body|<table",
        "html",
        "This is a web page, not a CSV file. Save it as CSV.",
    ),
    (r"<\?xml|<!doctype", "xml", "This is an XML document, not a CSV file. Save it as CSV."),
    (r"begin:vcard", "vcard", "This is a vCard file, not a CSV file. Export the contacts as CSV."),
    (r"begin:vcalendar", "icalendar", "This is a calendar (iCalendar), not a CSV file with contacts."),
    (r"\{\\rtf", "rtf", "This is a formatted text (RTF), not a CSV file."),
    (r"[\[{]\s*[\[{\"\]}]", "json", "This is a JSON document, not a CSV file."),
)
_TYPES = "[Content_Types].xml"
"""The part of an Office document that lists the types of the others (ECMA-376 Part 2, 10.1)."""
_XLSX = b"spreadsheetml.sheet.main+xml"
_OTHER_EXCEL = (b"sheet.macroEnabled.main+xml", b"sheet.binary.macroEnabled.main", b"template.main+xml")
_ODS = b"application/vnd.oasis.opendocument.spreadsheet"
_START = 1_000
"""Characters at the start of a text that show its kind."""


def refuse_binary(sample: bytes) -> None:
    """Refuse a file that starts as one of another kind. Raises BadFile."""
    if sample.startswith(_OLE) and _ENCRYPTED in sample:
        raise BadFile("This file has a password. Save it without one.", code="encrypted")
    for beginning, (code, sentence) in _BINARY:
        if sample.startswith(beginning):
            raise BadFile(sentence, code=code)


def refuse_text(start: str) -> None:
    """Refuse a text that is of another kind. `start`: its beginning. Raises BadFile."""
    start = start[:_START].lstrip("\ufeff \t\r\n").lower()
    for beginning, code, sentence in _TEXT:
        if re.match(beginning, start):
            raise BadFile(sentence, code=code)


def refuse_zip(names: Set[str], read: Callable[[str], bytes]) -> None:
    """Refuse a zip archive that is no Excel workbook (.xlsx). Raises BadFile.

    `names`: of its files. `read`: returns the start of one of them.
    """
    types = read(_TYPES) if _TYPES in names else b""
    if _XLSX in types:
        return
    is_document = "mimetype" in names and read("mimetype").startswith(_ODS)
    if (
        is_document
        or any(kind in types for kind in _OTHER_EXCEL)
        or any(name.endswith(".iwa") for name in names)
    ):
        raise BadFile(
            "This is a workbook of another kind, such as .xlsm, .xlsb, .ods or .numbers. Save it as .xlsx or CSV.",
            code="workbook_kind",
        )
    raise BadFile(_ZIP[1], code=_ZIP[0])
