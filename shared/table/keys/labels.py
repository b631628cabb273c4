"""Keys of labels: tags, types and groups."""

from __future__ import annotations

from shared.table.keys.spelling import Key, escape_term, make_key, tenant_prefix


def partition(tenant_id: str) -> str:
    """Return the partition of all labels of a tenant."""
    return f"{tenant_prefix(tenant_id)}LABELS"


def label(tenant_id: str, kind: str, name: str) -> Key:
    """Return the key of a label of a kind (tag, type, group), by its name in the form in which names are unique."""
    return make_key(partition(tenant_id), f"{kind.upper()}#{escape_term(name)}")


def stamp(tenant_id: str) -> Key:
    """Return the key of the stamp that changes with every change of a label, so that labels kept in memory can be
    trusted.
    """
    return make_key(partition(tenant_id), "STAMP")
