"""Bulk jobs: what callers see of them, how they are carried out, and the watch over those that stand still.

A job goes from portion to portion. Each message asks for one portion by its number: the same message again, or one
that comes late, finds that it is done, and only whoever closes a portion asks for the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.bulk import BulkChange, Outcome
from shared.domain.contacts.filter import ContactFilter
from shared.domain.errors import ConcurrentChange, NotFound, Unavailable
from shared.domain.events import Event
from shared.domain.ids import Work, first_id_at, is_id, new_id
from shared.domain.jobs.bulk import BulkJob, BulkRun
from shared.domain.tenant import Tenant
from shared.domain.timestamps import to_milliseconds
from shared.services.backoff import RECORD
from shared.services.idempotency import Announce, no_key
from shared.services.optimistic import retry_on_conflict
from shared.services.paging import Cursors, Page
from shared.services.reading_budget import Budget
from shared.services.walks import Step, page_of_steps

MAX_PORTION = 250
"""How many contacts are worked on between two looks at whether the job was cancelled."""
_PORTION_READ = 100
"""How many jobs are read together to find those that a caller may see."""


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of a job to be carried out; `number` counts from 1."""

    tenant_id: str
    job_id: str
    number: int


class BulkJobRepository(Protocol):
    """The jobs of one tenant; see `shared.table.jobs.bulk.BulkJobTable`."""

    def get(self, job_id: str) -> BulkRun | None: ...

    def newest(self, *, limit: int, after: str | None) -> list[BulkRun]: ...

    def save(self, before: BulkRun, after: BulkRun, event: Event | None = None) -> None: ...


class BulkJobService:
    """Bulk jobs as one caller may see them: their own, and an admin all. Others raise NotFound."""

    def __init__(
        self,
        caller: Caller,
        jobs: BulkJobRepository,
        cursors: Cursors,
        *,
        budget: Budget | None = None,
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._jobs = jobs
        self._cursors = cursors
        self._budget = budget or Budget()
        self._sleep = sleep
        self._announce = announce

    def list(self, *, limit: int, cursor: str | None) -> Page[BulkJob]:
        """A page of the jobs, newest first."""
        self._caller.require("contacts:read")
        self._budget.begin()
        return page_of_steps(
            lambda after: self._newest(limit + 1 if self._sees_all else _PORTION_READ, after),
            BulkJob.of,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("bulk-jobs"),
        )

    def _newest(self, portion: int, after: str | None) -> Iterator[Step[BulkRun]]:
        """The tenant's jobs, read `portion` at a time, each with whether the caller may see it."""
        while True:
            self._budget.ask()
            runs = self._jobs.newest(limit=portion, after=after)
            self._budget.charge(len(runs))
            for run in runs:
                self._budget.advance()
                yield run.id, self._sees(run), run
            if len(runs) < portion:
                return
            after = runs[-1].id

    def read(self, job_id: str) -> BulkJob:
        """A job."""
        return BulkJob.of(self._get(job_id))

    def cancel(self, job_id: str) -> BulkJob:
        """A job, stopped behind the portion it is at. What is done stays done.

        Raises Conflict when it has ended, ConcurrentChange when it moves too fast.
        """

        def once() -> BulkJob:
            before = self._get(job_id)
            self._caller.require(before.permission)
            after = before.cancel(at=timestamps.now())
            if after is None:
                return BulkJob.of(before)
            cancelled = BulkJob.of(after)
            self._announce(cancelled)
            self._jobs.save(before, after)
            return cancelled

        return retry_on_conflict(once, sleep=self._sleep)

    @property
    def _sees_all(self) -> bool:
        return self._caller.role == "admin"

    def _get(self, job_id: str) -> BulkRun:
        self._caller.require("contacts:read")
        run = self._jobs.get(job_id) if is_id(job_id) else None
        if run is None or not self._sees(run):
            raise NotFound("Bulk job")
        return run

    def _sees(self, run: BulkRun) -> bool:
        return self._sees_all or run.caller.actor == self._caller.actor


class Contacts(Protocol):
    """A job's contacts; see `shared.services.contacts.bulk.BulkContacts`."""

    def as_meant_now(self, change: BulkChange) -> BulkChange: ...

    def update_many(
        self, contact_ids: Sequence[str], change: BulkChange, wanted: ContactFilter | None = None
    ) -> Sequence[Outcome]: ...

    def delete_many(
        self, contact_ids: Sequence[str], wanted: ContactFilter | None = None
    ) -> Sequence[Outcome]: ...


class Walk(Protocol):
    """The contacts a job goes through; see `shared.services.contacts.lists.ContactLists`."""

    def walk(
        self, wanted: ContactFilter, *, after: str | None, before: str | None = None
    ) -> Iterator[tuple[str, bool]]: ...


class Queue(Protocol):
    """The queue of work on jobs; see `shared.files.queues.bulk.BulkQueue`."""

    def send(self, portion: Portion) -> None: ...


class BulkWork:
    """Carries out portions.

    `contacts(caller, work)` and `lists(caller)` make what works on a tenant's contacts; `may_look_on` says
    whether there is time to look for more contacts.
    """

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        jobs: Callable[[str], BulkJobRepository],
        contacts: Callable[[Caller, Work], Contacts],
        lists: Callable[[Caller], Walk],
        queue: Queue,
        *,
        may_look_on: Callable[[], bool],
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._tenant = tenant
        self._jobs = jobs
        self._contacts = contacts
        self._lists = lists
        self._queue = queue
        self._may_look_on = may_look_on
        self._now = now

    def carry_out(self, portion: Portion) -> BulkRun | None:
        """Carry out a portion, and ask for the next; the job as it is then, or None when nothing was to be done.

        A suspended tenant's job is left for the watch. Raises Unavailable and ConcurrentChange when it should be
        tried again.
        """
        jobs = self._jobs(portion.tenant_id)
        tenant = self._tenant(portion.tenant_id)
        run = self._current(jobs, portion)
        if run is None or tenant is None or tenant.suspended:
            return None
        again = bool(run.portion)
        if not again:
            run = self._open(jobs, run)
        outcomes = self._act(run, again=again)
        for _ in RECORD.tries():
            current = self._current(jobs, portion)
            if current is None:  # a twin was faster, and asks for the next
                return None
            closed = current.close_portion(outcomes, at=self._now())
            ended, event = closed, None
            if closed.is_under_way and closed.walked:
                ended, event = closed.complete(event_id=new_id(), at=self._now())
            try:
                jobs.save(current, ended, event)
            except ConcurrentChange:  # cancelled, or put off by the watch
                continue
            if ended.is_under_way:
                self._queue.send(Portion(portion.tenant_id, run.id, ended.portions_done + 1))
            return ended
        raise ConcurrentChange()

    def _current(self, jobs: BulkJobRepository, portion: Portion) -> BulkRun | None:
        """The job as it is, if the portion is still to be carried out."""
        run = jobs.get(portion.job_id)
        if run is None:
            raise LookupError("a portion of a bulk job that is not there")
        if run.portions_done >= portion.number:
            if run.portions_done == portion.number and run.is_under_way:
                # Whoever closed it may have been killed before the next was asked for.
                self._queue.send(Portion(portion.tenant_id, run.id, run.portions_done + 1))
            return None
        return run if run.is_under_way or run.portion else None

    def _open(self, jobs: BulkJobRepository, run: BulkRun) -> BulkRun:
        """The job with its next contacts found and written down. Raises ConcurrentChange when others moved it."""
        found: list[str] = []
        position, walked = run.position, True
        before = first_id_at(to_milliseconds(run.created_at))
        for contact_id, is_match in self._lists(run.caller).walk(
            run.wanted, after=position or None, before=before
        ):
            position = contact_id
            if is_match:
                found.append(contact_id)
            if len(found) == MAX_PORTION or not self._may_look_on():
                walked = False
                break
        opened = run.open_portion(found, position=position, walked=walked, at=self._now())
        jobs.save(run, opened)
        return opened

    def _act(self, run: BulkRun, *, again: bool) -> Sequence[Outcome]:
        if not run.portion:
            return ()
        contacts = self._contacts(run.caller, Work(run.id, is_retry=again))
        if run.action == "delete":
            return contacts.delete_many(run.portion, run.wanted)
        change = contacts.as_meant_now(BulkChange.from_json(run.change))
        return contacts.update_many(run.portion, change, run.wanted)


class Watched(Protocol):
    """Jobs across tenants; see `shared.table.jobs.bulk.BulkWatchTable`."""

    def due(self, at: str) -> Iterator[tuple[str, str]]: ...


@dataclass(slots=True)
class BulkWatchReport:
    """The result of a look: jobs that wait for their tenant, that were driven on, that were given up, and that could
    not be looked at."""

    waiting: int = 0
    driven_on: int = 0
    given_up: int = 0
    failed: int = 0


class BulkWatch:
    """Looks after the bulk jobs of all tenants: one that has not moved for some minutes gets its message again."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        watched: Watched,
        jobs: Callable[[str], BulkJobRepository],
        queue: Queue,
        *,
        now: Callable[[], str] = timestamps.now,
        has_time: Callable[[], bool] = lambda: True,
    ) -> None:
        self._tenant = tenant
        self._watched = watched
        self._jobs = jobs
        self._queue = queue
        self._now = now
        self._has_time = has_time

    def look(self) -> BulkWatchReport:
        """Look at what is due, as far as the time allows."""
        report = BulkWatchReport()
        for tenant_id, job_id in self._watched.due(self._now()):
            if not self._has_time():
                break
            try:
                self._look_at(tenant_id, job_id, report)
            except ConcurrentChange:
                continue  # it moves again
            except Unavailable:  # it must not keep the others from being looked at
                report.failed += 1
        return report

    def _look_at(self, tenant_id: str, job_id: str, report: BulkWatchReport) -> None:
        jobs = self._jobs(tenant_id)
        run = jobs.get(job_id)
        if run is None or run.due_at is None or run.due_at > self._now():
            return  # it has moved: the index lags behind
        tenant = self._tenant(tenant_id)
        is_suspended = tenant is not None and tenant.suspended
        after = run.wait(at=self._now()) if is_suspended else run.put_off(at=self._now())
        if is_suspended:
            report.waiting += 1
        elif after.due_at is not None:
            # Before the due time is moved on, so that a kill in between loses nothing.
            self._queue.send(Portion(tenant_id, job_id, run.portions_done + 1))
            report.driven_on += 1
        else:
            report.given_up += 1
        jobs.save(run, after)
