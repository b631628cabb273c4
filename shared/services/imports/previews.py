"""Previews of imports: dry runs of the whole file, in the background."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import ConcurrentChange, Conflict, NotFound, Unavailable
from shared.domain.ids import is_id, new_id
from shared.domain.imports.columns import Layout
from shared.domain.imports.preview import Preview, PreviewInput, PreviewRow
from shared.domain.imports.preview_run import begin_preview, propose
from shared.domain.imports.record import ImportRun
from shared.domain.imports.tasks import ImportTask
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.services.backoff import RECORD
from shared.services.idempotency import Announce, no_key
from shared.services.imports.scans import NO_SCANS, Scans
from shared.services.imports.uploads import PERMISSIONS, GivenOptions, Uploads, find_uploaded
from shared.services.jobs.queue import TaskQueue


class ImportRepository(Protocol):
    """The imports of one tenant; see `shared.table.imports.repository.ImportTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...


class PreviewRepository(Protocol):
    """The previews of one tenant's imports; see `shared.table.imports.previews.PreviewTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def begin(
        self, before: ImportRun, after: ImportRun, older: ImportRun | None, preview: ImportRun
    ) -> None: ...

    def get_layout(self, import_id: str, attempt: str) -> Layout | None: ...

    def sample(self, import_id: str, attempt: str) -> Sequence[PreviewRow]: ...


class ImportPreviews:
    """The previews that one caller asks for and reads. For other imports it raises NotFound."""

    def __init__(
        self,
        caller: Caller,
        imports: ImportRepository,
        previews: PreviewRepository,
        uploads: Callable[[], Uploads],
        tasks: Callable[[], TaskQueue[ImportTask]],
        options: GivenOptions,
        *,
        scans: Scans = NO_SCANS,
        now: Callable[[], str] = timestamps.now,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._imports = imports
        self._previews = previews
        self._uploads = uploads
        self._tasks = tasks
        self._options = options
        self._scans = scans
        self._now = now
        self._announce = announce

    def begin(self, import_id: str, given: PreviewInput) -> Preview:
        """Begin a preview of an import with its file as the file is now, in the place of an earlier preview. The import
        keeps the options. Returns the running preview.

        Raises Invalid as `GivenOptions.apply` does; Conflict when there is no file yet, when its scan for malware has
        not ended, and when the import was started before, unless it was undone or wrote nothing; QuotaReached when the
        tenant has too many running previews.
        """
        self._caller.require_all(*PERMISSIONS)
        for _ in RECORD.tries():
            before, at = self._get(import_id), self._now()
            if not before.can_start:
                raise Conflict(
                    f"The import is {before.state}, so there is nothing to preview.", code="import_started"
                )
            uploaded = find_uploaded(self._uploads(), self._scans, before)
            options = self._options.apply(given.options, before.options)
            older = self._previews.get(import_id)
            run = propose(before, uploaded, options, write_id=new_id(), at=at)
            preview = begin_preview(
                run,
                self._options.settings,
                older,
                write_id=new_id(),
                at=at,
                due_at=timestamps.plus(at, FIRST_LOOK_SECONDS),
            )
            shown = Preview.of(preview, run)
            self._announce(shown)
            try:
                self._previews.begin(before, run, older, preview)
            except ConcurrentChange:
                continue
            # It runs now. If it cannot be queued, or a kill prevents that, the watch over previews queues it.
            with contextlib.suppress(Unavailable):
                self._tasks().send([ImportTask(preview.tenant_id, preview.id, preview.attempt, "split")])
                if older is not None and older.state == "running":
                    self._tasks().send_later([ImportTask(older.tenant_id, older.id, older.attempt, "finish")])
            return shown
        raise ConcurrentChange()

    def read(self, import_id: str) -> Preview:
        """Return the preview of an import, complete or not. Raises NotFound when there is none."""
        self._caller.require_all("imports:run", "contacts:read")
        run = self._get(import_id)
        preview = self._previews.get(import_id)
        if preview is None:
            raise NotFound("Preview")
        layout = self._previews.get_layout(import_id, preview.attempt)
        return Preview.of(preview, run, layout, self._previews.sample(import_id, preview.attempt))

    def _get(self, import_id: str) -> ImportRun:
        run = self._imports.get(import_id) if is_id(import_id) else None
        if run is None:
            raise NotFound("Import")
        return run
