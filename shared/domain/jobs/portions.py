"""A job that is done portion by portion: what the records and the tasks of bulk jobs, exports and recoveries share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from shared.domain.callers import Caller
from shared.domain.ids import new_id
from shared.domain.jobs.states import UNDER_WAY, JobState
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS, Look
from shared.domain.timestamps import plus


@dataclass(frozen=True, slots=True)
class PortionTask:
    """A portion of a job to work on.

    `number` counts from 1. `id`: of the message that asks for it; a message that is delivered again keeps it.
    """

    tenant_id: str
    job_id: str
    number: int
    id: str = field(default_factory=new_id, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortionedRun:
    """The record of a job.

    `caller`: the caller who created it, with the rights they had then; it runs with these. `closed_by`: the task that
    closed the latest portion. `error`: (code, message). `due_at` and `idle_looks`: see `shared.domain.jobs.watching`.
    """

    id: str
    caller: Caller
    created_at: str
    updated_at: str
    state: JobState = "queued"
    portions_done: int = 0
    closed_by: str = ""
    error: tuple[str, str] | None = None
    ended_at: str | None = None
    version: int = 1
    due_at: str | None = None
    idle_looks: int = 0

    @property
    def tenant_id(self) -> str:
        """The tenant of the job."""
        return self.caller.tenant_id

    @property
    def has_moved(self) -> bool:
        """Whether the job has made progress since the last look of the watch: False for a job that is due, since
        progress moves the due time on."""
        return False

    @property
    def is_under_way(self) -> bool:
        """Whether the job has neither ended nor been cancelled."""
        return self.state in UNDER_WAY

    @property
    def has_work(self) -> bool:
        """Whether the watch looks at the job."""
        return self.is_under_way

    def put_off(self, look: Look, *, at: str) -> Self:
        """Return the job after a look of the watch, due again after a pause."""
        due_at = plus(at, look.pause_seconds)
        return replace(self, version=self.version + 1, idle_looks=look.idle_looks, due_at=due_at)

    def _change(self, at: str, **changed: object) -> Self:
        run = replace(self, version=self.version + 1, updated_at=at, idle_looks=0, **changed)  # type: ignore[arg-type]
        return replace(run, due_at=plus(at, FIRST_LOOK_SECONDS) if run.has_work else None)
