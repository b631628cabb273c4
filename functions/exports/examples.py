"""Examples of the exports' routes; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.errors import Conflict, Invalid, NotFound
from shared.domain.exports.views import Export, ExportCounts, ExportFile, ExportPreview
from shared.domain.jobs.progress import Progress
from shared.files.object_keys import export_key
from shared.http.examples import LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

_ID = "01965d27-9f80-7c31-9a04-5d7e9f1a2b66"
_AT, _LATER = "2025-04-22T11:00:00.000Z", "2025-04-22T11:00:04.000Z"
_COMPLETED = Export(
    id=_ID,
    format="csv",
    state="completed",
    file_name="contacts-2025-04-22.csv",
    fields=["first_name", "last_name", "email"],
    sort="created_at",
    counts=ExportCounts(rows=1000, bytes=38_412),
    progress=Progress(rows_done=1000, rows_per_second=250.0, seconds_left=0.0),
    matched=1000,
    expires_at="2025-04-29T11:00:04.000Z",
    error=None,
    created_at=_AT,
    created_by=f"user:{USER_ID}",
    updated_at=_LATER,
    completed_at=_LATER,
    version=3,
)
_CANCELLED = _COMPLETED.model_copy(
    update={
        "state": "cancelled",
        "counts": ExportCounts(rows=0, bytes=0),
        "progress": Progress(rows_done=0, rows_per_second=0.0, seconds_left=0.0),
        "expires_at": None,
        "version": 2,
    }
)
_FIRST_NAME, _LAST_NAME, _EMAIL = "First Name", "Last Name", "Email"

PARAMETERS = {"export_id": _ID}

EXAMPLES = {
    "create_export": Example(
        request={
            "format": "csv",
            "filter": {"tags": "vip"},
            "fields": ["first_name", "last_name", "email"],
            "dry_run": True,
        },
        answer=ExportPreview(
            total=2,
            total_at_least=None,
            columns=[_FIRST_NAME, _LAST_NAME, _EMAIL],
            rows=[
                {_FIRST_NAME: "Ada", _LAST_NAME: "Lovelace", _EMAIL: "ada@example.com"},
                {_FIRST_NAME: "Grace", _LAST_NAME: "Hopper", _EMAIL: "grace@example.com"},
            ],
        ),
        problems=(
            Invalid.field("fields.0", "unknown_field", "There is no field `emial`. Did you mean `email`?"),
        ),
    ),
    "list_exports": Example(answer=Page([_COMPLETED], None), problems=(LIMIT_REFUSED,)),
    "read_export": Example(answer=_COMPLETED, problems=(NotFound("Export"),)),
    "cancel_export": Example(answer=_CANCELLED, problems=(NotFound("Export"),)),
    "read_export_file": Example(
        answer=ExportFile(
            download_url=f"https://bucket.example.com/{export_key('hairdresser', _ID, f'{_ID}.csv')}?X-Amz-Signature=…",
            expires_at="2025-04-22T11:05:00.000Z",
        ),
        problems=(
            Conflict("The export has not ended yet. Its file is available once it has.", code="not_ready"),
            NotFound("Export"),
        ),
    ),
}
