"""Recoveries of webhooks in the table."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared.domain.callers import Caller
from shared.domain.jobs.quotas import RECOVERIES, recoveries_of
from shared.domain.webhooks.recovery import RecoveryRun
from shared.table.jobs.records import JobItems, JobTable, JobWatchTable
from shared.table.jobs.slots import Slots
from shared.table.keys import jobs as job_keys
from shared.table.store import Store


def _from_members(members: dict[str, Any]) -> RecoveryRun:
    return RecoveryRun(**{**members, "caller": Caller(**members["caller"])})


ITEMS = JobItems(
    RECOVERIES, job_keys.recoveries, job_keys.recovery, job_keys.recovery_due, asdict, _from_members
)
"""How recoveries are stored."""


class RecoveryTable(JobTable[RecoveryRun]):
    """The recoveries of one tenant. Each webhook has at most one under way."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        super().__init__(store, tenant_id, ITEMS)

    def _slots_of(self, run: RecoveryRun) -> Slots:
        return Slots(self._store, self._tenant, recoveries_of(run.webhook_id))


class RecoveryWatchTable(JobWatchTable):
    """The recoveries of all tenants, for the watch over jobs."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, job_keys.RECOVERIES_DUE)
