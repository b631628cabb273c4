"""Which contacts of a list are wanted."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from shared.domain.contact import Contact
from shared.domain.email import normalize_email
from shared.domain.errors import Invalid
from shared.domain.phone import normalize_phone
from shared.domain.search import digits_of, found_in, prefixes_of, terms_of
from shared.domain.tenant import Settings

DEFAULTS = {"source": "api", "is_active": "true", "has_bookings": "false", "is_primary": "false"}
"""Facets' values that most contacts have. They are in no index: what has none of the others has this one."""
OTHERS = {
    "source": ("import", "booking", "merge"),
    "is_active": ("false",),
    "has_bookings": ("true",),
    "is_primary": ("true",),
}
"""The values that a facet with a default can have besides it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFilter:
    """Conditions that must all hold; None or empty for those not asked for.

    `tags`: all of them, without regard to case. `created_from` and so on: timestamps, the bounds included.
    """

    search: str | None = None
    email: str | None = None
    phone: str | None = None
    tags: tuple[str, ...] = ()
    owner_id: str | None = None
    customer_id: str | None = None
    source: str | None = None
    is_active: bool | None = None
    is_primary: bool | None = None
    has_bookings: bool | None = None
    created_from: str | None = None
    created_to: str | None = None
    updated_from: str | None = None
    updated_to: str | None = None
    last_booking_from: str | None = None
    last_booking_to: str | None = None
    last_contacted_from: str | None = None
    last_contacted_to: str | None = None

    @classmethod
    def of(cls, given: dict[str, Any], settings: Settings) -> ContactFilter:
        """A filter from conditions as they were given; times are timestamps already.

        Raises Invalid for an address or a number that is none, and for two conditions that are one.
        """
        known = {field.name for field in fields(cls)}
        wanted = {name: value for name, value in given.items() if name in known and value is not None}
        active = given.get("active")
        if active is not None and wanted.setdefault("is_active", active) != active:
            raise Invalid.field("active", "contradiction", "`active` and `is_active` are the same condition.")
        if "email" in wanted:
            wanted["email"] = normalize_email(wanted["email"])
        if "phone" in wanted:
            wanted["phone"] = normalize_phone(wanted["phone"], settings.default_country)
        if "tags" in wanted:
            wanted["tags"] = tuple(
                dict.fromkeys(tag.strip().casefold() for tag in wanted["tags"].split(",") if tag.strip())
            )
        return cls(**wanted)

    @property
    def asked(self) -> dict[str, object]:
        """The conditions asked for, by name."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in given.items() if value is not None and value != ()}

    @property
    def facets(self) -> list[tuple[str, str]]:
        """The conditions on facets, as (facet, value)."""
        found = [("tag", tag.casefold()) for tag in self.tags]
        if self.owner_id is not None:
            found.append(("owner_id", self.owner_id))
        if self.customer_id is not None:
            found.append(("customer_id", self.customer_id))
        if self.source is not None:
            found.append(("source", self.source))
        flags = {
            "is_active": self.is_active,
            "has_bookings": self.has_bookings,
            "is_primary": self.is_primary,
        }
        found += [(name, "true" if flag else "false") for name, flag in flags.items() if flag is not None]
        return found

    def matches(self, contact: Contact) -> bool:
        """Whether all conditions hold for a contact."""
        has = facets_of(contact)
        return (
            has.issuperset(facet for facet in self.facets if DEFAULTS.get(facet[0]) != facet[1])
            and not any(
                name == other
                for name, value in self.facets
                if DEFAULTS.get(name) == value
                for other, _ in has
            )
            and (self.email is None or self.email in _addresses(contact))
            and (self.phone is None or digits_of(self.phone) in numbers_of(contact))
            and (self.search is None or is_found(contact, self.search))
            and self._within(contact)
        )

    def _within(self, contact: Contact) -> bool:
        for name in ("created", "updated", "last_booking", "last_contacted"):
            at: str | None = getattr(contact, f"{name}_at")
            start: str | None = getattr(self, f"{name}_from")
            end: str | None = getattr(self, f"{name}_to")
            if start is not None and (at is None or at < start):
                return False
            if end is not None and (at is None or at > end):
                return False
        return True


def facets_of(contact: Contact) -> set[tuple[str, str]]:
    """The facets of a contact, but for defaults."""
    found = {("tag", tag.casefold()) for tag in contact.tags}
    if contact.owner_id:
        found.add(("owner_id", contact.owner_id))
    if contact.customer_id:
        found.add(("customer_id", contact.customer_id))
    if contact.is_primary:
        found.add(("is_primary", "true"))
    if contact.source != DEFAULTS["source"]:
        found.add(("source", contact.source))
    if not contact.is_active:
        found.add(("is_active", "false"))
    if contact.total_bookings:
        found.add(("has_bookings", "true"))
    return found


def terms_of_contact(contact: Contact) -> list[str]:
    """The terms under which a contact is found."""
    return terms_of((contact.full_name, contact.company), _addresses(contact))


def numbers_of(contact: Contact) -> set[str]:
    """The digits, last first, of all a contact's telephone numbers."""
    numbers = (contact.phone, contact.whatsapp, *(other["number"] for other in contact.other_phones))
    return {digits_of(number) for number in numbers if number}


def _addresses(contact: Contact) -> list[str]:
    """All a contact's e-mail addresses, the primary one first."""
    return [contact.email, *contact.other_emails] if contact.email else list(contact.other_emails)


def is_phone_search(search: str) -> str | None:
    """The digits, last first, that a search gives of a telephone number's end: four or more and nothing else
    but signs people write between them; None for a search of words.
    """
    digits = digits_of(search)
    return digits if len(digits) >= 4 and not any(letter.isalpha() for letter in search) else None


def is_found(contact: Contact, search: str) -> bool:
    """Whether a search finds a contact."""
    digits = is_phone_search(search)
    if digits is not None and any(number.startswith(digits) for number in numbers_of(contact)):
        return True
    prefixes = prefixes_of(search)
    return bool(prefixes) and found_in(prefixes, terms_of_contact(contact))
