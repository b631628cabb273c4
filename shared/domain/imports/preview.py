"""The preview of an import: a dry run of the whole file, and what it shows to a caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.import_options import ImportOptions
from shared.domain.import_options_input import OptionsInput, OptionsShown
from shared.domain.imports.columns import Layout, Reason
from shared.domain.imports.headings import fold
from shared.domain.imports.preview_run import is_with
from shared.domain.imports.progress import Counts
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import Fate, RowOutcome
from shared.domain.imports.views import Failure
from shared.domain.jobs.progress import Progress
from shared.domain.timestamps import Timestamp

SAMPLE_ROWS = 20
"""The rows at the start of a file that a preview shows as they would become."""
PREVIEW_DAYS = 7
"""Days for which a preview is kept."""

PreviewState = Literal["running", "ready", "failed"]
_STATES: Mapping[str, PreviewState] = {"running": "running", "completed": "ready"}


class PreviewInput(BaseModel):
    """How to preview an import."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    options: Annotated[
        OptionsInput | None,
        Field(
            description="Options that differ from those of the import. The import keeps them for its start."
        ),
    ] = None


class Dialect(BaseModel):
    """How the file is read. `header_line`: the number of the line that names the columns, counted from 1."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    encoding: str
    delimiter: str
    header_line: int

    @classmethod
    def of(cls, layout: Layout) -> Dialect:
        """Return how a file is read."""
        return cls(encoding=layout.encoding, delimiter=layout.delimiter, header_line=layout.header_line)


class ColumnShown(BaseModel):
    """A column of the file. `field`: what its cells become, as `mapping` names it; null when they are not read."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    position: Annotated[int, Field(description="Counted from 0.")]
    header: str
    field: str | None
    reason: Annotated[
        Reason,
        Field(
            description="Why the column has this field, or none. `mapping`: the options name it. `header`: its header "
            "does. `label`: it holds the labels of another column's numbers. `results`, `export`: results or exports "
            "have it, and imports do not read it. `unknown`: nothing is known about it."
        ),
    ]


class Warning(BaseModel):
    """A value that is left out of a row, and the reason."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    field: str
    code: str
    message: str


class PreviewRow(BaseModel):
    """A row as it would become.

    `row_number`: the row below the header is 1. `contact_id`: of the contact that it matches; null for a new one.
    `before`, `after`: the fields of the contact, null where there is none. `reason_code`, `message`: as in the results.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    row_number: int
    line: int
    outcome: RowOutcome
    contact_id: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason_code: str | None = None
    message: str | None = None
    warnings: list[Warning] = []

    @classmethod
    def of(
        cls,
        number: int,
        line: int,
        fate: Fate,
        *,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> PreviewRow:
        """Return a row from its planned fate."""
        return cls.model_construct(
            row_number=number,
            line=line,
            outcome=fate.outcome,
            contact_id=fate.contact_id or None,
            before=before,
            after=after,
            reason_code=fate.reason_code or None,
            message=fate.words or None,
            warnings=[
                Warning.model_construct(field=one.field, code=one.code, message=one.message)
                for one in fate.warnings
            ],
        )


class Preview(BaseModel):
    """A preview: what an import would do with each row of its file, without writing anything.

    `id`: a later preview of the import has another one. `dialect` is null, and `columns` is empty, until the file has
    been read. `unused_columns`: the headers of columns that are not read.
    `missing_columns`: the headers in `mapping` that the file does not have. `counts` are those of the whole file once
    `state` is `ready`.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    import_id: str
    state: PreviewState
    is_current: Annotated[
        bool,
        Field(description="Whether the import still has the file and the options that this is a preview of."),
    ]
    options: OptionsShown
    dialect: Dialect | None = None
    columns: list[ColumnShown] = []
    unused_columns: list[str] = []
    missing_columns: list[str] = []
    rows: Annotated[
        list[PreviewRow],
        Field(
            description=f"The first {SAMPLE_ROWS} rows, in the order of the file, as far as they are known."
        ),
    ] = []
    counts: Counts
    progress: Progress
    error: Failure | None = None
    created_at: Timestamp
    updated_at: Timestamp
    completed_at: Timestamp | None = None

    @classmethod
    def of(
        cls, preview: ImportRun, run: ImportRun, layout: Layout | None = None, rows: Iterable[PreviewRow] = ()
    ) -> Preview:
        """Return what a caller sees of a preview. `run`: the import as it is now."""
        error = None
        if preview.error_code:
            error = Failure(code=preview.error_code, message=preview.error_message or "")
        columns = layout.columns if layout else ()
        return cls(
            id=preview.attempt,
            import_id=preview.id,
            state=_STATES.get(preview.state, "failed"),
            is_current=run.can_start and preview.etag == run.etag and is_with(preview, run.options),
            options=OptionsShown.of(preview.options),
            dialect=Dialect.of(layout) if layout else None,
            columns=[
                ColumnShown(
                    position=one.position,
                    header=one.header,
                    field=f"{one.field}.{one.label}"
                    if one.field == "other_phones" and one.label
                    else one.field,
                    reason=one.reason,
                )
                for one in columns
            ],
            unused_columns=[one.header for one in columns if one.field is None and one.reason == "unknown"],
            missing_columns=_find_missing(preview.options, layout) if layout else [],
            rows=list(rows),
            counts=preview.counts,
            progress=preview.progress,
            error=error,
            created_at=preview.started_at,
            updated_at=preview.updated_at,
            completed_at=preview.ended_at,
        )


def _find_missing(options: ImportOptions, layout: Layout) -> list[str]:
    """Return the headings in a mapping that a file does not have, as headings are compared."""
    names, folded = set(layout.header), set(map(fold, layout.header))
    return [
        name for name in options.mapping if name not in names and (not fold(name) or fold(name) not in folded)
    ]
