"""Examples of the routes of contacts' histories; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.contacts.history import HistoryEntry
from shared.domain.contacts.revert import NotReverted, Reverted
from shared.domain.errors import Duplicate, NotFound, RuleBroken, VersionMismatch
from shared.http.examples import ADA, GRACE_ID, USER_ID, Example
from shared.services.paging import Page

_AT = "2025-05-02T14:05:00.000Z"
TOO_OLD = RuleBroken(
    "The contact can be read as it was at version 113 and later. Older changes are in its history.",
    code="version_too_old",
)

EXAMPLES = {
    "list_history": Example(
        answer=Page(
            [
                HistoryEntry(
                    id="01969150-96e0-7f2b-8a6d-3c0b5e7f4d21",
                    version=2,
                    type="contact.updated",
                    at=_AT,
                    actor=f"user:{USER_ID}",
                    actor_name="Mary Somerville",
                    source="api",
                    changes={
                        "company": {"old": "Analytical Engines", "new": ""},
                        "custom_fields.visits": {"old": 3, "new": 4},
                    },
                )
            ],
            None,
        ),
        problems=(NotFound("Contact"),),
    ),
    "revert_contact": Example(
        request={"version": 2},
        answer=Reverted(
            contact=ADA.model_copy(update={"version": 4, "updated_at": _AT}),
            reverted=["company", "tags"],
            not_reverted=[
                NotReverted(field="tags", reason="deleted_label", value="spring"),
                NotReverted(field="relationship_status", reason="kept", value="qualified_lead"),
            ],
        ),
        problems=(NotFound("Version"), TOO_OLD, Duplicate("email", GRACE_ID), VersionMismatch()),
    ),
}
