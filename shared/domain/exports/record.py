"""The export: a file of the contacts that match a filter, made in the background, portion by portion.

A portion of a format that is streamed makes one part of a multipart upload. The record keeps the position after it,
and the number and ETag of each part. A portion that is killed leaves nothing in the record, so the next attempt starts
exactly where the last portion ended. Each attempt takes a part number of its own, so that two attempts at one portion
never overwrite each other's part: the file has the part of the attempt that closed the portion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.domain.callers import Caller
from shared.domain.contacts.filter import ContactFilter
from shared.domain.errors import Conflict, RuleBroken
from shared.domain.events import EXPORT_COMPLETED, Event
from shared.domain.exports.fields import names_all_custom_fields
from shared.domain.exports.formats import Format
from shared.domain.jobs.portions import PortionedRun, PortionTask
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.domain.timestamps import plus

KEPT_SECONDS = 7 * 86_400
"""Seconds for which the file of an export is kept: 7 days."""
MAX_XLSX_ROWS = 100_000
"""Contacts in an export as xlsx, which is made by one worker in one go."""
MAX_CUSTOM_COLUMNS = 1_000
"""Columns of custom fields in a spreadsheet."""
MAX_PARTS = 5_000
"""Parts of a file. S3 takes 10,000 (Amazon S3 quotas); the list of this many still fits into an item of the table."""


@dataclass(frozen=True, slots=True)
class ExportTask(PortionTask):
    """A portion of an export to make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The result of a portion.

    `position`: where the next portion starts. `is_last`: whether there are no more contacts. `rows`: contacts of the
    portion. `size`: bytes of them. `part`: the number and ETag of the part that was uploaded. `rest`: the key of an
    object with bytes too few for a part, with which the next portion's part starts. `object_key`: the key of the whole
    file, where the portion made it. `custom`: the keys of custom fields, where the portion looked for these.
    """

    position: Any = None
    is_last: bool = False
    rows: int = 0
    size: int = 0
    part: tuple[int, str] | None = None
    rest: str = ""
    object_key: str = ""
    custom: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRun(PortionedRun):
    """The record of an export.

    `ids`: the contacts to export; None for those that match `wanted`. `sort`: their order. `chosen`: the names of the
    exported fields; None for all. `matched`: the number of contacts, where it is known. `is_surveyed`: whether the keys
    of custom fields, `custom`, are known; `found` is the number of contacts that were looked through for them.
    `position`: the place in the list after the last closed portion; `is_walked`: there are no contacts after it.
    `upload_id`, `object_key`: the multipart upload and the key of its object. `parts_opened`: the part numbers that
    attempts have taken. `rest`: see `Piece`.
    """

    format: Format
    wanted: ContactFilter
    sort: str | None
    ids: tuple[str, ...] | None = None
    chosen: tuple[str, ...] | None = None
    delimiter: str = ","
    matched: int | None = None
    is_surveyed: bool = True
    found: int = 0
    custom: tuple[str, ...] = ()
    position: Any = None
    is_walked: bool = False
    upload_id: str = ""
    object_key: str = ""
    parts_opened: int = 0
    parts: tuple[tuple[int, str], ...] = ()
    rest: str = ""
    rows: int = 0
    size: int = 0

    @classmethod
    def begin(
        cls,
        *,
        export_id: str,
        format: Format,
        caller: Caller,
        wanted: ContactFilter,
        ids: Sequence[str] | None,
        sort: str | None,
        chosen: Sequence[str] | None,
        delimiter: str,
        matched: int | None,
        at: str,
    ) -> ExportRun:
        """Return a new export. A spreadsheet of all custom fields starts with a survey of their keys."""
        return cls(
            id=export_id,
            format=format,
            caller=caller,
            wanted=wanted,
            ids=None if ids is None else tuple(ids),
            sort=sort,
            chosen=None if chosen is None else tuple(chosen),
            delimiter=delimiter,
            matched=matched,
            is_surveyed=format not in ("csv", "xlsx") or not names_all_custom_fields(chosen),
            created_at=at,
            updated_at=at,
            due_at=plus(at, FIRST_LOOK_SECONDS),
        )

    @property
    def permission(self) -> str:
        """The permission that it takes to cancel the export."""
        return "exports:run"

    @property
    def expires_at(self) -> str | None:
        """When the file is removed; None while there is none."""
        has_file = self.state == "completed" and self.ended_at is not None
        return plus(self.ended_at, KEPT_SECONDS) if has_file and self.ended_at else None

    def file_name(self) -> str:
        """Return the name under which the file is downloaded, such as `contacts-2026-05-04.csv`."""
        return f"contacts-{self.created_at[:10]}.{self.format}"

    def open_part(self, *, upload_id: str, object_key: str, at: str) -> ExportRun:
        """Return the export with a part number taken, which is `parts_opened`, for a part of an upload."""
        return self._change(
            at,
            state="running",
            upload_id=upload_id,
            object_key=object_key,
            parts_opened=self.parts_opened + 1,
        )

    def close_survey(self, piece: Piece, *, task_id: str, at: str) -> ExportRun:
        """Return the export with a portion of its survey counted. After the last one it knows the columns and the
        number of contacts, and starts to write."""
        custom = tuple(sorted({*self.custom, *piece.custom}))
        found = self.found + piece.rows
        surveyed = self._close(task_id, at, custom=custom, found=found, position=piece.position)
        if not piece.is_last:
            return surveyed
        return replace(surveyed, is_surveyed=True, matched=found, position=None)

    def close_piece(self, piece: Piece, *, task_id: str, at: str) -> ExportRun:
        """Return the export with a written portion counted."""
        return self._close(
            task_id,
            at,
            position=piece.position,
            is_walked=piece.is_last,
            rows=self.rows + piece.rows,
            size=self.size + piece.size,
            parts=self.parts if piece.part is None else (*self.parts, piece.part),
            rest=piece.rest,
            object_key=piece.object_key or self.object_key,
        )

    def start_over(self, *, task_id: str, at: str) -> ExportRun:
        """Return the export at its beginning again: its upload is gone."""
        return self._close(
            task_id,
            at,
            position=None,
            is_walked=False,
            upload_id="",
            object_key="",
            parts_opened=0,
            parts=(),
            rest="",
            rows=0,
            size=0,
        )

    def complete(self, *, event_id: str, at: str) -> tuple[ExportRun, Event]:
        """Return the completed export and its `export.completed` event."""
        completed = self._change(
            at, state="completed", matched=self.rows, parts=(), position=None, ended_at=at
        )
        event = Event(
            id=event_id,
            type=EXPORT_COMPLETED,
            entity="export",
            entity_id=self.id,
            at=at,
            actor=self.caller.actor,
            origin=self.caller.origin,
            version=completed.version,
            changes={"state": (self.state, "completed")},
            data={"format": self.format, "counts": {"rows": self.rows, "bytes": self.size}},
        )
        return completed, event

    def cancel(self, *, at: str) -> ExportRun | None:
        """Return the cancelled export; None when it was cancelled before. It stays due, and keeps its place among the
        tenant's exports, until the worker that may have a portion of it has stopped; see `settle`.

        Raises Conflict when it has ended.
        """
        if self.state == "cancelled":
            return None
        if not self.is_under_way:
            raise Conflict(f"The export is {self.state} and cannot be cancelled.", code="job_ended")
        cancelled = self._change(at, state="cancelled", ended_at=at)
        return replace(cancelled, due_at=plus(at, FIRST_LOOK_SECONDS))

    def fail(self, code: str, message: str, *, at: str) -> ExportRun:
        """Return the failed export with the reason, due until what it has written is removed. One that has ended is
        due no more."""
        if not self.is_under_way:
            return replace(self, version=self.version + 1, due_at=None)
        failed = self._change(at, state="failed", error=(code, message), ended_at=at)
        has_written = self.upload_id or self.rest
        return replace(failed, due_at=plus(at, FIRST_LOOK_SECONDS)) if has_written else failed

    def settle(self) -> ExportRun:
        """Return the export, which has ended, with nothing left to do for it. Callers see no change, so the version
        stays."""
        return replace(self, due_at=None)

    def refusal(self) -> RuleBroken | None:
        """Return the error for a limit that the export exceeds, or None."""
        if self.format == "xlsx" and max(self.found, self.matched or 0) > MAX_XLSX_ROWS:
            return too_many_rows()
        if len(self.custom) > MAX_CUSTOM_COLUMNS:
            return too_many_columns()
        if len(self.parts) >= MAX_PARTS:
            message = "The file is too large. Narrow the filter and make several exports."
            return RuleBroken(message, code="export_too_large")
        return None

    def _close(self, task_id: str, at: str, **changed: object) -> ExportRun:
        return self._change(
            at, state="running", portions_done=self.portions_done + 1, closed_by=task_id, **changed
        )


def too_many_columns() -> RuleBroken:
    """Return the error for a spreadsheet of contacts with too many custom fields."""
    message = f"There are more than {MAX_CUSTOM_COLUMNS:,} custom fields. Choose fields, or export as jsonl."
    return RuleBroken(message, code="too_many_columns")


def too_many_rows() -> RuleBroken:
    """Return the error for an xlsx with too many contacts."""
    message = f"A file as xlsx has at most {MAX_XLSX_ROWS:,} contacts. Export as csv, or narrow the filter."
    return RuleBroken(message, code="too_many_rows")
