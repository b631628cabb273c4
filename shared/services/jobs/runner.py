"""Runs jobs portion by portion, each on the request of a queue message.

Messages are delivered at least once, workers are killed, and a portion may be worked on twice at the same time. A job
stays exact nevertheless, for all kinds alike:

- What a portion does to each record is idempotent, and is counted in the write that closes the portion, which happens
  once.
- Only the worker that closes a portion queues the next one. Its message does so again when it is delivered again, since
  the worker may have been killed in between. Other messages for a closed portion do nothing: of two that ask for the
  same portion, whether the queue delivered one twice or the watch sent another, one continues.
- A portion of a suspended tenant is left open. The watch queues it again once the tenant is back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from shared.domain.jobs.portions import PortionedRun, PortionTask
from shared.domain.tenant import Tenant


class TenantTask(Protocol):
    """A task for a tenant."""

    @property
    def tenant_id(self) -> str: ...


Task = TypeVar("Task", bound=TenantTask, contravariant=True)
Run = TypeVar("Run")
OpenRun = TypeVar("OpenRun", bound=PortionedRun)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Portion(Generic[Run]):
    """A portion of a job. `run`: the record of the job. `is_closed`: whether the portion is done."""

    run: Run
    is_closed: bool


def find_portion(run: OpenRun, task: PortionTask) -> Portion[OpenRun] | None:
    """Return the portion that a task asks for, of a job that has work left.

    None if another task closed it, or a later one is closed.
    """
    if run.portions_done < task.number:
        return Portion(run, is_closed=False)
    is_latest = run.portions_done == task.number and run.closed_by in ("", task.id)
    return Portion(run, is_closed=True) if is_latest else None


@dataclass(frozen=True, slots=True)
class Done(Generic[Run, Result]):
    """A portion that was worked on. `run`: the record of the job afterwards; None when another worker closed the
    portion first."""

    result: Result
    run: Run | None


class JobKind(Protocol[Task, Run, Result]):
    """The particulars of one kind of job."""

    def find(self, task: Task) -> Portion[Run] | None:
        """Return the portion a task is about; None when there is nothing to do for it, as when another task closed it.
        Raises LookupError when there is no such job."""

    def refuse(self) -> None:
        """Handle a task of a tenant that does not exist or is suspended: raise, or leave it to the watch."""

    def work(self, task: Task, run: Run, tenant: Tenant) -> Result | None:
        """Do what the task asks for. Returns None when the job was given up."""

    def close(self, task: Task, run: Run, result: Result) -> Run | None:
        """Count the result and close the portion. Returns None when another worker closed it first."""

    def queue_next(self, task: Task, run: Run) -> None:
        """Queue what follows a closed portion."""


class JobRunner(Generic[Task, Run, Result]):
    """Runs the portions of one kind of job."""

    def __init__(self, tenant: Callable[[str], Tenant | None], kind: JobKind[Task, Run, Result]) -> None:
        self._tenant = tenant
        self._kind = kind

    def run(self, task: Task) -> Done[Run, Result] | None:
        """Run the portion that a task is about; None when there was nothing to do.

        Raises Unavailable and ConcurrentChange when the task should be tried again.
        """
        portion = self._kind.find(task)
        if portion is None:
            return None
        if portion.is_closed:
            self._kind.queue_next(task, portion.run)
            return None
        tenant = self._tenant(task.tenant_id)
        if tenant is None or tenant.suspended:
            self._kind.refuse()
            return None
        result = self._kind.work(task, portion.run, tenant)
        if result is None:
            return None
        closed = self._kind.close(task, portion.run, result)
        if closed is not None:
            self._kind.queue_next(task, closed)
        return Done(result, closed)
