"""The import: one file of one tenant on its way to contacts.

The import of a dropped file is `running` from the moment its file is found. One that is asked for is `awaiting_upload`
until its file has arrived, then `uploaded`, and `running` once it is started. It ends as `completed` or `failed`; what
was counted stays with it either way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.callers import Caller, system
from shared.domain.errors import Conflict
from shared.domain.events import IMPORT_COMPLETED, Event
from shared.domain.ids import derived_id, milliseconds_of, ordinal_of
from shared.domain.timestamps import Timestamp, to_milliseconds

State = Literal["awaiting_upload", "uploaded", "running", "completed", "failed"]
Source = Literal["upload", "drop_folder"]
Outcome = Literal["created", "skipped", "failed"]

_MOVES: dict[State, frozenset[State]] = {
    "awaiting_upload": frozenset({"uploaded", "running"}),
    "uploaded": frozenset({"uploaded", "running"}),
    "running": frozenset({"completed", "failed"}),
    "completed": frozenset(),
    "failed": frozenset(),
}

_INBOX_KEY = re.compile(r"tenants/([^/]+)/inbox/(.*[^/])", re.DOTALL)


def inbox_file(key: str) -> tuple[str, str] | None:
    """The tenant into whose inbox an object was put, and the file's name; None for an object elsewhere."""
    found = _INBOX_KEY.fullmatch(key)
    return (found[1], found[2]) if found else None


_UPLOAD_KEY = re.compile(r"uploads/([^/]+)/([0-9a-f-]{36})")


def upload_key(tenant_id: str, import_id: str) -> str:
    """Where the file of an import that was asked for is uploaded to. Its name is told in the import, so that a key has
    nothing in it that a caller has chosen."""
    return f"uploads/{tenant_id}/{import_id}"


def uploaded_file(key: str) -> tuple[str, str] | None:
    """The tenant and the import to which an object was uploaded; None for an object elsewhere."""
    found = _UPLOAD_KEY.fullmatch(key)
    return (found[1], found[2]) if found else None


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """An object in a tenant's inbox, or uploaded, as an event or a listing of the bucket tells of it.

    `etag`: without its quotes. `modified_at`: when it was put, a whole second (S3 knows it no finer).
    """

    bucket: str
    key: str
    etag: str
    size: int
    modified_at: str

    @property
    def import_id(self) -> str:
        """The import of this very content put at this very time: the same for whoever finds it, and however
        often. Why it is made of these parts: docs/decisions/0005."""
        return derived_id(to_milliseconds(self.modified_at), self.bucket, self.key, self.etag)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows came to which end."""

    created: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def rows(self) -> int:
        return self.created + self.skipped + self.failed


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a file: some rows, by their place.

    `start`, `end`: the bytes. `first_row`: the number of the first row (the row under the header is 1), and
    `first_line` that of its line. `alone_until`: see `shared.domain.imports.csv_file.Row`.
    """

    number: int
    start: int
    end: int
    first_row: int
    first_line: int
    alone_until: int = 0


Step = Literal["split", "rows", "finish"]


@dataclass(frozen=True, slots=True)
class ImportTask:
    """Work on an import: cut up its file, write the rows of a chunk, or gather the results."""

    tenant_id: str
    import_id: str
    step: Step
    chunk: Chunk | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRun:
    """An import as it is kept.

    `rows_total`, `chunks_total`: None until the whole file has been cut up. `tally` and `chunks_done` grow
    with every chunk. `results_key`: the object with every row's fate, when there is one.
    `looked_at`, `idle_looks`: what the watch found at its last look, and how often nothing had moved since.
    `owner_id`: who is to own its contacts, where that was asked for. `created_at`, `created_by`: of an import that was
    asked for. Its `etag` is empty until its file is there.
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
    owner_id: str | None = None

    @classmethod
    def await_upload(
        cls, given: ImportInput, *, import_id: str, write_id: str, at: str, caller: Caller
    ) -> ImportRun:
        """An import that was asked for, before its file is there. `write_id` names the write that makes it."""
        return cls(
            id=import_id,
            tenant_id=caller.tenant_id,
            object_key=upload_key(caller.tenant_id, import_id),
            etag="",
            size=0,
            file_name=given.file_name,
            started_at="",
            updated_at=at,
            state="awaiting_upload",
            last_event=write_id,
            created_at=at,
            created_by=caller.actor,
            owner_id=given.options.owner_id if given.options else None,
        )

    def arrive(self, uploaded: DroppedFile, *, write_id: str, at: str) -> ImportRun | None:
        """The import with its file uploaded; None when it has been started, or that is known already."""
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

    def start(self, uploaded: DroppedFile, *, write_id: str, at: str, due_at: str) -> ImportRun:
        """The import as it begins to run on its file as that is now. Raises Conflict once it has been started."""
        self._require_move("running")
        return replace(
            self,
            state="running",
            etag=uploaded.etag,
            size=uploaded.size,
            started_at=at,
            updated_at=at,
            last_event=write_id,
            version=self.version + 1,
            due_at=due_at,
            looked_at="running/0/None",
        )

    @property
    def source(self) -> Source:
        """Which way the file came in."""
        return "upload" if uploaded_file(self.object_key) else "drop_folder"

    @classmethod
    def begin(cls, dropped: DroppedFile, *, at: str, due_at: str) -> ImportRun:
        """The import of a file, which must lie in an inbox, as it begins."""
        found = inbox_file(dropped.key)
        if found is None:
            raise ValueError("the object lies in no inbox")
        tenant_id, file_name = found
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
        )

    @property
    def caller(self) -> Caller:
        """Who makes this import's contacts."""
        return system(self.tenant_id, f"import:{self.id}", "import")

    @property
    def uploader_id(self) -> str | None:
        """The user who asked for the import; None when no user did."""
        kind, _, identifier = self.created_by.partition(":")
        return identifier if kind == "user" else None

    @property
    def all_chunks_done(self) -> bool:
        """Whether the file is cut up and every part of it is in."""
        return self.chunks_total is not None and self.chunks_done >= self.chunks_total

    @property
    def standing(self) -> str:
        """What changes when the import gets on."""
        return f"{self.state}/{self.chunks_done}/{self.chunks_total}"

    def contact_id(self, row: int) -> str:
        """The id of the contact that this import makes of a row: the same at every attempt."""
        return derived_id(milliseconds_of(self.id), self.tenant_id, self.id, str(row), ordinal=row)

    def row_of_contact(self, contact_id: str) -> int | None:
        """The row of this import that a contact was made of; None for all other contacts."""
        row = ordinal_of(contact_id)
        return row if self.contact_id(row) == contact_id else None

    def complete(self, *, results_key: str, event_id: str, at: str) -> tuple[ImportRun, Event]:
        """The import with every row's fate known, and its `import.completed`."""
        self._require_move("completed")
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
            data={"counts": Counts.of(completed).model_dump()},
        )
        return completed, event

    def fail(self, code: str, message: str, *, at: str) -> ImportRun:
        """The import given up, with the reason. What its rows have made so far stays."""
        self._require_move("failed")
        return replace(
            self,
            state="failed",
            error_code=code,
            error_message=message,
            ended_at=at,
            updated_at=at,
            due_at=None,
            version=self.version + 1,
        )

    def _require_move(self, state: State) -> None:
        if state not in _MOVES[self.state]:
            code = "import_started" if state == "running" else "import_ended"
            raise Conflict(f"An import that is {self.state} cannot become {state}.", code=code)


class OptionsInput(BaseModel):
    """The options of an import."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    owner_id: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="The active user who is to own the contacts whose rows name no owner. By default the tenant's "
        "`default_owner_id`, else the user who asks for the import.",
    )


class ImportInput(BaseModel):
    """What an import is asked for with."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    file_name: Annotated[str, Field(min_length=1, max_length=255, description="For people to know it by.")]
    options: OptionsInput | None = None


class Upload(BaseModel):
    """How to upload the file: a form (`multipart/form-data`) to `url`, with all of `fields` as they stand and then the
    file itself as the field `file`, until `expires_at` (Amazon S3 API Reference, "POST Object")."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: Timestamp


class Options(BaseModel):
    """What an import does; those of a dropped file are the tenant's default."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    on_duplicate: Literal["skip"] = "skip"
    owner_id: str | None = None


class Counts(BaseModel):
    """How many rows the file has (known once it is cut up; until then those read) and what became of them."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    rows: int
    created: int = 0
    updated: int = 0
    merged: int = 0
    skipped: int = 0
    unchanged: int = 0
    failed: int = 0

    @classmethod
    def of(cls, run: ImportRun) -> Counts:
        """The counts of an import."""
        tally = run.tally
        rows = tally.rows if run.rows_total is None else run.rows_total
        return cls(rows=rows, created=tally.created, skipped=tally.skipped, failed=tally.failed)


class Progress(BaseModel):
    """How far an import is. `seconds_left` is null while it cannot be told."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    rows_done: int
    rows_per_second: float
    seconds_left: float | None = None

    @classmethod
    def of(cls, run: ImportRun) -> Progress:
        """The progress of an import as of its last chunk."""
        done = run.tally.rows
        if not run.started_at:
            return cls(rows_done=0, rows_per_second=0.0)
        seconds = (to_milliseconds(run.updated_at) - to_milliseconds(run.started_at)) / 1000
        speed = round(done / seconds, 1) if seconds > 0 else 0.0
        left: float | None = None
        if run.state != "running":
            left = 0.0
        elif run.rows_total is not None and speed > 0:
            left = round((run.rows_total - done) / speed, 1)
        return cls(rows_done=done, rows_per_second=speed, seconds_left=left)


class Failure(BaseModel):
    """Why an import failed: a stable word and a sentence."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    code: str
    message: str


class Import(BaseModel):
    """An import as it is shown. `results_url` can be fetched without sign-in for some minutes."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    state: State
    source: Source
    file_name: str
    options: Options
    counts: Counts
    progress: Progress
    results_url: Annotated[str | None, Field(description="Null until there are results.")] = None
    error: Failure | None = None
    created_at: Timestamp
    updated_at: Timestamp
    completed_at: Timestamp | None = None

    @classmethod
    def of(cls, run: ImportRun, results_url: str | None) -> Import:
        """What is shown of an import."""
        error = Failure(code=run.error_code, message=run.error_message or "") if run.error_code else None
        return cls(
            id=run.id,
            state=run.state,
            source=run.source,
            file_name=run.file_name,
            options=Options(owner_id=run.owner_id),
            counts=Counts.of(run),
            progress=Progress.of(run),
            results_url=results_url,
            error=error,
            created_at=run.created_at or run.started_at,
            updated_at=run.updated_at,
            completed_at=run.ended_at,
        )


class NewImport(Import):
    """An import that waits for its file, and where that is uploaded to."""

    upload: Upload

    @classmethod
    def waiting(cls, run: ImportRun, upload: Upload) -> NewImport:
        """What is shown, this once, of an import that was just asked for."""
        return cls(**Import.of(run, None).__dict__, upload=upload)


class Results(BaseModel):
    """Where an import's results can be fetched without sign-in, until `expires_at`: a CSV file, UTF-8."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    url: str
    expires_at: Timestamp
