"""Keys of the token buckets behind rate limits."""

from __future__ import annotations

from shared.table.keys.spelling import Key, escape, make_key, tenant_prefix


def calls(tenant_id: str, actor: str | None) -> Key:
    """Return the key of the bucket for the calls of a caller; None as the caller for the whole tenant."""
    return make_key(f"{tenant_prefix(tenant_id)}RATE#{escape(actor or '')}", "BUCKET")


def sign_in_attempts(kind: str, digest: str) -> Key:
    """Return the key of the bucket for attempts to sign in to an account or from an address, by its digest."""
    return make_key(f"G#{kind}#{digest}", "BUCKET")


def mail(digest: str) -> Key:
    """Return the key of the bucket for e-mails to strangers: to one address, by its digest, or `ALL` of them."""
    return make_key(f"G#MAIL#{digest}", "BUCKET")
