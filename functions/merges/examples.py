"""Examples of the merges' routes; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.contacts.history import FieldChange
from shared.domain.errors import Conflict, Merged, NotFound
from shared.domain.jobs.merges import MergeJob, MergeJobCounts
from shared.domain.jobs.progress import Progress
from shared.domain.jobs.quotas import MERGE_JOBS
from shared.domain.merges.groups import GroupRefusal, GroupResult
from shared.domain.merges.record import KeptField, Merge, Undo
from shared.domain.merges.views import MergeResult
from shared.http.examples import ADA, ADA_ID, GRACE_ID, LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

_ID = "01969c55-8d00-7a24-8f03-6b1d2e3f4a57"
_LATER_ID = "0196a17b-e980-7b35-9a14-7c2e3f405b68"
_JOB_ID = "01969c55-1600-7c46-9b25-8d3f4051627a"
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


_JOB = MergeJob(
    id=_JOB_ID,
    action="merge",
    undoes=None,
    min_score=90,
    dry_run=False,
    state="completed",
    counts=MergeJobCounts(
        pairs=3,
        pairs_left_out=0,
        groups=1,
        planned=0,
        merged=1,
        undone=0,
        refused=0,
        contacts=1,
        kept=0,
        reasons={},
    ),
    has_more=False,
    progress=Progress(rows_done=1, rows_per_second=0.5, seconds_left=0.0),
    error=None,
    created_at="2025-05-04T17:19:58.000Z",
    created_by=f"user:{USER_ID}",
    updated_at="2025-05-04T17:20:02.000Z",
    completed_at="2025-05-04T17:20:02.000Z",
    version=6,
)
_STARTED = _JOB.model_copy(
    update={
        "state": "queued",
        "counts": MergeJobCounts(
            **{**_JOB.counts.model_dump(), "pairs": 0, "groups": None, "merged": 0}
        ).model_copy(update={"refused": 0, "contacts": 0, "reasons": {}}),
        "progress": Progress(rows_done=0, rows_per_second=0.0),
        "updated_at": _JOB.created_at,
        "completed_at": None,
        "version": 1,
    }
)
_UNDOING = _STARTED.model_copy(
    update={
        "id": "0196a17c-d3e0-7d57-8a36-9e405162738b",
        "action": "undo",
        "undoes": _JOB_ID,
        "min_score": None,
        "counts": _STARTED.counts.model_copy(update={"groups": 1}),
        "created_at": _LATER,
        "updated_at": _LATER,
    }
)
_GROUPS = [
    GroupResult(number=1, outcome="merged", contact_ids=[ADA_ID, GRACE_ID], survivor_id=ADA_ID, merge_id=_ID),
    GroupResult(
        number=2,
        outcome="refused",
        contact_ids=["01969c55-2000-7e68-9b47-af5162738495", "01969c55-2001-7f79-8c58-b06273849506"],
        error=GroupRefusal(
            code="dismissed",
            message="Contacts of the group were dismissed as duplicates after they were suggested.",
        ),
    ),
]

PARAMETERS = {
    "job_id": _JOB_ID,
    "merge_job_id": _JOB_ID,
    "merge_id": _ID,
    "contact_id": GRACE_ID,
    "survivor_id": ADA_ID,
    "state": "done",
}

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
    "merge_suggested": Example(
        request={"min_score": 90}, answer=_STARTED, problems=(MERGE_JOBS.refusal(_JOB_ID),)
    ),
    "list_merge_jobs": Example(answer=Page([_JOB], None), problems=(LIMIT_REFUSED,)),
    "read_merge_job": Example(answer=_JOB, problems=(NotFound("Merge job"),)),
    "list_merge_groups": Example(answer=Page(_GROUPS, None), problems=(NotFound("Merge job"),)),
    "cancel_merge_job": Example(
        answer=_STARTED.model_copy(
            update={
                "state": "cancelled",
                "progress": Progress(rows_done=0, rows_per_second=0.0, seconds_left=0.0),
                "completed_at": "2025-05-04T17:19:59.000Z",
                "updated_at": "2025-05-04T17:19:59.000Z",
                "version": 2,
            }
        ),
        problems=(
            Conflict("The job is completed and cannot be cancelled.", code="job_ended"),
            NotFound("Merge job"),
        ),
    ),
    "undo_merge_job": Example(
        answer=_UNDOING,
        problems=(
            Conflict("The job has not ended. Cancel it, or wait until it has.", code="job_under_way"),
            NotFound("Merge job"),
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
