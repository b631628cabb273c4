"""Exports as callers make, see, cancel and download them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.record import Contact
from shared.domain.errors import Conflict, Invalid, NotFound, PermissionDenied, Unavailable
from shared.domain.exports.fields import check_fields
from shared.domain.exports.preview import preview_rows
from shared.domain.exports.record import ExportRun, ExportTask
from shared.domain.exports.views import SHOWN_ROWS, Export, ExportFile, ExportInput, ExportPreview
from shared.domain.ids import is_id, new_id
from shared.services.contacts.lists import ContactLists
from shared.services.contacts.search import require_searchable
from shared.services.exports.listing import ExportListing, order_of
from shared.services.idempotency import Announce, no_key
from shared.services.jobs.queue import TaskQueue
from shared.services.jobs.service import JobRepository, JobService, JobViews
from shared.services.paging import Cursors
from shared.services.reading_budget import Budget

FILE_SECONDS = 300
"""Seconds for which the address of a file is valid."""
EXPORTS = JobViews("Export", "exports", "exports:run", Export.of)


class ExportRepository(JobRepository[ExportRun], Protocol):
    """The exports of one tenant; see `shared.table.jobs.exports.ExportTable`."""

    def add(self, run: ExportRun) -> None: ...


class ExportService(JobService[ExportRun, Export]):
    """The exports of one caller. The contacts that they have are those that the caller may see; at level `own` of
    `exports:run`, the caller's own. `sign` returns the address of a file."""

    def __init__(
        self,
        caller: Caller,
        exports: ExportRepository,
        lists: ContactLists,
        listing: ExportListing,
        queue: TaskQueue[ExportTask],
        cursors: Cursors,
        sign: Callable[[str, int], str],
        *,
        budget: Budget | None = None,
        announce: Announce = no_key,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(EXPORTS, caller, exports, cursors, budget=budget, sleep=sleep, announce=announce)
        self._exports = exports
        self._lists = lists
        self._listing = listing
        self._queue = queue
        self._sign = sign

    def create(self, given: ExportInput, wanted: ContactFilter) -> Export | ExportPreview:
        """Return a new export, or for a dry run what it would have. `wanted`: the filter that was given.

        Raises PermissionDenied; Invalid for an unknown field; RuleBroken for an order that cannot be made of so many
        contacts, and with code `too_many_rows` for too many contacts for the format; QuotaReached.
        """
        run = self._plan(given, wanted)
        if given.dry_run:
            return self._preview(run)
        if run.sort not in (None, "created_at", "-created_at") and run.ids is None:
            self._lists.list(run.wanted, sort=run.sort, limit=1, cursor=None)  # refuses what cannot be sorted
        export = Export.of(run)
        self._announce(export)
        self._exports.add(run)
        # The export is stored: if it cannot be queued now, the watch over jobs queues it.
        with contextlib.suppress(Unavailable):
            self._queue.send([ExportTask(run.tenant_id, run.id, 1)])
        return export

    def _plan(self, given: ExportInput, wanted: ContactFilter) -> ExportRun:
        levels = self._caller.require("contacts:read"), self._caller.require("exports:run")
        require_searchable(wanted)
        if given.ids is not None and wanted.asked:
            raise Invalid.field("ids", "contradiction", "Give either ids, or a filter or a group.")
        ids = None if given.ids is None else [one for one in dict.fromkeys(given.ids) if is_id(one)]
        chosen = None if given.fields is None else check_fields(given.fields, is_json=given.format == "jsonl")
        if "own" in levels:
            wanted = wanted.narrowed_to_own(self._caller.id)
        run = ExportRun.begin(
            export_id=new_id(),
            format=given.format,
            caller=self._caller,
            wanted=wanted,
            ids=ids,
            sort=given.sort if ids is not None else order_of(wanted, given.sort),
            chosen=chosen,
            delimiter=given.delimiter,
            matched=self._lists.count_of(wanted) if ids is None else None,
            at=timestamps.now(),
        )
        if refusal := run.refusal():
            raise refusal
        return run

    def _preview(self, run: ExportRun) -> ExportPreview:
        total: int | None
        at_least: int | None = None
        found: Sequence[Contact]
        if run.ids is not None:
            found = [contact for _, _, contact in self._listing.walk(run) if contact is not None]
            total = len(found)
        else:
            page = self._lists.list(
                run.wanted, sort=run.sort, limit=SHOWN_ROWS, cursor=None, include_total=True
            )
            found, total, at_least = page.items, page.total, page.total_at_least
        columns, rows = preview_rows(run, self._listing.complete(found[:SHOWN_ROWS]))
        return ExportPreview(total=total, total_at_least=at_least, columns=columns, rows=rows)

    def file(self, export_id: str) -> ExportFile:
        """Return the address from which the file of an export can be downloaded.

        Raises Conflict while there is no file yet, or when the export ended without one; NotFound when the file was
        removed after its time; PermissionDenied to a caller who lost the right to contacts that are in it.
        """
        run = self._get(export_id)
        self._require_rights_of(run)
        if run.is_under_way:
            raise Conflict(
                "The export has not ended yet. Its file is available once it has.", code="not_ready"
            )
        if run.expires_at is None:
            raise Conflict(f"The export is {run.state} and has no file.", code="no_file")
        if run.expires_at <= timestamps.now():
            raise NotFound("File of this export")
        return ExportFile(
            download_url=self._sign(run.object_key, FILE_SECONDS),
            expires_at=min(timestamps.plus(timestamps.now(), FILE_SECONDS), run.expires_at),
        )

    def _require_rights_of(self, run: ExportRun) -> None:
        if run.wanted.own == self._caller.id:
            self._caller.require("contacts:read")
            return
        for permission in ("contacts:read", "exports:run"):
            if self._caller.require(permission) != "all":
                raise PermissionDenied.lacking(f"{permission}:all")
