"""Jobs whose record names the portion that is next, for the `JobWatch`: bulk jobs and exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, Self, TypeVar

from shared.domain import timestamps
from shared.domain.jobs.watching import Look
from shared.services.jobs.queue import TaskQueue
from shared.services.jobs.watch import WatchedRun

Task = TypeVar("Task")


class PortionedRun(WatchedRun, Protocol):
    """The record of a job that is done portion by portion."""

    @property
    def id(self) -> str: ...

    @property
    def portions_done(self) -> int: ...

    def put_off(self, look: Look, *, at: str) -> Self: ...

    def fail(self, code: str, message: str, *, at: str) -> Self: ...


Run = TypeVar("Run", bound=PortionedRun)


class DueJobs(Protocol):
    """The jobs of one kind across tenants; see `shared.table.jobs.records.JobWatchTable`."""

    def due(self, at: str) -> Iterator[tuple[str, str]]: ...


class JobRecords(Protocol[Run]):
    """The jobs of one kind of one tenant; see `shared.table.jobs.records.JobTable`."""

    def get(self, job_id: str) -> Run | None: ...

    def save(self, before: Run, after: Run) -> None: ...


class WatchedPortions(Generic[Run, Task]):
    """The jobs of one kind for the `JobWatch`. `task(tenant_id, job_id, number)` is the task of a portion."""

    def __init__(
        self,
        due: DueJobs,
        jobs: Callable[[str], JobRecords[Run]],
        queue: TaskQueue[Task],
        task: Callable[[str, str, int], Task],
        *,
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._due = due
        self._jobs = jobs
        self._queue = queue
        self._task = task
        self._now = now

    def due(self, at: str) -> Iterator[tuple[str, str]]:
        """Yield the jobs that are due for a look."""
        return self._due.due(at)

    def read(self, tenant_id: str, job_id: str) -> Run | None:
        """Return a job, or None."""
        return self._jobs(tenant_id).get(job_id)

    def queue_again(self, run: Run) -> None:
        """Queue the portion that the job waits for."""
        self._queue.send([self._task(run.tenant_id, run.id, run.portions_done + 1)])

    def put_off(self, run: Run, look: Look, at: str) -> None:
        """Write the time of the next look."""
        self._jobs(run.tenant_id).save(run, run.put_off(look, at=at))

    def give_up(self, run: Run) -> None:
        """Fail the job. What is done stays done."""
        message = "The job made no progress for a day. Start a new one for what is left."
        self._jobs(run.tenant_id).save(run, run.fail("stalled", message, at=self._now()))
