"""The merge job: merges all groups of contacts that are suggested with a score, or undoes the merges of such a job.

It is made in the background, portion by portion. First all suggestions are read, then they are put together to groups,
and then each group is merged. So what a job merges does not depend on the merges that it makes meanwhile, and a dry run
has the same groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.callers import Caller
from shared.domain.errors import Conflict
from shared.domain.jobs.portions import PortionedRun, PortionTask
from shared.domain.jobs.progress import Progress, Reason
from shared.domain.jobs.states import JobState
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.domain.merges.groups import GroupResult
from shared.domain.timestamps import Timestamp, plus

MAX_PAIRS = 50_000
"""Pairs of contacts that one job takes. They are held in memory when groups are made of them."""
SURE_SCORE = 90
"""The least score of the pairs that a job merges, unless the caller names another."""

Action = Literal["merge", "undo"]
Stage = Literal["search", "group", "work"]
Pair = tuple[str, str]


class MergeSuggestedInput(BaseModel):
    """Which suggestions to merge."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    min_score: int = Field(
        SURE_SCORE, ge=50, le=100, description="Merge the pairs with this score, or a higher one."
    )
    dry_run: bool = Field(False, description="List the groups that would be merged, without merging them.")


class MergeJobCounts(BaseModel):
    """The results of a job.

    `pairs`: suggestions that it found. `pairs_left_out`: those of them that the caller may see and not merge. `groups`:
    that they form; null until all are found, or the merges that are undone. `planned`, `merged`, `undone`, `refused`:
    groups by outcome. `contacts`: those that are merged into others, or are back. `kept`: undone merges of which
    something stayed. `reasons`: the refused groups by code.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    pairs: int
    pairs_left_out: int
    groups: int | None
    planned: int
    merged: int
    undone: int
    refused: int
    contacts: int
    kept: int
    reasons: dict[str, int] = Field(examples=[{"changed_meanwhile": 1}])


class MergeJob(BaseModel):
    """A job that merges suggested contacts, or undoes that.

    `undoes`: the job whose merges it undoes; null for one that merges. `has_more`: whether there are more suggestions
    than one job takes; a further job merges these.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    action: Action
    undoes: str | None
    min_score: int | None = Field(description="Null for a job that undoes merges.")
    dry_run: bool
    state: JobState
    counts: MergeJobCounts
    has_more: bool
    progress: Progress
    error: Reason | None = Field(None, description="Why the job failed.")
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    completed_at: Timestamp | None = Field(description="When the job ended, in any state.")
    version: int

    @classmethod
    def of(cls, run: MergeRun) -> MergeJob:
        """Return what callers see of a job."""
        counted = Counter(run.outcomes)
        return cls(
            id=run.id,
            action=run.action,
            undoes=run.undoes,
            min_score=run.min_score if run.action == "merge" else None,
            dry_run=run.dry_run,
            state=run.state,
            counts=MergeJobCounts(
                pairs=run.pairs,
                pairs_left_out=run.pairs_left_out,
                groups=run.groups,
                planned=counted["planned"],
                merged=counted["merged"],
                undone=counted["undone"],
                refused=counted["refused"],
                contacts=run.contacts,
                kept=run.kept,
                reasons=dict(run.reasons),
            ),
            has_more=run.has_more,
            progress=Progress.measure(
                done=run.done,
                total=run.groups,
                is_running=run.is_under_way,
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
class MergeTask(PortionTask):
    """A portion of a merge job to work on."""


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a portion that searched: pairs, and the position of the walk; None at the end of the suggestions.
    `left_out`: pairs that the caller may not merge.
    """

    pairs: tuple[Pair, ...]
    position: Any
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Grouped:
    """The result of the portion that put the pairs together: how many groups they form."""

    groups: int


@dataclass(frozen=True, slots=True)
class Worked:
    """The result of a portion that merged groups or undid merges. `is_last`: whether there are no more. `position`: of
    an undo, the last group that was looked at.
    """

    results: tuple[GroupResult, ...]
    is_last: bool
    position: int | None = None


Result = Found | Grouped | Worked


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRun(PortionedRun):
    """The record of a merge job.

    `position`: of the walk through the suggestions, or through the groups of the job that is undone. `done`: groups
    that are done. `is_open`: whether a worker may be merging groups. `outcomes`: groups by outcome. The other fields:
    see `MergeJob`.
    """

    action: Action
    min_score: int = SURE_SCORE
    dry_run: bool = False
    undoes: str | None = None
    stage: Stage = "search"
    position: Any = None
    pairs: int = 0
    pairs_left_out: int = 0
    has_more: bool = False
    groups: int | None = None
    done: int = 0
    is_open: bool = False
    outcomes: Mapping[str, int] = field(default_factory=dict)
    contacts: int = 0
    kept: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def begin(cls, given: MergeSuggestedInput, *, job_id: str, caller: Caller, at: str) -> Self:
        """Return a new job that merges what is suggested."""
        return cls(
            id=job_id,
            action="merge",
            caller=caller,
            min_score=given.min_score,
            dry_run=given.dry_run,
            created_at=at,
            updated_at=at,
            due_at=plus(at, FIRST_LOOK_SECONDS),
        )

    def begin_undo(self, *, job_id: str, caller: Caller, at: str) -> MergeRun:
        """Return a new job that undoes the merges of this one. Raises Conflict with code `nothing_to_undo` when this
        one makes no merges, and `job_under_way` until it has ended.
        """
        if self.action == "undo" or self.dry_run:
            raise Conflict("This job makes no merges that could be undone.", code="nothing_to_undo")
        if self.has_work:
            raise Conflict("The job has not ended. Cancel it, or wait until it has.", code="job_under_way")
        return MergeRun(
            id=job_id,
            action="undo",
            caller=caller,
            undoes=self.id,
            stage="work",
            groups=self.outcomes.get("merged", 0),
            created_at=at,
            updated_at=at,
            due_at=plus(at, FIRST_LOOK_SECONDS),
        )

    @property
    def permission(self) -> str:
        """The permission that it takes to cancel the job."""
        return "contacts:merge"

    @property
    def has_work(self) -> bool:
        """Whether the watch looks at the job: a cancelled one too, until its open portion is closed."""
        return self.is_under_way or self.is_open

    def open_portion(self, *, at: str) -> MergeRun:
        """Return the job with a portion whose groups a worker is about to merge."""
        return self._change(at, state="running", is_open=True)

    def close(self, result: Result, *, task_id: str, at: str) -> MergeRun:
        """Return the job with a portion counted, completed after the last one. A cancelled job stays cancelled."""
        changed: dict[str, object] = {"portions_done": self.portions_done + 1, "closed_by": task_id}
        if isinstance(result, Found):
            changed |= self._count_found(result)
        elif isinstance(result, Grouped):
            changed |= {"groups": result.groups, "stage": "work", "is_open": False}
        else:
            changed |= self._count_worked(result)
        is_last = result.is_last if isinstance(result, Worked) else changed.get("groups") == 0
        if self.is_under_way:
            changed["state"] = "completed" if is_last else "running"
            changed["ended_at"] = at if is_last else None
        return self._change(at, **changed)

    def _count_found(self, found: Found) -> dict[str, object]:
        pairs = self.pairs + len(found.pairs)
        is_full = pairs >= MAX_PAIRS and found.position is not None
        return {
            "pairs": pairs,
            "pairs_left_out": self.pairs_left_out + found.left_out,
            "position": found.position,
            "has_more": is_full,
            "stage": "group" if found.position is None or is_full else "search",
        }

    def _count_worked(self, worked: Worked) -> dict[str, object]:
        results = worked.results
        refused = [one.error.code for one in results if one.error is not None]
        moved = sum(len(one.contact_ids) - 1 for one in results if one.outcome != "refused")
        return {
            "is_open": False,
            "done": self.done + len(results),
            "position": worked.position,
            "outcomes": _add(self.outcomes, Counter(one.outcome for one in results)),
            "contacts": self.contacts + moved,
            "kept": self.kept + sum(1 for one in results if one.kept),
            "reasons": _add(self.reasons, Counter(refused)),
        }

    def cancel(self, *, at: str) -> MergeRun | None:
        """Return the job, stopped after the group that is being merged; None when it was cancelled before.

        Raises Conflict when it has ended.
        """
        if self.state == "cancelled":
            return None
        if not self.is_under_way:
            raise Conflict(f"The job is {self.state} and cannot be cancelled.", code="job_ended")
        return self._change(at, state="cancelled", ended_at=at)

    def fail(self, code: str, message: str, *, at: str) -> MergeRun:
        """Return the failed job with the reason. What is done stays done."""
        state = "failed" if self.is_under_way else self.state
        return self._change(at, state=state, is_open=False, error=(code, message), ended_at=at)


def _add(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {name: counts.get(name, 0) + more.get(name, 0) for name in sorted({*counts, *more})}
