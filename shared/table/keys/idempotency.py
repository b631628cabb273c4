"""Keys of calls under an Idempotency-Key."""

from __future__ import annotations

from shared.table.keys.spelling import Key, escape, make_key, tenant_prefix


def call(tenant_id: str, actor: str, digest: str) -> Key:
    """Return the key of a call, by its caller and a digest of the Idempotency-Key, which may hold any text."""
    return make_key(_partition(tenant_id, actor, digest), "KEY")


def found_contacts(tenant_id: str, actor: str, digest: str) -> Key:
    """Return the key of the list of contacts that a call found and acts on."""
    return make_key(_partition(tenant_id, actor, digest), "FOUND")


def _partition(tenant_id: str, actor: str, digest: str) -> str:
    return f"{tenant_prefix(tenant_id)}IDEMPOTENCY#{escape(actor)}#{digest}"
