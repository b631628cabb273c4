"""Examples of the routes of notes; see `shared.http.examples`."""

from __future__ import annotations

from typing import Any

from shared.domain.errors import Conflict, FieldError, Invalid, NotFound, PermissionDenied, VersionMismatch
from shared.domain.notes.note import Note
from shared.http.examples import ADA_ID, LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

NOTE_ID = "01969188-1c40-7d52-8b1e-6a7c9e0f2b34"
_AT = "2025-05-02T15:04:16.000Z"
_TEXT = "Wants an #offer by Friday.  Call +1 202-555-0143 or write to ada@home.example.com"
_TIDIED = _TEXT.replace("  ", " ")
_NEW: dict[str, Any] = {
    "id": NOTE_ID,
    "contact_id": ADA_ID,
    "body": _TEXT,
    "is_pinned": True,
    "created_at": _AT,
    "created_by": f"user:{USER_ID}",
    "updated_at": _AT,
    "updated_by": f"user:{USER_ID}",
}
_PENDING = Note(**_NEW)
_PROCESSED = Note(
    **{
        **_NEW,
        "body": _TIDIED,
        "original": _TEXT,
        "processing_state": "processed",
        "processed_at": "2025-05-02T15:04:17.000Z",
        "found": [
            {
                "kind": kind,
                "start": _TIDIED.index(text),
                "end": _TIDIED.index(text) + len(text),
                "value": value,
            }
            for kind, text, value in (
                ("tag", "#offer", "offer"),
                ("phone", "+1 202-555-0143", "+12025550143"),
                ("email", "ada@home.example.com", "ada@home.example.com"),
            )
        ],
    }
)
_DIFFERING = "`body` and `text` are names of the same text, but the texts differ. Give one of them."
_TWO_TEXTS = Invalid(
    f"body: {_DIFFERING}",
    errors=tuple(FieldError(name, "different_texts", _DIFFERING) for name in ("body", "text")),
)

PARAMETERS = {"note_id": NOTE_ID}

EXAMPLES = {
    "list_notes": Example(
        answer=Page([_PROCESSED], None, 1),
        problems=(NotFound("Contact"), LIMIT_REFUSED),
    ),
    "create_note": Example(
        request={"body": _TEXT, "is_pinned": True},
        answer=_PENDING,
        problems=(NotFound("Contact"), PermissionDenied.lacking("interactions:write"), _TWO_TEXTS),
    ),
    "read_note": Example(answer=_PROCESSED, problems=(NotFound("Note"),)),
    "replace_note": Example(
        request={"text": "Accepted the offer."},
        answer=_PENDING.model_copy(update={"body": "Accepted the offer.", "is_pinned": False, "version": 2}),
        problems=(NotFound("Note"), VersionMismatch()),
    ),
    "patch_note": Example(
        request={"is_pinned": False},
        answer=_PROCESSED.model_copy(update={"is_pinned": False, "version": 2}),
        problems=(NotFound("Note"), VersionMismatch()),
    ),
    "delete_note": Example(problems=(NotFound("Note"), VersionMismatch())),
    "retry_note": Example(
        answer=_PENDING.model_copy(update={"version": 2}),
        problems=(
            NotFound("Note"),
            Conflict("This note has been processed.", code="already_processed"),
        ),
    ),
}
