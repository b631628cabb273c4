"""Match keys: values that two contacts of one person usually have in common.

Only contacts that share a key are compared with each other, never all with all. So the keys are coarser than the
comparison: two contacts that share one may still be different people.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

from shared.domain.contacts.record import Contact
from shared.domain.contacts.search import addresses_of, numbers_of
from shared.domain.duplicates.mailbox import mailbox_of
from shared.domain.duplicates.names import key_of_company, key_of_word, words_of_name
from shared.domain.search import fold

Kind = Literal["key", "mailbox", "phone", "name"]
"""`key`: a custom field that identifies people. `mailbox`: an e-mail address. `phone`: a telephone or WhatsApp number.
`name`: a word of the name, within a company."""
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds of match keys, the strongest first."""
NATIONAL_ID = "national_id"
"""The custom field with the number that a state has given a person."""
MOST_CONTACTS = 50
"""Contacts with one key, at most: a key of more, such as the number of a switchboard, says nothing about a person."""
_MOST_ADDRESSES = 3
"""Addresses of a contact that are match keys: the primary address and two others."""
_LEAST_KEY, _LONGEST_KEY = 4, 64
"""Letters and digits of a custom field's value: a shorter one identifies no person, and of a longer one the first ones
are compared."""
_LONGEST_WORD = 40


class MatchKey(NamedTuple):
    """A value that contacts may have in common. `value`: in the form in which equal ones are found."""

    kind: Kind
    value: str


def match_keys(contact: Contact) -> frozenset[MatchKey]:
    """Return the match keys of a contact: at most three of mailboxes, two of its name, one of its national id, one of
    the custom field that its tenant has chosen, and one of each telephone number.

    `phone`: the digits of the number, last digit first, as the search index has them. A contact without a company has
    no key of its name.
    """
    return frozenset([*_custom_keys(contact), *_mailboxes(contact), *_numbers(contact), *_names(contact)])


def _custom_keys(contact: Contact) -> Iterator[MatchKey]:
    for name in (NATIONAL_ID, contact.duplicate_key):
        if name and (key := custom_key(name, contact.custom_fields.get(name))):
            yield key


def custom_key(name: str, value: Any) -> MatchKey | None:
    """Return the match key of a custom field's value: a whole number, or a text of four letters and digits or more."""
    plain = _plain(value)
    return MatchKey("key", f"{name}={plain}") if plain else None


def _mailboxes(contact: Contact) -> Iterator[MatchKey]:
    for email in addresses_of(contact)[:_MOST_ADDRESSES]:
        yield MatchKey("mailbox", mailbox_of(email))


def _numbers(contact: Contact) -> Iterator[MatchKey]:
    for digits in numbers_of(contact):
        if digits:
            yield MatchKey("phone", digits)


def _names(contact: Contact) -> Iterator[MatchKey]:
    company = key_of_company(contact.company)
    words = [word for word in words_of_name(contact.full_name) if len(word) > 1] if company else []
    # The first and the last word, in either order: with a typing error in one of them, the other one is the same.
    for word in (*words[:1], *words[-1:]):
        yield MatchKey("name", f"{company}/{key_of_word(word)[:_LONGEST_WORD]}")


def _plain(value: Any) -> str:
    """Return the letters and digits of a custom field's value, folded; an empty text if these are too few."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    plain = "".join(one for one in fold(str(value)) if one.isalnum())[:_LONGEST_KEY]
    return plain if len(plain) >= _LEAST_KEY else ""
