"""The outbox sweeper: finds events that were committed and not published, and publishes them.

The stream does it within a second as a rule. This is for what the stream's consumers gave up on or never saw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared import observability
from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange, Unavailable
from shared.publishing.publisher import Outcome
from shared.table.events import EventTable
from shared.table.keys import lists as list_keys
from shared.table.keys import work as work_keys
from shared.table.keys.spelling import PK, Key
from shared.table.store import Item

SETTLE_SECONDS = 120
"""How old an event must be before it counts as left behind: a request's longest time, and the stream's usual lag."""
_FIRST_LOOK_BACK_SECONDS = 3_600  # on the first sweep of a deployment
_SLICE_SECONDS = 600
_AT_ONCE = 50
"""How many events are published between two looks at the clock: five calls of SNS and two of the table."""
_FAULTY_PORTIONS = 5
"""After so many portions that failed, one after the other, a sweep ends: the topic or the table is away."""


class Publishes(Protocol):
    """Publishes events' items and says which failed; see `shared.publishing.publisher.Publisher`."""

    def publish(self, events: list[Item]) -> Outcome: ...


class Projections(Protocol):
    """Finds and mends what lags behind its record; see `shared.projections.engine`."""

    def outdated(self, records: list[Key]) -> list[Key]: ...

    def reproject(self, record: Key) -> None: ...


@dataclass(slots=True)
class Report:
    """What a sweep did: events looked at, published now, failed again and never to be published (unreadable),
    records whose projections were mended; and up to where all is well (a time, or the place behind an event).

    `failed` and `unreadable` count records whose projections could not be mended, too.
    """

    checked: int = 0
    published: int = 0
    failed: int = 0
    unreadable: int = 0
    mended: int = 0
    checked_until: str | None = None


def sweep(
    events: EventTable,
    publisher: Publishes,
    projections: Projections,
    *,
    now: str | None = None,
    has_time: Callable[[], bool] = lambda: True,
) -> Report:
    """Check all events since the last sweep, publish those left behind, and mend the projections of their records.

    Asks `has_time` after each portion and within one, and moves the checkpoint behind each portion that is
    published whole, so that a sweep gets on however many events there are in however short a time. A portion of
    which something failed holds the checkpoint: it is checked again next time. The portions behind it are
    published all the same, as far as the time allows, so that one event that cannot go out stops no other.
    """
    report = Report()
    end = timestamps.plus(now or timestamps.now(), -SETTLE_SECONDS)
    start = events.checkpoint() or timestamps.plus(end, -_FIRST_LOOK_BACK_SECONDS)
    work = _Work(events, publisher, projections, report, has_time)
    faulty = 0
    is_whole = True
    while start < end and has_time():
        until = min(end, timestamps.plus(timestamps.of_position(start), _SLICE_SECONDS))
        for portion in events.written_between(start, until):
            failed_before = report.failed
            if not work.through(portion):
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
    """The work on a portion of events."""

    events: EventTable
    publisher: Publishes
    projections: Projections
    report: Report
    has_time: Callable[[], bool]

    def through(self, portion: Sequence[Key]) -> bool:
        """Check a portion; False when the time ran out on the way.

        Events and records that were published and repaired then need neither the next time, so a portion of any size is
        through at last.
        """
        self.report.checked += len(portion)
        for record in self.projections.outdated(_records(portion)):
            if not self.has_time():
                return False
            self._mend(record)
        left_behind = self.events.unacknowledged(portion)
        for start in range(0, len(left_behind), _AT_ONCE):
            if not self.has_time():
                return False
            self._publish(left_behind[start : start + _AT_ONCE])
        return True

    def _mend(self, record: Key) -> None:
        try:
            self.projections.reproject(record)
        except (ConcurrentChange, Unavailable):  # it must not keep its neighbours from being mended
            self.report.failed += 1
        except (KeyError, ValueError):  # no record of ours: nothing that comes later could make it one
            observability.warn("not a record", trace=observability.trace())
            self.report.unreadable += 1
        else:
            self.report.mended += 1

    def _publish(self, left_behind: list[Item]) -> None:
        outcome = self.publisher.publish(left_behind)
        self.report.published += len(left_behind) - len(outcome.held_back)
        self.report.failed += len(outcome.failed)
        self.report.unreadable += len(outcome.unreadable)


def _records(events: Sequence[Key]) -> list[Key]:
    """The keys of the contacts and customers that events tell of."""
    records = (list_keys.listed_record_of(key) for key in events)
    return list({record[PK]["S"]: record for record in records if record}.values())
