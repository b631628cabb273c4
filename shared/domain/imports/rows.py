"""From a row of a file to the fields of a contact, and from its fate to a row of the results."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import ValidationError

from shared.domain.characters import comparable
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.fields import ContactFields
from shared.domain.contacts.inputs import ContactInput
from shared.domain.email import local_part, normalize_email
from shared.domain.errors import DomainError, FieldError, Invalid
from shared.domain.imports.csv_file import Row
from shared.domain.imports.file import Layout
from shared.domain.phone import normalize_phone
from shared.domain.tenant import TenantSettings

RowOutcome = Literal["created", "skipped", "failed"]

OWNER = "owner"
"""The column that is no field of a contact: the e-mail address of the user who becomes its owner."""
UNKNOWN_OWNER = "unknown_owner", "owner: No active user has this e-mail address."
"""Code and message of a row whose contact was created although the owner was not found."""
RESULT_COLUMNS = ("row_number", "outcome", "contact_id", "reason_code", "message")
"""The columns of a results file after those of the imported file."""

_FAULTS = {
    "quotes": "The quotation marks of this line do not match. It was read by itself.",
    "row_too_long": "This row is too long to be read.",
}
_UNREADABLE = "\ufffd"
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
# The first characters with which a spreadsheet takes a cell as a formula: OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Fate:
    """The fate of a row. `code` and `message` say why no contact was created, or which cell was left out."""

    outcome: RowOutcome
    contact_id: str = ""
    code: str = ""
    message: str = ""


def contact_fields(row: Row, layout: Layout, settings: TenantSettings) -> ContactFields:
    """Return the fields of a new contact from a row, by the same rules as the API.

    A cell without visible characters counts as not given. A missing first name is taken from the e-mail address. A
    status or stage may have capitals, and spaces between its words. A number that cannot be read is left out, which
    `with_warnings` reports. Raises Invalid, naming the fields.
    """
    if row.fault:
        raise Invalid.field("row", row.fault, _FAULTS[row.fault])
    cells = row.cells
    if len(cells) > len(layout.header) and any(map(str.strip, cells[len(layout.header) :])):
        raise Invalid.field(
            "row", "too_many_cells", f"This row has {len(cells)} cells, the header has {len(layout.header)}."
        )
    given: dict[str, Any] = _read_texts(row, layout)
    for field, text in given.items():
        if _UNREADABLE in text:
            raise Invalid.field(field, "unreadable", "This has characters that cannot be read.")
    for refused in _find_bad_numbers(given, settings):
        del given[refused.field]
    if "email" not in given:
        raise Invalid.field("email", "required", "An e-mail address is required.")
    if "tags" in given:
        given["tags"] = [tag for part in given["tags"].split(",") if comparable(tag := part.strip())]
    for field in ("relationship_status", "lifecycle_stage"):
        if field in given:
            given[field] = _BETWEEN_WORDS.sub("_", given[field]).lower()
    if "first_name" not in given:
        given["first_name"] = _local_part(given["email"])[:100]
    try:
        checked = ContactInput.model_validate(given)
    except ValidationError as error:
        raise _refusal(error) from error
    return clean(checked.given_fields(), settings)


def owner_of(row: Row, layout: Layout) -> str:
    """Return the e-mail address of the user that a row names as the owner; empty when it names none."""
    position = layout.columns.get(OWNER, len(row.cells))
    return "" if row.fault or position >= len(row.cells) else row.cells[position].strip()


def with_warnings(fate: Fate, row: Row, layout: Layout, settings: TenantSettings) -> Fate:
    """Return the fate of a row whose contact was created, with the numbers that were left out."""
    refused = _find_bad_numbers(_read_texts(row, layout), settings)
    if not refused:
        return fate
    words = " ".join(f"{one.field}: {one.message}" for one in refused)
    return replace(fate, code=fate.code or refused[0].code, message=f"{fate.message} {words}".strip())


def _read_texts(row: Row, layout: Layout) -> dict[str, str]:
    """Return the cells of a row that are fields of a contact and have visible characters."""
    found = {}
    for field, position in layout.columns.items():
        if field != OWNER and position < len(row.cells):
            text = _remove_mark(row.cells[position].strip())
            if field == "email":
                text = text.removeprefix("'")  # how Excel marks a text cell
            if comparable(text):
                found[field] = text
    return found


def _remove_mark(text: str) -> str:
    """Return a cell without the mark that results and exports put before what a spreadsheet would take as a formula."""
    return text[1:].strip() if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


def _find_bad_numbers(texts: dict[str, str], settings: TenantSettings) -> list[FieldError]:
    refused: list[FieldError] = []
    for field in ("phone", "whatsapp"):
        if field in texts:
            try:
                normalize_phone(
                    texts[field], settings.default_country, field, clean=settings.auto_clean_phone_numbers
                )
            except Invalid as error:
                refused += error.errors
    return refused


def _local_part(address: str) -> str:
    try:
        return local_part(normalize_email(address))
    except Invalid:
        return address  # which is refused afterwards


def _refusal(error: ValidationError) -> Invalid:
    from shared.domain import faults

    found = faults.faults_of(error, ContactInput)
    return faults.refusal_of(tuple(replace(one, field=one.field.split(".")[0]) for one in found))


def fail_row(row: Row, error: DomainError) -> Fate:
    """Return the fate of a refused row: the code of the first reason, and all reasons in words, with the line."""
    reasons = " ".join(f"{one.field}: {one.message}" for one in error.errors) or error.detail
    code = error.errors[0].code if error.errors else error.code
    return Fate("failed", code=code, message=f"Line {row.line}: {reasons}")


def result_header(layout: Layout) -> bytes:
    """Return the first line of a results file."""
    return _write_rows([[*map(_add_mark, layout.header), *RESULT_COLUMNS]])


def result_rows(layout: Layout, rows: Iterable[tuple[int, Row, Fate]]) -> bytes:
    """Return lines of a results file: each row, by its number, as it is in the imported file, and its fate."""
    width = len(layout.header)
    return _write_rows(
        [
            *map(_add_mark, _fit_width(row.cells, width, layout.delimiter)),
            number,
            fate.outcome,
            fate.contact_id,
            fate.code,
            fate.message,
        ]
        for number, row, fate in rows
    )


def _fit_width(cells: Sequence[str], width: int, delimiter: str) -> Sequence[str]:
    """Return as many cells as there are columns. Surplus cells are joined into the last one."""
    if len(cells) <= width:
        return [*cells, *[""] * (width - len(cells))]
    return [*cells[: width - 1], delimiter.join(cells[width - 1 :])]


def _add_mark(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _write_rows(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
