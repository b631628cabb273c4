"""Tenants with people and programs in them, let in as an operator does it. T1 and T10 share their first letters."""

from __future__ import annotations

from dataclasses import dataclass

from shared import wiring
from shared.domain.callers import PERMISSIONS
from shared.domain.tenant import Settings
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


def settle(issuer: TokenIssuer, tenant_id: str, settings: Settings | None = None) -> Tenancy:
    """Open a tenant and let people and programs in."""
    with as_operator():
        onboarding = wiring.onboarding()
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
