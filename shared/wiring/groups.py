"""Groups of contacts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared.wiring import contacts
from shared.wiring.base import cursors, store, time_limit
from shared.wiring.idempotency import announcer, fenced_store_for, store_for, work_of
from shared.wiring.labels import label_table
from shared.wiring.tenants import tenant_settings

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.services.groups.creation import GroupCreation
    from shared.services.groups.groups import GroupService
    from shared.services.idempotency import IdempotencyKeyClaim


def group_service(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> GroupService:
    """The groups, for one caller."""
    from shared.services.groups.groups import GroupService
    from shared.table.contacts.index import ContactIndex

    tenant_id = caller.tenant_id
    return GroupService(
        caller,
        label_table(tenant_id, store_for(claim)),
        ContactIndex(store(), tenant_id),
        cursors(),
        partial(tenant_settings, tenant_id),
        announce=announcer(claim),
    )


def group_creation(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> GroupCreation:
    """The creation of groups with contacts in them, for one caller."""
    from shared.services.groups.creation import GroupCreation
    from shared.services.groups.groups import GroupService
    from shared.table.contacts.index import ContactIndex

    tenant_id, through, work = caller.tenant_id, fenced_store_for(claim), work_of(claim)
    bulk_contacts = contacts.bulk_contacts_for(
        caller,
        work,
        through=through,
        resumable=claim is not None,
        has_time=time_limit(contacts.BULK_SECONDS),
    )
    groups = GroupService(
        caller,
        label_table(tenant_id, through),
        ContactIndex(store(), tenant_id),
        cursors(),
        partial(tenant_settings, tenant_id),
    )
    return GroupCreation(caller, groups, bulk_contacts, work)
