"""Bulk jobs: one change of all contacts that match a filter, as a kind of job.

The contacts of a portion are written down before any of them is changed. A portion that is run again is therefore about
the same contacts, and the ids of its events, which follow from job and contact, show what is done already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.bulk import BulkChange, BulkResult
from shared.domain.contacts.filter import ContactFilter
from shared.domain.errors import ConcurrentChange
from shared.domain.events import Event
from shared.domain.ids import Work, first_id_at, new_id
from shared.domain.jobs.bulk import BulkJob, BulkRun, BulkTask
from shared.domain.tenant import Tenant
from shared.domain.timestamps import to_milliseconds
from shared.services.backoff import RECORD
from shared.services.jobs.queue import TaskQueue
from shared.services.jobs.runner import Portion
from shared.services.jobs.service import JobViews

MAX_PORTION = 250
"""Contacts in a portion: as many as a job changes before it looks whether it was cancelled."""

BULK_JOBS = JobViews("Bulk job", "bulk-jobs", "contacts:read", BulkJob.of)


class BulkJobRepository(Protocol):
    """The bulk jobs of one tenant; see `shared.table.jobs.bulk.BulkJobTable`."""

    def get(self, job_id: str) -> BulkRun | None: ...

    def save(self, before: BulkRun, after: BulkRun, event: Event | None = None) -> None: ...


class Contacts(Protocol):
    """The contacts of a job; see `shared.services.contacts.bulk.BulkContacts`."""

    def refresh_change(self, change: BulkChange) -> BulkChange: ...

    def update_many(
        self, contact_ids: Sequence[str], change: BulkChange, wanted: ContactFilter | None = None
    ) -> Sequence[BulkResult]: ...

    def delete_many(
        self, contact_ids: Sequence[str], wanted: ContactFilter | None = None
    ) -> Sequence[BulkResult]: ...


class Walk(Protocol):
    """The contacts that a job searches; see `shared.services.contacts.lists.ContactLists`."""

    def walk(
        self, wanted: ContactFilter, *, after: str | None, before: str | None = None
    ) -> Iterator[tuple[str, bool]]: ...


class FollowUps(Protocol):
    """The follow-ups of a job; see `shared.services.interactions.assignments.Assignments`."""

    def hand_over(self, former_id: str, assignee_id: str | None) -> None: ...


class BulkPortions:
    """Bulk jobs for the `JobRunner`.

    `contacts(caller, work)`, `lists(caller)` and `follow_ups(caller)` build what works on a tenant's records.
    `may_look_on` returns whether there is time to search for more contacts.
    """

    def __init__(
        self,
        jobs: Callable[[str], BulkJobRepository],
        contacts: Callable[[Caller, Work], Contacts],
        lists: Callable[[Caller], Walk],
        follow_ups: Callable[[Caller], FollowUps],
        queue: TaskQueue[BulkTask],
        *,
        may_look_on: Callable[[], bool],
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._jobs = jobs
        self._contacts = contacts
        self._lists = lists
        self._follow_ups = follow_ups
        self._queue = queue
        self._may_look_on = may_look_on
        self._now = now

    def find(self, task: BulkTask) -> Portion[BulkRun] | None:
        """Return the portion; None when another task closed it, when later ones are closed, or the job has ended."""
        run = self._jobs(task.tenant_id).get(task.job_id)
        if run is None:
            raise LookupError("a portion of a bulk job that is not there")
        if run.portions_done >= task.number:
            is_latest = run.portions_done == task.number and run.is_under_way
            return Portion(run, is_closed=True) if is_latest and run.closed_by in ("", task.id) else None
        return Portion(run, is_closed=False) if run.is_under_way or run.portion else None

    def refuse(self) -> None:
        """Leave the portion to the watch."""

    def work(self, task: BulkTask, run: BulkRun, _tenant: Tenant) -> Sequence[BulkResult]:
        """Change or delete the contacts of the portion, which are searched first unless an earlier attempt wrote them
        down. With the last portion, hand over the follow-ups of a removed user. Raises ConcurrentChange when others
        changed the job."""
        is_repeated = bool(run.portion)
        if not is_repeated:
            run = self._open(task, run)
        change = BulkChange.from_json(run.change) if run.action == "update" else None
        former_assignee_id = change.former_assignee_id if change is not None and run.walked else ""
        if not (run.portion or former_assignee_id):
            return ()
        caller = replace(run.caller, job_id=run.id)
        contacts = self._contacts(caller, Work(run.id, is_retry=is_repeated))
        if change is None:
            return contacts.delete_many(run.portion, run.wanted)
        change = contacts.refresh_change(change)
        results = contacts.update_many(run.portion, change, run.wanted) if run.portion else ()
        if former_assignee_id:
            self._follow_ups(caller).hand_over(former_assignee_id, change.fields["owner_id"])
        return results

    def _open(self, task: BulkTask, run: BulkRun) -> BulkRun:
        """Search the next contacts and write them down."""
        found: list[str] = []
        position, walked = run.position, True
        before = first_id_at(to_milliseconds(run.starts_at))
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
        self._jobs(task.tenant_id).save(run, opened)
        return opened

    def close(self, task: BulkTask, _run: BulkRun, result: Sequence[BulkResult]) -> BulkRun | None:
        """Count the outcomes, and complete the job after its last portion."""
        for _ in RECORD.tries():
            current = self.find(task)
            if current is None:
                return None
            if current.is_closed:
                self.queue_next(task, current.run)
                return None
            ended, event = current.run.close_portion(result, task_id=task.id, at=self._now()), None
            if ended.is_under_way and ended.walked:
                ended, event = ended.complete(event_id=new_id(), at=self._now())
            try:
                self._jobs(task.tenant_id).save(current.run, ended, event)
            except ConcurrentChange:  # cancelled, or put off by the watch
                continue
            return ended
        raise ConcurrentChange()

    def queue_next(self, task: BulkTask, run: BulkRun) -> None:
        """Queue the next portion of a job that has not ended."""
        if run.is_under_way:
            self._queue.send([BulkTask(task.tenant_id, run.id, run.portions_done + 1)])
