"""The nightly recount: compares each contact's figures and projections with its partition, and corrects them.

It walks the contacts of each tenant, each with the partitions of the contacts merged into it, and then the lists of
timelines' entries, in portions, and keeps its place after each. Tenants take turns, the longest overdue first. A tenant
that is complete is due again the next night.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.callers import system_caller
from shared.domain.errors import NOT_A_RECORD, DomainError, Unavailable
from shared.domain.stamp import Stamp
from shared.services.backoff import HOT
from shared.services.optimistic import retry_on_conflict
from shared.services.recount.figures import Contacts, FigureCheck, Item, TooManyItems
from shared.services.recount.progress import START, Place, Progress

MAX_UNITS_A_NIGHT = 2_000_000
"""Read units that all runs of a night use together, at most; what is left continues the next night."""
NIGHT_STARTS = "01:00:00.000Z"
"""The time of day, in UTC, from which a tenant is due again."""
_OVERDUE_SECONDS = 3_600
"""Seconds after which an interaction that was in the future must have become its contact's last contact."""
_PORTION = 50
"""Contacts, or rows of a list, between two writes of the place."""
_MAX_TENANTS = 1_000
"""Tenants that one run works on."""
_FAULTY_PORTIONS = 5
"""Consecutive portions in which everything failed, after which a run ends: the table is unavailable."""

Key = dict[str, dict[str, str]]


class Projections(Protocol):
    """The projections of all tenants; see `shared.projections.recounting.RecountedProjection`."""

    lists: Sequence[str]

    def find_outdated_contacts(self, tenant_id: str, contact_ids: Sequence[str]) -> list[Key]: ...

    def find_outdated_entries(self, items: Sequence[Item]) -> list[Key]: ...

    def is_settled(self, updated_at: str) -> bool: ...

    def rows(self, tenant_id: str, list_name: str, *, after: str, limit: int) -> list[Item]: ...

    def find_surplus(self, list_name: str, rows: Sequence[Item]) -> list[Item]: ...

    def mend(self, record: Key) -> None: ...

    def remove(self, list_name: str, row: Item) -> None: ...


class ProgressTable(Protocol):
    """The progress with all tenants; see `shared.table.recount.progress.RecountTable`."""

    def due(self, at: str) -> Iterator[str]: ...

    def read(self, tenant_id: str) -> Progress | None: ...

    def save(self, progress: Progress) -> Progress | None: ...

    def units_of(self, night: str) -> float: ...

    def set_units(self, night: str, units: float) -> None: ...


@dataclass(slots=True)
class RecountReport:
    """The figures of a run. `counts`: how many of each kind were found, such as `contacts`, `figure.total_bookings`,
    `contact_rows`, `entry_rows`, `surplus_rows`, `failed` and `too_large`; all but `contacts` and the last two were
    corrected, unless the run is dry. `finished`: tenants that are complete. `place`: where a run for one tenant ended.
    """

    counts: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    units: float = 0.0
    place: Place = START

    @property
    def figures(self) -> dict[str, Any]:
        """The figures as one mapping, for a line of the log."""
        return {**dict(sorted(self.counts.items())), "finished": self.finished, "units": round(self.units)}

    @property
    def has_found_faults(self) -> bool:
        """Whether anything was not as it should be."""
        return any(amount for name, amount in self.counts.items() if name not in ("contacts", "rows"))


class Recount:
    """Recounts tenants while it has time and units.

    `units`: returns the read units that this run has used so far. `on_failure`: called while the exception of a failure
    that is passed over is being handled. `is_dry`: counts what differs and writes nothing.
    """

    def __init__(
        self,
        progress: ProgressTable,
        contacts: Callable[[str], Contacts],
        projections: Projections,
        units: Callable[[], float],
        *,
        on_failure: Callable[[], None] = lambda: None,
        is_dry: bool = False,
        now: Callable[[], str] = timestamps.now,
        has_time: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._progress = progress
        self._contacts = contacts
        self._projections = projections
        self._units = units
        self._on_failure = on_failure
        self._is_dry = is_dry
        self._now = now
        self._has_time = has_time
        self._sleep = sleep

    def run(self) -> RecountReport:
        """Recount the tenants that are due, a portion of each in turn."""
        night = self._now()[:10]
        used = self._progress.units_of(night)
        report = RecountReport()
        waiting = deque[Progress]()
        for tenant_id in self._progress.due(self._now()):
            progress = self._progress.read(tenant_id)
            if progress is not None and progress.due_at <= self._now():  # the index lags
                waiting.append(progress)
            if len(waiting) == _MAX_TENANTS:
                break
        faulty = 0
        while waiting and faulty < _FAULTY_PORTIONS and self._may_go_on(used):
            progress = waiting.popleft()
            may_go_on = partial(self._may_go_on, used)
            portion = _Portion(self, progress.tenant_id, Counter(progress.counts), report, may_go_on)
            place = portion.work_from(progress.place)
            if self._is_dry:
                after = progress.moved_to(place or START, dict(portion.counts), at=self._now())
            else:
                saved = self._progress.save(self._moved(progress, place, portion.counts))
                self._progress.set_units(night, used + self._units())
                if saved is None:  # another run has this tenant
                    continue
                after = saved
            faulty = faulty + 1 if portion.is_faulty else 0
            if place is None:
                report.finished += 1
            else:
                waiting.append(after)
        report.units = self._units()
        return report

    def run_for(self, tenant_id: str, start: Place = START) -> RecountReport:
        """Recount one tenant from a place on, even if it is not due. Stores no place: the report has it."""
        report = RecountReport()
        place: Place | None = start
        faulty = 0
        while place is not None and faulty < _FAULTY_PORTIONS and self._may_go_on(0):
            portion = _Portion(self, tenant_id, Counter(), report, partial(self._may_go_on, 0))
            place = portion.work_from(place)
            faulty = faulty + 1 if portion.is_faulty else 0
        report.finished = int(place is None)
        report.place = place or START
        report.units = self._units()
        return report

    def _may_go_on(self, used: float) -> bool:
        return self._has_time() and used + self._units() < MAX_UNITS_A_NIGHT

    def _moved(self, progress: Progress, place: Place | None, counts: Counter[str]) -> Progress:
        at = self._now()
        if place is not None:
            return progress.moved_to(place, dict(counts), at=at)
        return progress.finished(
            dict(counts), at=at, due_at=f"{timestamps.plus(at, 86_400)[:10]}T{NIGHT_STARTS}"
        )


class _Interrupted(Exception):
    """The time or the units of the run ended while a contact was being corrected."""


class _Portion:
    """The work on one portion of a tenant.

    `counts`: those of the tenant since its recount began. `may_go_on`: returns whether the run has time and units left.
    """

    def __init__(
        self,
        run: Recount,
        tenant_id: str,
        counts: Counter[str],
        report: RecountReport,
        may_go_on: Callable[[], bool],
    ) -> None:
        self._run = run
        self._may_go_on = may_go_on
        self._tenant = tenant_id
        self._contacts = run._contacts(tenant_id)
        self._projections = run._projections
        self._report = report
        overdue = timestamps.plus(run._now(), -_OVERDUE_SECONDS)
        self._figures = FigureCheck(self._contacts, overdue, is_dry=run._is_dry)
        self._caller = system_caller(tenant_id, "recount", "system")
        self._tried = 0
        self._failed = 0
        self.counts = counts

    @property
    def is_faulty(self) -> bool:
        """Whether everything in it failed."""
        return 0 < self._tried == self._failed

    def work_from(self, place: Place) -> Place | None:
        """Work from a place on; return the place after it, None at the end of the tenant."""
        walk, after = place
        if walk == 0:
            done, is_end = self._work_on_contacts(after)
        else:
            done, is_end = self._work_on_rows(self._projections.lists[walk - 1], after)
        if not is_end:
            return walk, done
        return (walk + 1, "") if walk < len(self._projections.lists) else None

    def _work_on_contacts(self, after: str) -> tuple[str, bool]:
        contact_ids = self._contacts.ids(after=after, limit=_PORTION)
        done: list[str] = []
        for contact_id in contact_ids:
            if done and not self._may_go_on():
                break
            try:
                self._attempt(partial(self._recount, contact_id))
            except _Interrupted:  # the next run continues with this contact
                break
            done.append(contact_id)
        self._count("contacts", len(done))
        if done:
            self._attempt(partial(self._mend_contact_rows, done))
        is_end = len(contact_ids) < _PORTION and len(done) == len(contact_ids)
        return (done[-1] if done else after), is_end

    def _work_on_rows(self, list_name: str, after: str) -> tuple[str, bool]:
        rows = self._projections.rows(self._tenant, list_name, after=after, limit=_PORTION)
        self._count("rows", len(rows))
        self._attempt(partial(self._remove_surplus, list_name, rows))
        return (rows[-1]["SK"]["S"] if rows else after), len(rows) < _PORTION

    def _attempt(self, work: Callable[[], object]) -> None:
        """Do some work; count a failure, which must not stop the rest."""
        self._tried += 1
        try:
            work()
        except TooManyItems:
            self._count("too_large")
        except (DomainError, *NOT_A_RECORD):  # unavailable, overtaken again and again, or not a record
            self._run._on_failure()
            self._failed += 1
            self._count("failed")

    def _count(self, name: str, amount: int = 1) -> None:
        if amount:
            self.counts[name] += amount
            self._report.counts[name] += amount

    def _recount(self, contact_id: str) -> None:
        """Compare a contact with its items, read as cheaply as possible; read them again as of now if they differ.

        Raises _Interrupted when the run has no time or units left to correct all list rows of the entries.
        """
        outdated: list[Key] = []

        def see(items: list[Item]) -> None:
            outdated.extend(self._projections.find_outdated_entries(items))

        counted = self._figures.count(contact_id, see=see)
        if counted.contact is None or counted.contact.is_merged:  # being purged, or a row that is out of date
            return
        if outdated and not self._is_settled(contact_id):
            outdated.clear()
        _, _, wrong = counted.correct(self._stamp())
        if wrong:
            self._mend(contact_id)
        for left, key in zip(reversed(range(len(outdated))), outdated, strict=True):
            self._count("entry_rows")
            if self._run._is_dry:
                continue
            self._attempt(partial(self._projections.mend, key))
            if left and not self._may_go_on():  # not before the first one, so that each run comes further
                raise _Interrupted()

    def _is_settled(self, contact_id: str) -> bool:
        """Whether a contact, read after its entries, has not changed lately: each change of an entry changes it."""
        contact = self._contacts.read(contact_id)
        return contact is not None and self._projections.is_settled(contact.updated_at)

    def _mend(self, contact_id: str) -> None:
        tries = 0

        def attempt() -> list[str]:
            nonlocal tries
            tries += 1
            if tries > 1 and not self._may_go_on():
                raise Unavailable()
            return self._figures.correct(contact_id, self._stamp())

        for name in retry_on_conflict(attempt, sleep=self._run._sleep, policy=HOT):
            self._count(f"figure.{name}")

    def _mend_contact_rows(self, contact_ids: Sequence[str]) -> None:
        for key in self._projections.find_outdated_contacts(self._tenant, contact_ids):
            self._count("contact_rows")
            if not self._run._is_dry:
                self._attempt(partial(self._projections.mend, key))

    def _remove_surplus(self, list_name: str, rows: Sequence[Item]) -> None:
        for row in self._projections.find_surplus(list_name, rows):
            self._count("surplus_rows")
            if not self._run._is_dry:
                self._attempt(partial(self._projections.remove, list_name, row))

    def _stamp(self) -> Stamp:
        return Stamp.now(self._caller)
