"""The recovery of a webhook: the deliveries that are missing in a part of the feed, made in the background."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.domain.callers import Caller
from shared.domain.errors import Conflict, Invalid, RuleBroken
from shared.domain.ids import new_id
from shared.domain.jobs.progress import Progress, Reason
from shared.domain.jobs.states import UNDER_WAY, JobState
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS, Look
from shared.domain.moments import GivenTime
from shared.domain.timestamps import Timestamp, plus

MAX_EVENTS = 100_000
"""The most events of the feed that one recovery goes through."""
MAX_DAYS = 14
"""How many days ago the first event of a recovery may have been published."""
_MAX_POSITION = 2**53 - 1


class RecoveryInput(BaseModel):
    """The part of the feed to recover: by time, or by position."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    since: GivenTime | None = Field(
        None,
        alias="from",
        description="Events published at or after this time.",
        examples=["2025-04-12T00:00:00Z"],
    )
    to: GivenTime | None = Field(
        None, description="Events published before this time. Omit it for all events until now."
    )
    after: int | None = Field(
        None, ge=0, le=_MAX_POSITION, description="Events after this position of the feed, instead of `from`."
    )
    until: int | None = Field(
        None,
        ge=0,
        le=_MAX_POSITION,
        description="Events up to this position, this one included, instead of `to`.",
    )

    @model_validator(mode="after")
    def _require_one_way(self) -> Self:
        """Raises Invalid unless the beginning is given, and all bounds are either times or positions."""
        by_time, by_position = self.since is not None, self.after is not None
        if by_time == by_position:
            raise Invalid.field(
                "from", "contradiction", "Give either `from`, a time, or `after`, a position."
            )
        if by_time and self.until is not None:
            raise Invalid.field("until", "contradiction", "Give `to` with `from`, and `until` with `after`.")
        if by_position and self.to is not None:
            raise Invalid.field("to", "contradiction", "Give `to` with `from`, and `until` with `after`.")
        return self


class RecoveryCounts(BaseModel):
    """What a recovery has done. `events`: of the feed that it went through. `deliveries`: that it made or restarted."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    events: int
    deliveries: int


class Recovery(BaseModel):
    """A recovery of a webhook.

    `after` and `until`: the positions of the feed between which it makes deliveries, the latter included.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    webhook_id: str
    state: JobState
    after: int
    until: int
    counts: RecoveryCounts
    progress: Progress
    error: Reason | None = Field(None, description="Why the recovery failed.")
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    completed_at: Timestamp | None = Field(description="When the recovery ended, in any state.")
    version: int

    @classmethod
    def of(cls, run: RecoveryRun) -> Recovery:
        """Return what callers see of a recovery."""
        return cls(
            id=run.id,
            webhook_id=run.webhook_id,
            state=run.state,
            after=run.after,
            until=run.until,
            counts=RecoveryCounts(events=run.position - run.after, deliveries=run.deliveries),
            progress=Progress.measure(
                done=run.position - run.after,
                total=run.until - run.after,
                is_running=run.state in UNDER_WAY,
                started_at=run.created_at,
                updated_at=run.updated_at,
            ),
            error=Reason(code=run.error[0], message=run.error[1]) if run.error else None,
            created_at=run.created_at,
            created_by=run.caller.actor,
            updated_at=run.updated_at,
            completed_at=run.ended_at,
            version=run.version,
        )


@dataclass(frozen=True, slots=True)
class RecoveryTask:
    """A portion of a recovery. `number` counts from 1. `id`: of the message that asks for it."""

    tenant_id: str
    job_id: str
    number: int
    id: str = field(default_factory=new_id, compare=False)


@dataclass(frozen=True, slots=True)
class Recovered:
    """The result of a portion: the position of the last event that it went through, and the deliveries that it made."""

    position: int
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRun:
    """The record of a recovery.

    `caller`: the caller who asked for it. `position`: of the last event of a closed portion. `closed_by`: the task that
    closed the latest portion.
    """

    id: str
    webhook_id: str
    caller: Caller
    after: int
    until: int
    position: int
    created_at: str
    updated_at: str
    state: JobState = "queued"
    deliveries: int = 0
    portions_done: int = 0
    closed_by: str = ""
    error: tuple[str, str] | None = None
    ended_at: str | None = None
    version: int = 1
    due_at: str | None = None
    idle_looks: int = 0

    @classmethod
    def begin(
        cls, *, recovery_id: str, webhook_id: str, caller: Caller, after: int, until: int, at: str
    ) -> RecoveryRun:
        """Return a new recovery of the events after a position up to another. Raises RuleBroken with code
        `too_many_events` for more than MAX_EVENTS.
        """
        if until - after > MAX_EVENTS:
            raise RuleBroken(
                f"A recovery goes through at most {MAX_EVENTS:,} events. Recover them in parts, by position.",
                code="too_many_events",
            )
        return cls(
            id=recovery_id,
            webhook_id=webhook_id,
            caller=caller,
            after=after,
            until=until,
            position=after,
            created_at=at,
            updated_at=at,
            due_at=plus(at, FIRST_LOOK_SECONDS),
        )

    @property
    def tenant_id(self) -> str:
        """The tenant of the webhook."""
        return self.caller.tenant_id

    @property
    def permission(self) -> str:
        """The permission that it takes to cancel the recovery."""
        return "webhooks:manage"

    @property
    def has_moved(self) -> bool:
        """Whether there was progress since the last look of the watch: progress moves the due time on, so no."""
        return False

    @property
    def is_under_way(self) -> bool:
        """Whether the recovery has neither ended nor been cancelled."""
        return self.state in UNDER_WAY

    def close(self, result: Recovered, *, task_id: str, at: str) -> RecoveryRun:
        """Return the recovery with a portion counted, completed after the last one."""
        is_through = result.position >= self.until
        return self._change(
            at,
            state="completed" if is_through else "running",
            ended_at=at if is_through else None,
            position=min(result.position, self.until),
            deliveries=self.deliveries + result.deliveries,
            portions_done=self.portions_done + 1,
            closed_by=task_id,
        )

    def cancel(self, *, at: str) -> RecoveryRun | None:
        """Return the cancelled recovery; None when it was cancelled before. Raises Conflict when it has ended."""
        if self.state == "cancelled":
            return None
        if not self.is_under_way:
            raise Conflict(f"The recovery is {self.state} and cannot be cancelled.", code="job_ended")
        return self._change(at, state="cancelled", ended_at=at)

    def fail(self, code: str, message: str, *, at: str) -> RecoveryRun:
        """Return the failed recovery with the reason."""
        return self._change(at, state="failed", error=(code, message), ended_at=at)

    def put_off(self, look: Look, *, at: str) -> RecoveryRun:
        """Return the recovery after a look of the watch, due again after a pause."""
        due_at = plus(at, look.pause_seconds)
        return replace(self, version=self.version + 1, idle_looks=look.idle_looks, due_at=due_at)

    def _change(self, at: str, **changed: object) -> RecoveryRun:
        run = replace(self, version=self.version + 1, updated_at=at, idle_looks=0, **changed)  # type: ignore[arg-type]
        return replace(run, due_at=plus(at, FIRST_LOOK_SECONDS) if run.is_under_way else None)
