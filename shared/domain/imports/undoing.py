"""The moves of an import that is undone: when it can be, and how it ends."""

from __future__ import annotations

from dataclasses import asdict, replace

from shared.domain.errors import Conflict
from shared.domain.events import IMPORT_UNDONE, Event
from shared.domain.imports.record import ENDED, ImportRun
from shared.domain.imports.undo import UNDO_SECONDS, Undo
from shared.domain.timestamps import plus


def undo_until(run: ImportRun) -> str | None:
    """Return the time until which an import can be undone; None when it cannot be, or has written nothing."""
    if run.state not in ENDED or run.ended_at is None or not run.may_have_written:
        return None
    return plus(run.ended_at, UNDO_SECONDS)


def begin_undo(run: ImportRun, *, write_id: str, at: str, due_at: str) -> ImportRun:
    """Return the import as being undone. An undo that was given up continues where it was.

    `write_id`: the name of the write that begins it. Raises Conflict, with a code that says why, when the import cannot
    be undone.
    """
    _require_undoable(run, at)
    undo = run.undo or Undo(attempt=f"u{run.attempt[1:]}", started_at=at)
    after = replace(
        run,
        state="undoing",
        undo=undo,
        error_code=None,
        error_message=None,
        updated_at=at,
        last_event=write_id,
        version=run.version + 1,
        due_at=due_at,
        idle_looks=0,
    )
    return replace(after, looked_at=after.progress_mark)


def _require_undoable(run: ImportRun, at: str) -> None:
    if run.state in ("awaiting_upload", "uploaded"):
        raise Conflict("The import was not started. There is nothing to undo.", code="nothing_to_undo")
    if run.state == "running":
        raise Conflict(
            "The import is running. Cancel it or wait until it ends, then undo it.", code="import_running"
        )
    if run.state == "undoing":
        raise Conflict("The import is being undone already.", code="undo_started")
    if run.state == "undone":
        raise Conflict("The import was undone already.", code="import_undone")
    until = undo_until(run)
    if until is None:
        raise Conflict("The import has written nothing. There is nothing to undo.", code="nothing_to_undo")
    if at > until:
        raise Conflict(
            "An import can be undone for 30 days after its end. Delete its contacts instead.",
            code="undo_expired",
        )
    if run.results_key is None:
        # Chunks may still be written, and what they write has to be known before anything is taken back.
        raise Conflict(
            "The results of the import are still being gathered. Undo it once they are there, in some minutes.",
            code="not_ready",
        )


def complete_undo(run: ImportRun, *, kept_key: str, event_id: str, at: str) -> tuple[ImportRun, Event]:
    """Return the import as undone, and its `import.undone` event. `kept_key`: the list of the contacts that were
    kept."""
    undo = _undo_of(run)
    undone = replace(
        run,
        state="undone",
        undo=replace(undo, ended_at=at, kept_key=kept_key),
        updated_at=at,
        due_at=None,
        last_event=event_id,
        version=run.version + 1,
    )
    event = Event(
        id=event_id,
        type=IMPORT_UNDONE,
        entity="import",
        entity_id=run.id,
        at=at,
        actor=run.caller.actor,
        origin="import",
        version=undone.version,
        changes={"state": (run.state, "undone")},
        data={"counts": {**asdict(undo.tally), "total": undo.tally.total}},
    )
    return undone, event


def give_up_undo(run: ImportRun, *, at: str) -> ImportRun:
    """Return the import whose undo made no progress for a day. It has failed, and can be undone again."""
    return replace(
        run,
        state="failed",
        error_code="undo_stalled",
        error_message="The undo made no progress for a day. Undo the import again: it continues where it was.",
        updated_at=at,
        due_at=None,
        version=run.version + 1,
    )


def all_undone(run: ImportRun) -> bool:
    """Return whether all chunks are taken back."""
    return run.undo is not None and run.undo.chunks_done >= (run.chunks_total or 0)


def _undo_of(run: ImportRun) -> Undo:
    if run.undo is None or run.state != "undoing":
        raise ValueError("the import is not being undone")
    return run.undo
