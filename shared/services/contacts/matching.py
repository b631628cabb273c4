"""Changes and deletes all contacts that match a filter: in the call itself, or by a background job."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.bulk import MAX_TOGETHER, BulkChangeInput, BulkResult
from shared.domain.contacts.filter import ContactFilter
from shared.domain.errors import Invalid, Unavailable
from shared.domain.ids import new_id
from shared.domain.jobs.bulk import Action, BulkJob, BulkRun, BulkTask
from shared.services.contacts.bulk import BulkContacts
from shared.services.contacts.search import require_searchable
from shared.services.idempotency import Announce, no_key
from shared.services.jobs.queue import TaskQueue


class Matches(Protocol):
    """The contacts that match a filter; see `shared.services.contacts.lists.ContactLists`."""

    def find_all(self, wanted: ContactFilter, *, limit: int) -> Sequence[str] | None: ...

    def count_of(self, wanted: ContactFilter) -> int | None: ...


class NewJobs(Protocol):
    """The store of jobs; see `shared.table.jobs.bulk.BulkJobTable`."""

    def add(self, run: BulkRun) -> None: ...


class MatchingContacts:
    """All contacts that match a filter, as one caller may change them.

    `search_once` runs a search, and returns what it found when this work first ran it.
    """

    def __init__(
        self,
        caller: Caller,
        contacts: BulkContacts,
        matches: Matches,
        jobs: NewJobs,
        queue: TaskQueue[BulkTask],
        *,
        search_once: Callable[[Callable[[], list[str]]], list[str]],
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._contacts = contacts
        self._matches = matches
        self._jobs = jobs
        self._queue = queue
        self._search_once = search_once
        self._announce = announce

    def update(self, wanted: ContactFilter, given: BulkChangeInput) -> list[BulkResult] | BulkJob:
        """Change the contacts, and return a result for each; or start a job and return that, when more than
        MAX_TOGETHER match or the request's budget is too small to find them.

        Raises PermissionDenied, and Invalid for a refused change and for a filter without a condition.
        """
        self._narrow(wanted, "contacts:write")  # before tags are created
        change = self._contacts.prepare_change(given)
        return self._carry_out(
            "update",
            "contacts:write",
            wanted,
            change.to_json(),
            lambda ids, own: self._contacts.update_many(ids, change, own),
        )

    def delete(self, wanted: ContactFilter) -> list[BulkResult] | BulkJob:
        """Delete the contacts, as `update` changes them."""
        return self._carry_out("delete", "contacts:delete", wanted, "", self._contacts.delete_many)

    def _carry_out(
        self,
        action: Action,
        permission: str,
        wanted: ContactFilter,
        change: str,
        change_many: Callable[[Sequence[str], ContactFilter], list[BulkResult]],
    ) -> list[BulkResult] | BulkJob:
        own = self._narrow(wanted, permission)
        try:
            found = self._search_once(lambda: self._find(own))
        except _TooMany:
            return self._start_job(action, own, change)
        return change_many(found, own)

    def _narrow(self, wanted: ContactFilter, permission: str) -> ContactFilter:
        """Return the filter, narrowed to the caller's own contacts if they may read or change no others."""
        if not wanted.asked:
            raise Invalid.field(
                "filter", "required", "Give at least one condition: without any, all contacts would match."
            )
        require_searchable(wanted)
        if "own" not in (self._caller.require("contacts:read"), self._caller.require(permission)):
            return wanted
        return wanted.narrowed_to_own(self._caller.id)

    def _find(self, wanted: ContactFilter) -> list[str]:
        found = self._matches.find_all(wanted, limit=MAX_TOGETHER)
        if found is None:
            raise _TooMany()
        return list(found)

    def _start_job(self, action: Action, wanted: ContactFilter, change: str) -> BulkJob:
        run = BulkRun.begin(
            job_id=new_id(),
            action=action,
            caller=self._caller,
            wanted=wanted,
            change=change,
            matched=self._matches.count_of(wanted),
            at=timestamps.now(),
        )
        job = BulkJob.of(run)
        self._announce(job)
        self._jobs.add(run)
        # The job is stored: if it cannot be queued now, the watch over jobs queues it.
        with contextlib.suppress(Unavailable):
            self._queue.send([BulkTask(self._caller.tenant_id, run.id, 1)])
        return job


class _TooMany(Exception):
    """More contacts match, or must be looked through, than one call processes."""
