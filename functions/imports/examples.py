"""Examples of the imports' routes; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.errors import Conflict, NotFound
from shared.domain.imports import Counts, Import, Options, Progress, Results
from shared.http.examples import LIMIT_REFUSED, Example
from shared.services.paging import Page

_ID = "01965d27-9f80-7b42-a1c7-8d3e5f902a64"
_URL = (
    f"https://bucket.example.com/tenants/hairdresser/results/{_ID}/people.csv.results.csv?X-Amz-Signature=…"
)
_COMPLETED = Import(
    id=_ID,
    state="completed",
    file_name="people.csv",
    options=Options(),
    counts=Counts(rows=1000, created=970, skipped=20, failed=10),
    progress=Progress(rows_done=1000, rows_per_second=250.0, seconds_left=0.0),
    results_url=_URL,
    created_at="2025-04-22T11:00:00.000Z",
    updated_at="2025-04-22T11:00:04.000Z",
    completed_at="2025-04-22T11:00:04.000Z",
)

PARAMETERS = {"import_id": _ID}

EXAMPLES = {
    "list_imports": Example(answer=Page([_COMPLETED], None), problems=(LIMIT_REFUSED,)),
    "read_import": Example(answer=_COMPLETED, problems=(NotFound("Import"),)),
    "read_results": Example(
        answer=Results(url=_URL, expires_at="2025-04-22T11:10:00.000Z"),
        problems=(
            Conflict("The import is still running. Its results come with its end.", code="not_ready"),
            NotFound("Import"),
        ),
    ),
}
