"""The bulk job: one change of all contacts that match a filter, made in the background, portion by portion.

The contacts of a portion are written down before any of them is changed. A portion that is run again, after a kill or
for a message that was delivered twice, is therefore about the same contacts, and the ids of its events, which follow
from job and contact, show what is done already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.callers import Caller
from shared.domain.contacts.bulk import BulkResult
from shared.domain.contacts.filter import ContactFilter
from shared.domain.errors import Conflict
from shared.domain.events import BULK_JOB_COMPLETED, Event
from shared.domain.jobs.portions import PortionedRun, PortionTask
from shared.domain.jobs.progress import Progress, Reason
from shared.domain.jobs.states import JobState
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.domain.timestamps import Timestamp, plus

Action = Literal["update", "delete"]

MAX_FAILURES = 100
"""Refused contacts of a job that are listed."""


class BulkFailure(BaseModel):
    """A contact that a job could not change or delete, and why."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    error: Reason


@dataclass(frozen=True, slots=True)
class BulkTask(PortionTask):
    """A portion of a bulk job to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRun(PortionedRun):
    """The record of a bulk job.

    `starts_at`: when it starts; contacts that are created later are not part of it. `change`: of an update, as it was
    given, in JSON. `matched`: the number of contacts that match, where it is known. `position`: the id up to which
    contacts have been searched; `walked`: there are none after it. `portion`: the contacts that are being worked on.
    `failures`: (contact id, code, message).
    """

    action: Action
    wanted: ContactFilter
    change: str
    starts_at: str
    matched: int | None = None
    position: str = ""
    walked: bool = False
    portion: tuple[str, ...] = ()
    succeeded: int = 0
    failed: int = 0
    failures: tuple[tuple[str, str, str], ...] = ()

    @classmethod
    def begin(
        cls,
        *,
        job_id: str,
        action: Action,
        caller: Caller,
        wanted: ContactFilter,
        change: str,
        matched: int | None,
        at: str,
        wait_seconds: int = 0,
    ) -> BulkRun:
        """Return a new job, which starts after some seconds."""
        starts_at = plus(at, wait_seconds)
        return cls(
            id=job_id,
            action=action,
            caller=caller,
            wanted=wanted,
            change=change,
            matched=matched,
            created_at=at,
            starts_at=starts_at,
            updated_at=at,
            due_at=plus(starts_at, FIRST_LOOK_SECONDS),
        )

    @property
    def has_work(self) -> bool:
        """Whether the watch looks at the job: a cancelled one too, until its open portion is closed."""
        return self.is_under_way or bool(self.portion)

    @property
    def done(self) -> int:
        """The number of contacts that are done, successfully or not."""
        return self.succeeded + self.failed

    @property
    def permission(self) -> str:
        """The permission that the job's action requires."""
        return "contacts:delete" if self.action == "delete" else "contacts:write"

    def open_portion(self, contact_ids: Iterable[str], *, position: str, walked: bool, at: str) -> BulkRun:
        """Return the job with the next contacts to work on, found up to `position`."""
        return self._change(at, state="running", portion=tuple(contact_ids), position=position, walked=walked)

    def close_portion(self, outcomes: Iterable[BulkResult], *, task_id: str, at: str) -> BulkRun:
        """Return the job with its open portion closed by a task and counted. A cancelled job stays cancelled."""
        refused = [(one.contact_id or "", one.refusal) for one in outcomes if one.refusal]
        named = [(contact_id, refusal.code, refusal.detail) for contact_id, refusal in refused]
        return self._change(
            at,
            portion=(),
            portions_done=self.portions_done + 1,
            closed_by=task_id,
            succeeded=self.succeeded + sum(1 for one in outcomes if not one.refusal),
            failed=self.failed + len(refused),
            failures=(*self.failures, *named)[:MAX_FAILURES],
        )

    def complete(self, *, event_id: str, at: str) -> tuple[BulkRun, Event]:
        """Return the completed job and its `bulk_job.completed` event."""
        completed = self._change(at, state="completed", matched=self.done, ended_at=at)
        event = Event(
            id=event_id,
            type=BULK_JOB_COMPLETED,
            entity="bulk_job",
            entity_id=self.id,
            at=at,
            actor=self.caller.actor,
            origin=self.caller.origin,
            version=completed.version,
            changes={"state": (self.state, "completed")},
            data={"action": self.action, "counts": BulkCounts.of(completed).model_dump()},
        )
        return completed, event

    def cancel(self, *, at: str) -> BulkRun | None:
        """Return the job, stopped after the portion that is open; None when it was cancelled before.

        Raises Conflict when it has ended.
        """
        if self.state == "cancelled":
            return None
        if not self.is_under_way:
            raise Conflict(f"The job is {self.state} and cannot be cancelled.", code="job_ended")
        return self._change(at, state="cancelled", ended_at=at)

    def fail(self, code: str, message: str, *, at: str) -> BulkRun:
        """Return the failed job with the reason. What is done stays done."""
        state = "failed" if self.is_under_way else self.state
        return self._change(at, state=state, portion=(), error=(code, message), ended_at=at)


class BulkCounts(BaseModel):
    """The number of contacts that are done, by result."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    done: int
    succeeded: int
    failed: int

    @classmethod
    def of(cls, run: BulkRun) -> BulkCounts:
        """Return the counts of a job."""
        return cls(done=run.done, succeeded=run.succeeded, failed=run.failed)


class BulkProgress(Progress):
    """How many contacts of a job are done. `seconds_left` is null while it cannot be estimated."""

    @classmethod
    def of(cls, run: BulkRun) -> BulkProgress:
        """Return the progress of a job as of its last portion."""
        return cls.measure(
            done=run.done,
            total=run.matched,
            is_running=run.is_under_way,
            started_at=run.starts_at,
            updated_at=run.updated_at,
        )


class BulkJob(BaseModel):
    """A bulk job."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    action: Action
    state: JobState
    counts: BulkCounts
    progress: BulkProgress
    matched: int | None = Field(description="The number of contacts that match; null where it is not known.")
    failures: list[BulkFailure] = Field(
        description=f"The first {MAX_FAILURES} contacts that could not be changed or deleted."
    )
    error: Reason | None = Field(None, description="Why the job failed.")
    created_at: Timestamp
    created_by: str
    starts_at: Annotated[
        Timestamp,
        Field(description="When the job starts. Contacts that are created later are not part of it."),
    ]
    updated_at: Timestamp
    completed_at: Annotated[Timestamp | None, Field(description="When the job ended, in any state.")]
    version: int

    @classmethod
    def of(cls, run: BulkRun) -> BulkJob:
        """Return what callers see of a job."""
        return cls(
            id=run.id,
            action=run.action,
            state=run.state,
            counts=BulkCounts.of(run),
            progress=BulkProgress.of(run),
            matched=run.matched,
            failures=[
                BulkFailure(id=contact_id, error=Reason(code=code, message=message))
                for contact_id, code, message in run.failures
            ],
            error=Reason(code=run.error[0], message=run.error[1]) if run.error else None,
            created_at=run.created_at,
            created_by=run.caller.actor,
            starts_at=run.starts_at,
            updated_at=run.updated_at,
            completed_at=run.ended_at,
            version=run.version,
        )
