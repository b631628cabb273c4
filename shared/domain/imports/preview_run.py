"""The attempt of an import that is a preview: it has the options that the start would have, and writes nothing."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.import_options import ImportOptions
from shared.domain.imports.record import NO_PROGRESS, ImportRun, effective
from shared.domain.imports.row_settings import RowSettings
from shared.domain.imports.upload import StoredFile
from shared.domain.tenant import TenantSettings


def propose(
    run: ImportRun, uploaded: StoredFile, options: ImportOptions, *, write_id: str, at: str
) -> ImportRun:
    """Return an import with its file as the file is now, and with the options of a preview. Its start has the same
    options, unless others are given. Raises Conflict unless the import can be started."""
    run.require_start()
    waits = run.state in ("awaiting_upload", "uploaded")
    return replace(
        run,
        state="uploaded" if waits else run.state,
        etag=uploaded.etag,
        size=uploaded.size,
        options=options,
        updated_at=at,
        last_event=write_id,
        version=run.version + 1,
    )


def begin_preview(
    run: ImportRun,
    settings: TenantSettings,
    older: ImportRun | None,
    *,
    write_id: str,
    at: str,
    due_at: str,
) -> ImportRun:
    """Return a preview of an import that begins, in the place of an older one. `write_id`: a new id.

    Its attempt has a name that no other one has had, since DynamoDB may remove the record of an expired preview before
    its chunks.
    """
    return replace(
        run,
        attempt=f"p{write_id}",
        options=effective(run.options, settings),
        row_settings=RowSettings.of(settings),
        state="running",
        started_at=at,
        updated_at=at,
        last_event=write_id,
        version=older.version + 1 if older else 1,
        due_at=due_at,
        looked_at="running/0/None",
        **NO_PROGRESS,
    )


def end_preview(preview: ImportRun, *, at: str) -> ImportRun:
    """Return a preview that is ready to be shown."""
    preview.require_move("completed")
    return replace(
        preview, state="completed", ended_at=at, updated_at=at, due_at=None, version=preview.version + 1
    )


def is_with(attempt: ImportRun, options: ImportOptions) -> bool:
    """Return whether an attempt has these options, where `default_country` may not be given."""
    country = options.default_country or attempt.options.default_country
    return attempt.options == options.changed(default_country=country)
