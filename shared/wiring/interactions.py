"""Interactions of contacts: single ones, lists, and those that become due."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared.wiring.base import cursors, store
from shared.wiring.contacts import contact_reading, entry_lists, tag_rules
from shared.wiring.idempotency import announcer, store_for
from shared.wiring.performers import performer
from shared.wiring.tenants import find_tenant, is_active_user, tenant_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.domain.callers import Caller
    from shared.domain.interactions.conditions import InteractionConditions, InteractionFilter
    from shared.domain.interactions.follow_up import FollowUp
    from shared.domain.interactions.follow_up_filter import FollowUpConditions, FollowUpFilter
    from shared.domain.interactions.interaction import Interaction
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.interactions.assignments import Assignments
    from shared.services.interactions.due import DueFollowUps, DueTimelines
    from shared.services.interactions.follow_up_lists import FollowUpLists
    from shared.services.interactions.follow_ups import FollowUpService
    from shared.services.interactions.lists import InteractionLists
    from shared.services.interactions.service import DueInteractions, InteractionService
    from shared.services.interactions.statistics import InteractionStatistics
    from shared.services.interactions.tenant_follow_ups import TenantFollowUps
    from shared.services.interactions.tenant_list import TenantInteractions
    from shared.services.reading_budget import Budget
    from shared.table.entry_lists import EntryList


def interaction_service(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> InteractionService:
    """The single interactions of contacts, for one caller."""
    from shared.services.interactions.service import InteractionService
    from shared.table.interactions.follow_ups import FollowUpTable
    from shared.table.interactions.repository import InteractionTable

    return InteractionService(
        caller,
        contact_reading(caller),
        InteractionTable(store_for(claim), caller.tenant_id),
        FollowUpTable(store(), caller.tenant_id),
        lambda: performer(caller),
        tag_rules(caller),
        announce=announcer(claim),
    )


def follow_up_service(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> FollowUpService:
    """The single follow-ups of contacts, for one caller."""
    from shared.services.interactions.follow_ups import FollowUpService
    from shared.table.interactions.follow_ups import FollowUpTable

    return FollowUpService(
        caller,
        contact_reading(caller),
        FollowUpTable(store_for(claim), caller.tenant_id),
        lambda: performer(caller),
        tag_rules(caller),
        is_active_user=partial(is_active_user, caller.tenant_id),
        announce=announcer(claim),
    )


def follow_up_lists(caller: Caller, budget: Budget | None = None) -> FollowUpLists:
    """The lists of follow-ups, for one caller. They are read within the request's budget, or within a budget of their
    own.
    """
    from shared.services.interactions.follow_up_lists import FollowUpLists
    from shared.services.reading_budget import Budget
    from shared.table.interactions.follow_up_index import FollowUpIndex

    index = FollowUpIndex(store(), caller.tenant_id, budget or Budget())
    return FollowUpLists(caller, contact_reading(caller), index, cursors())


def tenant_follow_ups(caller: Caller, budget: Budget | None = None) -> TenantFollowUps:
    """The follow-ups of all contacts of the tenant, for one caller. They are read within the request's budget, or
    within a budget of their own.
    """
    from shared.services.interactions.tenant_follow_ups import TenantFollowUps
    from shared.services.reading_budget import Budget

    budget = budget or Budget()
    opened, closed = (_follow_up_rows(caller.tenant_id, budget, is_open=is_open) for is_open in (True, False))
    return TenantFollowUps(entry_lists(caller, budget), opened, closed)


def _follow_up_rows(tenant_id: str, budget: Budget, *, is_open: bool) -> EntryList[FollowUp]:
    """The list of all open follow-ups, or of the others, read within a budget."""
    from shared.table.entry_lists import EntryList
    from shared.table.interactions.follow_up_items import follow_up_from_item
    from shared.table.keys import follow_ups as follow_up_keys
    from shared.table.keys import lists as list_keys

    name = list_keys.OPEN_FOLLOW_UPS if is_open else list_keys.CLOSED_FOLLOW_UPS
    lists = {name: (follow_up_keys.range_of(is_open=is_open),)}
    return EntryList(store(), tenant_id, budget, lists, follow_up_from_item)


def assignments(caller: Caller, *, has_time: Callable[[], bool]) -> Assignments:
    """The assignments of the tenant's open follow-ups, for one caller. They change while `has_time` returns True."""
    from shared.services.interactions.assignments import Assignments
    from shared.services.reading_budget import Budget

    opened = _follow_up_rows(caller.tenant_id, Budget.unlimited(), is_open=True)
    return Assignments(opened, follow_up_service(caller), has_time=has_time)


def follow_up_filter(
    tenant_id: str, given: FollowUpConditions, owner_id: str | None = None
) -> FollowUpFilter:
    """Return the filter for a caller's conditions, in the tenant's time zone. `owner_id`: that of the contacts."""
    from shared.domain.interactions.follow_up_filter import FollowUpFilter

    has_bounds = given.due_from or given.due_before
    timezone = tenant_settings(tenant_id).timezone if has_bounds else "UTC"
    return FollowUpFilter.of(given, timezone=timezone, owner_id=owner_id)


def interaction_lists(caller: Caller, budget: Budget | None = None) -> InteractionLists:
    """The lists of interactions, for one caller. They are read within the request's budget, or within a budget of
    their own.
    """
    from shared.services.interactions.lists import InteractionLists
    from shared.services.reading_budget import Budget
    from shared.table.interactions.index import InteractionIndex

    budget = budget or Budget()
    index = InteractionIndex(store(), caller.tenant_id, budget)
    return InteractionLists(caller, contact_reading(caller), index, cursors(), budget)


def tenant_interactions(caller: Caller, budget: Budget | None = None) -> TenantInteractions:
    """The interactions of all contacts of the tenant, for one caller. They are read within the request's budget, or
    within a budget of their own.
    """
    from shared.services.interactions.tenant_list import TenantInteractions
    from shared.services.reading_budget import Budget
    from shared.table.contacts.index import ContactIndex

    tenant_id = caller.tenant_id
    budget = budget or Budget()
    rows = _interaction_rows(tenant_id, budget)
    return TenantInteractions(entry_lists(caller, budget), rows, ContactIndex(store(), tenant_id, budget))


def _interaction_rows(tenant_id: str, budget: Budget) -> EntryList[Interaction]:
    """The list of all interactions, read within a budget."""
    from shared.table.entry_lists import EntryList
    from shared.table.interactions.items import interaction_from_item
    from shared.table.keys import interactions as interaction_keys
    from shared.table.keys import lists as list_keys

    lists = {list_keys.INTERACTIONS: interaction_keys.INTERACTIONS}
    return EntryList(store(), tenant_id, budget, lists, interaction_from_item)


def interaction_statistics(caller: Caller, budget: Budget | None = None) -> InteractionStatistics:
    """How many interactions there were in the last days, for one caller. They are read within the request's budget, or
    within a budget of their own.
    """
    from shared.services.interactions.statistics import InteractionStatistics
    from shared.services.reading_budget import Budget
    from shared.table.hours import HourlyCounts
    from shared.table.keys import lists as list_keys

    tenant_id = caller.tenant_id
    budget = budget or Budget()
    return InteractionStatistics(
        caller,
        HourlyCounts(store(), tenant_id, list_keys.INTERACTIONS),
        entry_lists(caller, budget),
        _interaction_rows(tenant_id, budget),
        lambda: tenant_settings(tenant_id).timezone,
        budget,
    )


def interaction_filter(tenant_id: str, given: InteractionConditions) -> InteractionFilter:
    """Return the filter for a caller's conditions, in the tenant's time zone."""
    from shared.domain.interactions.conditions import InteractionFilter

    has_bounds = given.date_from or given.date_to
    timezone = tenant_settings(tenant_id).timezone if has_bounds else "UTC"
    return InteractionFilter.of(given.__dict__, timezone=timezone)


def due_interactions(tenant_id: str) -> DueInteractions:
    """The interactions of a tenant whose time has come."""
    from shared.services.interactions.service import DueInteractions
    from shared.table.interactions.repository import InteractionTable

    return DueInteractions(tenant_id, InteractionTable(store(), tenant_id))


def due_follow_ups(tenant_id: str) -> DueFollowUps:
    """The follow-ups of a tenant that are due."""
    from shared.services.interactions.due import DueFollowUps
    from shared.table.interactions.follow_ups import FollowUpTable

    return DueFollowUps(tenant_id, FollowUpTable(store(), tenant_id))


def due_timelines(has_time: Callable[[], bool]) -> DueTimelines:
    """The entries of all tenants' timelines that are due. They are handled while `has_time` returns True."""
    from shared import observability
    from shared.services.interactions.due import DueTimelines
    from shared.table.interactions.due import DueTimelineEntries

    def is_live(tenant_id: str) -> bool:
        tenant = find_tenant(tenant_id)
        return tenant is not None and not tenant.suspended

    return DueTimelines(
        DueTimelineEntries(store()),
        is_live,
        due_follow_ups,
        due_interactions,
        warn=lambda message: observability.warn(message, trace=observability.trace()),
        has_time=has_time,
    )
