"""Keys of the lists: rows of records as pages show them, and the places of contacts in each order."""

from __future__ import annotations

from typing import Any

from shared.table.keys.contacts import CONTACT
from shared.table.keys.customers import CUSTOMER
from shared.table.keys.spelling import PK, RECORD_SPACES, SK, Key, make_key, space_of, tenant_prefix

LIST = "LIST"
BY_CREATION = "created"
"""The list of contacts in the order of their ids, which is that of their creation."""
CUSTOMERS = "customers"
"""The list of customers, in the order of their creation."""
INTERACTIONS = "interactions"
"""The list of the interactions of all contacts, in the order in which they occurred."""
BOOKINGS, CANCELLED_BOOKINGS = "bookings", "cancelled_bookings"
"""The lists of the bookings of all contacts, in the order of their starts: those that count, those cancelled."""
OPEN_FOLLOW_UPS = "follow_ups"
"""The list of the open follow-ups of all contacts, in the order in which they are due."""
CLOSED_FOLLOW_UPS = "closed_follow_ups"
"""The list of the follow-ups of all contacts that are done or cancelled, in the order in which they were closed."""
_SORT_KEYS = {RECORD_SPACES["contact"]: CONTACT, RECORD_SPACES["customer"]: CUSTOMER}


def partition(tenant_id: str, order: str) -> str:
    """Return the partition of a list."""
    return f"{tenant_prefix(tenant_id)}{LIST}#{order}"


def index_of(order: str, value: str) -> str:
    """Return the name of the index of a list's rows by a value: the keys of the rows with the value `value`."""
    return f"{order}={value}"


def row(tenant_id: str, order: str, record_id: str) -> Key:
    """Return the key of a record's row in a list."""
    return make_key(partition(tenant_id, order), record_id)


def row_of(record_key: dict[str, Any], order: str) -> Key:
    """Return the key of the row in a list of the contact or customer with a key."""
    # Made by `record_partition`, whose parts are escaped, so there are four of them.
    space, tenant, _, identifier = record_key[PK]["S"].split("#")
    return make_key(f"{space}#{tenant}#{LIST}#{order}", identifier)


def row_of_entry(entry_key: dict[str, Any], order: str) -> Key:
    """Return the key of the list row of a timeline's entry, from the entry's key.

    Its sort key is `<time>#<entry's id>#<contact id>`.
    """
    space, tenant, _, contact_id = entry_key[PK]["S"].split("#")
    position = entry_key[SK]["S"].partition("#")[2]
    return make_key(f"{space}#{tenant}#{LIST}#{order}", position_in_list(position, contact_id))


def position_in_list(position: str, contact_id: str) -> str:
    """Return the position in a list of the entry at a position, `<time>#<id>`, of a contact's timeline."""
    return f"{position}#{contact_id}"


def position_in_contact(position: str) -> str:
    """Return the position in its contact's timeline of the entry at a position in a list."""
    return position.rpartition("#")[0]


def entry_of_row(row: dict[str, Any], prefix: str) -> Key:
    """Return the key of the timeline's entry that a list row shows, in the range with a prefix."""
    position, _, _ = row[SK]["S"].rpartition("#")
    return make_key(contact_of_entry(row)[PK]["S"], f"{prefix}{position}")


def contact_of_entry(row: dict[str, Any]) -> Key:
    """Return the key of the contact whose entry a list row shows."""
    space, tenant, _, _ = row[PK]["S"].split("#")
    _, _, contact_id = row[SK]["S"].rpartition("#")
    return make_key(f"{space}#{tenant}#{RECORD_SPACES['contact']}#{contact_id}", CONTACT)


def place(tenant_id: str, order: str, text: str) -> Key:
    """Return the key of a contact's place in an order.

    `text` sorts as the contacts do and ends with `#` and the contact's id. It needs no escaping, since the partition
    holds nothing else.
    """
    return make_key(partition(tenant_id, order), text)


def listed_record_of(event_key: dict[str, Any]) -> Key | None:
    """Return the key of the contact or customer that an event belongs to; None for an event of another record."""
    sk = _SORT_KEYS.get(space_of(event_key))
    return {PK: event_key[PK], SK: {"S": sk}} if sk else None
