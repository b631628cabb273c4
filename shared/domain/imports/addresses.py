"""The e-mail addresses and telephone numbers of a row, from all columns that hold some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from shared.domain.contacts.fields import MAX_OTHER_EMAILS, ContactFields
from shared.domain.contacts.other_phones import MAX_PHONES, OtherPhone
from shared.domain.errors import FieldError
from shared.domain.imports.cells import Number, emails_in, is_fax, label_in, numbers_in
from shared.domain.imports.columns import Column, Layout
from shared.domain.imports.headings import is_label
from shared.domain.phone import as_typed, normalize_phone, with_lost_plus

UNREADABLE = "\ufffd"
"""The character that decoding puts in place of bytes that it cannot read."""
_LABEL_LENGTH = 100
_LOST_PLUS = {
    "phone_assumed_international": "This number begins with the country code of the default country. It was read as if "
    "it had a `+` before it.",
    "phone_ambiguous": "This number begins with the digits of the default country's code: it may be a national number, "
    "or an international one without its `+`. It was left out. Put `+` or the trunk prefix before it.",
}
"""The warnings for numbers that may have lost their `+`, by code."""


@dataclass(slots=True)
class ReadEmails:
    """The e-mail addresses of a row: the primary one and further ones. `faults`: what was refused. `name`: the name
    before the first address in angle brackets that has one. `beside`: the words beside an address without brackets.
    """

    primary: str | None = None
    others: list[str] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)
    name: str = ""
    beside: str = ""


@dataclass(slots=True)
class ReadNumbers:
    """The fields of a row that hold numbers. `faults`: what was refused."""

    fields: ContactFields = field(default_factory=ContactFields)
    faults: list[FieldError] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        """Yield the numbers as E.164."""
        for number in (self.fields.get("phone"), self.fields.get("whatsapp")):
            if number:
                yield number
        for other in self.fields.get("other_phones", ()):
            yield other["number"]


class AddressReader:
    """Reads the addresses and numbers of the rows of a file.

    Of several columns for a field, the first one that a row has filled is the field. The others are further addresses
    or numbers. The mapping of an import takes precedence over headings. `country`, `clean`: as for
    `normalize_phone`.
    """

    def __init__(self, layout: Layout, *, country: str, clean: bool) -> None:
        read = sorted(layout.columns, key=lambda one: one.reason != "mapping")
        self._emails = [(one.position, "email") for one in read if one.field == "email"]
        self._emails += [(one.position, "other_emails") for one in read if one.field == "other_emails"]
        self._country = country
        self._numbers = [
            (one, partial(normalize_phone, default_country=country, field=field, clean=clean))
            for field in ("phone", "whatsapp", "other_phones")
            for one in read
            if one.field == field
        ]

    def read_emails(self, cells: Sequence[str]) -> ReadEmails:
        """Return the e-mail addresses in the cells of a row."""
        result = ReadEmails()
        others: dict[str, None] = {}
        for position, field_name in self._emails:
            cell = cells[position]
            if not cell:
                continue
            if is_unreadable(cell):
                result.faults.append(unreadable(field_name))
                continue
            emails = emails_in(cell, field_name)
            result.faults += emails.faults
            result.name = result.name or emails.name
            result.beside = result.beside or emails.beside
            for address in emails.found:
                if result.primary is None and field_name == "email":
                    result.primary = address
                else:
                    others[address] = None
        others.pop(result.primary or "", None)
        result.others = [*others][:MAX_OTHER_EMAILS]
        if len(others) > MAX_OTHER_EMAILS:
            result.faults.append(_too_many("other_emails", MAX_OTHER_EMAILS))
        return result

    def read_numbers(self, cells: Sequence[str]) -> ReadNumbers:
        """Return the telephone and WhatsApp numbers in the cells of a row."""
        result = ReadNumbers()
        fields, others = result.fields, dict[str, OtherPhone]()
        for column, number in self._find_numbers(cells, result.faults):
            further = _further(number, column, cells)
            is_call = column.field != "other_phones" and not is_fax(further["label"])
            if not is_call:
                others.setdefault(number.e164, further)
            elif column.field == "phone" and "phone" not in fields:
                fields["phone"], fields["phone_raw"] = number.e164, as_typed(number.text, number.e164)
            elif column.field == "whatsapp" and "whatsapp" not in fields:
                fields["whatsapp"], fields["whatsapp_raw"] = number.e164, as_typed(number.text, number.e164)
            elif number.e164 not in (fields.get("phone"), fields.get("whatsapp")):
                others.setdefault(number.e164, further)
        if others:
            fields["other_phones"] = [*others.values()][:MAX_PHONES]
        if len(others) > MAX_PHONES:
            result.faults.append(_too_many("other_phones", MAX_PHONES))
        return result

    def _find_numbers(
        self, cells: Sequence[str], faults: list[FieldError]
    ) -> Iterator[tuple[Column, Number]]:
        for column, normalize in self._numbers:
            cell = cells[column.position]
            if not cell:
                continue
            if is_unreadable(cell):
                faults.append(unreadable(str(column.field)))
                continue
            numbers = numbers_in(
                cell, normalize, are_labelled=column.field == "other_phones" and not column.label
            )
            faults += numbers.faults
            for number in numbers.found:
                e164 = with_lost_plus(number.text, number.e164, self._country)
                if e164 != number.e164:
                    code = "phone_assumed_international" if e164 else "phone_ambiguous"
                    faults.append(FieldError(str(column.field), code, _LOST_PLUS[code]))
                if e164 is not None:
                    yield column, replace(number, e164=e164)


def is_unreadable(text: str) -> bool:
    """Return whether a text has characters that were lost when the file was decoded."""
    return not text.isascii() and UNREADABLE in text


def unreadable(field_name: str) -> FieldError:
    """Return the warning for a text that was left out because of such characters."""
    return FieldError(field_name, "unreadable", "This has characters that cannot be read, and was left out.")


def _further(number: Number, column: Column, cells: Sequence[str]) -> OtherPhone:
    """Return a further number with its label: the one before it, the one in the column of labels, or its column's."""
    label = number.label
    if not label and column.label_from is not None:
        label = label_in(cells[column.label_from])
        if is_label(label.casefold()):
            label = label.casefold()
    label = label or column.label or ("whatsapp" if column.field == "whatsapp" else "")
    return {
        "label": label[:_LABEL_LENGTH],
        "number": number.e164,
        "raw": as_typed(number.text, number.e164),
    }


def _too_many(field_name: str, most: int) -> FieldError:
    return FieldError(field_name, "too_long", f"A contact has at most {most} here. The others were left out.")
