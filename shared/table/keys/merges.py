"""Keys of merges: the records of a tenant, in the order of their ids, and in the survivor's partition what undoing them
needs.
"""

from __future__ import annotations

from typing import Any

from shared.table.keys.contacts import partition as contact_partition
from shared.table.keys.spelling import SK, Key, make_key, tenant_prefix

DETAIL = "MERGE#"
"""The prefix of the details of merges in the survivor's partition."""


def partition(tenant_id: str) -> str:
    """Return the partition of a tenant's merges."""
    return f"{tenant_prefix(tenant_id)}MERGES"


def merge(tenant_id: str, merge_id: str) -> Key:
    """Return the key of a merge."""
    return make_key(partition(tenant_id), merge_id)


def detail(tenant_id: str, survivor_id: str, merge_id: str) -> Key:
    """Return the key of a merge's detail: the values that it changed, by which it is undone."""
    return make_key(contact_partition(tenant_id, survivor_id), f"{DETAIL}{merge_id}")


def id_of_detail(row: dict[str, Any]) -> str:
    """Return the id of the merge of a detail's item."""
    sort_key: str = row[SK]["S"]
    return sort_key.removeprefix(DETAIL)
