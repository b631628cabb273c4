"""The unique values of live contacts: e-mail addresses, and under a tenant's setting telephone numbers too.

A contact holds a lock on each of its unique values. The locks are written in the same transaction as the contact, so
no two live contacts have the same value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple


class Lock(NamedTuple):
    """A value that no other live contact may have: an e-mail address, a telephone or a WhatsApp number.

    `within`: the customer among whose contacts the value is unique, "" for contacts without a customer; None where
    it is unique among all contacts of the tenant.
    """

    kind: Literal["EMAIL", "PHONE", "WHATSAPP"]
    value: str
    within: str | None


def unique_addresses(email: str | None, other_emails: Iterable[str]) -> dict[str, str]:
    """Return a contact's e-mail addresses, each with its field, such as `other_emails.0`."""
    addresses = {address: f"other_emails.{position}" for position, address in enumerate(other_emails)}
    return addresses | {email: "email"} if email else addresses


def locks_within_tenant(addresses: dict[str, str]) -> dict[Lock, str]:
    """Return the locks of a contact whose addresses are unique within the tenant, each with its field."""
    return {Lock("EMAIL", address, None): field for address, field in addresses.items()}


def locks_within_customer(
    customer_id: str | None, addresses: dict[str, str], phone: str | None, whatsapp: str | None
) -> dict[Lock, str]:
    """Return the locks of a contact whose addresses and numbers are unique among its customer's contacts, each with
    its field.
    """
    within = customer_id or ""
    locks = {Lock("EMAIL", address, within): field for address, field in addresses.items()}
    if phone:
        locks[Lock("PHONE", phone, within)] = "phone"
    if whatsapp:
        locks[Lock("WHATSAPP", whatsapp, within)] = "whatsapp"
    return locks
