"""Merge jobs: merges of all that is suggested, and their undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.wiring.base import bulk_queue, cursors, store
from shared.wiring.duplicates import suggestions
from shared.wiring.idempotency import announcer, store_for
from shared.wiring.labels import label_table
from shared.wiring.merges import merging
from shared.wiring.tenants import find_tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.domain.callers import Caller
    from shared.domain.jobs.merges import MergeRun, MergeTask, Result
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.jobs.runner import JobRunner
    from shared.services.jobs.watch import JobWatch
    from shared.services.merges.jobs import MergeJobService
    from shared.services.reading_budget import Budget
    from shared.table.merges.jobs import MergeJobTable
    from shared.table.merges.repository import MergeTable


def _merge_job_table(tenant_id: str, claim: IdempotencyKeyClaim | None = None) -> MergeJobTable:
    from shared.table.merges.jobs import MergeJobTable

    return MergeJobTable(store_for(claim), tenant_id)


def _merge_table(tenant_id: str) -> MergeTable:
    from shared.table.merges.repository import MergeTable

    return MergeTable(store(), tenant_id, label_table(tenant_id))


def merge_job_service(
    caller: Caller, claim: IdempotencyKeyClaim | None = None, budget: Budget | None = None
) -> MergeJobService:
    """The merge jobs, for one caller. They are listed within the request's budget, or within a budget of their own."""
    from shared.services.merges.jobs import MergeJobService

    return MergeJobService(
        caller,
        _merge_job_table(caller.tenant_id, claim),
        bulk_queue(),
        cursors(),
        budget=budget,
        announce=announcer(claim),
    )


def merge_work(*, may_go_on: Callable[[], bool]) -> JobRunner[MergeTask, MergeRun, Result]:
    """The worker that carries out merge jobs' portions. `may_go_on`: whether a portion may take further contacts."""
    from shared.services.jobs.runner import JobRunner
    from shared.services.merges.portions import MergePortions
    from shared.services.reading_budget import Budget

    portions = MergePortions(
        _merge_job_table,
        lambda caller: suggestions(caller, Budget.unlimited()),
        merging,
        _merge_table,
        bulk_queue(),
        may_go_on=may_go_on,
    )
    return JobRunner(find_tenant, portions)


def merge_watch(has_time: Callable[[], bool]) -> JobWatch[MergeRun]:
    """The watch over all tenants' merge jobs. It works while `has_time` returns True."""
    from shared.domain.jobs.merges import MergeTask
    from shared.services.jobs.watch import JobWatch
    from shared.services.jobs.watched import WatchedPortions
    from shared.table.merges.jobs import MergeJobWatchTable

    jobs = WatchedPortions(MergeJobWatchTable(store()), _merge_job_table, bulk_queue(), MergeTask)
    return JobWatch(find_tenant, jobs, has_time=has_time)
