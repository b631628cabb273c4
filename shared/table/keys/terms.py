"""Keys of the search index: words by their beginnings, telephone numbers by their ends."""

from __future__ import annotations

from shared.table.keys.spelling import Key, escape, escape_term, make_key, tenant_prefix, unescape_term

TERM, CUSTOMER_TERM, NUMBER = "TERM", "CUSTOMERTERM", "TEL"


def contact_terms(tenant_id: str, prefix: str) -> str:
    """Return the partition of the terms of contacts that start with the first character of a prefix."""
    return f"{tenant_prefix(tenant_id)}{TERM}#{escape(prefix[:1])}"


def contact_term(tenant_id: str, word: str, contact_id: str) -> Key:
    """Return the key of a term of a contact."""
    return make_key(contact_terms(tenant_id, word), f"{escape_term(word)}#{contact_id}")


def customer_terms(tenant_id: str, prefix: str) -> str:
    """Return the partition of the terms of customers that start with the first character of a prefix."""
    return f"{tenant_prefix(tenant_id)}{CUSTOMER_TERM}#{escape(prefix[:1])}"


def customer_term(tenant_id: str, word: str, customer_id: str) -> Key:
    """Return the key of a term of a customer."""
    return make_key(customer_terms(tenant_id, word), f"{escape_term(word)}#{customer_id}")


def term_start(prefix: str) -> str:
    """Return the start of the sort keys of the terms with a prefix."""
    return escape_term(prefix)


def parse_term(position: str) -> tuple[str, str]:
    """Return the word and the record's id of a term's sort key."""
    word, _, record_id = position.rpartition("#")
    return unescape_term(word), record_id


def numbers(tenant_id: str, reversed_digits: str) -> str:
    """Return the partition of the telephone numbers with the same last two digits.

    `reversed_digits`: the digits of a number, or of its end, the last digit first.
    """
    return f"{tenant_prefix(tenant_id)}{NUMBER}#{reversed_digits[:2]}"


def number(tenant_id: str, reversed_digits: str, contact_id: str) -> Key:
    """Return the key of a contact's telephone number, by which it is found from its end."""
    return make_key(numbers(tenant_id, reversed_digits), f"{reversed_digits}#{contact_id}")


def number_start(end: str) -> str:
    """Return the start of the sort keys of the numbers with an end (last digit first, a `+` after a whole number)."""
    return end.replace("+", "#")


def parse_number(position: str) -> tuple[str, str]:
    """Return the reversed digits and the contact's id of a number's sort key."""
    digits, _, contact_id = position.rpartition("#")
    return digits, contact_id
