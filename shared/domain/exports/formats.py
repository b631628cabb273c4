"""The formats of exports that are written contact by contact: CSV, JSON Lines and vCard."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol

from shared.domain.cell_texts import add_mark
from shared.domain.exports.fields import (
    CUSTOM,
    CUSTOM_FIELDS,
    ONLY_IN_JSON,
    Exported,
    ExportField,
    cell_of,
    field_of,
)
from shared.domain.exports.vcard import vcard_of

Format = Literal["csv", "jsonl", "vcf", "xlsx"]
Delimiter = Literal[",", ";", "\t", "|"]

MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "vcf": "text/vcard; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Encoder(Protocol):
    """Writes contacts in one format. The file is `head()` and then the contacts, in any portions."""

    def head(self) -> bytes:
        """Return what comes before the first contact."""

    def encode(self, contacts: Sequence[Exported]) -> bytes:
        """Return the text of some contacts."""


class CsvEncoder:
    """CSV (RFC 4180) in UTF-8. A byte order mark tells spreadsheets the encoding.

    A cell that a spreadsheet would run as a formula has a mark before it.
    """

    def __init__(self, columns: Sequence[ExportField], delimiter: str = ",") -> None:
        self._columns = columns
        self._delimiter = delimiter

    def head(self) -> bytes:
        """Return the byte order mark and the header."""
        return _BYTE_ORDER_MARK + self._write([[column.header for column in self._columns]])

    def encode(self, contacts: Sequence[Exported]) -> bytes:
        """Return a row for each contact."""
        return self._write(
            [cell_of(column.name, column.value_of(one)) for column in self._columns] for one in contacts
        )

    def _write(self, rows: Iterable[Sequence[str]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter, lineterminator="\r\n").writerows(
            [add_mark(cell) for cell in row] for row in rows
        )
        return text.getvalue().encode()


class JsonLinesEncoder:
    """A JSON object in each line: the contact as the API shows it, or the chosen fields of it."""

    def __init__(self, chosen: Sequence[str] | None) -> None:
        self._chosen = chosen

    def head(self) -> bytes:
        """Return nothing."""
        return b""

    def encode(self, contacts: Sequence[Exported]) -> bytes:
        """Return a line for each contact."""
        return "".join(f"{self._line(one)}\n" for one in contacts).encode()

    def _line(self, exported: Exported) -> str:
        if self._chosen is None:
            return exported.contact.model_dump_json()
        line: dict[str, Any] = {}
        for name in self._chosen:
            if name == CUSTOM_FIELDS:
                line[name] = exported.contact.custom_fields
            elif name.startswith(CUSTOM):
                key = name.removeprefix(CUSTOM)
                given = exported.contact.custom_fields
                line.setdefault(CUSTOM_FIELDS, {}).update({key: given[key]} if key in given else {})
            elif name in ONLY_IN_JSON:
                line |= exported.contact.model_dump(mode="json", include={name})
            else:
                line[name] = field_of(name).value_of(exported)
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


class VcardEncoder:
    """vCards (RFC 6350, version 4.0), one after the other."""

    def __init__(self, chosen: Sequence[str] | None) -> None:
        self._chosen = None if chosen is None else frozenset(chosen)

    def head(self) -> bytes:
        """Return nothing."""
        return b""

    def encode(self, contacts: Sequence[Exported]) -> bytes:
        """Return a vCard for each contact."""
        return b"".join(vcard_of(one, self._chosen) for one in contacts)
