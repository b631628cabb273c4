"""Examples of the imports' routes; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.errors import Conflict, NotFound, PermissionDenied
from shared.domain.import_options_input import OptionsShown
from shared.domain.imports.limits import DEFAULT_LIMITS
from shared.domain.imports.preview import ColumnShown, Dialect, Preview, PreviewRow
from shared.domain.imports.progress import Counts
from shared.domain.imports.template import template
from shared.domain.imports.undo_views import ImportUndo, KeptContact, KeptContactField, UndoCounts
from shared.domain.imports.upload import Upload
from shared.domain.imports.views import Import, NewImport, Results
from shared.domain.jobs.progress import Progress
from shared.files.object_keys import kept_key, results_key, upload_key
from shared.http.examples import LIMIT_REFUSED, Example
from shared.services.paging import Page

_ID = "01965d27-9f80-7b42-a1c7-8d3e5f902a64"
_NAME = "8d3e5f902a65"
_URL = f"https://bucket.example.com/{results_key('hairdresser', _ID, 'r1', _NAME, 'people.csv')}?X-Amz-Signature=…"
_OPTIONS = OptionsShown(on_duplicate="update", tags=["spring fair"], default_country="US")
_COMPLETED = Import(
    id=_ID,
    state="completed",
    source="upload",
    file_name="people.csv",
    options=_OPTIONS,
    counts=Counts(rows=1000, created=960, updated=20, skipped=10, failed=10, warnings=15),
    progress=Progress(rows_done=1000, rows_per_second=250.0, seconds_left=0.0),
    results_url=_URL,
    undo_until="2025-05-22T11:00:04.000Z",
    created_at="2025-04-22T11:00:00.000Z",
    updated_at="2025-04-22T11:00:04.000Z",
    completed_at="2025-04-22T11:00:04.000Z",
)

_NEW = NewImport(
    **_COMPLETED.__dict__
    | {
        "state": "awaiting_upload",
        "counts": Counts(rows=0),
        "progress": Progress(rows_done=0, rows_per_second=0.0),
        "results_url": None,
        "undo_until": None,
        "updated_at": "2025-04-22T11:00:00.000Z",
        "completed_at": None,
    },
    upload=Upload(
        url="https://bucket.example.com/",
        fields={
            "key": upload_key("hairdresser", _ID),
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": "ASIA…/20250422/eu-central-1/s3/aws4_request",
            "x-amz-date": "20250422T110000Z",
            "policy": "eyJleHBpcmF0aW9uIjogIjIwMjUt…",
            "x-amz-signature": "…",
        },
        max_bytes=DEFAULT_LIMITS.file_bytes,
        expires_at="2025-04-22T11:15:00.000Z",
    ),
)
_STARTED = Import(
    **_COMPLETED.__dict__
    | {
        "state": "running",
        "counts": Counts(rows=0),
        "progress": Progress(rows_done=0, rows_per_second=0.0),
        "results_url": None,
        "undo_until": None,
        "completed_at": None,
    }
)
_PREVIEW = Preview(
    id="p01965d28-0f40-7a52-8c1e-2b7f90d4e6a3",
    import_id=_ID,
    state="ready",
    is_current=True,
    options=_OPTIONS.model_copy(update={"mapping": {"Firma": "company"}}),
    dialect=Dialect(encoding="utf-8", delimiter=";", header_line=1),
    columns=[
        ColumnShown(position=0, header="E-mail", field="email", reason="header"),
        ColumnShown(position=1, header="Firma", field="company", reason="mapping"),
        ColumnShown(position=2, header="Shoe size", field=None, reason="unknown"),
    ],
    unused_columns=["Shoe size"],
    missing_columns=[],
    rows=[
        PreviewRow(
            row_number=1,
            line=2,
            outcome="created",
            after={"email": "ada@home.example.com", "first_name": "ada", "company": "Engines"},
        ),
        PreviewRow(
            row_number=2,
            line=3,
            outcome="failed",
            reason_code="invalid_email",
            message="Line 3: email: This is not an e-mail address.",
        ),
    ],
    counts=_COMPLETED.counts,
    progress=Progress(rows_done=1000, rows_per_second=500.0, seconds_left=0.0),
    created_at="2025-04-22T11:00:00.000Z",
    updated_at="2025-04-22T11:00:02.000Z",
    completed_at="2025-04-22T11:00:02.000Z",
)
_CANCELLED = Import(
    **_STARTED.__dict__
    | {
        "state": "cancelled",
        "counts": Counts(rows=1000, created=390, skipped=8, failed=2),
        "progress": Progress(rows_done=400, rows_per_second=250.0, seconds_left=0.0),
        "updated_at": "2025-04-22T11:00:01.600Z",
        "completed_at": "2025-04-22T11:00:01.600Z",
    }
)

_UNDONE = ImportUndo(
    id=_ID,
    state="undone",
    counts=UndoCounts(removed=959, restored=19, kept=2, failed=0, total=980),
    progress=Progress(rows_done=1000, rows_per_second=200.0, seconds_left=0.0),
    kept=[
        KeptContact(
            contact_id="01965d27-9f80-7d11-8000-3a52c6e7f081",
            change="created",
            row_numbers=[7],
            outcome="kept",
            reason="has_notes",
            fields=[],
        ),
        KeptContact(
            contact_id="01965d11-20a4-7a3e-9b44-6f1c2d8e9a03",
            change="changed",
            row_numbers=[12],
            outcome="kept",
            reason="fields_kept",
            fields=[KeptContactField(field="company", reason="edited")],
        ),
    ],
    kept_url=f"https://bucket.example.com/{kept_key('hairdresser', _ID, 'u1', _NAME, 'people.csv')}?X-Amz-Signature=…",
    started_at="2025-04-23T08:00:00.000Z",
    updated_at="2025-04-23T08:00:05.000Z",
    completed_at="2025-04-23T08:00:05.000Z",
)
_UNDOING = ImportUndo(
    **_UNDONE.__dict__
    | {
        "state": "undoing",
        "counts": UndoCounts(removed=0, restored=0, kept=0, failed=0, total=0),
        "progress": Progress(rows_done=0, rows_per_second=0.0),
        "kept": [],
        "kept_url": None,
        "updated_at": "2025-04-23T08:00:00.000Z",
        "completed_at": None,
    }
)

PARAMETERS = {"import_id": _ID}

EXAMPLES = {
    "list_imports": Example(answer=Page([_COMPLETED], None), problems=(LIMIT_REFUSED,)),
    "create_import": Example(
        request={"file_name": "people.csv"},
        answer=_NEW,
        problems=(PermissionDenied.lacking("imports:run"),),
    ),
    "preview_import": Example(
        request={"options": {"mapping": {"Firma": "company"}, "on_duplicate": "update"}},
        answer=_PREVIEW.model_copy(
            update={
                "state": "running",
                "dialect": None,
                "columns": [],
                "unused_columns": [],
                "rows": [],
                "counts": Counts(rows=0),
                "progress": Progress(rows_done=0, rows_per_second=0.0),
                "updated_at": "2025-04-22T11:00:00.000Z",
                "completed_at": None,
            }
        ),
        problems=(
            Conflict(
                "The file has not been uploaded yet. Upload it, then start the import.", code="not_uploaded"
            ),
            NotFound("Import"),
        ),
    ),
    "read_preview": Example(answer=_PREVIEW, problems=(NotFound("Preview"),)),
    "start_import": Example(
        request={"options": {"on_duplicate": "update", "tags": ["spring fair"]}},
        answer=_STARTED,
        problems=(
            Conflict(
                "The file has not been uploaded yet. Upload it, then start the import.", code="not_uploaded"
            ),
            NotFound("Import"),
        ),
    ),
    "retry_import": Example(
        request={"options": {"default_country": "DE"}},
        answer=_STARTED.model_copy(
            update={
                "id": "01965d2c-33d0-7c11-b5e0-0c2f7a61d9b4",
                "retry_of": _ID,
                "options": _OPTIONS.model_copy(update={"default_country": "DE"}),
                "created_at": "2025-04-22T11:05:00.000Z",
                "updated_at": "2025-04-22T11:05:00.000Z",
            }
        ),
        problems=(
            Conflict("All rows of the import succeeded.", code="nothing_to_retry"),
            NotFound("Import"),
        ),
    ),
    "read_template": Example(
        answer=template(with_examples=True),
        parameters={"example": True},
        problems=(PermissionDenied.lacking("imports:run"),),
    ),
    "cancel_import": Example(
        answer=_CANCELLED,
        problems=(
            Conflict("An import that is completed cannot become cancelled.", code="import_ended"),
            NotFound("Import"),
        ),
    ),
    "undo_import": Example(
        answer=_UNDOING,
        problems=(
            Conflict(
                "An import can be undone for 30 days after its end. Delete its contacts instead.",
                code="undo_expired",
            ),
            NotFound("Import"),
        ),
    ),
    "read_undo": Example(answer=_UNDONE, problems=(NotFound("Undo"),)),
    "read_import": Example(answer=_COMPLETED, problems=(NotFound("Import"),)),
    "read_results": Example(
        answer=Results(url=_URL, expires_at="2025-04-22T11:10:00.000Z"),
        problems=(
            Conflict(
                "The import has not ended yet. Its results are available once it has.", code="not_ready"
            ),
            NotFound("Import"),
        ),
    ),
}
