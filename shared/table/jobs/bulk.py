"""Bulk jobs in the table."""

from __future__ import annotations

from typing import Any

from shared.domain.jobs.bulk import BulkRun
from shared.domain.jobs.quotas import BULK_JOBS
from shared.table.jobs import records
from shared.table.jobs.records import JobItems, JobTable, JobWatchTable
from shared.table.keys import jobs as job_keys
from shared.table.store import Store


def _to_members(run: BulkRun) -> dict[str, Any]:
    members = records.to_members(run)
    # Left out where they say nothing: each kilobyte of a job costs two units whenever it is written.
    if run.starts_at == run.created_at:
        del members["starts_at"]
    if not run.closed_by:
        del members["closed_by"]
    return members


def _from_members(members: dict[str, Any]) -> BulkRun:
    members.setdefault("starts_at", members["created_at"])
    return BulkRun(**records.from_members(members))


ITEMS = JobItems(
    BULK_JOBS, job_keys.bulk_jobs, job_keys.bulk_job, job_keys.bulk_due, _to_members, _from_members
)
"""How bulk jobs are stored."""


class BulkJobTable(JobTable[BulkRun]):
    """The bulk jobs of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        super().__init__(store, tenant_id, ITEMS)


class BulkWatchTable(JobWatchTable):
    """The bulk jobs of all tenants, for the watch over jobs."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, job_keys.BULK_DUE)
