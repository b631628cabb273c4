"""The terms and numbers under which a contact is found, and whether a search finds it."""

from __future__ import annotations

from shared.domain.contacts.number_search import digits_of, ends_of, has_end
from shared.domain.contacts.record import Contact
from shared.domain.search import Term, found_in, prefixes_of, terms_of


def terms_of_contact(contact: Contact) -> list[Term]:
    """Return the terms under which a contact is found: those of its names, addresses and company."""
    names = (contact.full_name, contact.first_name, contact.last_name)
    return terms_of(names, addresses_of(contact), (contact.company,))


def numbers_of(contact: Contact) -> set[str]:
    """Return the digits, last digit first, of all telephone numbers of a contact."""
    return {digits_of(number) for number in phone_numbers_of(contact)}


def phone_numbers_of(contact: Contact) -> list[str]:
    """Return all telephone numbers of a contact, each once: the primary one, that of WhatsApp, the others."""
    numbers = (contact.phone, contact.whatsapp, *(other["number"] for other in contact.other_phones))
    return list(dict.fromkeys(number for number in numbers if number))


def addresses_of(contact: Contact) -> list[str]:
    """Return all e-mail addresses of a contact, the primary address first."""
    return [contact.email, *contact.other_emails] if contact.email else list(contact.other_emails)


def is_found(contact: Contact, search: str, country: str | None) -> bool:
    """Return whether a search finds a contact. `country`: where the numbers in the search are written as local ones."""
    ends = ends_of(search, country)
    if any(has_end(number, ends) for number in numbers_of(contact)):
        return True
    prefixes = prefixes_of(search)
    return bool(prefixes) and found_in(prefixes, terms_of_contact(contact))
