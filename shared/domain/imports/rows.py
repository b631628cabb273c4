"""Turns a row of a file into the fields of a contact. Nothing is left out without a warning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import ValidationError

from shared.domain.characters import one_line
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.custom_fields import MAX_FIELDS
from shared.domain.contacts.fields import MAX_GROUPS, MAX_TYPES, ContactFields
from shared.domain.contacts.inputs import ContactInput
from shared.domain.contacts.names import is_title, split_name
from shared.domain.email import local_part
from shared.domain.errors import FieldError, Invalid
from shared.domain.ids import is_id
from shared.domain.import_options import ImportOptions
from shared.domain.imports.addresses import AddressReader, ReadEmails, is_unreadable, unreadable
from shared.domain.imports.cells import emails_in, labels_in, text_in, word_in
from shared.domain.imports.columns import Layout
from shared.domain.imports.csv_file import Fault, Row
from shared.domain.imports.headings import is_word
from shared.domain.imports.names import read_name
from shared.domain.imports.plain_texts import is_accepted
from shared.domain.imports.results import has_surplus
from shared.domain.search import fold
from shared.domain.tenant import TenantSettings

UNKNOWN_OWNER = FieldError("owner", "unknown_owner", "No active user has this e-mail address.")
"""The warning for a row whose contact was written although the owner that it names was not found."""

_CORRECTED = "Empty the reason_code of this row when you have corrected it in the results."
FAULTS: dict[Fault, str] = {
    "quotes": f"The quotation marks of this line do not match. It was read by itself. {_CORRECTED}",
    "row_too_long": f"This row is too long to be read. {_CORRECTED}",
    "too_many_cells": "This row has more cells than the header. The surplus cells were joined into the last one. "
    + _CORRECTED,
    "too_many_alike": "Too many rows above share an address with this one. Import it with another file.",
}
"""The sentences of the faults of rows."""
MOST_WARNINGS = 20
"""Warnings that are kept of a row. Its cells can have tens of thousands of pieces."""
_LABELS = {"tags": 100, "types": MAX_TYPES, "groups": MAX_GROUPS}
"""The fields that hold names of labels, and how many."""
_ADDRESSES = frozenset({"email", "other_emails", "phone", "other_phones", "whatsapp"})
_NAMES = ("first_name", "last_name", "middle_name", "name_suffix", "last_name_prefix", "name")
_PREFIX = "custom.name_prefix"
"""The custom field for a name prefix, such as `Dr.`, that has a column of its own."""
_NO_NAME = "-"
"""What takes the place of the first name while a row is checked that names a contact by its id and has no name."""
_ELSEWHERE = ("owner", "customer_number")
"""What a row names besides fields of a contact."""
_CUSTOM = "custom."
_NAME_LENGTH = 100
_MOST_WORDS = 4
"""Words beside an address that may be a name."""
_LEFT_OUT_BESIDE = FieldError(
    "email", "further_value", "The text beside the address is not the name of the contact, and was left out."
)


def fault_of(row: Row, width: int) -> Fault | None:
    """Return why the cells of a row may not be what was meant; None for a row that fits a header of `width` cells."""
    return row.fault or ("too_many_cells" if has_surplus(row, width) else None)


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What a row says about a contact.

    `fields`: in their stored form, with labels by their names, and only those that the row has; None for a row that
    fails with `error`. `derived`: the fields among them that the row does not have, but that follow from others; an
    existing contact keeps its own. `warnings`: what was left out. `owner`: the e-mail address of the user whom the row
    names as the owner. `customer_number`: of the customer whom it names. `contact_id`: the id of a contact, as exports
    have it; whether there is such a contact is not known. These are empty when the row names none.
    """

    fields: ContactFields | None
    error: Invalid | None = None
    warnings: tuple[FieldError, ...] = ()
    owner: str = ""
    customer_number: str = ""
    derived: frozenset[str] = frozenset()
    contact_id: str = ""


class RowReader:
    """Reads the rows of a file that has one layout, under the options of its import and the settings of its tenant."""

    def __init__(self, layout: Layout, options: ImportOptions, settings: TenantSettings) -> None:
        country = options.default_country or settings.default_country
        self._settings = replace(
            settings, default_country=country, require_email=False, max_tags_per_contact=_LABELS["tags"]
        )
        self._requires_email = settings.require_email and options.match_on == "email"
        self._match_on = options.match_on
        self._numbers_are_keys = options.match_on == "phone" or settings.unique_scope == "customer"
        self._addresses = AddressReader(layout, country=country, clean=settings.auto_clean_phone_numbers)
        self._width = len(layout.header)
        # The mapping of the import takes precedence over headings.
        read = sorted((one for one in layout.columns if one.field), key=lambda one: one.reason != "mapping")
        self._texts = [
            (one.position, _PREFIX if one.field == "name_prefix" else str(one.field), one.header)
            for one in read
            if one.field not in _ADDRESSES and one.field != "id"
        ]
        self._ids = [one.position for one in read if one.field == "id"]
        self._has_parts = any(one.field in _NAMES[2:] for one in read)
        self._titles = [
            one.position for one in read if one.field == "job_title" and one.header.casefold() == "title"
        ]

    def read(self, row: Row) -> ReadRow:
        """Return what a row says, by the same rules as the API.

        A cell without visible characters counts as not given. What cannot be used is left out with a warning. The row
        fails only when it has a fault, or when it names no contact by its id, and has no e-mail address where one is
        required, or says nothing of a person.
        """
        try:
            return self._read(row)
        except Invalid as error:
            return ReadRow(None, error)

    def keys(self, row: Row) -> list[str]:
        """Return what the row shares with other rows about the same contact: its addresses; the id of the contact; its
        numbers, where contacts are found by numbers or numbers are unique; its customer number, where contacts are
        found by that.
        """
        try:
            cells = self._cells_of(row)
        except Invalid:
            return []
        emails = self._addresses.read_emails(cells)
        keys = [f"e:{address}" for address in (emails.primary, *emails.others) if address]
        if contact_id := self._id_in(cells):
            keys.append(f"i:{contact_id}")
        if self._numbers_are_keys:
            keys += (f"p:{number}" for number in self._addresses.read_numbers(cells))
        if self._match_on == "customer_number":
            # Folded as in the look-up of customers: rows that name one customer must have one key.
            numbers = (text_in(cells[at]) for at, field, _ in self._texts if field == "customer_number")
            keys += [f"c:{fold(number)}" for number in numbers if number and not is_unreadable(number)][:1]
        return keys

    def _id_in(self, cells: Sequence[str]) -> str:
        """Return the id of a contact that a row names; empty when the first filled cell for it has no such id."""
        if not self._ids:
            return ""
        filled = (text for at in self._ids if (text := text_in(cells[at])))
        contact_id = next(filled, "").lower()
        return contact_id if is_id(contact_id) else ""

    def _cells_of(self, row: Row) -> Sequence[str]:
        """Return the cells of a row, as many as there are columns. Raises Invalid for a row that cannot be read."""
        if row.fault:
            raise Invalid.field("row", row.fault, FAULTS[row.fault])
        cells, width = row.cells, self._width
        if len(cells) == width:
            return cells
        if len(cells) < width:
            return [*cells, *[""] * (width - len(cells))]
        if has_surplus(row, width):
            raise Invalid.field(
                "row",
                "too_many_cells",
                f"This row has {len(cells)} cells, the header has {width}. {_CORRECTED}",
            )
        return cells

    def _read(self, row: Row) -> ReadRow:
        cells = self._cells_of(row)
        emails, contact_id = self._addresses.read_emails(cells), self._id_in(cells)
        if emails.primary is None and self._requires_email and not contact_id:
            raise _refusal_of(emails.faults)
        numbers = self._addresses.read_numbers(cells)
        warnings = emails.faults + numbers.faults
        texts = self._read_texts(cells, warnings)
        elsewhere = {name: texts.pop(name, "") for name in _ELSEWHERE}
        if elsewhere["owner"]:
            elsewhere["owner"] = next(iter(emails_in(elsewhere["owner"]).found), elsewhere["owner"])
        if self._has_parts:
            _join_names(texts, warnings)
        if emails.primary is not None and texts.get("first_name", "").casefold() == emails.primary:
            del texts["first_name"]  # programs write the address where there is no name
        beside = _read_beside(texts, emails, warnings) if emails.beside else frozenset[str]()
        fields, derived = self._check(
            texts, emails, numbers.fields, warnings, instead_of_name=_NO_NAME if contact_id else ""
        )
        derived |= beside
        if contact_id and "first_name" in derived and fields["first_name"] == _NO_NAME:
            del fields["first_name"]
        if emails.primary is not None:
            fields["email"] = emails.primary
        if emails.others:
            fields["other_emails"] = emails.others
        fields.update(numbers.fields)
        return ReadRow(fields, None, _first_of(warnings), **elsewhere, derived=derived, contact_id=contact_id)

    def _read_texts(self, cells: Sequence[str], warnings: list[FieldError]) -> dict[str, Any]:
        """Return what the other columns hold, by field: texts, and lists of the names of labels."""
        texts: dict[str, Any] = {}
        for position, field, header in self._texts:
            cell = cells[position]
            if not cell:
                continue
            text = text_in(cell)
            if not text:
                continue
            if is_unreadable(text):
                warnings.append(unreadable(_shown(field)))
            elif field in _LABELS:
                texts[field] = [*texts.get(field, ()), *labels_in(cell)]
            elif position in self._titles and is_title(text):
                texts[_PREFIX] = text
            elif field not in texts:
                texts[field] = text
            elif field == "about":
                if text not in texts[field].split("\n"):
                    texts[field] += f"\n{text}"
            elif one_line(text) != one_line(texts[field]):
                warnings.append(_further(_shown(field), header))
        for field in ("relationship_status", "lifecycle_stage"):
            if field in texts:
                texts[field] = word_in(texts[field])
        return texts

    def _check(
        self,
        texts: dict[str, Any],
        emails: ReadEmails,
        numbers: ContactFields,
        warnings: list[FieldError],
        *,
        instead_of_name: str,
    ) -> tuple[ContactFields, frozenset[str]]:
        """Return the checked texts in their stored form, and the fields among them that the row does not have.

        What the API refuses is left out with a warning. A row that says nothing of a person gets the first name
        `instead_of_name`; raises Invalid if that is empty.
        """
        custom = {
            name.removeprefix(_CUSTOM): texts.pop(name) for name in [*texts] if name.startswith(_CUSTOM)
        }
        if custom and (accepted := _check_custom(custom, warnings)):
            texts["custom_fields"] = accepted
        derived: frozenset[str] = frozenset()
        while True:
            if "first_name" not in texts:
                texts.update(_names_beside(texts, emails, numbers, instead_of_name))
                derived = frozenset() if emails.name and "first_name" in texts else frozenset({"first_name"})
            if all(is_accepted(name, value) for name, value in texts.items()):
                return cast("ContactFields", texts), derived
            try:
                checked = ContactInput.model_validate(texts)
                break
            except ValidationError as error:
                _leave_out(texts, error, warnings)
        return clean({name: getattr(checked, name) for name in texts}, self._settings), derived


def _join_names(texts: dict[str, Any], warnings: list[FieldError]) -> None:
    """Make a first and last name of all parts of a name."""
    parts = {name: texts.pop(name, "") for name in _NAMES}
    name = read_name(
        first=parts["first_name"],
        last=parts["last_name"],
        middle=parts["middle_name"],
        suffix=parts["name_suffix"],
        whole=parts["name"],
    )
    if name.first:
        texts["first_name"] = name.first
    last = f"{parts['last_name_prefix']} {name.last}".strip() if name.last else ""
    if last:
        texts["last_name"] = last
    if name.fault is not None:
        warnings.append(name.fault)


def _read_beside(texts: dict[str, Any], emails: ReadEmails, warnings: list[FieldError]) -> frozenset[str]:
    """Take the words beside an address for the name of a contact that has none, if they look like one.

    Return the fields that they fill. Other words are left out with a warning, unless they only say whose address it is
    (`work`), or repeat the name.
    """
    words = emails.beside.split()
    if all(is_word(word.strip("():-")) for word in words):
        return frozenset()
    if not any(field in texts for field in ("first_name", "last_name")):
        if 1 < len(words) <= _MOST_WORDS and all(map(_is_of_name, words)):
            first, last = split_name(emails.beside)
            texts["first_name"] = first
            if last:
                texts["last_name"] = last
            return frozenset({"first_name", "last_name"} & texts.keys())
    elif {*emails.beside.casefold().split()} <= {
        *f"{texts.get('first_name', '')} {texts.get('last_name', '')}".casefold().split()
    }:
        return frozenset()
    warnings.append(_LEFT_OUT_BESIDE)
    return frozenset()


def _is_of_name(word: str) -> bool:
    """Return whether a word may be one of a name: letters, of which the first one is no small letter."""
    letters = word.strip(".,")
    is_whole = bool(letters) and all(one.isalpha() or one in "'’-." or not one.isascii() for one in letters)
    return is_whole and not letters[0].islower() and not is_word(letters)


def _names_beside(
    texts: dict[str, Any], emails: ReadEmails, numbers: ContactFields, instead: str
) -> dict[str, str]:
    """Return the names of a row that has no first name: those beside its address, or what can be shown in their place;
    of a row that says nothing of a person, `instead`. Raises Invalid if that is empty.
    """
    if emails.name:
        first, last = split_name(emails.name)
        if first:
            return {"first_name": first, **({"last_name": last} if last and "last_name" not in texts else {})}
    if emails.primary is not None:
        return {"first_name": local_part(emails.primary)[:_NAME_LENGTH]}
    if "last_name" in texts:
        return {"first_name": texts.pop("last_name")}
    shown = texts.get("company") or numbers.get("phone") or numbers.get("whatsapp")
    if not shown and (emails.others or numbers.get("other_phones")):
        shown = emails.others[0] if emails.others else numbers["other_phones"][0]["number"]
    if not (shown := shown or instead):
        raise Invalid.field(
            "row", "empty_row", "This row has no name, no e-mail address, no telephone number and no company."
        )
    return {"first_name": one_line(shown)[:_NAME_LENGTH]}


def _check_custom(custom: dict[str, str], warnings: list[FieldError]) -> dict[str, str]:
    """Return the custom fields that the API accepts."""
    from shared.domain.contacts.custom_fields import clean_custom_fields

    accepted: dict[str, str] = {}
    for name, text in custom.items():
        try:
            if len(accepted) == MAX_FIELDS:
                raise Invalid.field(
                    f"custom_fields.{name}", "too_long", f"A contact has at most {MAX_FIELDS}."
                )
            accepted.update(clean_custom_fields({name: text}))
        except Invalid as refusal:
            warnings += refusal.errors
    return accepted


def _leave_out(texts: dict[str, Any], error: ValidationError, warnings: list[FieldError]) -> None:
    """Remove what pydantic refused, and add the reasons to the warnings."""
    from shared.domain import faults

    refused: dict[str, set[int]] = {}
    for one in faults.faults_of(error, ContactInput):
        field, _, position = one.field.partition(".")
        warnings.append(replace(one, field=field))
        refused.setdefault(field, set()).add(int(position) if position.isdigit() else -1)
    for field, positions in refused.items():
        kept = (
            [value for at, value in enumerate(texts[field]) if at not in positions]
            if -1 not in positions
            else []
        )
        if kept:
            texts[field] = kept
        else:
            del texts[field]


def _first_of(faults: Sequence[FieldError]) -> tuple[FieldError, ...]:
    """Return the first MOST_WARNINGS faults of a row, and one that says how many more there are."""
    if len(faults) <= MOST_WARNINGS:
        return tuple(faults)
    first, more = faults[:MOST_WARNINGS], len(faults) - MOST_WARNINGS
    return (*first, FieldError("row", "more_warnings", f"{more} more values of this row were left out."))


def _refusal_of(faults: Sequence[FieldError]) -> Invalid:
    if not faults:
        return Invalid.field("email", "required", "An e-mail address is required.")
    return Invalid(f"{faults[0].field}: {faults[0].message}", errors=_first_of(faults))


def _shown(field: str) -> str:
    """Return the name of a field as the API has it."""
    return f"custom_fields.{field.removeprefix(_CUSTOM)}" if field.startswith(_CUSTOM) else field


def _further(field: str, header: str) -> FieldError:
    return FieldError(
        field, "further_value", f"The column `{header[:60]}` has another value, which was left out."
    )
