"""Examples of the bulk routes; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.contacts.bulk import BulkResult
from shared.domain.errors import Duplicate, Invalid, NotFound
from shared.domain.jobs.bulk import BulkCounts, BulkJob, BulkProgress
from shared.http.bulk import build_answer
from shared.http.examples import ADA_ID, GRACE_ID, JOB_ID, LIMIT_REFUSED, REQUEST_ID, USER_ID, Example
from shared.services.paging import Page

_LATER = "2025-05-02T14:05:00.000Z"
_JOB = BulkJob(
    id=JOB_ID,
    action="update",
    state="queued",
    counts=BulkCounts(done=0, succeeded=0, failed=0),
    progress=BulkProgress(rows_done=0, rows_per_second=0.0, seconds_left=None),
    matched=1200,
    failures=[],
    created_at=_LATER,
    created_by=f"user:{USER_ID}",
    starts_at=_LATER,
    updated_at=_LATER,
    completed_at=None,
    error=None,
    version=1,
)

PARAMETERS = {"job_id": JOB_ID}

EXAMPLES = {
    "bulk_create_contacts": Example(
        request={
            "contacts": [
                {"first_name": "Ada", "email": "ada@example.com"},
                {"first_name": "Grace", "email": "grace@example.com"},
            ]
        },
        answer=build_answer(
            [BulkResult(ADA_ID), BulkResult(None, Duplicate("email", GRACE_ID, "e-mail address"))],
            done=201,
            request_id=REQUEST_ID,
        ),
        problems=(Invalid.field("contacts", "too_long", "This has at most 500 entries."),),
    ),
    "bulk_update_contacts": Example(
        parameters={"contact_id": ADA_ID},
        request={
            "contact_ids": [ADA_ID],
            "set": {"company": "Analytical Engines"},
            "add_tags": ["VIP"],
            "join_groups": ["Spring campaign"],
            "relationship_status": "qualified_lead",
            "reason": "asked for an offer",
        },
        answer=build_answer([BulkResult(ADA_ID)], done=200, request_id=REQUEST_ID),
        problems=(Invalid.field("contact_ids", "required", "Give either contact_ids or filter."),),
    ),
    "bulk_delete_contacts": Example(
        parameters={"contact_id": ADA_ID},
        request={"contact_ids": [ADA_ID]},
        answer=build_answer([BulkResult(ADA_ID)], done=204, request_id=REQUEST_ID),
        problems=(Invalid.field("contact_ids", "required", "Give either contact_ids or filter."),),
    ),
    "list_bulk_jobs": Example(answer=Page([_JOB], None), problems=(LIMIT_REFUSED,)),
    "read_bulk_job": Example(answer=_JOB, problems=(NotFound("Bulk job"),)),
    "cancel_bulk_job": Example(
        answer=_JOB.model_copy(
            update={"state": "cancelled", "version": 4, "completed_at": _LATER, "updated_at": _LATER}
        ),
        problems=(NotFound("Bulk job"),),
    ),
}
