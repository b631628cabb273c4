"""The outbox sweeper: finds events that were committed and not published, and publishes them.

The stream's consumers normally publish within a second. The sweeper handles what they gave up on or never received.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared import observability
from shared.domain import timestamps
from shared.domain.errors import NOT_A_RECORD, ConcurrentChange, Unavailable
from shared.publishing.publisher import PublishResult
from shared.table.feed.outbox import EventTable
from shared.table.item import Item
from shared.table.keys import lists as list_keys
from shared.table.keys import work as work_keys
from shared.table.keys.spelling import PK, Key, tenant_of

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
"""Consecutive failed portions after which a sweep ends: the topic or the table is unavailable."""


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
    records whose projections were repaired; and the position up to which everything is published (a time, or the
    position after an event).

    `failed` and `unreadable` also count records whose projections could not be repaired.
    """

    checked: int = 0
    published: int = 0
    failed: int = 0
    unreadable: int = 0
    mended: int = 0
    checked_until: str | None = None


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
    completely, so that sweeps make progress with any number of events in any time. A portion with a failure stops the
    checkpoint: the next sweep checks it again. The portions after it are still published while there is time, so that
    one event that cannot be published does not stop the others. `see_tenants` is called with the ids of the tenants of
    each portion.
    """
    report = SweepReport()
    end = timestamps.plus(now or timestamps.now(), -SETTLE_SECONDS)
    start = events.checkpoint() or timestamps.plus(end, -_FIRST_LOOK_BACK_SECONDS)
    work = _Work(events, publisher, projections, report, has_time)
    faulty = 0
    is_whole = True
    while start < end and has_time():
        until = min(end, timestamps.plus(timestamps.of_position(start), _SLICE_SECONDS))
        for portion in events.written_between(start, until):
            failed_before = report.failed
            if see_tenants is not None:
                see_tenants({one for key in portion if (one := tenant_of(key[PK]["S"]))})
            if not work.process(portion):
                return report
            faulty = faulty + 1 if report.failed > failed_before else 0
            is_whole = is_whole and not faulty
            if is_whole and (place := work_keys.position_after(portion[-1])):
                events.set_checkpoint(place)
                report.checked_until = place
            if faulty == _FAULTY_PORTIONS or not has_time():
                return report
        if is_whole:
            events.set_checkpoint(until)
            report.checked_until = until
        start = until
    return report


@dataclass(slots=True)
class _Work:
    """The work on portions of events."""

    events: EventTable
    publisher: EventPublisher
    projections: Projections
    report: SweepReport
    has_time: Callable[[], bool]

    def process(self, portion: Sequence[Key]) -> bool:
        """Check a portion; return False when the time ran out before its end.

        Events that were published and records that were repaired need neither the next time, so a portion of any size
        is completed after some sweeps.
        """
        self.report.checked += len(portion)
        for record in self._find_outdated(_records(portion)):
            if not self.has_time():
                return False
            self._repair(record)
        left_behind = self.events.unpublished(portion)
        for _ in range(2):  # where clocks differ, an event may come before the one that it waits for
            waiting: list[Item] = []
            for start in range(0, len(left_behind), _AT_ONCE):
                if not self.has_time():
                    return False
                waiting += self._publish(left_behind[start : start + _AT_ONCE])
            left_behind = waiting
        self.report.failed += len(left_behind)
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
        try:
            self.projections.reproject(record)
        except (ConcurrentChange, Unavailable):  # the other records must be repaired all the same
            self.report.failed += 1
        except NOT_A_RECORD:  # not a record, and no later change can make it one
            observability.warn("not a record", trace=observability.trace())
            self.report.unreadable += 1
        else:
            self.report.mended += 1

    def _publish(self, left_behind: list[Item]) -> list[Item]:
        """Publish events, and return those that wait for earlier ones of their records."""
        result = self.publisher.publish(left_behind)
        self.report.published += len(left_behind) - len(result.unpublished)
        self.report.failed += len(result.failed | result.set_aside)
        self.report.unreadable += len(result.unreadable)
        return [left_behind[number] for number in sorted(result.waiting)]


def _records(events: Sequence[Key]) -> list[Key]:
    """Return the keys of the contacts and customers that events are about."""
    records = (list_keys.listed_record_of(key) for key in events)
    return list({record[PK]["S"]: record for record in records if record}.values())
