"""The watch over imports: drives on those that stand still, and finds dropped files of which no event told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange, QuotaReached, Unavailable
from shared.domain.imports.file import BadFile
from shared.domain.imports.record import ImportRun
from shared.domain.imports.tasks import ImportTask
from shared.domain.imports.upload import DroppedFile
from shared.domain.jobs.watching import IDLE_LOOKS, SUSPENDED_PAUSE_SECONDS, pause_after_look
from shared.domain.tenant import Tenant
from shared.services.imports.runs import ImportRuns, Tasks

_UNNOTICED_SECONDS = 300
"""How long a file must have lain there before the lack of an import is worth a thought."""
_PAGES = 5
"""How much of the inboxes one look goes through: up to a thousand objects a page, for one request each."""


class Watched(Protocol):
    """Imports across tenants; see `shared.table.imports.repository.ImportWatchTable`."""

    def due(self, at: str) -> Iterator[tuple[str, str]]: ...

    def missing(self, imports: Iterable[tuple[str, str]]) -> set[tuple[str, str]]: ...

    def walked_to(self) -> str: ...

    def set_walked_to(self, object_key: str) -> None: ...


class WatchedImports(Protocol):
    """The imports of one tenant; see `shared.table.imports.repository.ImportTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def put_off(self, run: ImportRun, *, looked_at: str, idle_looks: int, due_at: str) -> bool: ...


class Inboxes(Protocol):
    """The inboxes of all tenants; see `shared.files.drop_bucket.DropBucket`."""

    def dropped_files(self, after: str) -> tuple[list[DroppedFile], str]: ...


@dataclass(slots=True)
class WatchReport:
    """The result of a look: imports that get on, that wait for their tenant, that were driven on, that were given up,
    files looked at, found, and left to wait for room; and imports that could not be looked at (`failed`)."""

    moving: int = 0
    waiting: int = 0
    driven_on: int = 0
    given_up: int = 0
    files: int = 0
    found: int = 0
    waiting_files: int = 0
    failed: int = 0


class ImportWatch:
    """Looks after the imports of all tenants."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        watched: Watched,
        imports: Callable[[str], WatchedImports],
        inboxes: Inboxes,
        runs: ImportRuns,
        tasks: Tasks,
        *,
        now: Callable[[], str] = timestamps.now,
        has_time: Callable[[], bool] = lambda: True,
    ) -> None:
        self._tenant = tenant
        self._watched = watched
        self._imports = imports
        self._inboxes = inboxes
        self._runs = runs
        self._tasks = tasks
        self._now = now
        self._has_time = has_time

    def look(self) -> WatchReport:
        """Look at what is due, and then through a part of the inboxes, as far as the time allows."""
        report = WatchReport()
        for tenant_id, import_id in self._watched.due(self._now()):
            if not self._has_time():
                return report
            try:
                run = self._imports(tenant_id).get(import_id)
                if run is not None and run.state == "running":
                    self._look_at(run, report)
            except (ConcurrentChange, Unavailable):  # it must not keep the others from being looked at
                report.failed += 1
        self._walk(report)
        return report

    def _look_at(self, run: ImportRun, report: WatchReport) -> None:
        tenant = self._tenant(run.tenant_id)
        if tenant is not None and tenant.suspended:
            # It cannot get on, which is not held against it: once its tenant is back, looks are counted anew.
            self._put_off(run, idle_looks=0, pause=SUSPENDED_PAUSE_SECONDS)
            report.waiting += 1
            return
        idle_looks = run.idle_looks + 1 if run.standing == run.looked_at else 0
        if idle_looks > IDLE_LOOKS:
            self._runs.give_up(run, _stalled(run))
            report.given_up += 1
            return
        if idle_looks:
            step: ImportTask = ImportTask(run.tenant_id, run.id, "finish" if run.all_chunks_done else "split")
            self._tasks.send([step])
            report.driven_on += 1
        else:
            report.moving += 1
        self._put_off(run, idle_looks=idle_looks, pause=pause_after_look(idle_looks))

    def _put_off(self, run: ImportRun, *, idle_looks: int, pause: int) -> None:
        self._imports(run.tenant_id).put_off(
            run,
            looked_at=run.standing,
            idle_looks=idle_looks,
            due_at=timestamps.plus(self._now(), pause),
        )

    def _walk(self, report: WatchReport) -> None:
        """Go on through the inboxes from where the last look stopped."""
        after = self._watched.walked_to()
        for _ in range(_PAGES):
            files, after = self._inboxes.dropped_files(after)
            self._take_up_missing(files, report)
            self._watched.set_walked_to(after)
            if not after or not self._has_time():
                return

    def _take_up_missing(self, files: list[DroppedFile], report: WatchReport) -> None:
        long_ago = timestamps.plus(self._now(), -_UNNOTICED_SECONDS)
        imports = {
            (dropped.location.tenant_id, dropped.import_id): dropped
            for dropped in files
            if dropped.modified_at < long_ago
            and (tenant := self._tenant(dropped.location.tenant_id))
            and not tenant.suspended
        }
        report.files += len(imports)
        if not imports:
            return
        for tenant_id, import_id in sorted(self._watched.missing(imports)):
            if not self._has_time():
                return  # the page is gone through again next round, and what was begun is not missing then
            try:
                self._runs.begin(imports[tenant_id, import_id])
            except QuotaReached:
                report.waiting_files += 1
                continue
            self._tasks.send([ImportTask(tenant_id, import_id, "split")])
            report.found += 1


def _stalled(run: ImportRun) -> BadFile:
    again = "Ask for a new one, and upload the file again."
    if run.source == "drop_folder":
        again = "Put the file in the inbox again."
    return BadFile(f"The import did not get on for a day. {again}", code="stalled")
