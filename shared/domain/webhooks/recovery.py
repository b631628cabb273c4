"""The recovery of a webhook: the deliveries that are missing in a part of the feed, made in the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.domain.callers import Caller
from shared.domain.errors import Conflict, Invalid, RuleBroken
from shared.domain.jobs.portions import PortionedRun, PortionTask
from shared.domain.jobs.progress import Progress, Reason
from shared.domain.jobs.states import UNDER_WAY, JobState
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
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
        if self.since is not None and self.to is not None and self.to < self.since:
            raise Invalid.field("to", "reversed_range", "This is before `from`.")
        if self.after is not None and self.until is not None and self.until < self.after:
            raise Invalid.field("until", "reversed_range", "This is before `after`.")
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
class RecoveryTask(PortionTask):
    """A portion of a recovery."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """The result of a portion: the position of the last event that it went through, and the deliveries that it made."""

    position: int
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRun(PortionedRun):
    """The record of a recovery. `position`: of the last event of a closed portion."""

    webhook_id: str
    after: int
    until: int
    position: int
    deliveries: int = 0

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
    def permission(self) -> str:
        """The permission that it takes to cancel the recovery."""
        return "webhooks:manage"

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
