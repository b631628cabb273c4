"""Keys of contacts: the record with its consents and its history of statuses, the locks on its addresses, and the
date of its purge.
"""

from __future__ import annotations

from typing import Any

from shared.table.keys import work
from shared.table.keys.spelling import (
    SK,
    Key,
    escape,
    identity_of,
    make_key,
    record_partition,
    tenant_prefix,
    unescape,
)

CONTACT = "CONTACT"
CONSENT = "CONSENT#"
STATUS = "STATUS#"
PURGE_SHARDS = 16
"""As many as the outbox has, so that a tenant that deletes all its contacts at once does not throttle the deletions."""


def partition(tenant_id: str, contact_id: str) -> str:
    """Return the partition of a contact and of all that belongs to it."""
    return record_partition(tenant_id, "contact", contact_id)


def contact(tenant_id: str, contact_id: str) -> Key:
    """Return the key of a contact's record."""
    return make_key(partition(tenant_id, contact_id), CONTACT)


def is_contact(key: dict[str, Any]) -> bool:
    """Whether a key is that of a contact's record."""
    return bool(key[SK]["S"] == CONTACT)


def ids_of(key: dict[str, Any]) -> tuple[str, str] | None:
    """Return the tenant id and the contact id of a contact's key; None for a key of another kind."""
    if not is_contact(key):
        return None
    tenant_id = identity_of(key)[0].split("#")[1]
    return unescape(tenant_id), id_of_partition(key)


def id_of_partition(key: dict[str, Any]) -> str:
    """Return the contact id of the key of an item in a contact's partition."""
    return unescape(identity_of(key)[0].split("#")[3])


def consent(tenant_id: str, contact_id: str, event_id: str) -> Key:
    """Return the key of an entry in a contact's consent history. The event's id sorts entries by time."""
    return make_key(partition(tenant_id, contact_id), f"{CONSENT}{event_id}")


def status(tenant_id: str, contact_id: str, at: str, version: int) -> Key:
    """Return the key of an entry in a contact's history of statuses.

    Entries sort by time, and those of the same time by the contact's version.
    """
    return make_key(partition(tenant_id, contact_id), f"{STATUS}{at}#{version:010d}")


def email_partition(tenant_id: str, email: str) -> str:
    """Return the partition of the locks on an address.

    They sort so: the tenant's lock, the lock of contacts without a customer, the locks of customers from the oldest
    customer on.
    """
    return f"{tenant_prefix(tenant_id)}EMAIL#{escape(email)}"


def email_lock(tenant_id: str, email: str, within: str | None = None) -> Key:
    """Return the key of the lock on an address, for the whole tenant or within a customer.

    `within`: the customer's id, "" for contacts without a customer, None for the whole tenant.
    """
    return make_key(email_partition(tenant_id, email), _lock_within(within))


def phone_lock(tenant_id: str, e164: str, within: str) -> Key:
    """Return the key of the lock on a telephone number; `within` as for `email_lock`."""
    return make_key(f"{tenant_prefix(tenant_id)}PHONE#{escape(e164)}", _lock_within(within))


def whatsapp_lock(tenant_id: str, e164: str, within: str) -> Key:
    """Return the key of the lock on a WhatsApp number; `within` as for `email_lock`."""
    return make_key(f"{tenant_prefix(tenant_id)}WHATSAPP#{escape(e164)}", _lock_within(within))


def within_of(lock: dict[str, Any]) -> str | None:
    """Return within what the value of a lock's item is unique, as `email_lock` takes it."""
    _, _, within = lock[SK]["S"].partition("#")
    if not within:
        return None
    return "" if within == "!" else unescape(within)


def _lock_within(within: str | None) -> str:
    # "!" sorts before all escaped values, and none of them contains it.
    return "LOCK" if within is None else f"LOCK#{escape(within) or '!'}"


def purge_place(tenant_id: str, contact_id: str) -> Key:
    """Return the key of the place up to which a purge has read a contact's events. It sorts after the events, so that a
    purge that removes all rows in their order removes the events first.
    """
    return make_key(partition(tenant_id, contact_id), "PURGE")


def purge_due(at: str, contact_id: str) -> Key:
    """Return the index attributes of a deleted contact that is purged at a time."""
    return work.entry(purge_partition(work.shard_of(contact_id, PURGE_SHARDS)), at, contact_id)


def purge_partition(shard: int) -> str:
    """Return the index partition of one shard of the deleted contacts."""
    return f"DUE#PURGE#{shard}"
