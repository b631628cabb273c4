"""Tenants with users and API clients, as an operator adds them. The names T1 and T10 start with the same letters."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from secrets import token_urlsafe

from shared.domain.accounts.credentials import ApiKey, hash_secret
from shared.domain.callers import PERMISSIONS, Kind
from shared.domain.ids import new_id
from shared.domain.tenant import TenantSettings
from shared.table.accounts.directory import api_key_to_item
from shared.wiring.accounts import directory, onboarding_service
from shared.wiring.base import store
from tests.support.tenant_guard import as_operator
from tests.support.tokens import TokenIssuer

EVERYTHING = ",".join(f"{permission}:all" for permission in PERMISSIONS)


@dataclass(frozen=True)
class Tenancy:
    """A tenant and bearer tokens: of an admin, two regular users, and API clients with all and no permissions."""

    id: str
    admin: str
    user: str
    other_user: str
    program: str
    powerless: str


def program(tenant_id: str, permissions: str, *, client_id: str | None = None) -> str:
    """Add a key with these permissions to a new or an existing API client."""
    key_id, secret = new_id().replace("-", ""), token_urlsafe(32)
    key = ApiKey(key_id, tenant_id, client_id or new_id(), hash_secret(secret), permissions)
    with as_operator():
        store().put(api_key_to_item(key))
    return f"ck_{key_id}_{secret}"


def caller_of(token: str) -> tuple[Kind, str]:
    """Return the kind and id of the caller of a token or an API key."""
    if not token.startswith("ck_"):
        claims = token.split(".")[1]
        return "user", json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    with as_operator():
        key = directory().api_key(token.split("_")[1])
    assert key is not None
    return "client", key.client_id


def settle(issuer: TokenIssuer, tenant_id: str, settings: TenantSettings | None = None) -> Tenancy:
    """Open a tenant and let people and programs in."""
    with as_operator():
        onboarding = onboarding_service()
        onboarding.open_tenant(tenant_id, f"Tenant {tenant_id}", settings)

        def member(name: str, role: str) -> str:
            username = f"{name}@{tenant_id.lower()}.example.com"
            onboarding.add_member(f"{name}-of-{tenant_id}", tenant_id, role, username)
            return issuer.make_token(f"{name}-of-{tenant_id}")

        return Tenancy(
            id=tenant_id,
            admin=member("admin", "admin"),
            user=member("user", "user"),
            other_user=member("other", "user"),
            program=onboarding.add_api_client(tenant_id, "all", EVERYTHING),
            powerless=onboarding.add_api_client(tenant_id, "nothing", ""),
        )
