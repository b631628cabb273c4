"""An import as callers see it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.import_options_input import OptionsShown
from shared.domain.imports.progress import Counts
from shared.domain.imports.record import ImportRun, Source, State
from shared.domain.imports.undoing import undo_until
from shared.domain.imports.upload import Upload
from shared.domain.jobs.progress import Progress, Reason
from shared.domain.timestamps import Timestamp


class Failure(Reason):
    """Why an import failed: a stable code and a sentence."""


class Import(BaseModel):
    """An import. `results_url` can be fetched for a few minutes without credentials."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    state: State
    source: Source
    file_name: str
    options: Annotated[
        OptionsShown,
        Field(description="As they were given last, to the import, to a preview of it, or to its start."),
    ]
    is_dry_run: Annotated[
        bool,
        Field(description="Whether its run only says what would happen to each row, and writes nothing."),
    ] = False
    retry_of: Annotated[
        str | None, Field(description="The import whose failed rows this import tries again.")
    ] = None
    counts: Counts
    progress: Progress
    results_url: Annotated[str | None, Field(description="Null until there are results.")] = None
    error: Failure | None = None
    undo_until: Annotated[
        Timestamp | None, Field(description="Until when it can be undone; null when it cannot be.")
    ] = None
    created_at: Timestamp
    updated_at: Timestamp
    completed_at: Timestamp | None = None

    @classmethod
    def of(cls, run: ImportRun, results_url: str | None) -> Import:
        """Return what a caller sees of an import."""
        error = Failure(code=run.error_code, message=run.error_message or "") if run.error_code else None
        return cls(
            id=run.id,
            state=run.state,
            source=run.source,
            file_name=run.file_name,
            options=OptionsShown.of(run.options),
            is_dry_run=run.is_dry_run,
            retry_of=run.retry_of or None,
            counts=run.counts,
            progress=run.progress,
            results_url=results_url,
            error=error,
            undo_until=undo_until(run),
            created_at=run.created_at or run.started_at,
            updated_at=run.updated_at,
            completed_at=run.ended_at,
        )


class NewImport(Import):
    """An import that waits for its file, and the form to upload it with."""

    upload: Upload

    @classmethod
    def waiting(cls, run: ImportRun, upload: Upload) -> NewImport:
        """Return what the caller who creates an import sees, only in that answer."""
        return cls(**Import.of(run, None).__dict__, upload=upload)


class Results(BaseModel):
    """The address from which the results of an import, a CSV file in UTF-8, can be fetched without credentials until
    `expires_at`."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    url: str
    expires_at: Timestamp
