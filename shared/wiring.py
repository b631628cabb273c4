"""Puts the parts together. Everything is made on first use and kept while the process is warm.

Each factory imports what it makes, so that a function loads its own parts alone: imports are most of a cold
start.
"""

# ruff: noqa: PLC0415 (imports stand inside the factories on purpose)
from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any

from shared import settings

if TYPE_CHECKING:
    import botocore.session

    from shared.domain.callers import Caller
    from shared.domain.tenant import Settings, Tenant
    from shared.publishing.publisher import Publisher
    from shared.services.bookings import BookingService
    from shared.services.contacts import ContactService
    from shared.services.onboarding import Onboarding
    from shared.table.cursors import Cursors
    from shared.table.directory import DirectoryTable
    from shared.table.events import EventTable
    from shared.table.store import Store

TENANT_SECONDS = 60.0
"""How long a warm process goes by a tenant's record before it reads it again."""


@cache
def _session() -> botocore.session.Session:
    # botocore's session and not boto3's: a third less to import, and the same clients (docs/decisions/0003).
    import botocore.session

    return botocore.session.get_session()


@cache
def client(service: str) -> Any:
    """The AWS client of a service, from the environment's region and credentials."""
    from botocore.config import Config

    config = Config(
        # Requests are built from our own types, so botocore need not check their shapes again.
        parameter_validation=False,
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=2,
        read_timeout=10,
    )
    return _session().create_client(service, config=config)


@cache
def store() -> Store:
    """The table."""
    from shared.table.store import Store

    return Store(client("dynamodb"), settings.table_name())


@cache
def cursors() -> Cursors:
    """The maker of cursors."""
    from shared.table.cursors import Cursors

    return Cursors(settings.cursor_key())


@cache
def directory() -> DirectoryTable:
    """The authorizer's look-ups."""
    from shared.table.directory import DirectoryTable

    return DirectoryTable(store())


@cache
def _tenants() -> dict[str, tuple[float, Tenant | None]]:
    return {}


def tenant(tenant_id: str) -> Tenant | None:
    """A tenant's record, at most TENANT_SECONDS old, or None."""
    from shared.table.directory import TenantTable

    known = _tenants()
    entry = known.get(tenant_id)
    if entry is None or entry[0] < time.monotonic():
        if len(known) > 10_000:
            known.clear()
        entry = known[tenant_id] = (time.monotonic() + TENANT_SECONDS, TenantTable(store()).get(tenant_id))
    return entry[1]


def tenant_settings(tenant_id: str) -> Settings:
    """A tenant's settings; the defaults when it has no record."""
    from shared.domain.tenant import Settings

    found = tenant(tenant_id)
    return found.settings if found else Settings()


def contacts(caller: Caller) -> ContactService:
    """The contacts, for one caller."""
    from shared.services.contacts import ContactService
    from shared.table.contacts import ContactTable

    return ContactService(
        caller,
        ContactTable(store(), caller.tenant_id),
        lambda: tenant_settings(caller.tenant_id),
        cursors(),
    )


@cache
def events() -> EventTable:
    """The events of all tenants, for the publisher and the sweeper."""
    from shared.table.events import EventTable

    return EventTable(store())


@cache
def publisher() -> Publisher:
    """The publisher to the topic `domain-events`."""
    from shared.publishing.publisher import Publisher

    return Publisher(client("sns"), settings.domain_events_topic_arn(), events())


def bookings() -> BookingService:
    """The taker of booking events."""
    from shared.services.bookings import BookingService
    from shared.table.bookings import BookingTable

    return BookingService(tenant, lambda tenant_id: BookingTable(store(), tenant_id))


def onboarding() -> Onboarding:
    """The operator's door to tenants, members and API keys."""
    from shared.services.onboarding import Onboarding
    from shared.table.directory import TenantTable

    return Onboarding(TenantTable(store()), directory())


def reset() -> None:
    """Forget all that is kept, as a new process would; for tests."""
    for made in (
        _session,
        client,
        store,
        cursors,
        directory,
        events,
        publisher,
        _tenants,
        settings.cursor_key,
    ):
        made.cache_clear()
