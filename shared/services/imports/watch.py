"""The watch over imports: queues imports without progress again, and finds dropped files whose event was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from shared.domain import timestamps
from shared.domain.errors import QuotaReached
from shared.domain.imports.file import BadFile, FileReplaced
from shared.domain.imports.malware import ScanPending
from shared.domain.imports.record import ImportRun
from shared.domain.imports.tasks import ImportTask, Step
from shared.domain.imports.upload import DroppedFile
from shared.domain.jobs.watching import IDLE_LOOKS, Look
from shared.domain.tenant import Tenant
from shared.services.imports.runs import ImportRuns
from shared.services.jobs.queue import TaskQueue
from shared.services.jobs.watch import JobWatch, WatchedJobs, WatchReport

_UNNOTICED_SECONDS = 300
"""Seconds after which a file without an import is taken for one whose event was lost."""
_PAGES = 5
"""Pages of the inboxes that one look searches: up to a thousand objects a page, for one request each."""


class Due(Protocol):
    """Imports or previews that are due for a look; see `shared.table.imports.watch.ImportWatchTable`."""

    def due(self, at: str) -> Iterator[tuple[str, str]]: ...


class Watched(Due, Protocol):
    """Imports across tenants; see `shared.table.imports.watch.ImportWatchTable`."""

    def missing(self, imports: Iterable[tuple[str, str]]) -> set[tuple[str, str]]: ...

    def inbox_position(self) -> str: ...

    def set_inbox_position(self, object_key: str) -> None: ...


class WatchedImports(Protocol):
    """The imports of one tenant; see `shared.table.imports.repository.ImportTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def postpone(self, run: ImportRun, *, looked_at: str, idle_looks: int, due_at: str) -> bool: ...


class Inboxes(Protocol):
    """The inboxes of all tenants; see `shared.files.drop_bucket.DropBucket`."""

    def dropped_files(self, after: str) -> tuple[list[DroppedFile], str]: ...


@dataclass(slots=True)
class ImportWatchReport(WatchReport):
    """The number of imports and files by what the watch found. Imports also by this: that make progress
    (`moving`). Files: looked at, found without an import, and left to wait until the tenant may run another import."""

    moving: int = 0
    files: int = 0
    found: int = 0
    waiting_files: int = 0


class WatchedImportJobs:
    """Running imports, or running previews, for the `JobWatch`."""

    def __init__(
        self,
        watched: Due,
        imports: Callable[[str], WatchedImports],
        runs: ImportRuns,
        tasks: TaskQueue[ImportTask],
    ) -> None:
        self._watched = watched
        self._imports = imports
        self._runs = runs
        self._tasks = tasks

    def due(self, at: str) -> Iterator[tuple[str, str]]:
        """Yield the imports that are due for a look."""
        return self._watched.due(at)

    def read(self, tenant_id: str, job_id: str) -> ImportRun | None:
        """Return an import; None when it has ended, and its results are gathered."""
        run = self._imports(tenant_id).get(job_id)
        if run is not None and run.awaits_results:
            # Never given up: without its results it can be neither undone nor retried.
            return replace(run, idle_looks=min(run.idle_looks, IDLE_LOOKS - 1))
        return run if run is not None and run.state == "running" else None

    def queue_again(self, run: ImportRun) -> None:
        """Queue the end of an import whose chunks are all closed, or that has ended half-way; otherwise the split of
        its file."""
        step: Step = "finish" if run.awaits_results or run.all_chunks_done else "split"
        self._tasks.send([ImportTask(run.tenant_id, run.id, run.attempt, step)])

    def put_off(self, run: ImportRun, look: Look, at: str) -> None:
        """Write what the look found and the time of the next one."""
        self._imports(run.tenant_id).postpone(
            run,
            looked_at=run.progress_mark,
            idle_looks=look.idle_looks,
            due_at=timestamps.plus(at, look.pause_seconds),
        )

    def give_up(self, run: ImportRun) -> None:
        """Fail the import."""
        self._runs.give_up(run, _stalled(run))


class ImportWatch:
    """The watch over the imports and the inboxes of all tenants."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        watched: Watched,
        imports: Callable[[str], WatchedImports],
        inboxes: Inboxes,
        runs: ImportRuns,
        tasks: TaskQueue[ImportTask],
        previews: WatchedJobs[ImportRun],
        undos: WatchedJobs[ImportRun],
        *,
        now: Callable[[], str] = timestamps.now,
        has_time: Callable[[], bool] = lambda: True,
    ) -> None:
        self._tenant = tenant
        self._watched = watched
        self._inboxes = inboxes
        self._runs = runs
        self._tasks = tasks
        self._now = now
        self._has_time = has_time
        jobs = WatchedImportJobs(watched, imports, runs, tasks)
        self._watches = [JobWatch(tenant, one, now=now, has_time=has_time) for one in (jobs, previews, undos)]

    def look(self) -> ImportWatchReport:
        """Look at the imports and the previews that are due, and then through a part of the inboxes, as far as time
        allows."""
        report = ImportWatchReport()
        if all(watch.look_at_due(report) for watch in self._watches):
            self._search_inboxes(report)
        return report

    def _search_inboxes(self, report: ImportWatchReport) -> None:
        """Continue through the inboxes from where the last look stopped."""
        after = self._watched.inbox_position()
        for _ in range(_PAGES):
            files, after = self._inboxes.dropped_files(after)
            self._import_missing(files, report)
            self._watched.set_inbox_position(after)
            if not after or not self._has_time():
                return

    def _import_missing(self, files: list[DroppedFile], report: ImportWatchReport) -> None:
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
                return  # the next round searches this page again; what was imported is not missing then
            try:
                run = self._runs.begin(imports[tenant_id, import_id])
            except (QuotaReached, ScanPending):
                report.waiting_files += 1
                continue
            except FileReplaced:
                continue  # the next round finds what is there then
            self._tasks.send([ImportTask(tenant_id, import_id, run.attempt, "split")])
            report.found += 1


def _stalled(run: ImportRun) -> BadFile:
    again = "Ask for a new one, and upload the file again."
    if run.is_preview:
        return BadFile("The preview made no progress for a day. Start it again.", code="stalled")
    if run.source == "drop_folder":
        again = "Put the file in the inbox again."
    return BadFile(f"The import made no progress for a day. {again}", code="stalled")
