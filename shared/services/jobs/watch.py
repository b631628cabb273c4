"""The watch over jobs: a job that makes no progress is queued again, and after about a day it is given up.

The same watch serves all kinds of jobs; a `WatchedJobs` says what is particular to a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange, Unavailable
from shared.domain.jobs.watching import Finding, Look, look_at
from shared.domain.tenant import Tenant


class WatchedRun(Protocol):
    """The record of a job."""

    @property
    def tenant_id(self) -> str: ...

    @property
    def due_at(self) -> str | None: ...

    @property
    def idle_looks(self) -> int: ...

    @property
    def has_moved(self) -> bool:
        """Whether the job has made progress since the last look."""


Run = TypeVar("Run", bound=WatchedRun)


class WatchedJobs(Protocol[Run]):
    """The jobs of one kind, of all tenants."""

    def due(self, at: str) -> Iterator[tuple[str, str]]:
        """Yield the tenant id and id of each job that is due for a look, the longest overdue first. The index lags
        behind the jobs by moments, so some may have moved or ended."""

    def read(self, tenant_id: str, job_id: str) -> Run | None:
        """Return a job; None when it needs no look."""

    def queue_again(self, run: Run) -> None:
        """Queue the task that the job waits for."""

    def put_off(self, run: Run, look: Look, at: str) -> None:
        """Write the result of a look and the time of the next one."""

    def give_up(self, run: Run) -> None:
        """Fail the job."""


@dataclass(slots=True)
class WatchReport:
    """The number of jobs by what the watch found: jobs that wait for their tenant, that were queued again
    (`driven_on`), that were given up, and that could not be looked at (`failed`)."""

    waiting: int = 0
    driven_on: int = 0
    given_up: int = 0
    failed: int = 0

    def count(self, finding: Finding) -> None:
        """Count a job."""
        setattr(self, finding, getattr(self, finding) + 1)


class JobWatch(Generic[Run]):
    """Looks at the jobs of one kind, of all tenants."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        jobs: WatchedJobs[Run],
        *,
        now: Callable[[], str] = timestamps.now,
        has_time: Callable[[], bool] = lambda: True,
    ) -> None:
        self._tenant = tenant
        self._jobs = jobs
        self._now = now
        self._has_time = has_time

    def look(self) -> WatchReport:
        """Look at the jobs that are due, as far as time allows."""
        report = WatchReport()
        self.look_at_due(report)
        return report

    def look_at_due(self, report: WatchReport) -> bool:
        """Look at the jobs that are due and count them in a report. Returns False when time ran out."""
        for tenant_id, job_id in self._jobs.due(self._now()):
            if not self._has_time():
                return False
            try:
                self._look_at(tenant_id, job_id, report)
            except ConcurrentChange:
                continue  # it makes progress again
            except Unavailable:  # must not keep the watch from the other jobs
                report.failed += 1
        return True

    def _look_at(self, tenant_id: str, job_id: str, report: WatchReport) -> None:
        at = self._now()
        run = self._jobs.read(tenant_id, job_id)
        if run is None or run.due_at is None or run.due_at > at:
            return  # it has moved or ended since its index entry was written
        tenant = self._tenant(tenant_id)
        look = look_at(
            idle_looks=run.idle_looks,
            has_moved=run.has_moved,
            is_suspended=tenant is not None and tenant.suspended,
        )
        if look.finding == "driven_on":
            # Before the next look is written, so that a kill in between loses nothing.
            self._jobs.queue_again(run)
        report.count(look.finding)
        if look.finding == "given_up":
            self._jobs.give_up(run)
        else:
            self._jobs.put_off(run, look, at)
