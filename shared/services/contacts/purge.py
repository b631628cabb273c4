"""Purges deleted contacts that can no longer be restored. Done by the system, for all tenants.

Every step may be repeated or interrupted: an emptied record stays due until everything around it is removed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from shared.domain import timestamps
from shared.domain.contacts.purge import Expired
from shared.domain.errors import NOT_A_RECORD, ConcurrentChange, DomainError, Unavailable
from shared.domain.events import Event
from shared.domain.ids import new_id

_STEPS_AT_ONCE = 50
"""Steps of one contact's purge, of up to a hundred items each, before it is another contact's turn."""

_MOST_UNAVAILABLE = 5
"""Contacts in a row for which the table is too busy, before the run ends."""


class ExpiredContacts(Protocol):
    """Deleted contacts across tenants; see `shared.table.contacts.purge.PurgeTable`."""

    def due(self, at: str) -> Iterator[tuple[str, str]]: ...

    def look_up(self, tenant_id: str, contact_id: str) -> Expired | None: ...

    def look_up_merged(self, tenant_id: str, contact_id: str) -> Expired | None: ...

    def release_locks(self, merged: Expired) -> int: ...

    def empty(self, expired: Expired, event: Event) -> None: ...

    def remove_rows(self, expired: Expired, purged_by: str) -> Iterator[int]: ...

    def remove_record(self, expired: Expired, purged_by: str) -> None: ...


class FindableRows(Protocol):
    """The rows by which contacts are found; see `shared.projections.leftover_rows.LeftoverRows`."""

    def remove(self, tenant_id: str, contact_id: str, *, is_resumed: bool) -> Iterator[int]: ...


@dataclass(slots=True)
class PurgeReport:
    """The counts of a run: contacts purged, rows removed around them, entries whose contact had changed, contacts that
    were started and are left for the next run, and contacts that failed."""

    purged: int = 0
    rows: int = 0
    passed_over: int = 0
    unfinished: int = 0
    failed: int = 0


class Purge:
    """Purges the contacts that are due, while it has time.

    `leftover_rows` removes the rows by which they are found. `on_failure`: called while the exception of a failure that
    is passed over is being handled.
    """

    def __init__(
        self,
        contacts: ExpiredContacts,
        *,
        leftover_rows: FindableRows | None = None,
        on_failure: Callable[[], None] = lambda: None,
        now: Callable[[], str] = timestamps.now,
        has_time: Callable[[], bool] = lambda: True,
    ) -> None:
        self._contacts = contacts
        self._leftover_rows = leftover_rows
        self._on_failure = on_failure
        self._now = now
        self._has_time = has_time
        self._unavailable = 0

    def run(self) -> PurgeReport:
        """Purge the contacts that are due now. Raises Unavailable when the table stays too busy; runs may repeat.

        A large contact is left after some steps and continued when the others are purged, so that it holds up none of
        them. A contact that fails is left for the next run, and the others are purged.
        """
        report = PurgeReport()
        unfinished = deque[Iterator[bool]]()
        for tenant_id, contact_id in self._contacts.due(self._now()):
            if not self._has_time():
                break
            self._take_turn(self._begin(tenant_id, contact_id, report), unfinished, report)
        while unfinished and self._has_time():
            self._take_turn(unfinished.popleft(), unfinished, report)
        report.unfinished += len(unfinished)
        return report

    def _take_turn(
        self, purging: Iterator[bool], unfinished: deque[Iterator[bool]], report: PurgeReport
    ) -> None:
        """Carry out up to _STEPS_AT_ONCE steps of a contact's purge, while there is time."""
        try:
            for number, is_done in enumerate(purging, 1):
                if is_done:
                    break
                if number == _STEPS_AT_ONCE or not self._has_time():
                    unfinished.append(purging)
                    break
        except ConcurrentChange:  # another run was faster
            report.passed_over += 1
        except Unavailable:
            self._unavailable += 1
            if self._unavailable == _MOST_UNAVAILABLE:
                raise
            self._count_failure(report)
            return
        except (DomainError, *NOT_A_RECORD):
            self._count_failure(report)
        self._unavailable = 0

    def _count_failure(self, report: PurgeReport) -> None:
        """Count a contact that fails, which must not hold up the others in every run."""
        self._on_failure()
        report.failed += 1

    def _begin(self, tenant_id: str, contact_id: str, report: PurgeReport) -> Iterator[bool]:
        """Purge a contact if it is due as of now; yield after each step whether it was the last."""
        expired = self._contacts.look_up(tenant_id, contact_id)
        if expired is None or expired.due_at > self._now():
            report.passed_over += 1  # restored, or purged already: the index lags
            yield True
        else:
            yield from self._purge(expired, report)

    def _purge(self, expired: Expired, report: PurgeReport) -> Iterator[bool]:
        """Purge a contact; yield after each step whether it was the last."""
        is_resumed = expired.purged_by is not None
        purged_by = expired.purged_by
        if purged_by is None:
            event = expired.purge(event_id=new_id(), at=self._now())
            self._contacts.empty(expired, event)
            purged_by = event.id
        for removed in self._steps(expired, purged_by, is_resumed=is_resumed):
            report.rows += removed
            yield False
        self._contacts.remove_record(expired, purged_by)
        report.purged += 1
        yield True

    def _steps(self, expired: Expired, purged_by: str, *, is_resumed: bool) -> Iterator[int]:
        yield from self._begin_merged(expired)
        if self._leftover_rows is not None:  # before the history, which says what to look for
            yield from self._leftover_rows.remove(
                expired.tenant_id, expired.contact_id, is_resumed=is_resumed
            )
        yield from self._contacts.remove_rows(expired, purged_by)

    def _begin_merged(self, survivor: Expired) -> Iterator[int]:
        """Begin the purge of the contacts merged into one that is being purged: each is due by itself from then on.

        Yields the number of removed locks of each. A merge can no longer be undone, since the survivor is emptied.
        """
        for contact_id in survivor.merged_from:
            merged = self._contacts.look_up_merged(survivor.tenant_id, contact_id)
            if merged is not None:
                yield self._contacts.release_locks(merged)
                self._contacts.empty(merged, merged.purge(event_id=new_id(), at=self._now()))
