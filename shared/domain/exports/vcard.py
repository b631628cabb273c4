"""Contacts as vCards (RFC 6350, version 4.0)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from shared.domain.contacts import custom_fields
from shared.domain.contacts.record import Contact
from shared.domain.exports.fields import CUSTOM, CUSTOM_FIELDS, FIELDS, Exported, cell_of, field_of

_MAX_OCTETS = 75
"""Octets of a line without its line break; longer lines are folded (RFC 6350, section 3.2)."""
_TYPES = {
    "home": "home",
    "private": "home",
    "work": "work",
    "business": "work",
    "office": "work",
    "mobile": "cell",
    "cell": "cell",
    "fax": "fax",
    "pager": "pager",
    "text": "text",
    "voice": "voice",
    "video": "video",
    "textphone": "textphone",
}
"""The TYPE of a number (RFC 6350, section 6.4.1) by its label. Other labels are written as X-ABLABEL."""
_WITH_PROPERTIES = frozenset(
    (
        "id", "first_name", "last_name", "email", "other_emails", "phone", "other_phones", "whatsapp", "company",
        "department", "job_title", "about", "tags", "updated_at",
    )
)  # fmt: skip
"""The fields for which vCards have properties."""
_EXTENSIONS = {
    name: f"X-{field.header.upper().replace(' ', '-')}"
    for name, field in FIELDS.items()
    if name not in _WITH_PROPERTIES
}
"""The properties of all other fields, such as X-STATUS: they have the headers of the columns of spreadsheets."""
_BREAKS = re.compile(r"\r\n|[\r\n\v\f\x85\u2028\u2029]")


def vcard_of(exported: Exported, chosen: Collection[str] | None) -> bytes:
    """Return the vCard of a contact, with all of its fields or with the chosen ones. It always has a name and a UID."""
    lines = ["BEGIN:VCARD", "VERSION:4.0", *_properties(exported, chosen), "END:VCARD"]
    return "".join(f"{_fold(line)}\r\n" for line in lines).encode()


def _properties(exported: Exported, chosen: Collection[str] | None) -> Iterator[str]:
    contact = exported.contact

    def has(name: str) -> Any:
        return (chosen is None or name in chosen) and getattr(contact, name)

    yield f"UID:urn:uuid:{contact.id}"
    yield f"FN:{_escape(contact.full_name)}"
    yield f"N:{_escape(contact.last_name)};{_escape(contact.first_name)};;;"
    if has("email"):
        yield f"EMAIL;PREF=1:{_escape(contact.email or '')}"
    if has("other_emails"):
        yield from (f"EMAIL:{_escape(email)}" for email in contact.other_emails)
    if has("phone"):
        yield f"TEL;PREF=1:{contact.phone}"
    if has("other_phones"):
        yield from _other_phones(contact)
    if has("whatsapp"):
        yield f"IMPP:whatsapp:{contact.whatsapp}"
    if has("company") or has("department"):
        units = [contact.company if has("company") else "", contact.department if has("department") else ""]
        yield f"ORG:{';'.join(map(_escape, units if units[1] else units[:1]))}"
    if has("job_title"):
        yield f"TITLE:{_escape(contact.job_title)}"
    if has("about"):
        yield f"NOTE:{_escape(contact.about)}"
    if has("tags"):
        yield f"CATEGORIES:{','.join(map(_escape, contact.tags))}"
    if has("updated_at"):
        # RFC 6350, section 4.3.5: a timestamp in the basic format of ISO 8601.
        yield f"REV:{re.sub('[-:]', '', contact.updated_at[:19])}Z"
    yield from _extensions(exported, chosen)


def _other_phones(contact: Contact) -> Iterator[str]:
    for number, phone in enumerate(contact.other_phones, 1):
        label = phone["label"]
        if not label:
            yield f"TEL:{phone['number']}"
        elif kind := _TYPES.get(label.casefold()):
            yield f"TEL;TYPE={kind}:{phone['number']}"
        else:
            yield f"item{number}.TEL:{phone['number']}"
            yield f"item{number}.X-ABLABEL:{_escape(label)}"


def _extensions(exported: Exported, chosen: Collection[str] | None) -> Iterator[str]:
    for name, property_name in _EXTENSIONS.items():
        if chosen is None or name in chosen:
            text = cell_of(name, field_of(name).value_of(exported))
            if text:
                yield f"{property_name}:{_escape(text)}"
    for key, value in exported.contact.custom_fields.items():
        if chosen is None or CUSTOM_FIELDS in chosen or f"{CUSTOM}{key}" in chosen:
            yield f"X-CUSTOM-FIELD;X-KEY={key}:{_escape(custom_fields.as_text(value))}"


def _escape(text: str) -> str:
    """Return a text as a value, or as a component of one (RFC 6350, section 3.4)."""
    escaped = text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    return _BREAKS.sub("\\\\n", escaped)


def _fold(line: str) -> str:
    """Return a content line folded at 75 octets, between characters (RFC 6350, section 3.2)."""
    if len(line) * 4 <= _MAX_OCTETS or len(line.encode()) <= _MAX_OCTETS:
        return line
    parts: list[str] = []
    start = octets = 0
    for position, character in enumerate(line):
        size = len(character.encode())
        # The space before a continued line counts too.
        if octets + size > _MAX_OCTETS - bool(parts):
            parts.append(line[start:position])
            start, octets = position, 0
        octets += size
    return "\r\n ".join([*parts, line[start:]])
