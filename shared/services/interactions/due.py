"""The handling of entries of timelines that are due: `follow_up.due` is emitted once, and a future interaction becomes
the contact's last contact.

The system does this for all tenants, on a schedule. Every step may be repeated or interrupted, and two runs may
overlap: an entry leaves the index in the transaction that handles it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

from shared.domain import timestamps
from shared.domain.callers import system_caller
from shared.domain.contacts.figures import FollowUpFigures
from shared.domain.contacts.record import Contact
from shared.domain.errors import NOT_A_RECORD, ConcurrentChange, DomainError, Unavailable
from shared.domain.events import FOLLOW_UP_DUE, Event
from shared.domain.interactions.follow_up import FollowUp
from shared.domain.interactions.interaction import Interaction
from shared.domain.stamp import Stamp
from shared.services.backoff import HOT
from shared.services.interactions.scheduling import FollowUpChange
from shared.services.optimistic import retry_on_conflict

MAX_ENTRIES = 50_000
"""Entries that one run reads at most: far more than it can handle, so that those of suspended tenants hide none."""
SHARE = 500
"""Entries of one tenant that a run handles before those of other tenants: those that a run can handle in some ten
seconds."""
MIN_WAIT, MAX_WAIT = 60, 86_400
"""Seconds after which a follow-up of a deleted contact is looked at again, at least and at most. In between, it is the
time since the deletion, so a contact is looked at some forty times before it is purged."""
RETRY_SECONDS = 3_600
"""Seconds after which an entry that cannot be handled is tried again. It must not come first in every run."""
NOTE_SECONDS = 3_600
"""Seconds for which it is noted that entries of a tenant are set aside, after the last one was: far longer than the
index lags the table, and than a run takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueEntry:
    """An entry in the index of what is due. `position`: its sort key there."""

    tenant_id: str
    contact_id: str
    sort_key: str
    position: str
    entry_id: str
    is_follow_up: bool


@dataclass(slots=True)
class DueReport:
    """The counts of a run.

    `announced`: follow-ups whose `follow_up.due` was emitted. `settled`: interactions whose time has come. `set_aside`:
    entries of suspended tenants. `postponed`: entries of deleted contacts, and of those that are being purged.
    `passed_over`: entries that were handled, moved or removed meanwhile. `failed`: entries that are left for a later
    run.
    """

    announced: int = 0
    settled: int = 0
    set_aside: int = 0
    postponed: int = 0
    passed_over: int = 0
    failed: int = 0


class DueIndex(Protocol):
    """The due entries of all tenants; see `shared.table.interactions.due.DueTimelineEntries`."""

    def due_until(self, at: str) -> Iterator[DueEntry]: ...

    def set_aside(self, tenant_id: str, at: str) -> Iterator[DueEntry]: ...

    def move_aside(self, entry: DueEntry) -> bool: ...

    def postpone(self, entry: DueEntry, until: str) -> bool: ...

    def note_suspended(self, tenant_id: str, at: str) -> None: ...

    def suspended(self) -> Iterator[tuple[str, str]]: ...

    def forget_suspended(self, tenant_id: str, at: str) -> None: ...


class FollowUpRepository(Protocol):
    """The follow-ups of one tenant; see `shared.table.interactions.follow_ups.FollowUpTable`."""

    def find_at(self, contact_id: str, sort_key: str) -> tuple[Contact | None, FollowUp | None]: ...

    def write(
        self,
        before: Contact,
        after: Contact,
        events: Sequence[Event],
        changes: Sequence[FollowUpChange],
        interaction: Interaction | None = None,
    ) -> None: ...


class Settling(Protocol):
    """The interactions of one tenant; see `shared.services.interactions.service.DueInteractions`."""

    def settle(self, contact_id: str, interaction_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Announcement:
    """The result of handling a due follow-up.

    `until`: when one of a deleted contact is to be looked at again, empty otherwise.
    """

    done: Literal["announced", "passed_over", "postponed"]
    until: str = ""


class DueFollowUps:
    """The follow-ups of a tenant that are due."""

    def __init__(
        self, tenant_id: str, follow_ups: FollowUpRepository, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._caller = system_caller(tenant_id, "timeline", "system")
        self._follow_ups = follow_ups
        self._sleep = sleep

    def announce(self, contact_id: str, sort_key: str) -> Announcement:
        """Emit the `follow_up.due` of a follow-up, and remove it from the index of work.

        Passes over one that was announced, closed, moved or removed meanwhile. One of a deleted contact is not
        announced; the result says until when to postpone it.
        """

        def attempt() -> Announcement:
            contact, before = self._follow_ups.find_at(contact_id, sort_key)
            stamp = Stamp.now(self._caller)
            if contact is None or before is None or before.is_announced or before.due_at > stamp.at:
                return Announcement("passed_over")
            if contact.deleted_at is not None:
                return Announcement("postponed", _next_look(contact.deleted_at, stamp.at))
            change = FollowUpChange(before, before.announce(stamp=stamp))
            figures = FollowUpFigures(before.id, contact.next_follow_up_at)
            after, event = contact.record_follow_up(FOLLOW_UP_DUE, figures, change.after.facts(), stamp=stamp)
            self._follow_ups.write(contact, after, [event], [change])
            return Announcement("announced")

        return retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)


class DueTimelines:
    """Handles the entries of all tenants' timelines that are due, while it has time.

    `is_live`: whether a tenant exists and is not suspended. Entries of other tenants are set aside, once, in a part of
    the index of their own, after the entries of live tenants were handled. They are handled when the tenant is live
    again. `warn`: logs a warning with the exception that is being handled.
    """

    def __init__(
        self,
        index: DueIndex,
        is_live: Callable[[str], bool],
        follow_ups: Callable[[str], DueFollowUps],
        interactions: Callable[[str], Settling],
        *,
        warn: Callable[[str], None],
        has_time: Callable[[], bool] = lambda: True,
    ) -> None:
        self._index = index
        self._is_live = is_live
        self._follow_ups = follow_ups
        self._interactions = interactions
        self._warn = warn
        self._has_time = has_time

    def run(self) -> DueReport:
        """Handle the entries that are due now, at most MAX_ENTRIES.

        A tenant with more than SHARE entries waits until those of the others are handled. An entry that fails is left
        for a later run, and the others are handled.
        """
        report = DueReport()
        at = timestamps.now()
        self._handle(islice(self._index.due_until(at), MAX_ENTRIES), report)
        for tenant_id, noted_at in self._index.suspended():
            if not self._has_time():
                break
            if self._is_live(tenant_id):
                self._resume(tenant_id, noted_at, at, report)
        return report

    def _resume(self, tenant_id: str, noted_at: str, at: str, report: DueReport) -> None:
        """Handle the entries of a tenant that were set aside."""
        is_empty = True
        for entry in islice(self._index.set_aside(tenant_id, at), MAX_ENTRIES):
            is_empty = False
            self._handle((entry,), report)
        if is_empty and timestamps.plus(noted_at, NOTE_SECONDS) < at:
            self._index.forget_suspended(tenant_id, noted_at)

    def _handle(self, entries: Iterable[DueEntry], report: DueReport) -> None:
        aside: list[DueEntry] = []
        later: list[DueEntry] = []
        handled = Counter[str]()
        for entry in entries:
            if not self._has_time():
                return
            with self._counting_failures(entry, report):
                if not self._is_live(entry.tenant_id):
                    aside.append(entry)
                elif handled[entry.tenant_id] >= SHARE:
                    later.append(entry)
                else:
                    handled[entry.tenant_id] += 1
                    self._handle_live(entry, report)
        for entry in later:
            if not self._has_time():
                return
            with self._counting_failures(entry, report):
                self._handle_live(entry, report)
        noted: set[str] = set()
        for entry in aside:
            if not self._has_time():
                return
            with self._counting_failures(entry, report):
                if entry.tenant_id not in noted:  # before the entries, so that these are always found again
                    self._index.note_suspended(entry.tenant_id, timestamps.now())
                    noted.add(entry.tenant_id)
                if self._index.move_aside(entry):
                    report.set_aside += 1
                else:
                    report.passed_over += 1

    def _handle_live(self, entry: DueEntry, report: DueReport) -> None:
        """Handle an entry of a live tenant. One that there is nothing to do about is postponed, if it is still there.

        That is an entry of a contact whose purge has begun: the purge removes it.
        """
        until = ""
        if entry.is_follow_up:
            outcome = self._follow_ups(entry.tenant_id).announce(entry.contact_id, entry.sort_key)
            if outcome.done == "announced":
                report.announced += 1
                return
            until = outcome.until
        elif self._interactions(entry.tenant_id).settle(entry.contact_id, entry.entry_id):
            report.settled += 1
            return
        if self._index.postpone(entry, until or _retry_at()):
            report.postponed += 1
        else:
            report.passed_over += 1

    @contextmanager
    def _counting_failures(self, entry: DueEntry, report: DueReport) -> Iterator[None]:
        """Count an entry that fails, so that the others are handled."""
        try:
            yield
        except (
            ConcurrentChange,
            Unavailable,
        ):  # the contact or the table is too busy: a later run tries again
            report.failed += 1
        except (DomainError, *NOT_A_RECORD):  # it fails in every run
            self._warn("a due entry cannot be handled")
            report.failed += 1
            with suppress(DomainError):
                self._index.postpone(entry, _retry_at())


def _retry_at() -> str:
    return timestamps.plus(timestamps.now(), RETRY_SECONDS)


def _next_look(deleted_at: str, at: str) -> str:
    passed = (timestamps.to_milliseconds(at) - timestamps.to_milliseconds(deleted_at)) / 1000
    return timestamps.plus(at, min(max(passed, MIN_WAIT), MAX_WAIT))
