"""Recoveries of webhooks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared.wiring.base import bulk_queue, cursors, store
from shared.wiring.idempotency import announcer, store_for
from shared.wiring.tenants import find_tenant
from shared.wiring.webhooks import fan_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.domain.callers import Caller
    from shared.domain.webhooks.recovery import Recovered, RecoveryRun, RecoveryTask
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.jobs.runner import JobRunner
    from shared.services.jobs.watch import JobWatch
    from shared.services.reading_budget import Budget
    from shared.services.webhooks.recoveries import RecoveryService
    from shared.table.jobs.recoveries import RecoveryTable


def _recovery_table(tenant_id: str, claim: IdempotencyKeyClaim | None = None) -> RecoveryTable:
    from shared.table.jobs.recoveries import RecoveryTable

    return RecoveryTable(store_for(claim), tenant_id)


def recovery_service(
    caller: Caller, claim: IdempotencyKeyClaim | None = None, budget: Budget | None = None
) -> RecoveryService:
    """The recoveries of webhooks, for one caller. They are listed within the request's budget, or within a budget of
    their own.
    """
    from shared.services.webhooks.recoveries import RecoveryService
    from shared.table.feed.reading import FeedTable
    from shared.table.webhooks.repository import WebhookTable

    tenant_id = caller.tenant_id
    return RecoveryService(
        caller,
        _recovery_table(tenant_id, claim),
        WebhookTable(store(), tenant_id),
        FeedTable(store(), tenant_id),
        bulk_queue(),
        cursors(),
        budget=budget,
        announce=announcer(claim),
    )


def recovery_work(*, may_go_on: Callable[[], bool]) -> JobRunner[RecoveryTask, RecoveryRun, Recovered]:
    """The worker that carries out recoveries' portions. `may_go_on`: whether a portion may take further events."""
    from shared.services.jobs.runner import JobRunner
    from shared.services.webhooks.recoveries import RecoveryPortions
    from shared.table.feed.reading import FeedTable
    from shared.table.webhooks.repository import WebhookTable

    portions = RecoveryPortions(
        _recovery_table,
        partial(WebhookTable, store()),
        partial(FeedTable, store()),
        fan_out().recover,
        bulk_queue(),
        may_go_on=may_go_on,
    )
    return JobRunner(find_tenant, portions)


def recovery_watch(has_time: Callable[[], bool]) -> JobWatch[RecoveryRun]:
    """The watch over all tenants' recoveries. It works while `has_time` returns True."""
    from shared.domain.webhooks.recovery import RecoveryTask
    from shared.services.jobs.watch import JobWatch
    from shared.services.jobs.watched import WatchedPortions
    from shared.table.jobs.recoveries import RecoveryWatchTable

    jobs = WatchedPortions(RecoveryWatchTable(store()), _recovery_table, bulk_queue(), RecoveryTask)
    return JobWatch(find_tenant, jobs, has_time=has_time)
