"""Keys that all entries of contacts' timelines share: positions by time, and the index of those that are due."""

from __future__ import annotations

from shared.table.keys import work
from shared.table.keys.spelling import Key, escape, make_key, tenant_prefix

DUE_SHARDS = 4


def between(first: str | None, last: str | None) -> tuple[str, str]:
    """Return the bounds of the positions, `<time>#<id>`, of the entries from one time to another, both included.

    None for no bound.
    """
    return first or "", "~" if last is None else f"{last}$"  # "$" sorts directly after the "#" after the time


def due_entry(at: str, contact_id: str, entry_id: str) -> Key:
    """Return the index attributes of an entry of a contact's timeline that is due at a time."""
    return work.entry(due_partition(work.shard_of(contact_id, DUE_SHARDS)), at, f"{contact_id}#{entry_id}")


def due_partition(shard: int) -> str:
    """Return the index partition of one shard of the entries of timelines that are due."""
    return f"DUE#TIMELINE#{shard}"


SUSPENDED_TENANTS = "DUE#TIMELINE#TENANTS"
"""The index partition of the tenants of whom entries are set aside."""
_SUSPENDED = "DUE#TIMELINE#TENANT#"


def set_aside_partition(tenant_id: str) -> str:
    """Return the index partition of the due entries of a tenant that were set aside because it was suspended."""
    return f"{_SUSPENDED}{escape(tenant_id)}"


def suspended_tenant(tenant_id: str) -> Key:
    """Return the key of the item that says that entries of a tenant are set aside."""
    return make_key(f"{tenant_prefix(tenant_id)}SUSPENDED", "TIMELINE")


def suspended_entry(tenant_id: str, at: str) -> Key:
    """Return the index attributes of that item. `at`: when entries were last set aside."""
    return work.entry(SUSPENDED_TENANTS, at, escape(tenant_id))
