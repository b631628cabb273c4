"""Bulk jobs: changes of all contacts that match a filter."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared.wiring.base import bulk_queue, cursors, store
from shared.wiring.contacts import bulk_contacts, bulk_contacts_for, contact_lists
from shared.wiring.idempotency import announcer, fenced_store, store_for
from shared.wiring.tenants import find_tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.domain.callers import Caller
    from shared.domain.contacts.bulk import BulkResult
    from shared.domain.jobs.bulk import BulkJob, BulkRun, BulkTask
    from shared.services.contacts.matching import MatchingContacts
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.jobs.runner import JobRunner
    from shared.services.jobs.service import JobService
    from shared.services.jobs.watch import JobWatch
    from shared.services.reading_budget import Budget
    from shared.table.jobs.bulk import BulkJobTable


def matching_contacts(
    caller: Caller, claim: IdempotencyKeyClaim | None = None, budget: Budget | None = None
) -> MatchingContacts:
    """All contacts that match a filter, for one caller. They are searched within the request's budget, or within a
    budget of their own.
    """
    from shared.services.contacts.matching import MatchingContacts
    from shared.table.idempotency import FoundTable

    return MatchingContacts(
        caller,
        bulk_contacts(caller, claim),
        contact_lists(caller, budget),
        _bulk_job_table(caller.tenant_id, claim),
        bulk_queue(),
        search_once=FoundTable(fenced_store(claim), claim).find_or_recall if claim else _find_without_key,
        announce=announcer(claim),
    )


def _find_without_key(find: Callable[[], list[str]]) -> list[str]:
    return find()


def _bulk_job_table(tenant_id: str, claim: IdempotencyKeyClaim | None = None) -> BulkJobTable:
    from shared.table.jobs.bulk import BulkJobTable

    return BulkJobTable(store_for(claim), tenant_id)


def bulk_job_service(
    caller: Caller, claim: IdempotencyKeyClaim | None = None, budget: Budget | None = None
) -> JobService[BulkRun, BulkJob]:
    """The bulk jobs, for one caller. They are listed within the request's budget, or within a budget of their own."""
    from shared.services.jobs.bulk import BULK_JOBS
    from shared.services.jobs.service import JobService

    return JobService(
        BULK_JOBS,
        caller,
        _bulk_job_table(caller.tenant_id, claim),
        cursors(),
        budget=budget,
        announce=announcer(claim),
    )


def bulk_work(
    *, may_look_on: Callable[[], bool], has_time: Callable[[], bool]
) -> JobRunner[BulkTask, BulkRun, Sequence[BulkResult]]:
    """The worker that carries out bulk jobs' portions.

    `may_look_on`: whether it may search for further contacts. `has_time`: whether it may start on further contacts.
    """
    from shared.services.jobs.bulk import BulkPortions
    from shared.services.jobs.runner import JobRunner
    from shared.services.reading_budget import Budget
    from shared.wiring.interactions import assignments

    portions = BulkPortions(
        _bulk_job_table,
        partial(bulk_contacts_for, through=store(), resumable=True, has_time=has_time),
        lambda caller: contact_lists(caller, Budget.unlimited()),
        partial(assignments, has_time=has_time),
        bulk_queue(),
        may_look_on=may_look_on,
    )
    return JobRunner(find_tenant, portions)


def bulk_watch(has_time: Callable[[], bool]) -> JobWatch[BulkRun]:
    """The watch over all tenants' bulk jobs. It works while `has_time` returns True."""
    from shared.domain.jobs.bulk import BulkTask
    from shared.services.jobs.watch import JobWatch
    from shared.services.jobs.watched import WatchedPortions
    from shared.table.jobs.bulk import BulkWatchTable

    jobs = WatchedPortions(BulkWatchTable(store()), _bulk_job_table, bulk_queue(), BulkTask)
    return JobWatch(find_tenant, jobs, has_time=has_time)
