"""The outbox sweeper: finds events that were committed and not published, and publishes them.

The stream does it within a second as a rule. This is for what the stream's consumers gave up on or never saw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.domain import timestamps
from shared.publishing.publisher import Outcome
from shared.table import keys
from shared.table.events import EventTable
from shared.table.store import Item

SETTLE_SECONDS = 120
"""How old an event must be before it counts as left behind: a request's longest time, and the stream's usual lag."""
_FIRST_LOOK_BACK_SECONDS = 3_600  # on the first sweep of a deployment
_SLICE_SECONDS = 600


class Publishes(Protocol):
    """Publishes events' items and says which failed; see `shared.publishing.publisher.Publisher`."""

    def publish(self, events: list[Item]) -> Outcome: ...


class Projections(Protocol):
    """Finds and mends what lags behind its record; see `shared.projections.records`."""

    def outdated(self, records: list[keys.Key]) -> list[keys.Key]: ...

    def reproject(self, record: keys.Key) -> None: ...


@dataclass(slots=True)
class Report:
    """What a sweep did: events looked at, published now, failed again and never to be published (unreadable),
    records whose projections were mended; and up to when all is well."""

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

    Moves the checkpoint on after every ten minutes of events that are published whole; stops at the first
    that are not, or when `has_time` says so, and goes on from there next time.
    """
    report = Report()
    end = timestamps.plus(now or timestamps.now(), -SETTLE_SECONDS)
    start = events.checkpoint() or timestamps.plus(end, -_FIRST_LOOK_BACK_SECONDS)
    while start < end and has_time():
        until = min(end, timestamps.plus(start, _SLICE_SECONDS))
        for portion in events.written_between(start, until):
            report.checked += len(portion)
            for record in projections.outdated(_records(portion)):
                projections.reproject(record)
                report.mended += 1
            if left_behind := events.unacknowledged(portion):
                outcome = publisher.publish(left_behind)
                report.published += len(left_behind) - len(outcome.held_back)
                report.failed += len(outcome.failed)
                report.unreadable += len(outcome.unreadable)
        if report.failed:
            break
        events.set_checkpoint(until)
        start = report.checked_until = until
    return report


def _records(events: list[keys.Key]) -> list[keys.Key]:
    """The keys of the contacts and customers that events tell of."""
    records = (keys.listed_record_of(key) for key in events)
    return list({record[keys.PK]["S"]: record for record in records if record}.values())
