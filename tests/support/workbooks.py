"""Excel workbooks, well-made and hostile ones."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def workbook(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return a workbook whose first sheet has some rows, as xlsxwriter makes it."""
    import xlsxwriter

    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return made.getvalue()


def parts(sheet: str, *, strings: str = "", content_type: str = CONTENT_TYPE) -> dict[str, str]:
    """Return the parts of a small workbook. `sheet`: its rows in XML. `strings`: its shared strings in XML."""
    return {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{content_type}"/></Types>',
        "_rels/.rels": f'<Relationships {_RELATIONS}><Relationship Id="rId1" Type="{_OFFICE}/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {_NAMESPACE} xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"<Relationships {_RELATIONS}>"
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {_NAMESPACE}><sheetData>{sheet}</sheetData></worksheet>",
        "xl/sharedStrings.xml": f"<sst {_NAMESPACE}>{strings}</sst>",
    }


def archive(parts: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return made.getvalue()


def text_cell(reference: str, text: str) -> str:
    """Return a cell with a text."""
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


HEADER = f"<row>{text_cell('A1', 'Email')}{text_cell('B1', 'First Name')}</row>"


def billion_laughs() -> bytes:
    """Return a workbook whose sheet has entities that grow tenfold nine times."""
    entities = '<!ENTITY a0 "laugh">' + "".join(
        f'<!ENTITY a{number} "{f"&a{number - 1};" * 10}">' for number in range(1, 10)
    )
    made = parts(HEADER + f"<row>{text_cell('A2', '&a9;')}</row>")
    sheet = made["xl/worksheets/sheet1.xml"]
    return archive(made | {"xl/worksheets/sheet1.xml": f"<!DOCTYPE x [{entities}]>{sheet}"})


def zip_bomb() -> bytes:
    """Return a workbook of some kilobytes whose sheet has 200 MB of blanks."""
    return archive(parts(HEADER) | {"xl/worksheets/sheet1.xml": b" " * 200_000_000})


def with_stated_size(size: int) -> bytes:
    """Return a workbook of 60 MB whose archive states another size for its sheet."""
    made = bytearray(archive(parts(HEADER) | {"xl/worksheets/sheet1.xml": b" " * 60_000_000}))
    name = b"xl/worksheets/sheet1.xml"
    at = 0
    # A local header has the size 22 bytes after its start and the name after 30, the central directory after 24 and 46
    # (APPNOTE.TXT 4.3.7, 4.3.12).
    for signature, offset, header in ((b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)):
        at = made.index(signature + made[made.index(name, at) - header + 4 : made.index(name, at)])
        made[at + offset : at + offset + 4] = struct.pack("<I", size)
        at += header + len(name)
    return bytes(made)


def two_far_cells() -> bytes:
    """Return a workbook with a cell in the first and one in the last corner of its sheet."""
    return archive(parts(HEADER + f'<row r="1048576">{text_cell("XFD1048576", "x")}</row>'))


def shared_text() -> bytes:
    """Return a workbook in which a million cells share a text of a megabyte."""
    cells = '<c t="s"><v>0</v></c>' * 1_000
    rows = f"<row>{cells}</row>" * 1_000
    return archive(parts(HEADER + rows, strings=f"<si><t>{'x' * 1_000_000}</t></si>"))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "billion laughs": (billion_laughs, "workbook"),
    "a zip bomb": (zip_bomb, "workbook_too_large"),
    "a stated size that is too small": (lambda: with_stated_size(100), "workbook"),
    "a stated size that is too large": (lambda: with_stated_size(4_000_000_000), "workbook_too_large"),
    "two far cells": (two_far_cells, "workbook_too_large"),
    "a text that many cells share": (shared_text, "workbook_too_large"),
    "too many parts": (
        lambda: archive(parts(HEADER) | {f"xl/{number}.xml": "" for number in range(10_001)}),
        "workbook_too_large",
    ),
    "another compression": (lambda: archive(parts(HEADER), zipfile.ZIP_LZMA), "workbook"),
    "a truncated archive": (lambda: workbook([["Email"]])[:-200], "workbook"),
    "changed bytes": (lambda: _garbled(workbook([["Email"] * 50] * 50)), "workbook"),
    "no sheet": (lambda: archive(parts(HEADER) | {"xl/workbook.xml": "<workbook/>"}), "empty"),
    "XML that ends early": (
        lambda: archive(parts(HEADER) | {"xl/workbook.xml": "<workbook><sheets"}),
        "workbook",
    ),
    "a sheet that is not there": (
        lambda: archive({name: text for name, text in parts(HEADER).items() if "sheet1" not in name}),
        "workbook",
    ),
    "a macro workbook": (
        lambda: archive(parts(HEADER, content_type="application/vnd.ms-excel.sheet.macroEnabled.main+xml")),
        "workbook_kind",
    ),
    "a binary workbook": (
        lambda: archive(
            parts(HEADER, content_type="application/vnd.ms-excel.sheet.binary.macroEnabled.main")
        ),
        "workbook_kind",
    ),
    "an OpenDocument spreadsheet": (
        lambda: archive(
            {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}
        ),
        "workbook_kind",
    ),
    "a Numbers document": (lambda: archive({"Index/Document.iwa": b"x"}), "workbook_kind"),
    "a Word document": (
        lambda: archive(
            {"[Content_Types].xml": "wordprocessingml.document.main+xml", "word/document.xml": "<x/>"}
        ),
        "zip",
    ),
    "an archive of a CSV file": (lambda: archive({"people.csv": "Email\na@example.com\n"}), "zip"),
    "an archive without files": (lambda: archive({"x/": ""}), "zip"),
}
"""Workbooks and archives that are refused, with the code."""


def _garbled(workbook: bytes) -> bytes:
    changed = bytearray(workbook)
    with zipfile.ZipFile(io.BytesIO(workbook)) as file:
        start = file.getinfo("xl/worksheets/sheet1.xml").header_offset + 70
    changed[start : start + 20] = b"\xff" * 20
    return bytes(changed)
