"""Keys of the nightly recount: how far it has come with each tenant, and what it has used tonight."""

from __future__ import annotations

from shared.table.keys import work
from shared.table.keys.spelling import Key, make_key, tenant_prefix

NIGHT: Key = make_key("S#RECOUNT", "NIGHT")
DUE = "DUE#RECOUNT"
"""The index partition of the tenants that are due for a recount."""


def progress(tenant_id: str) -> Key:
    """Return the key of a tenant's progress."""
    return make_key(f"{tenant_prefix(tenant_id)}RECOUNT", "PROGRESS")


def due_entry(at: str, tenant_id: str) -> Key:
    """Return the index attributes of a tenant whose recount begins or continues at a time."""
    return work.entry(DUE, at, tenant_id)
