"""Puts the parts together. Everything is made on first use and kept while the process is warm."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from shared import settings
from shared.domain.callers import Caller
from shared.domain.tenant import Settings, Tenant
from shared.services.contacts import ContactService
from shared.services.onboarding import Onboarding
from shared.table.contacts import ContactTable
from shared.table.cursors import Cursors
from shared.table.directory import DirectoryTable, TenantTable
from shared.table.store import Store

TENANT_SECONDS = 60.0
"""How long a warm process goes by a tenant's record before it reads it again."""

_TRUSTED = Config(
    # Requests are built from our own types, so botocore need not check their shapes again.
    parameter_validation=False,
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=2,
    read_timeout=10,
)


@cache
def _session() -> botocore.session.Session:
    # botocore's session and not boto3's: a third less to import, and the same clients (docs/decisions/0003).
    return botocore.session.get_session()


@cache
def client(service: str) -> Any:
    """The AWS client of a service, from the environment's region and credentials."""
    return _session().create_client(service, config=_TRUSTED)


@cache
def store() -> Store:
    """The table."""
    return Store(client("dynamodb"), settings.table_name())


@cache
def cursors() -> Cursors:
    """The maker of cursors."""
    return Cursors(settings.cursor_key())


@cache
def directory() -> DirectoryTable:
    """The authorizer's look-ups."""
    return DirectoryTable(store())


@cache
def _tenants() -> dict[str, tuple[float, Tenant | None]]:
    return {}


def tenant(tenant_id: str) -> Tenant | None:
    """A tenant's record, at most TENANT_SECONDS old, or None."""
    known = _tenants()
    entry = known.get(tenant_id)
    if entry is None or entry[0] < time.monotonic():
        if len(known) > 10_000:
            known.clear()
        entry = known[tenant_id] = (time.monotonic() + TENANT_SECONDS, TenantTable(store()).get(tenant_id))
    return entry[1]


def tenant_settings(tenant_id: str) -> Settings:
    """A tenant's settings; the defaults when it has no record."""
    found = tenant(tenant_id)
    return found.settings if found else Settings()


def contacts(caller: Caller) -> ContactService:
    """The contacts, for one caller."""
    return ContactService(
        caller,
        ContactTable(store(), caller.tenant_id),
        lambda: tenant_settings(caller.tenant_id),
        cursors(),
    )


def onboarding() -> Onboarding:
    """The operator's door to tenants, members and API keys."""
    return Onboarding(TenantTable(store()), directory())


def reset() -> None:
    """Forget all that is kept, as a new process would; for tests."""
    for made in (_session, client, store, cursors, directory, _tenants, settings.cursor_key):
        made.cache_clear()
