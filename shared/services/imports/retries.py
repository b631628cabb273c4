"""Imports of the rows of other imports that failed or were not run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import ConcurrentChange, NotFound, Unavailable
from shared.domain.ids import is_id, new_id
from shared.domain.imports.file import FileReplaced
from shared.domain.imports.record import ImportRun
from shared.domain.imports.retry_run import require_not_retried, require_rows_to_retry, retry
from shared.domain.imports.tasks import ImportTask
from shared.domain.imports.upload import StartInput, StoredFile
from shared.domain.imports.views import Import
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.services.backoff import RECORD
from shared.services.idempotency import Announce, no_key
from shared.services.imports.uploads import PERMISSIONS, GivenOptions
from shared.services.jobs.queue import TaskQueue


class ImportRepository(Protocol):
    """The imports of one tenant; see `shared.table.imports.retries.ImportRetryTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def add(self, first: ImportRun, run: ImportRun) -> None: ...


class Results(Protocol):
    """The results of imports; see `shared.files.drop_bucket.DropBucket`."""

    def describe(self, key: str, etag: str | None = None) -> StoredFile: ...


class ImportRetries:
    """The retries that one caller starts."""

    def __init__(
        self,
        caller: Caller,
        imports: ImportRepository,
        results: Callable[[], Results],
        tasks: Callable[[], TaskQueue[ImportTask]],
        options: GivenOptions,
        *,
        now: Callable[[], str] = timestamps.now,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._imports = imports
        self._results = results
        self._tasks = tasks
        self._options = options
        self._now = now
        self._announce = announce

    def start(self, import_id: str, given: StartInput) -> Import:
        """Start an import of the rows of another import that failed or were not run. Its options are those of the other
        import, unless others are given. Returns the running import.

        Raises Invalid as `GivenOptions.apply` does; Conflict when the other import has not ended, was undone, has no
        such rows, or is retried already; NotFound when its results are no longer kept; QuotaReached when the tenant has
        too many running imports, or when its files of the day are too large together.
        """
        self._caller.require_all(*PERMISSIONS)
        for _ in RECORD.tries():
            before = self._imports.get(import_id) if is_id(import_id) else None
            if before is None:
                raise NotFound("Import")
            key = require_rows_to_retry(before)
            require_not_retried(self._imports.get(before.retried_by) if before.retried_by else None)
            try:
                results = self._results().describe(key)
            except FileReplaced as error:
                raise NotFound("Results") from error
            at = self._now()
            run = retry(
                before,
                results,
                self._options.apply(given.options, before.options),
                self._options.settings,
                import_id=new_id(),
                write_id=new_id(),
                at=at,
                due_at=timestamps.plus(at, FIRST_LOOK_SECONDS),
                caller=self._caller,
            )
            shown = Import.of(run, None)
            self._announce(shown)
            try:
                self._imports.add(before, run)
            except ConcurrentChange:
                continue
            # It runs now. If it cannot be queued, or a kill prevents that, the watch over imports queues it.
            with contextlib.suppress(Unavailable):
                self._tasks().send([ImportTask(run.tenant_id, run.id, run.attempt, "split")])
            return shown
        raise ConcurrentChange()
