"""Examples of the duplicates' routes; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.duplicates.score import Reason
from shared.domain.duplicates.views import Dismissal, Duplicate, ShortContact
from shared.domain.errors import Merged, NotFound
from shared.http.examples import ADA, ADA_ID, GRACE_ID, LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

_REASONS = [
    Reason(code="same_phone", detail="+442079460958"),
    Reason(code="like_name", detail="initial"),
]
_DUPLICATE = Duplicate(
    contact_ids=[ADA_ID, GRACE_ID],
    contacts=[
        ShortContact.of(ADA),
        ShortContact(
            id=GRACE_ID,
            full_name="A. Lovelace",
            email="lovelace@example.com",
            phone="+442079460958",
            company="",
            owner_id=USER_ID,
            created_at="2025-04-06T09:31:00.000Z",
        ),
    ],
    score=76,
    reasons=_REASONS,
)

PARAMETERS = {"contact_id": ADA_ID, "min_score": 80}

EXAMPLES = {
    "list_duplicates": Example(
        parameters={"contact_id": ADA_ID, "other_id": GRACE_ID},
        answer=Page([_DUPLICATE], None),
        problems=(LIMIT_REFUSED,),
    ),
    "dismiss_duplicate": Example(
        request={"contact_ids": [ADA_ID, GRACE_ID]},
        parameters={"contact_id": ADA_ID, "other_id": GRACE_ID},
        answer=Dismissal(
            contact_ids=[ADA_ID, GRACE_ID],
            score=76,
            reasons=_REASONS,
            by=f"user:{USER_ID}",
            at="2025-05-04T17:20:00.000Z",
        ),
        problems=(Merged(GRACE_ID, ADA_ID, "contact_ids.1"), NotFound("Contact")),
    ),
}
