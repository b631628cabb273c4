"""Credentials: the membership of a user, the key of an API client, and the tokens of a sign-in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Membership:
    """The membership of a user, identified by the token's `sub`, in a tenant. `role`: admin or user.

    `since`: Unix seconds. Sessions of the user pool from before then are refused: the user of the pool may have
    belonged to another person, in another tenant or in none.
    """

    sub: str
    tenant_id: str
    role: str
    username: str
    disabled: bool = False
    since: int = 0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The key of an API client, as the authorizer looks it up. `secret_hash`: the SHA-256 of its secret part, in hex.

    `permissions`: of the client, as `shared.domain.callers.format_grants` writes them. `valid_until`: RFC 3339; None
    for the current key.
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
    """The tokens of a sign-in.

    `subject`: the access token's `sub`. `signed_in_at`: Unix seconds; refreshing does not change it. `expires_in`: how
    many seconds the access token is valid.
    """

    subject: str
    signed_in_at: int
    access_token: str
    refresh_token: str
    expires_in: int


def hash_secret(secret: str) -> str:
    """Return the hash to store of a secret of 256 random bits: a plain SHA-256, as such secrets cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()
