"""The record, settings and users of a tenant, for all subjects."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shared.wiring.base import store
from shared.wiring.kept import kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.domain.accounts.user import User
    from shared.domain.tenant import Tenant, TenantSettings
    from shared.services.contacts.owners import Owners
    from shared.table.accounts.users import UserTable

TENANT_SECONDS = 2.0
"""Seconds for which a warm process uses a tenant's record before it reads it again. Settings may be out of date for as
long, and each process reads at most half a unit per tenant in that time."""

MAX_TENANTS = 10_000
"""Tenants' records that a process keeps. When there are more, it discards them all."""


class TenantMemory:
    """Tenants' records, each kept for TENANT_SECONDS after it was read."""

    def __init__(self, read: Callable[[str], Tenant | None]) -> None:
        self._read = read
        self.records: dict[str, tuple[float, Tenant | None]] = {}

    def get(self, tenant_id: str) -> Tenant | None:
        """Return a tenant's record, or None if there is no such tenant."""
        entry = self.records.get(tenant_id)
        if entry is None or entry[0] < time.monotonic():
            if len(self.records) > MAX_TENANTS:
                self.records.clear()
            entry = self.records[tenant_id] = (time.monotonic() + TENANT_SECONDS, self._read(tenant_id))
        return entry[1]

    def forget(self, tenant_id: str) -> None:
        """Discard a tenant's record, so that the next `get` reads it again."""
        self.records.pop(tenant_id, None)


@kept
def tenant_memory() -> TenantMemory:
    """The tenants' records that this process has read."""
    from shared.table.accounts.directory import TenantTable

    return TenantMemory(TenantTable(store()).get)


def find_tenant(tenant_id: str) -> Tenant | None:
    """Return a tenant's record, at most TENANT_SECONDS old, or None if there is no such tenant."""
    return tenant_memory().get(tenant_id)


def tenant_settings(tenant_id: str) -> TenantSettings:
    """Return a tenant's settings; the defaults when it has no record."""
    from shared.domain.tenant import TenantSettings

    tenant = find_tenant(tenant_id)
    return tenant.settings if tenant else TenantSettings()


def user_table(tenant_id: str) -> UserTable:
    """A tenant's users."""
    from shared.table.accounts.users import UserTable

    return UserTable(store(), tenant_id)


def can_have_contacts(tenant_id: str, owner_id: str) -> bool:
    """Whether a tenant has a user with this id, active or not, or an API client: contacts may belong to either."""
    return _find_user(tenant_id, owner_id) is not None or user_table(tenant_id).is_api_client(owner_id)


def is_active_user(tenant_id: str, user_id: str) -> bool:
    """Whether a tenant has a user with this id who is active."""
    user = _find_user(tenant_id, user_id)
    return user is not None and user.is_active


def _find_user(tenant_id: str, user_id: str) -> User | None:
    from shared.domain.accounts.user import is_user_id

    return user_table(tenant_id).get(user_id) if is_user_id(user_id) else None


def owners(tenant_id: str) -> Owners:
    """The users who may own a tenant's contacts."""
    from shared.services.contacts.owners import Owners

    return Owners(user_table(tenant_id))
