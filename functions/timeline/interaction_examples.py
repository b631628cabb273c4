"""Examples of the routes of interactions; see `shared.http.examples`."""

from __future__ import annotations

from typing import Any

from shared.domain.errors import Conflict, Invalid, NotFound, PermissionDenied, VersionMismatch
from shared.domain.interactions.interaction import Interaction
from shared.http.examples import ADA_ID, LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

INTERACTION_ID = "01969184-3300-7c11-9a3d-2f4b6c8e0d17"
_AT = "2025-05-02T15:00:00.000Z"
_GIVEN: dict[str, Any] = {
    "type": "call",
    "description": "Talked about the offer.",
    "occurred_at": _AT,
    "outcome": "interested",
    "next_action": "send the contract",
    "booking_id": "booking-4711",
    "metadata": {"minutes": 12},
}
CALL = Interaction(
    id=INTERACTION_ID,
    contact_id=ADA_ID,
    **_GIVEN,
    performed_by="Mary Somerville",
    performed_by_id=USER_ID,
    created_at="2025-05-02T15:12:00.000Z",
    created_by=f"user:{USER_ID}",
    updated_at="2025-05-02T15:12:00.000Z",
    updated_by=f"user:{USER_ID}",
)
_OF_BOOKING = Conflict(
    "This interaction is an event of a booking. The system keeps it: it can be neither changed nor deleted.",
    code="kept_by_system",
)

PARAMETERS = {
    "interaction_id": INTERACTION_ID,
    "date_from": "2025-05-01",
    "date_to": "2025-05-31T23:59:59Z",
    "performed_by_id": USER_ID,
    "booking_id": "booking-4711",
}

EXAMPLES = {
    "list_interactions": Example(
        answer=Page([CALL], None, 1),
        problems=(NotFound("Contact"), LIMIT_REFUSED),
        parameters={"type": "call"},
    ),
    "list_all_interactions": Example(
        answer=Page([CALL], None, 1),
        problems=(LIMIT_REFUSED,),
        parameters={"type": "call"},
    ),
    "record_interaction": Example(
        request=_GIVEN,
        answer=CALL,
        problems=(
            NotFound("Contact"),
            PermissionDenied.lacking("interactions:write"),
            Invalid.field("description", "missing", "This is required."),
        ),
    ),
    "read_interaction": Example(answer=CALL, problems=(NotFound("Interaction"),)),
    "patch_interaction": Example(
        request={"outcome": "signed", "next_action": None, "metadata": {"minutes": 15}},
        answer=CALL.model_copy(
            update={
                "outcome": "signed",
                "next_action": "",
                "metadata": {"minutes": 15},
                "version": 2,
                "updated_at": "2025-05-02T16:00:00.000Z",
            }
        ),
        problems=(NotFound("Interaction"), _OF_BOOKING, VersionMismatch()),
    ),
    "delete_interaction": Example(problems=(NotFound("Interaction"), _OF_BOOKING, VersionMismatch())),
}
