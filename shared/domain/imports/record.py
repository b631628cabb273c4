"""The import: one file of one tenant, whose rows become contacts.

The import of a dropped file is `running` from the moment its file is found. An import that a caller creates is
`awaiting_upload` until its file has arrived, then `uploaded`, and `running` once it is started. It ends as `completed`,
`failed` or `cancelled`, and keeps its counts. What it wrote can be undone; an import that is undone can run again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from shared.domain.callers import Caller, system_caller
from shared.domain.errors import Conflict
from shared.domain.events import IMPORT_COMPLETED, Event
from shared.domain.ids import derived_id, milliseconds_of, ordinal_of
from shared.domain.import_options import ImportOptions
from shared.domain.imports.progress import Counts, Tally
from shared.domain.imports.row_settings import RowSettings
from shared.domain.imports.undo import Undo
from shared.domain.imports.upload import DroppedFile, InboxFile, StoredFile
from shared.domain.jobs.progress import Progress
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.domain.tenant import TenantSettings
from shared.domain.timestamps import plus

State = Literal[
    "awaiting_upload", "uploaded", "running", "completed", "failed", "cancelled", "undoing", "undone"
]
Source = Literal["upload", "drop_folder"]

_MOVES: dict[State, frozenset[State]] = {
    "awaiting_upload": frozenset({"uploaded", "running", "cancelled"}),
    "uploaded": frozenset({"uploaded", "running", "cancelled"}),
    "running": frozenset({"completed", "failed", "cancelled"}),
    "completed": frozenset({"undoing"}),
    "failed": frozenset({"undoing"}),
    "cancelled": frozenset({"undoing"}),
    "undoing": frozenset({"undone"}),
    "undone": frozenset({"running"}),
}

ENDED: frozenset[State] = frozenset({"completed", "failed", "cancelled"})
"""The states of an import that has ended, and was not undone since."""
NO_PROGRESS: dict[str, Any] = {
    "rows_total": None,
    "chunks_total": None,
    "chunks_done": 0,
    "tally": Tally(),
    "results_key": None,
    "error_code": None,
    "error_message": None,
    "ended_at": None,
    "idle_looks": 0,
    "undo": None,
}
"""The progress of an attempt that begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRun:
    """The record of an import.

    `rows_total`, `chunks_total`: None until the whole file has been split. `tally` and `chunks_done` grow with every
    chunk. `results_key`: the object with the fate of every row, when there is one. `looked_at`, `idle_looks`: the
    progress at the last look of the watch, and the looks since then without progress. `created_at`, `created_by`: empty
    for a dropped file. `etag`: empty until the file has arrived.

    `attempt`: the name of the run, `r1` for the first one; empty until then. Everything that belongs to an attempt has
    its name in its key, so that attempts do not mix. `options`: as they were given; from the start of a run, with the
    tenant's settings at that time where nothing was given. `row_settings`: the tenant's settings at the start. Both are
    kept: a file that is split twice must make the same chunks, and all rows of a file are treated alike.

    `retry_of`: the import whose failed rows this one tries again; empty for others. Its file is the results of that
    import.

    `retried_by`: the last import that tries the failed rows of this one again; empty when there is none.

    `is_dry_run`: whether the run only plans its rows, or did. `options` may be those of a later preview by then.

    `undo`: the undo of the run, if one was begun.
    """

    id: str
    tenant_id: str
    object_key: str
    etag: str
    size: int
    file_name: str
    started_at: str
    updated_at: str
    state: State = "running"
    rows_total: int | None = None
    chunks_total: int | None = None
    chunks_done: int = 0
    tally: Tally = field(default_factory=Tally)
    results_key: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    ended_at: str | None = None
    last_event: str = ""
    version: int = 1
    due_at: str | None = None
    looked_at: str = ""
    idle_looks: int = 0
    created_at: str = ""
    created_by: str = ""
    attempt: str = ""
    options: ImportOptions = field(default_factory=ImportOptions)
    row_settings: RowSettings = field(default_factory=RowSettings)
    retry_of: str = ""
    retried_by: str = ""
    is_dry_run: bool = False
    undo: Undo | None = None

    @classmethod
    def await_upload(
        cls,
        file_name: str,
        options: ImportOptions,
        *,
        import_id: str,
        object_key: str,
        write_id: str,
        at: str,
        caller: Caller,
    ) -> ImportRun:
        """Return a new import, whose file is still to be uploaded. `write_id` names the write that creates it."""
        return cls(
            id=import_id,
            tenant_id=caller.tenant_id,
            object_key=object_key,
            etag="",
            size=0,
            file_name=file_name,
            started_at="",
            updated_at=at,
            state="awaiting_upload",
            last_event=write_id,
            created_at=at,
            created_by=caller.actor,
            options=options,
        )

    def arrive(self, uploaded: DroppedFile, *, write_id: str, at: str) -> ImportRun | None:
        """Return the import with its file uploaded; None when it was started, or when it has this file already."""
        if self.state not in ("awaiting_upload", "uploaded") or self.etag == uploaded.etag:
            return None
        return replace(
            self,
            state="uploaded",
            etag=uploaded.etag,
            size=uploaded.size,
            updated_at=at,
            last_event=write_id,
            version=self.version + 1,
        )

    @property
    def can_start(self) -> bool:
        """Whether the import can be started, and therefore previewed: it was neither started nor cancelled before, was
        undone, or has run and written nothing."""
        has_run = bool(self.attempt) and self.state in ENDED
        return "running" in _MOVES[self.state] or (has_run and not self.may_have_written)

    @property
    def may_have_written(self) -> bool:
        """Whether the run may have written contacts. It has not if it is dry, or as long as its file is not split."""
        return bool(self.chunks_total) and not self.is_dry

    def start(
        self,
        uploaded: StoredFile,
        options: ImportOptions,
        settings: TenantSettings,
        *,
        write_id: str,
        at: str,
        due_at: str,
    ) -> ImportRun:
        """Return the import, running on its file as the file is now, in a new attempt. Raises Conflict when it was
        started before, is not undone, and has written something."""
        self.require_start()
        return replace(
            self,
            is_dry_run=options.dry_run,
            attempt=f"r{int(self.attempt[1:] or 0) + 1}",
            options=effective(options, settings),
            row_settings=RowSettings.of(settings),
            state="running",
            etag=uploaded.etag,
            size=uploaded.size,
            started_at=at,
            updated_at=at,
            last_event=write_id,
            version=self.version + 1,
            due_at=due_at,
            looked_at="running/0/None",
            **NO_PROGRESS,
        )

    @property
    def source(self) -> Source:
        """How the file arrived."""
        return "upload" if self.created_at else "drop_folder"

    @classmethod
    def begin(cls, dropped: DroppedFile, settings: TenantSettings, *, at: str, due_at: str) -> ImportRun:
        """Return a new import of a file, which must be in an inbox, in its first run."""
        if not isinstance(dropped.location, InboxFile):
            raise ValueError("the object is in no inbox")
        tenant_id, file_name = dropped.location
        return cls(
            id=dropped.import_id,
            tenant_id=tenant_id,
            object_key=dropped.key,
            etag=dropped.etag,
            size=dropped.size,
            file_name=file_name,
            started_at=at,
            updated_at=at,
            due_at=due_at,
            looked_at="running/0/None",
            attempt="r1",
            options=effective(settings.import_defaults, settings),
            row_settings=RowSettings.of(settings),
        )

    @property
    def caller(self) -> Caller:
        """The caller that creates this import's contacts."""
        return system_caller(self.tenant_id, f"import:{self.id}", "import")

    @property
    def is_dry(self) -> bool:
        """Whether the rows are only planned, and nothing is written."""
        return self.is_dry_run or self.is_preview

    @property
    def is_preview(self) -> bool:
        """Whether this is the record of a preview."""
        return self.attempt.startswith("p")

    @property
    def uploader_id(self) -> str | None:
        """The user who created the import; None when no user did."""
        kind, _, identifier = self.created_by.partition(":")
        return identifier if kind == "user" else None

    @property
    def counts(self) -> Counts:
        """The number of rows by outcome."""
        return Counts.of(self.tally, self.rows_total)

    @property
    def progress(self) -> Progress:
        """The progress as of the last chunk."""
        return Progress.measure(
            done=self.tally.rows,
            total=self.rows_total,
            is_running=self.state == "running",
            started_at=self.started_at,
            # Previews and undos after the end change `updated_at` too.
            updated_at=self.ended_at or self.updated_at,
        )

    @property
    def all_chunks_done(self) -> bool:
        """Whether the file is split and all of its chunks are closed."""
        return self.chunks_total is not None and self.chunks_done >= self.chunks_total

    @property
    def progress_mark(self) -> str:
        """A text that changes whenever the import or its undo makes progress."""
        undone = f"/{self.undo.chunks_done}" if self.undo else ""
        return f"{self.state}/{self.chunks_done}/{self.chunks_total}{undone}"

    @property
    def has_moved(self) -> bool:
        """Whether chunks were closed since the last look of the watch."""
        return self.progress_mark != self.looked_at

    def settings_over(self, settings: TenantSettings) -> TenantSettings:
        """Return the settings of the tenant by which this attempt splits the file, reads the rows and plans them: those
        of its start, and the present ones where they decide nothing about rows."""
        return self.row_settings.over(settings, default_country=self.options.default_country)

    def contact_id(self, row: int) -> str:
        """Return the id of the contact that this run creates from a row, however often the row is worked on. A run
        after an undone one creates other contacts."""
        later = () if self.attempt in ("", "r1") else (self.attempt,)
        return derived_id(milliseconds_of(self.id), self.tenant_id, self.id, *later, str(row), ordinal=row)

    def event_id(self, contact_id: str, group: int) -> str:
        """Return the id of the event with which this run creates or changes a contact for a group of rows.

        `group`: the number of the group's first row. Two groups may match one contact, by two of its addresses.
        """
        parts = (self.tenant_id, self.id, self.attempt, "event", contact_id, str(group))
        return derived_id(milliseconds_of(self.id), *parts)

    def row_of_contact(self, contact_id: str) -> int | None:
        """Return the row of this import that a contact was created from; None for any other contact, and for no
        contact."""
        if not contact_id:
            return None
        row = ordinal_of(contact_id)
        return row if self.contact_id(row) == contact_id else None

    def complete(self, *, results_key: str, event_id: str, at: str) -> tuple[ImportRun, Event]:
        """Return the completed import and its `import.completed` event."""
        self.require_move("completed")
        completed = replace(
            self,
            state="completed",
            results_key=results_key,
            ended_at=at,
            updated_at=at,
            due_at=None,
            last_event=event_id,
            version=self.version + 1,
        )
        event = Event(
            id=event_id,
            type=IMPORT_COMPLETED,
            entity="import",
            entity_id=self.id,
            at=at,
            actor=self.caller.actor,
            origin="import",
            version=completed.version,
            changes={"state": (self.state, "completed")},
            data={"counts": completed.counts.model_dump()} | ({"dry_run": True} if self.is_dry else {}),
        )
        return completed, event

    def cancel(self, *, write_id: str, at: str) -> ImportRun:
        """Return the cancelled import. The contacts that its rows have created stay. Raises Conflict when it has ended
        already, and while it is being undone."""
        if self.state == "undoing":
            raise Conflict(
                "An undo cannot be cancelled. Start the import again once the undo has ended.",
                code="undo_started",
            )
        self.require_move("cancelled")
        return replace(
            self,
            state="cancelled",
            ended_at=at,
            updated_at=at,
            due_at=self._results_due_at(at),
            last_event=write_id,
            version=self.version + 1,
        )

    def fail(self, code: str, message: str, *, at: str) -> ImportRun:
        """Return the failed import with the reason. The contacts that its rows have created stay."""
        self.require_move("failed")
        return replace(
            self,
            state="failed",
            error_code=code,
            error_message=message,
            ended_at=at,
            updated_at=at,
            due_at=self._results_due_at(at),
            version=self.version + 1,
        )

    def _results_due_at(self, at: str) -> str | None:
        """Return when the watch first checks that the results of a run that ends half-way are gathered; None for an
        attempt without results."""
        return plus(at, FIRST_LOOK_SECONDS) if self.state == "running" and not self.is_preview else None

    @property
    def awaits_results(self) -> bool:
        """Whether the run ended half-way, and it is still to be gathered what became of its rows."""
        return self.state in ("failed", "cancelled") and self.due_at is not None

    @property
    def will_have_results(self) -> bool:
        """Whether the run ended half-way, and its results are still being gathered."""
        return self.awaits_results and bool(self.chunks_total)

    def require_start(self) -> None:
        """Raise Conflict unless the import can be started."""
        if not self.can_start:
            self.require_move("running")

    def require_move(self, state: State) -> None:
        """Raise Conflict unless the import can move to a state."""
        if state not in _MOVES[self.state]:
            code = "import_started" if state == "running" else "import_ended"
            raise Conflict(f"An import that is {self.state} cannot become {state}.", code=code)


def effective(options: ImportOptions, settings: TenantSettings) -> ImportOptions:
    """Return options with the tenant's settings where nothing was given."""
    return options.changed(default_country=options.default_country or settings.default_country)
