"""Merges of contacts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared.wiring.base import cursors, store
from shared.wiring.contacts import contact_reading, show_contacts
from shared.wiring.idempotency import announcer, store_for
from shared.wiring.labels import label_table
from shared.wiring.performers import performer
from shared.wiring.tenants import owners, tenant_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.domain.callers import Caller
    from shared.domain.merges.views import MergeResult
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.merges.merging import Merging
    from shared.services.merges.reading import MergeReading
    from shared.services.reading_budget import Budget


def merge_reading(caller: Caller, budget: Budget | None = None) -> MergeReading:
    """The merges that one caller may see. They are read within the request's budget, or within a budget of their
    own.
    """
    from shared.services.merges.reading import MergeReading
    from shared.services.reading_budget import Budget
    from shared.table.merges.repository import MergeTable

    tenant_id = caller.tenant_id
    merges = MergeTable(store(), tenant_id, label_table(tenant_id), budget=budget or Budget())
    return MergeReading(caller, merges, cursors())


def merging(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> Merging:
    """The merging of contacts, for one caller."""
    from shared.services.customers.membership import Membership
    from shared.services.idempotency import no_key
    from shared.services.merges.merging import Merging
    from shared.services.merges.reading import MergeReading
    from shared.table.customers.membership import MembershipTable
    from shared.table.merges.repository import MergeTable

    tenant_id, through = caller.tenant_id, store_for(claim)
    merges = MergeTable(through, tenant_id, label_table(tenant_id))

    def present_owner(owner_id: str) -> str | None:
        return owners(tenant_id).present_owner(owner_id, tenant_settings(tenant_id).default_owner_id)

    return Merging(
        caller,
        MergeReading(caller, merges, cursors()),
        contact_reading(caller),
        merges,
        Membership(caller, MembershipTable(through, tenant_id), no_key),
        performer=partial(performer, caller),
        present_owner=present_owner,
        unique_scope=lambda: tenant_settings(tenant_id).unique_scope,
        announce=announcer(claim),
    )


def show_merged(
    caller: Caller, records: Sequence[MergeResult], *, is_written: bool = False
) -> Sequence[MergeResult]:
    """Return answers to merges with the contacts in the form in which the caller may see them."""
    contacts = [one.contact for one in records if one.contact is not None]
    shown = {one.id: one for one in show_contacts(caller, contacts, is_written=is_written)}
    return [
        one.model_copy(update={"contact": shown[one.contact.id]}) if one.contact is not None else one
        for one in records
    ]
