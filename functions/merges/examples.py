"""Examples of the merges' routes; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.contacts.history import FieldChange
from shared.domain.errors import Conflict, Merged, NotFound
from shared.domain.merges.record import KeptField, Merge, Undo
from shared.domain.merges.views import MergeResult
from shared.http.examples import ADA, ADA_ID, GRACE_ID, LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

_ID = "01969c55-8d00-7a24-8f03-6b1d2e3f4a57"
_LATER_ID = "0196a17b-e980-7b35-9a14-7c2e3f405b68"
_AT, _LATER = "2025-05-04T17:20:00.000Z", "2025-05-05T08:00:00.000Z"
_MERGE = Merge(
    id=_ID,
    survivor_id=ADA_ID,
    merged_ids=[GRACE_ID],
    choices={"job_title": ADA_ID},
    by=f"user:{USER_ID}",
    at=_AT,
    undo_until="2025-06-03T17:20:00.000Z",
)
_UNITED = ADA.model_copy(
    update={
        "other_emails": ["ada@home.example.com", "grace@example.com"],
        "merged_from": [GRACE_ID],
        "version": 2,
        "updated_at": _AT,
    }
)
_UNDONE = _MERGE.with_undo(
    Undo(
        at=_LATER,
        by=f"user:{USER_ID}",
        returned=["other_emails"],
        kept=[KeptField(field="company", contact_id=ADA_ID, reason="changed_since")],
    )
)
_EMAILS = ["ada@home.example.com"]


def _result(merge: Merge, changes: dict[str, FieldChange], **update: object) -> MergeResult:
    members = {"dry_run": False, "contact": _UNITED, "changes": changes}
    return MergeResult.model_construct(**{**merge.__dict__, **members, **update})


PARAMETERS = {"merge_id": _ID, "contact_id": GRACE_ID, "survivor_id": ADA_ID, "state": "done"}

EXAMPLES = {
    "merge_contacts": Example(
        request={
            "survivor_id": ADA_ID,
            "merged_ids": [GRACE_ID],
            "choices": {"job_title": ADA_ID},
        },
        answer=_result(
            _MERGE,
            {
                "other_emails": FieldChange(old=_EMAILS, new=_UNITED.other_emails),
                "merged_from": FieldChange(old=None, new=[GRACE_ID]),
            },
        ),
        problems=(
            Merged(GRACE_ID, ADA_ID, "merged_ids.0"),
            NotFound("Contact"),
            Conflict(
                "The contacts, their customers and the locks of their values are 104 records. 90 records, and "
                "3,500,000 bytes of them, can be written at once. Merge fewer contacts at once.",
                code="merge_too_large",
            ),
        ),
    ),
    "list_merges": Example(answer=Page([_MERGE], None), problems=(LIMIT_REFUSED,)),
    "read_merge": Example(answer=_MERGE, problems=(NotFound("Merge"),)),
    "undo_merge": Example(
        answer=_result(
            _UNDONE,
            {
                "other_emails": FieldChange(old=_UNITED.other_emails, new=_EMAILS),
                "merged_from": FieldChange(old=[GRACE_ID], new=None),
            },
            contact=ADA.model_copy(update={"version": 3, "updated_at": _LATER}),
        ),
        problems=(
            Conflict(
                "The survivor has been merged since. Undo the later merges first, the last one before the others: "
                f"{_LATER_ID}.",
                code="merged_later",
            ),
            NotFound("Merge"),
        ),
    ),
}
