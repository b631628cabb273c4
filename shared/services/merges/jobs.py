"""Merge jobs as callers start, see, cancel and undo them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import Unavailable
from shared.domain.ids import new_id
from shared.domain.jobs.merges import MergeJob, MergeRun, MergeSuggestedInput, MergeTask
from shared.domain.merges.groups import GroupResult
from shared.services.idempotency import Announce, no_key
from shared.services.jobs.queue import TaskQueue
from shared.services.jobs.service import JobRepository, JobService, JobViews
from shared.services.paging import Cursors, Page, read_page
from shared.services.reading_budget import Budget

MERGE_JOBS = JobViews("Merge job", "merge-jobs", "contacts:merge", MergeJob.of)


class MergeJobs(JobRepository[MergeRun], Protocol):
    """The merge jobs of one tenant; see `shared.table.merges.jobs.MergeJobTable`."""

    def add(self, run: MergeRun) -> None: ...

    def results(
        self, job_id: str, *, after: int | None, limit: int, descending: bool = False
    ) -> list[GroupResult]: ...


class MergeJobService(JobService[MergeRun, MergeJob]):
    """The merge jobs that one caller may see. All methods require `contacts:merge`."""

    def __init__(
        self,
        caller: Caller,
        jobs: MergeJobs,
        queue: TaskQueue[MergeTask],
        cursors: Cursors,
        *,
        budget: Budget | None = None,
        now: Callable[[], str] = timestamps.now,
        announce: Announce = no_key,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(MERGE_JOBS, caller, jobs, cursors, budget=budget, sleep=sleep, announce=announce)
        self._merge_jobs = jobs
        self._queue = queue
        self._now = now

    def start(self, given: MergeSuggestedInput) -> MergeJob:
        """Start a job that merges what is suggested. Raises QuotaReached while another one is under way."""
        self._require_rights()
        return self._add(MergeRun.begin(given, job_id=new_id(), caller=self._caller, at=self._now()))

    def undo(self, job_id: str) -> MergeJob:
        """Start a job that undoes the merges of another one, the last one first.

        Raises NotFound, QuotaReached while a merge job is under way, and Conflict: `job_under_way` until the job has
        ended, `nothing_to_undo` for one that makes no merges.
        """
        self._require_rights()
        run = self._get(job_id)
        return self._add(run.begin_undo(job_id=new_id(), caller=self._caller, at=self._now()))

    def list_groups(self, job_id: str, *, limit: int, cursor: str | None) -> Page[GroupResult]:
        """Return a page of what a job did with its groups, in the order of their numbers. Raises NotFound."""
        self._get(job_id)
        return read_page(
            lambda count, after: self._merge_jobs.results(job_id, after=after, limit=count),
            lambda result: result.number,
            lambda result: result,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("merge-groups", job_id),
        )

    def _require_rights(self) -> None:
        self._caller.require("contacts:merge")
        self._caller.require("contacts:read")

    def _add(self, run: MergeRun) -> MergeJob:
        job = MergeJob.of(run)
        self._announce(job)
        self._merge_jobs.add(run)
        # The job is stored: if it cannot be queued now, the watch over jobs queues it.
        with contextlib.suppress(Unavailable):
            self._queue.send([MergeTask(run.tenant_id, run.id, 1)])
        return job
