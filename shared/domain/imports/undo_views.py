"""The undo of an import as callers see it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.imports.record import ImportRun
from shared.domain.imports.undo import Change, Undo
from shared.domain.jobs.progress import Progress, Reason
from shared.domain.timestamps import Timestamp

if TYPE_CHECKING:  # loaded on demand: it knows how contacts change, which a reader of reports need not
    from shared.domain.imports.undone import UndoneContact

MAX_KEPT = 100
"""Contacts that the report of an undo lists; the whole list is a file."""
MAX_NAMED = 20
"""Rows and fields that the report names of each contact."""


class UndoCounts(BaseModel):
    """The number of contacts by outcome: created ones that were removed, changed ones that were restored,
    those that stay as they are or in part, and those that could not be taken back."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    removed: int
    restored: int
    kept: int
    failed: int
    total: int


class KeptContactField(BaseModel):
    """A field that stays. `reason`: `edited` since the import; `address_taken` by another contact; `deleted_label`:
    its tag, type or group no longer exists; `unknown_customer`: its customer no longer exists; `not_restorable`."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    field: str
    reason: str


class KeptContact(BaseModel):
    """A contact that was not taken back, or not whole.

    `change`: what the import had done with it. `reason`: `edited`, `has_bookings`, `has_notes`, `has_interactions` or
    `has_follow_ups` since it was created; `deleted` or `merged` since the import; `fields_kept`: `fields` stay, and the
    others went back; for a contact that `failed`, the code of the error.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    contact_id: str
    change: Change
    row_numbers: Annotated[
        list[int], Field(description=f"The first {MAX_NAMED} rows of the file that it is from.")
    ]
    outcome: Literal["kept", "failed"]
    reason: str
    fields: Annotated[list[KeptContactField], Field(description=f"The first {MAX_NAMED} fields that stay.")]

    @classmethod
    def of(cls, contact: UndoneContact) -> KeptContact:
        """Return what a caller sees of a contact."""
        return cls(
            contact_id=contact.contact_id,
            change=contact.change,
            row_numbers=list(contact.rows[:MAX_NAMED]),
            outcome="failed" if contact.outcome == "failed" else "kept",
            reason=contact.reason,
            fields=[
                KeptContactField(field=one.field, reason=one.reason) for one in contact.fields[:MAX_NAMED]
            ],
        )


class ImportUndo(BaseModel):
    """The undo of an import: its state, and what became of the contacts that the import wrote.

    `id`: of the import. `kept_url` can be fetched for a few minutes without credentials.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    state: Literal["undoing", "undone", "failed"]
    counts: UndoCounts
    progress: Annotated[Progress, Field(description="In rows of the file.")]
    kept: Annotated[
        list[KeptContact],
        Field(
            description=f"The first {MAX_KEPT} contacts that were kept or failed; empty until the undo has ended."
        ),
    ]
    kept_url: Annotated[
        str | None,
        Field(description="The whole list of these contacts as a CSV file; null until the undo has ended."),
    ] = None
    error: Reason | None = None
    started_at: Timestamp
    updated_at: Timestamp
    completed_at: Timestamp | None = None

    @classmethod
    def of(cls, run: ImportRun, undo: Undo, kept: Iterable[KeptContact], kept_url: str | None) -> ImportUndo:
        """Return what a caller sees of the undo of an import."""
        state: Literal["undoing", "undone", "failed"] = "failed"
        if run.state == "undoing" or run.state == "undone":
            state = run.state
        tally = undo.tally
        return cls(
            id=run.id,
            state=state,
            counts=UndoCounts(
                removed=tally.removed,
                restored=tally.restored,
                kept=tally.kept,
                failed=tally.failed,
                total=tally.total,
            ),
            progress=Progress.measure(
                done=undo.rows_done,
                total=run.tally.rows,
                is_running=state == "undoing",
                started_at=undo.started_at,
                updated_at=run.updated_at,
            ),
            kept=list(kept),
            kept_url=kept_url,
            error=Reason(code=run.error_code, message=run.error_message or "")
            if state == "failed" and run.error_code
            else None,
            started_at=undo.started_at,
            updated_at=run.updated_at,
            completed_at=undo.ended_at,
        )
