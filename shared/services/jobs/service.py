"""Jobs as callers see and cancel them: the same for all kinds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

from pydantic import BaseModel

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import NotFound
from shared.domain.ids import is_id
from shared.services.idempotency import Announce, no_key
from shared.services.optimistic import retry_on_conflict
from shared.services.paging import Cursors, Page
from shared.services.reading_budget import Budget
from shared.services.walks import Step, read_page_of_steps

_PAGE = 100
"""Jobs that are read together to find those that a caller may see."""


class JobRun(Protocol):
    """The record of a job."""

    @property
    def id(self) -> str: ...

    @property
    def caller(self) -> Caller: ...

    @property
    def permission(self) -> str: ...

    def cancel(self, *, at: str) -> Self | None: ...


Run = TypeVar("Run", bound=JobRun)
View = TypeVar("View", bound=BaseModel)


class JobRepository(Protocol[Run]):
    """The jobs of one kind of one tenant."""

    def get(self, job_id: str) -> Run | None: ...

    def list_newest(self, *, limit: int, after: str | None) -> list[Run]: ...

    def save(self, before: Run, after: Run) -> None: ...


@dataclass(frozen=True, slots=True)
class JobViews(Generic[Run, View]):
    """How a kind of job is named and shown, and the permission that it takes to see it.

    `name`: as in "Bulk job not found". `cursor_scope`: the list that a cursor belongs to.
    """

    name: str
    cursor_scope: str
    permission: str
    show: Callable[[Run], View]


class JobService(Generic[Run, View]):
    """The jobs of one kind that one caller may see: their own, and for an admin all jobs. For any other job it raises
    NotFound."""

    def __init__(
        self,
        views: JobViews[Run, View],
        caller: Caller,
        jobs: JobRepository[Run],
        cursors: Cursors,
        *,
        budget: Budget | None = None,
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._views = views
        self._caller = caller
        self._jobs = jobs
        self._cursors = cursors
        self._budget = budget or Budget()
        self._sleep = sleep
        self._announce = announce

    def list(self, *, limit: int, cursor: str | None) -> Page[View]:
        """Return a page of the jobs, newest first."""
        portion = limit + 1 if self._sees_all else _PAGE
        return self._read_list(lambda _: True, limit=limit, cursor=cursor, portion=portion)

    def _read_list(
        self,
        is_wanted: Callable[[Run], bool],
        *conditions: str,
        limit: int,
        cursor: str | None,
        portion: int,
    ) -> Page[View]:
        """Return a page of the jobs that are wanted and that the caller may see, read `portion` at a time.

        `conditions`: what is wanted, for the scope of the cursor.
        """
        self._caller.require(self._views.permission)
        self._budget.restart()
        return read_page_of_steps(
            lambda after: self._newest(is_wanted, portion, after),
            self._views.show,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope(self._views.cursor_scope, *conditions),
        )

    def _newest(self, is_wanted: Callable[[Run], bool], count: int, after: Any) -> Iterator[Step[Run]]:
        """Yield the tenant's jobs, read `count` at a time, each with whether it is wanted and may be seen."""
        while True:
            self._budget.check()
            runs = self._jobs.list_newest(limit=count, after=after)
            self._budget.charge(len(runs))
            for run in runs:
                self._budget.advance()
                yield run.id, is_wanted(run) and self._may_see(run), run
            if len(runs) < count:
                return
            after = runs[-1].id

    def read(self, job_id: str) -> View:
        """Return a job."""
        return self._views.show(self._get(job_id))

    def cancel(self, job_id: str) -> View:
        """Stop a job after the portion that is open. What is done stays done.

        Raises Conflict when it has ended, ConcurrentChange when it changes too fast.
        """

        def cancel_once() -> View:
            before = self._get(job_id)
            self._caller.require(before.permission)
            after = before.cancel(at=timestamps.now())
            if after is None:
                return self._views.show(before)
            cancelled = self._views.show(after)
            self._announce(cancelled)
            self._jobs.save(before, after)
            return cancelled

        return retry_on_conflict(cancel_once, sleep=self._sleep)

    @property
    def _sees_all(self) -> bool:
        return self._caller.role == "admin"

    def _get(self, job_id: str) -> Run:
        self._caller.require(self._views.permission)
        run = self._jobs.get(job_id) if is_id(job_id) else None
        if run is None or not self._may_see(run):
            raise NotFound(self._views.name)
        return run

    def _may_see(self, run: Run) -> bool:
        return self._sees_all or run.caller.actor == self._caller.actor
