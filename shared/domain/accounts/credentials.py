"""What lets somebody in: a user's membership, an API client's key; and what signing in gives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Membership:
    """That a user, known by the token's `sub`, acts for a tenant in a role (admin or user).

    `since`: Unix seconds. Who signed in to the pool before that does not count: a user of the pool may have been
    another's before, who belonged to another tenant or to none.
    """

    sub: str
    tenant_id: str
    role: str
    username: str
    disabled: bool = False
    since: int = 0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of an API client. `secret_hash` is the SHA-256 of its secret half, in hex.

    `permissions`: the client's, in written form. `valid_until`: RFC 3339; None for a key that was not replaced.
    """

    key_id: str
    tenant_id: str
    client_id: str
    secret_hash: str
    permissions: str
    disabled: bool = False
    valid_until: str | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """What signing in gives. `subject`: the access token's `sub`. `signed_in_at`: Unix seconds; refreshing keeps it.
    `expires_in`: seconds for which the access token is good.
    """

    subject: str
    signed_in_at: int
    access_token: str
    refresh_token: str
    expires_in: int


def hash_secret(secret: str) -> str:
    """What is kept of a secret of 256 random bits: a plain SHA-256, which nobody can guess back."""
    return hashlib.sha256(secret.encode()).hexdigest()
