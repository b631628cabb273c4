"""Imports that a caller creates: the form to upload the file with, and the start once the file has arrived."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import ConcurrentChange, Conflict, NotFound, Unavailable
from shared.domain.ids import is_id, new_id
from shared.domain.import_options import ImportOptions
from shared.domain.import_options_input import OptionsInput
from shared.domain.imports.file import FileReplaced
from shared.domain.imports.limits import DEFAULT_LIMITS, ImportLimits
from shared.domain.imports.record import ImportRun
from shared.domain.imports.retry_run import require_not_retried
from shared.domain.imports.tasks import ImportTask
from shared.domain.imports.upload import ImportInput, StartInput, StoredFile, Upload
from shared.domain.imports.views import Import, NewImport
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.domain.tenant import TenantSettings
from shared.services.backoff import RECORD
from shared.services.idempotency import Announce, no_key
from shared.services.imports.scans import NO_SCANS, Scans
from shared.services.jobs.queue import TaskQueue

UPLOAD_SECONDS = 900
"""Seconds for which a file can be uploaded after its import was created. Long enough even for the largest file on a
slow line, since S3 checks the time when an upload begins."""
PERMISSIONS = ("imports:run", "contacts:read", "contacts:write")
"""Rows create contacts of any owner, and results name the contacts that they duplicate."""


class ImportRepository(Protocol):
    """The imports of one tenant; see `shared.table.imports.repository.ImportTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def add_waiting(self, run: ImportRun, *, until: str) -> None: ...

    def save(self, before: ImportRun, after: ImportRun, *, first: ImportRun | None = None) -> None: ...


class Uploads(Protocol):
    """The bucket that files are uploaded to; see `shared.files.drop_bucket.DropBucket`."""

    def upload_key(self, tenant_id: str, import_id: str) -> str: ...

    def upload_form(self, key: str, max_bytes: int, seconds: int) -> tuple[str, dict[str, str]]: ...

    def describe(self, key: str, etag: str | None = None) -> StoredFile: ...


def find_uploaded(uploads: Uploads, scans: Scans, run: ImportRun) -> StoredFile:
    """Return the file of an import as it is now. Raises Conflict when it has not been uploaded, and when its scan for
    malware has not ended. Results, which a retry reads, are not scanned.

    Only an upload can be replaced. Another file that was put in the same inbox under the same name is another import,
    so for a dropped file, and for a retry, it is a Conflict when the object is not the one that the import has read.
    """
    is_upload = run.source == "upload" and not run.retry_of
    try:
        found = uploads.describe(run.object_key, None if is_upload else run.etag)
        if not run.retry_of:
            scans.require_ended(run.object_key)
        return found
    except FileReplaced as error:
        if not is_upload:
            what = "results that this import reads are" if run.retry_of else "file is"
            raise Conflict(
                f"The {what} no longer there, or no longer the same. Import the rows with another file.",
                code="replaced",
            ) from error
        raise Conflict(
            "The file has not been uploaded yet. Upload it, then start the import.", code="not_uploaded"
        ) from error


class GivenOptions:
    """The options that one caller gives to imports. `check`: raises Invalid for options that name what the tenant does
    not have."""

    def __init__(
        self,
        settings: Callable[[], TenantSettings],
        check: Callable[[ImportOptions, TenantSettings], None],
    ) -> None:
        self._read_settings = settings
        self._check = check

    @property
    def settings(self) -> TenantSettings:
        """The tenant's settings."""
        return self._read_settings()

    def apply(self, given: OptionsInput | None, present: ImportOptions | None = None) -> ImportOptions:
        """Return options with the given ones replaced. `present`: by default the tenant's defaults.

        Raises Invalid when the owner is no active user, the tags are too many, or a group is no static group of the
        tenant.
        """
        settings = self.settings
        options = settings.import_defaults if present is None else present
        if given is None:
            return options
        options = given.apply_to(options, settings.import_defaults)
        self._check(options, settings)
        return options


class ImportUploads:
    """The imports that one caller creates and starts."""

    def __init__(
        self,
        caller: Caller,
        imports: ImportRepository,
        uploads: Callable[[], Uploads],
        tasks: Callable[[], TaskQueue[ImportTask]],
        options: GivenOptions,
        *,
        scans: Scans = NO_SCANS,
        limits: ImportLimits = DEFAULT_LIMITS,
        now: Callable[[], str] = timestamps.now,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._imports = imports
        self._uploads = uploads
        self._tasks = tasks
        self._scans = scans
        self._limits = limits
        self._options = options
        self._now = now
        self._announce = announce

    def create(self, given: ImportInput) -> NewImport:
        """Create an import. Returns it with a form that uploads its file, of as many bytes as the deployment allows.

        Raises Invalid as `GivenOptions.apply` does, and QuotaReached when the tenant has too many imports whose file
        can be uploaded.
        """
        self._caller.require_all(*PERMISSIONS)
        options, at = self._options.apply(given.options), self._now()
        uploads, import_id = self._uploads(), new_id()
        run = ImportRun.await_upload(
            given.file_name,
            options,
            import_id=import_id,
            object_key=uploads.upload_key(self._caller.tenant_id, import_id),
            write_id=new_id(),
            at=at,
            caller=self._caller,
        )
        url, fields = uploads.upload_form(run.object_key, self._limits.file_bytes, UPLOAD_SECONDS)
        upload = Upload(
            url=url,
            fields=fields,
            max_bytes=self._limits.file_bytes,
            expires_at=timestamps.plus(at, UPLOAD_SECONDS),
        )
        shown = NewImport.waiting(run, upload)
        self._announce(shown)
        self._imports.add_waiting(run, until=upload.expires_at)
        return shown

    def start(self, import_id: str, given: StartInput) -> Import:
        """Start an import with its file as the file is now. Returns the running import.

        Raises Invalid as `GivenOptions.apply` does; Conflict when there is no file yet, when its scan for malware has
        not ended, when the import was started before, unless it was undone or wrote nothing, and when another import
        tries the same rows of an import again; QuotaReached when the tenant has too many running imports, or when its
        files of the day are too large together.
        """
        self._caller.require_all(*PERMISSIONS)
        for _ in RECORD.tries():
            before = self._imports.get(import_id) if is_id(import_id) else None
            if before is None:
                raise NotFound("Import")
            at = self._now()
            due_at = timestamps.plus(at, FIRST_LOOK_SECONDS)
            if not before.can_start:
                raise Conflict(f"The import is {before.state}, so it cannot start.", code="import_started")
            first = self._imports.get(before.retry_of) if before.retry_of else None
            if first is not None and first.retried_by not in ("", before.id):
                require_not_retried(self._imports.get(first.retried_by))
            run = before.start(
                find_uploaded(self._uploads(), self._scans, before),
                self._options.apply(given.options, before.options),
                self._options.settings,
                write_id=new_id(),
                at=at,
                due_at=due_at,
            )
            shown = Import.of(run, None)
            self._announce(shown)
            try:
                self._imports.save(before, run, first=first)
            except ConcurrentChange:
                continue
            # It runs now. If it cannot be queued, or a kill prevents that, the watch over imports queues it.
            with contextlib.suppress(Unavailable):
                self._tasks().send([ImportTask(run.tenant_id, run.id, run.attempt, "split")])
            return shown
        raise ConcurrentChange()
