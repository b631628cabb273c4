"""Examples of the routes of follow-ups; see `shared.http.examples`."""

from __future__ import annotations

from typing import Any

from functions.timeline.interaction_examples import INTERACTION_ID
from shared.domain.errors import Conflict, Invalid, NotFound, PermissionDenied, VersionMismatch
from shared.domain.interactions.follow_up import FollowUp
from shared.http.examples import ADA_ID, LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

FOLLOW_UP_ID = "01969190-5c40-7b3d-8e2a-1f5c7d9b0a46"
_NOW = "2025-05-02T15:15:00.000Z"
_LATER = "2025-05-09T09:00:00.000Z"
_GIVEN: dict[str, Any] = {"title": "Send the contract", "due_at": _LATER}
_OPEN = FollowUp(
    id=FOLLOW_UP_ID,
    contact_id=ADA_ID,
    **_GIVEN,
    assignee_id=USER_ID,
    created_at=_NOW,
    created_by=f"user:{USER_ID}",
    updated_at=_NOW,
    updated_by=f"user:{USER_ID}",
)
_CHANGED = {"version": 2, "updated_at": "2025-05-08T10:00:00.000Z"}
_CLOSED = Conflict("This follow-up is done. Schedule another one.", code="follow_up_closed")

PARAMETERS = {
    "follow_up_id": FOLLOW_UP_ID,
    "due_from": "2025-05-01",
    "due_before": "2031-12-31T00:00:00Z",
    "assignee_id": USER_ID,
    "owner_id": USER_ID,
}

EXAMPLES = {
    "list_follow_ups": Example(answer=Page([_OPEN], None), problems=(LIMIT_REFUSED,)),
    "list_contact_follow_ups": Example(answer=Page([_OPEN], None), problems=(NotFound("Contact"),)),
    "schedule_follow_up": Example(
        request=_GIVEN,
        answer=_OPEN,
        problems=(
            NotFound("Contact"),
            PermissionDenied.lacking("interactions:write"),
            Invalid.field("due_at", "missing", "This is required."),
        ),
    ),
    "read_follow_up": Example(answer=_OPEN, problems=(NotFound("Follow-up"),)),
    "patch_follow_up": Example(
        request={"due_at": "2025-05-12T09:00:00Z"},
        answer=_OPEN.model_copy(update={**_CHANGED, "due_at": "2025-05-12T09:00:00.000Z"}),
        problems=(NotFound("Follow-up"), _CLOSED, VersionMismatch()),
    ),
    "complete_follow_up": Example(
        request={
            "outcome": "signed",
            "interaction": {"type": "contract", "description": "Sent the contract; it came back signed."},
        },
        answer=_OPEN.model_copy(
            update={
                **_CHANGED,
                "state": "done",
                "done_at": _CHANGED["updated_at"],
                "outcome": "signed",
                "outcome_interaction_id": INTERACTION_ID,
            }
        ),
        problems=(NotFound("Follow-up"), _CLOSED, VersionMismatch()),
    ),
    "cancel_follow_up": Example(
        answer=_OPEN.model_copy(
            update={**_CHANGED, "state": "cancelled", "cancelled_at": _CHANGED["updated_at"]}
        ),
        problems=(NotFound("Follow-up"), _CLOSED, VersionMismatch()),
    ),
}
