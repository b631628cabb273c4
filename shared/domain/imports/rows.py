"""From a row of a file to the fields of a contact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from shared.domain.characters import comparable
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.fields import ContactFields
from shared.domain.contacts.inputs import ContactInput
from shared.domain.email import local_part, normalize_email
from shared.domain.errors import FieldError, Invalid
from shared.domain.import_options import ImportOptions
from shared.domain.imports.cells import labels_in, remove_mark, word_in
from shared.domain.imports.columns import Layout
from shared.domain.imports.csv_file import Row
from shared.domain.phone import normalize_phone
from shared.domain.tenant import TenantSettings

UNKNOWN_OWNER = FieldError("owner", "unknown_owner", "No active user has this e-mail address.")
"""The warning for a row whose contact was written although the owner that it names was not found."""

_FAULTS = {
    "quotes": "The quotation marks of this line do not match. It was read by itself.",
    "row_too_long": "This row is too long to be read.",
    "too_many_alike": "Too many rows above share an address with this one. Import it with another file.",
}
_UNREADABLE = "\ufffd"
_NOT_FIELDS = ("owner", "customer_number")
"""What a row names that is no field of a contact."""


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What a row says about a contact.

    `fields`: in their stored form, with labels by their names; None for a row that fails with `error`. `derived`: the
    fields among them that the row does not have, but that follow from others; an existing contact keeps its own.
    `warnings`: what was left out. `owner`: the e-mail address of the user whom the row names as the owner.
    `customer_number`: of the customer whom it names. Both are empty when it names none.
    """

    fields: ContactFields | None
    error: Invalid | None = None
    warnings: tuple[FieldError, ...] = ()
    owner: str = ""
    customer_number: str = ""
    derived: frozenset[str] = frozenset()


class RowReader:
    """Reads the rows of a file that has one layout, under the options of its import and the settings of its tenant."""

    def __init__(self, layout: Layout, options: ImportOptions, settings: TenantSettings) -> None:
        self._width = len(layout.header)
        self._columns = [(column.position, column.field) for column in layout.columns if column.field]
        country = options.default_country
        self._settings = settings if country is None else replace(settings, default_country=country)

    def read(self, row: Row) -> ReadRow:
        """Return what a row says, by the same rules as the API.

        A cell without visible characters counts as not given. A missing first name is taken from the e-mail address.
        """
        try:
            return self._read(row)
        except Invalid as error:
            return ReadRow(None, error)

    def keys(self, row: Row) -> tuple[str, ...]:
        """Return what the row shares with the rows that are about the same contact: its addresses."""
        fields = self.read(row).fields
        email = fields.get("email") if fields is not None else None
        return (email,) if email else ()

    def _read(self, row: Row) -> ReadRow:
        if row.fault:
            raise Invalid.field("row", row.fault, _FAULTS[row.fault])
        cells = row.cells
        if len(cells) > self._width and any(map(str.strip, cells[self._width :])):
            raise Invalid.field(
                "row", "too_many_cells", f"This row has {len(cells)} cells, the header has {self._width}."
            )
        given = self._read_texts(cells)
        for field, text in given.items():
            if _UNREADABLE in text:
                raise Invalid.field(field, "unreadable", "This has characters that cannot be read.")
        elsewhere = {name: given.pop(name, "") for name in _NOT_FIELDS}
        warnings = self._find_bad_numbers(given)
        for refused in warnings:
            del given[refused.field]
        if "email" not in given:
            raise Invalid.field("email", "required", "An e-mail address is required.")
        if "tags" in given:
            given["tags"] = labels_in(given["tags"])
        for field in ("relationship_status", "lifecycle_stage"):
            if field in given:
                given[field] = word_in(given[field])
        derived: frozenset[str] = frozenset()
        if "first_name" not in given:
            given["first_name"], derived = _local_part(given["email"])[:100], frozenset({"first_name"})
        try:
            checked = ContactInput.model_validate(given)
        except ValidationError as error:
            raise _refusal(error) from error
        values = {name: getattr(checked, name) for name in given}
        return ReadRow(clean(values, self._settings), None, tuple(warnings), **elsewhere, derived=derived)

    def _read_texts(self, cells: list[str]) -> dict[str, Any]:
        """Return the cells of a row that are read and have visible characters."""
        found = {}
        for position, field in self._columns:
            if position < len(cells):
                text = remove_mark(cells[position].strip())
                if field == "email":
                    text = text.removeprefix("'")  # how Excel marks a text cell
                if comparable(text):
                    found[field] = text
        return found

    def _find_bad_numbers(self, texts: dict[str, str]) -> list[FieldError]:
        refused: list[FieldError] = []
        settings = self._settings
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
