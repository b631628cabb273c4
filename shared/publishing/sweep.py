"""The outbox sweeper: finds events that were committed and not published, and publishes them.

The stream's consumers normally publish within a second. The sweeper handles what they gave up on or never received.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from shared import observability
from shared.domain import timestamps
from shared.domain.errors import NOT_A_RECORD, ConcurrentChange, Unavailable
from shared.publishing.publisher import PublishResult
from shared.table.feed.outbox import EventTable
from shared.table.item import Item
from shared.table.keys import lists as list_keys
from shared.table.keys import work as work_keys
from shared.table.keys.spelling import PK, Key, identity_of, tenant_of

SETTLE_SECONDS = 120
"""The age in seconds at which an unpublished event counts as left behind: a request's longest time plus the stream's
usual lag."""
_FIRST_LOOK_BACK_SECONDS = 3_600
"""How far the first sweep of a deployment looks back."""
_SLICE_SECONDS = 600
"""The span of time whose events are read at once."""
_AT_ONCE = 50
"""The number of events published between two checks of the clock: five calls of SNS, and some of the table."""
_FAULTY_PORTIONS = 5
"""Consecutive portions without a published event after which a sweep ends: the topic or the table is unavailable."""
_FEW = 10
"""Failed events of a portion that are left over though none of the portion is published: no sign of an outage."""
_FAULTY_REPAIRS = 5
"""Failed repairs of one tenant's records after which a sweep tries no more of them."""


class EventPublisher(Protocol):
    """Publishes events' items and returns which failed; see `shared.publishing.publisher.Publisher`."""

    def publish(self, events: list[Item]) -> PublishResult: ...


class Projections(Protocol):
    """Finds and repairs projections that lag behind their records; see `shared.projections.sweeping`."""

    def find_outdated(self, records: list[Key]) -> list[Key]: ...

    def reproject(self, record: Key) -> None: ...


@dataclass(slots=True)
class SweepReport:
    """The figures of a sweep: events checked, published now, failed again and unreadable (they can never be published);
    those of the failed that were left over for later sweeps; records whose projections were repaired; and the position
    up to which everything is published, except what was left over (a time, or the position after an event).

    `failed` and `unreadable` also count records whose projections could not be repaired.
    """

    checked: int = 0
    published: int = 0
    failed: int = 0
    unreadable: int = 0
    left_over: int = 0
    mended: int = 0
    checked_until: str | None = None


class _Outcome(Enum):
    """How a portion ended: complete, except what was left over; with failures for which the checkpoint must wait;
    without a published event, as when the topic or the table is away; or without time.
    """

    COMPLETE = "complete"
    HELD = "held"
    AWAY = "away"
    NO_TIME = "no time"


def sweep(
    events: EventTable,
    publisher: EventPublisher,
    projections: Projections,
    *,
    see_tenants: Callable[[set[str]], None] | None = None,
    now: str | None = None,
    has_time: Callable[[], bool] = lambda: True,
) -> SweepReport:
    """Check all events since the last sweep, publish those left behind, and repair the projections of their records.

    Checks `has_time` after and within each portion, and moves the checkpoint past each portion that is published
    completely, so that sweeps make progress with any number of events in any time. Events that fail are left over: the
    checkpoint passes them, and each later sweep that has time tries them at its end. A portion of which no event is
    published, or with a failed repair, stops the checkpoint instead: the next sweep checks it again. The portions after
    it are still published while there is time. A tenant whose feed cannot be read or written is tried once in a sweep.

    `see_tenants` is called with the ids of the tenants of each portion.
    """
    report = SweepReport()
    end = timestamps.plus(now or timestamps.now(), -SETTLE_SECONDS)
    start = events.checkpoint() or timestamps.plus(end, -_FIRST_LOOK_BACK_SECONDS)
    work = _Work(events, publisher, projections, report, has_time)
    away = 0
    is_whole = True
    while start < end and has_time():
        until = min(end, timestamps.plus(timestamps.of_position(start), _SLICE_SECONDS))
        for portion in events.written_between(start, until):
            if see_tenants is not None:
                see_tenants({one for key in portion if (one := tenant_of(key[PK]["S"]))})
            outcome = work.process(portion, may_leave_over=is_whole)
            if outcome is _Outcome.NO_TIME:
                return report
            away = away + 1 if outcome is _Outcome.AWAY else 0
            is_whole = is_whole and outcome is _Outcome.COMPLETE
            if is_whole and (place := work_keys.position_after(portion[-1])):
                events.set_checkpoint(place)
                report.checked_until = place
            if away == _FAULTY_PORTIONS or not has_time():
                return report
        if is_whole:
            events.set_checkpoint(until)
            report.checked_until = until
        start = until
    work.process_left_over(timestamps.to_milliseconds(end) // 60_000)
    return report


@dataclass(slots=True)
class _Work:
    """The work on portions of events. `faulty`: the tenants whose feeds could not be read or written."""

    events: EventTable
    publisher: EventPublisher
    projections: Projections
    report: SweepReport
    has_time: Callable[[], bool]
    faulty: set[str] = field(default_factory=set)
    unrepaired: Counter[str | None] = field(default_factory=Counter)

    def process(self, portion: Sequence[Key], *, may_leave_over: bool) -> _Outcome:
        """Check a portion, and leave over what fails unless nothing is published.

        Events that were published and records that were repaired need neither the next time, so a portion of any size
        is completed after some sweeps.
        """
        self.report.checked += len(portion)
        failed_before = self.report.failed
        for record in self._find_outdated(_records(portion)):
            if not self.has_time():
                return _Outcome.NO_TIME
            self._repair(record)
        is_repaired = self.report.failed == failed_before
        attempt = self._attempt(portion)
        if attempt is None:
            return _Outcome.NO_TIME
        if attempt.is_away(self.faulty):
            return _Outcome.AWAY
        if not is_repaired:
            return _Outcome.HELD
        if attempt.failing and not (may_leave_over and self._leave_over(attempt.failing)):
            return _Outcome.HELD
        return _Outcome.COMPLETE

    def process_left_over(self, turn: int) -> None:
        """Publish what earlier sweeps left over, and each tenant's events only until a portion fails completely. The
        next sweep tries those after that portion first.

        Begins with another tenant each `turn`, since the time may end before the last.
        """
        tenants = self.events.tenants_with_left_over()
        names = list(tenants)
        first = turn % len(names) if names else 0
        for tenant_id in names[first:] + names[:first]:
            if tenant_id in self.faulty:
                continue
            is_empty = True
            for portion in self.events.left_over(tenant_id, tenants[tenant_id]):
                is_empty = False
                if not self.has_time():
                    return
                attempt = self._attempt(portion)
                if attempt is None:
                    return
                failing = {identity_of(one) for one in attempt.failing}
                self.events.settle([key for key in portion if identity_of(key) not in failing])
                if len(failing) == len(portion):
                    if place := work_keys.position_after(portion[-1]):
                        self.events.note_tried(tenant_id, place)
                    break
            if is_empty:
                self.events.forget_left_over(tenant_id)

    def _attempt(self, portion: Sequence[Key]) -> _Attempt | None:
        """Publish those events of a portion that are in no feed; return what failed, or None when the time ran out.

        Reads some items at a time and keeps only their index entries: five hundred large ones would fill the memory.
        """
        left_behind = self._not_in_feeds(portion)
        attempt = _Attempt(others=len(portion) - len(left_behind))
        for _ in range(2):  # where clocks differ, an event may come before the one that it waits for
            attempt.waiting = []
            for start in range(0, len(left_behind), _AT_ONCE):
                if not self.has_time():
                    return None
                self._publish(left_behind[start : start + _AT_ONCE], attempt)
            left_behind = attempt.waiting
        self.report.failed += len(left_behind)
        return attempt

    def _not_in_feeds(self, portion: Sequence[Key]) -> list[Key]:
        """Return the events of a portion that are in no feed. Of a tenant whose feed is unavailable, returns all: its
        events are not tried. Raises Unavailable when the feeds of several tenants are, and no other's is not.
        """
        try:
            return self.events.not_in_feeds(portion)
        except Unavailable:
            tenants = dict.fromkeys(map(_tenant_of, portion))
            if len(tenants) == 1:
                self.faulty.update(tenants)
                return list(portion)
            left_behind: list[Key] = []
            for tenant_id in tenants:
                if not self.has_time():
                    raise
                left_behind += self._not_in_feeds([one for one in portion if _tenant_of(one) == tenant_id])
            if self.faulty.issuperset(tenants):
                raise
            return left_behind

    def _leave_over(self, events: list[Key]) -> bool:
        """Leave events over; return whether all are. The checkpoint must wait otherwise."""
        of_tenant: dict[str, list[Key]] = {}
        for event in events:
            of_tenant.setdefault(_tenant_of(event), []).append(event)
        for tenant_id, own in of_tenant.items():
            for start in range(0, len(own), _AT_ONCE):
                if not self.has_time():
                    return False
                some = own[start : start + _AT_ONCE]
                try:
                    self.events.leave_over(tenant_id, some)
                except Unavailable:
                    return False
                self.report.left_over += len(some)
        return True

    def _find_outdated(self, records: list[Key]) -> list[Key]:
        try:
            return self.projections.find_outdated(records)
        except NOT_A_RECORD:  # one of them is not a record: the others must be checked all the same
            if len(records) == 1:
                observability.warn("not a record", trace=observability.trace())
                self.report.unreadable += 1
                return []
        half = len(records) // 2
        return self._find_outdated(records[:half]) + self._find_outdated(records[half:])

    def _repair(self, record: Key) -> None:
        tenant_id = tenant_of(record[PK]["S"])
        if self.unrepaired[tenant_id] == _FAULTY_REPAIRS:
            self.report.failed += 1
            return
        try:
            self.projections.reproject(record)
        except (ConcurrentChange, Unavailable):  # the other records must be repaired all the same
            self.report.failed += 1
            self.unrepaired[tenant_id] += 1
        except NOT_A_RECORD:  # not a record, and no later change can make it one
            observability.warn("not a record", trace=observability.trace())
            self.report.unreadable += 1
        else:
            self.report.mended += 1

    def _publish(self, events: list[Key], attempt: _Attempt) -> None:
        """Publish events, and note which failed, and which wait for earlier ones of their records.

        Those of tenants that failed before are not tried. Where the events or the feeds cannot be read, those of each
        tenant are read by themselves. Raises Unavailable when none of several tenants' can.
        """
        tried = [event for event in events if _tenant_of(event) not in self.faulty]
        attempt.set_aside += [event for event in events if _tenant_of(event) in self.faulty]
        self.report.failed += len(events) - len(tried)
        if not tried:
            return
        tenants = dict.fromkeys(map(_tenant_of, tried))
        try:
            items = self.events.read_unpublished(tried)
            result = self.publisher.publish(items) if items else PublishResult()
        except Unavailable:
            if len(tenants) == 1:
                self.faulty.update(tenants)
                self.report.failed += len(tried)
                attempt.failed += tried
                return
            for tenant_id in tenants:
                if not self.has_time():
                    raise
                self._publish([event for event in tried if _tenant_of(event) == tenant_id], attempt)
            if self.faulty.issuperset(tenants):
                raise
            return
        self.faulty |= result.faulty_tenants
        published = len(items) - len(result.unpublished)
        attempt.others += len(tried) - len(items)
        attempt.published += published
        entries = {identity_of(event): event for event in tried}
        for numbers, events_of in (
            (result.failed, attempt.failed),
            (result.set_aside, attempt.set_aside),
            (result.waiting, attempt.waiting),
        ):
            events_of += [entries[identity_of(items[number])] for number in sorted(numbers)]
        self.report.published += published
        self.report.failed += len(result.failed | result.set_aside)
        self.report.unreadable += len(result.unreadable)


@dataclass(slots=True)
class _Attempt:
    """The outcome for the events of a portion, by their index entries.

    `others`: the number of those that needed nothing: they are in a feed, or were purged. `published`: the number of
    those published now. `failed`; `waiting`: for earlier events of their records; `set_aside`: the feeds of their
    tenants are damaged, or failed before.
    """

    others: int = 0
    published: int = 0
    failed: list[Key] = field(default_factory=list)
    waiting: list[Key] = field(default_factory=list)
    set_aside: list[Key] = field(default_factory=list)

    @property
    def failing(self) -> list[Key]:
        """All events that were not published but can be later."""
        return [*self.failed, *self.waiting, *self.set_aside]

    def is_away(self, faulty: set[str]) -> bool:
        """Return whether the topic or the table seems to be away: many events failed, no other of the portion is or was
        published, and it is not the feed of one tenant only that is at fault.
        """
        if self.others or self.published or len(self.failed) <= _FEW:
            return False
        tenants = set(map(_tenant_of, self.failed))
        return len(tenants) > 1 or not tenants <= faulty


def _tenant_of(event: Key) -> str:
    """Return the tenant of an event; an empty text for an item of none, which is no event."""
    return tenant_of(event[PK]["S"]) or ""


def _records(events: Sequence[Key]) -> list[Key]:
    """Return the keys of the contacts and customers that events are about."""
    records = (list_keys.listed_record_of(key) for key in events)
    return list({record[PK]["S"]: record for record in records if record}.values())
