"""The import that tries the failed rows of another import again."""

from __future__ import annotations

from shared.domain.callers import Caller
from shared.domain.errors import Conflict
from shared.domain.import_options import ImportOptions
from shared.domain.imports.record import ENDED, ImportRun, effective
from shared.domain.imports.row_settings import RowSettings
from shared.domain.imports.upload import StoredFile
from shared.domain.tenant import TenantSettings


def require_rows_to_retry(run: ImportRun) -> str:
    """Return the key of the results of an import. Raises Conflict when it has not ended, was undone, has no results or
    not yet, or has no row that failed or was not run."""
    if run.state not in ENDED:
        raise Conflict(
            f"The import is {run.state}. Rows of an import that has ended can be tried again.",
            code="not_ready",
        )
    if run.will_have_results:
        raise Conflict(
            "The results are still being gathered. Their rows can be tried again in a few minutes.",
            code="not_ready",
        )
    if run.results_key is None:
        raise Conflict("The import has no results, so there are no rows to try again.", code="no_results")
    tally = run.tally
    if run.rows_total is not None and run.rows_total - tally.rows + tally.failed <= 0:
        raise Conflict("All rows of the import succeeded.", code="nothing_to_retry")
    return run.results_key


def require_not_retried(last: ImportRun | None) -> None:
    """Raise Conflict when rows are being tried again by a retry, or were by one that has written some of them and was
    not undone: rows that match no contact by an address would become two contacts. `last`: the last retry of the rows;
    None when there was none."""
    if last is None or last.state == "undone":
        return
    has_ended = last.state in ENDED and (last.results_key is not None or not last.chunks_total)
    tally = last.tally
    if has_ended and (last.is_dry or not tally.created + tally.updated + tally.merged):
        return
    raise Conflict(
        f"The rows are tried again by the import {last.id}. Retry that import once it has ended, or undo it.",
        code="retried",
    )


def retry(
    run: ImportRun,
    results: StoredFile,
    options: ImportOptions,
    settings: TenantSettings,
    *,
    import_id: str,
    write_id: str,
    at: str,
    due_at: str,
    caller: Caller,
) -> ImportRun:
    """Return a new import, running on the results of another one. `write_id` names the write that creates it."""
    return ImportRun(
        id=import_id,
        tenant_id=run.tenant_id,
        object_key=require_rows_to_retry(run),
        etag=results.etag,
        size=results.size,
        file_name=run.file_name,
        started_at=at,
        updated_at=at,
        last_event=write_id,
        due_at=due_at,
        looked_at="running/0/None",
        created_at=at,
        created_by=caller.actor,
        attempt="r1",
        options=effective(options, settings),
        row_settings=RowSettings.of(settings),
        retry_of=run.id,
        is_dry_run=options.dry_run,
    )
