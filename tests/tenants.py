"""Tenants with users and API clients, as an operator adds them. The names T1 and T10 start with the same letters."""

from __future__ import annotations

import json
import os
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
from shared.wiring.kept import reset_wiring
from tests.support.clients import client
from tests.support.replay import replayed
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


def suspend(tenant_id: str, *, is_suspended: bool = True) -> None:
    """Suspend a tenant, or end its suspension, as an operator does. No process remembers what it was before."""
    with as_operator():
        onboarding_service().suspend(tenant_id, is_suspended=is_suspended)
    reset_wiring()


def caller_of(token: str) -> tuple[Kind, str]:
    """Return the kind and id of the caller of a token or an API key."""
    if not token.startswith("ck_"):
        claims = token.split(".")[1]
        return "user", json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    with as_operator():
        key = directory().api_key(token.split("_")[1])
    assert key is not None
    return "client", key.client_id


def settle(
    issuer: TokenIssuer, tenant_id: str, settings: TenantSettings | None = None, *, events: bool = True
) -> Tenancy:
    """Open a tenant and let people and programs in; without the events of that unless `events`."""
    key = ("settle", tenant_id, repr(settings), events)
    programs = replayed(key, lambda: _opened(tenant_id, settings, events))
    users = (issuer.make_token(f"{name}-of-{tenant_id}") for name in MEMBERS)
    return Tenancy(tenant_id, *users, *programs)


MEMBERS = {"admin": "admin", "user": "user", "other": "user"}
"""The users of a tenant, with their roles."""


def _opened(tenant_id: str, settings: TenantSettings | None, events: bool) -> tuple[str, str]:
    """Open a tenant and return the keys of its two programs."""
    with as_operator():
        onboarding = onboarding_service()
        onboarding.open_tenant(tenant_id, f"Tenant {tenant_id}", settings)
        for name, role in MEMBERS.items():
            username = f"{name}@{tenant_id.lower()}.example.com"
            onboarding.add_member(f"{name}-of-{tenant_id}", tenant_id, role, username)
        everything = onboarding.add_api_client(tenant_id, "all", EVERYTHING)
        nothing = onboarding.add_api_client(tenant_id, "nothing", "")
        if not events:
            _delete_events(tenant_id)
    return everything, nothing


def _delete_events(tenant_id: str) -> None:
    dynamodb, name = client("dynamodb"), os.environ["TABLE_NAME"]
    for page in dynamodb.get_paginator("scan").paginate(TableName=name):
        for row in page["Items"]:
            if row["PK"]["S"].startswith(f"T#{tenant_id}#") and row["SK"]["S"].startswith("EVENT#"):
                dynamodb.delete_item(TableName=name, Key={"PK": row["PK"], "SK": row["SK"]})
