"""An export as callers ask for it and see it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.conditions import ContactConditions, ContactSort
from shared.domain.exports.fields import MAX_FIELDS
from shared.domain.exports.formats import Delimiter, Format
from shared.domain.exports.record import MAX_XLSX_ROWS, ExportRun
from shared.domain.jobs.progress import Progress, Reason
from shared.domain.jobs.states import JobState
from shared.domain.timestamps import Timestamp

MAX_IDS = 500
"""Contacts that an export names by their ids."""
SHOWN_ROWS = 10
"""Contacts that a dry run shows."""


class ExportInput(BaseModel):
    """The contacts to export, and how. Without `filter`, `group` and `ids`, all contacts are exported."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    format: Format = Field(
        description="`csv` and `xlsx` have a row for each contact and a column for each field; `jsonl` has the contact "
        f"as the API returns it, one in each line; `vcf` has vCards of version 4.0. `xlsx` has at most "
        f"{MAX_XLSX_ROWS:,} contacts."
    )
    filter: ContactConditions | None = Field(None, description="Selects the contacts that match.")
    group: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="The name or id of a group, static or dynamic. The same as `filter.group`.",
    )
    ids: (
        Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=MAX_IDS)] | None
    ) = Field(
        None,
        description="The ids of the contacts. Ids of contacts that do not exist are passed over.",
        examples=[["0190a8b0-0000-7000-8000-00000000000c"]],
    )
    fields: (
        Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=MAX_FIELDS)]
        | None
    ) = Field(
        None,
        description="The fields to export, in this order; default: all. Beside the fields of a contact: `owner_email`, "
        "`customer_number`, `preferred`, `opted_out`, `custom_fields` for all custom fields, and `custom.<key>` for "
        "one. `jsonl` also has the fields of a contact that have no column, such as `owner_id`.",
        examples=[["first_name", "last_name", "email", "custom.favourite_colour"]],
    )
    sort: ContactSort | None = Field(
        None,
        description="The order, as in the list of contacts; default: by creation, the oldest first. While contacts "
        "change, only orders by creation have each contact exactly once.",
    )
    delimiter: Delimiter = Field(",", description="The character between the cells of a csv.")
    dry_run: bool = Field(
        False, description=f"Return the number of contacts and the first {SHOWN_ROWS}, and make no file."
    )


class ExportCounts(BaseModel):
    """What has been written. `bytes`: the size of the file without compression; of an xlsx, the size of the file."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    rows: int
    bytes: int


class Export(BaseModel):
    """An export."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    format: Format
    state: JobState
    file_name: str
    fields: list[str] | None = Field(description="The chosen fields; null for all.")
    sort: str | None
    counts: ExportCounts
    progress: Progress
    matched: int | None = Field(description="The number of contacts to export; null where it is not known.")
    expires_at: Timestamp | None = Field(description="When the file is removed; null while there is no file.")
    error: Reason | None = Field(None, description="Why the export failed.")
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    completed_at: Timestamp | None = Field(description="When the export ended, in any state.")
    version: int

    @classmethod
    def of(cls, run: ExportRun) -> Export:
        """Return what callers see of an export."""
        return cls(
            id=run.id,
            format=run.format,
            state=run.state,
            file_name=run.file_name(),
            fields=None if run.chosen is None else list(run.chosen),
            sort=run.sort,
            counts=ExportCounts(rows=run.rows, bytes=run.size),
            progress=Progress.measure(
                done=run.rows,
                total=run.matched,
                is_running=run.is_under_way,
                started_at=run.created_at,
                updated_at=run.updated_at,
            ),
            matched=run.matched,
            expires_at=run.expires_at,
            error=Reason(code=run.error[0], message=run.error[1]) if run.error else None,
            created_at=run.created_at,
            created_by=run.caller.actor,
            updated_at=run.updated_at,
            completed_at=run.ended_at,
            version=run.version,
        )


class ExportPreview(BaseModel):
    """What an export would have."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    total: int | None = Field(
        description="The number of contacts; null if there are too many to count within the request's budget."
    )
    total_at_least: int | None = Field(
        None, description="How many contacts were counted, if `total` is null."
    )
    columns: list[str] = Field(description="The names of the fields of the rows, in their order.")
    rows: list[dict[str, Any]] = Field(
        description=f"The first {SHOWN_ROWS} contacts. In `csv` and `xlsx`, the texts of the cells by header."
    )


class ExportFile(BaseModel):
    """The URL from which the file of an export can be downloaded without credentials until `expires_at`."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    download_url: str
    expires_at: Timestamp
