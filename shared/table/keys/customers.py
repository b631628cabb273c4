"""Keys of customers: the record, its members, the locks on usernames, and the number of the newest customer."""

from __future__ import annotations

from typing import Any

from shared.table.keys.spelling import SK, Key, escape, make_key, record_partition, tenant_prefix

CUSTOMER = "CUSTOMER"
MEMBER = "MEMBER#"


def partition(tenant_id: str, customer_id: str) -> str:
    """Return the partition of a customer and of its members."""
    return record_partition(tenant_id, "customer", customer_id)


def customer(tenant_id: str, customer_id: str) -> Key:
    """Return the key of a customer's record."""
    return make_key(partition(tenant_id, customer_id), CUSTOMER)


def member(tenant_id: str, customer_id: str, contact_id: str) -> Key:
    """Return the key of the row saying that a live contact belongs to a customer.

    The rows of a customer sort by the creation of the contacts.
    """
    return make_key(partition(tenant_id, customer_id), member_sort_key(contact_id))


def member_sort_key(contact_id: str) -> str:
    """Return the sort key of a contact's row among the members of a customer."""
    return f"{MEMBER}{contact_id}"


def contact_id_of(key: dict[str, Any]) -> str:
    """Return the id of the contact whose membership row has a key."""
    contact_id: str = key[SK]["S"].removeprefix(MEMBER)
    return contact_id


def username_lock(tenant_id: str, folded: str) -> Key:
    """Return the key of the lock on a customer's username, by which the customer is found too; `folded` is the name
    without case.
    """
    return make_key(f"{tenant_prefix(tenant_id)}USERNAME#{escape(folded)}", "LOCK")


def last_number(tenant_id: str) -> Key:
    """Return the key of the item that holds the number of the newest customer."""
    return make_key(f"{tenant_prefix(tenant_id)}CUSTOMERS#NUMBER", "LAST")
