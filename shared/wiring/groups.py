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
    from shared.domain.ids import Work
    from shared.services.groups.creation import GroupCreation
    from shared.services.groups.groups import GroupService
    from shared.services.groups.members import GroupMembers
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.table.store import Store


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


def group_members(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> GroupMembers:
    """The members of static groups, for one caller."""
    return _group_members_for(
        caller, work_of(claim), through=fenced_store_for(claim), resumable=claim is not None
    )


def _group_members_for(caller: Caller, work: Work, *, through: Store, resumable: bool) -> GroupMembers:
    from shared.services.groups.members import GroupMembers
    from shared.table.contacts.repository import ContactTable

    labels = label_table(caller.tenant_id)
    return GroupMembers(
        caller,
        labels,
        ContactTable(through, caller.tenant_id, labels),
        contacts.contact_reading(caller, through),
        contacts.bulk_contacts_for(
            caller,
            work,
            through=through,
            resumable=resumable,
            has_time=time_limit(contacts.BULK_SECONDS),
        ),
    )


def group_creation(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> GroupCreation:
    """The creation of groups with contacts in them, for one caller."""
    from shared.services.groups.creation import GroupCreation
    from shared.services.groups.groups import GroupService
    from shared.table.contacts.index import ContactIndex

    tenant_id, through, work = caller.tenant_id, fenced_store_for(claim), work_of(claim)
    groups = GroupService(
        caller,
        label_table(tenant_id, through),
        ContactIndex(store(), tenant_id),
        cursors(),
        partial(tenant_settings, tenant_id),
    )
    members = _group_members_for(caller, work, through=through, resumable=claim is not None)
    return GroupCreation(caller, groups, members, work, resumable=claim is not None)
