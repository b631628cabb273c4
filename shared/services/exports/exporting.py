"""Exports as a kind of job: the contacts of a list, written to a file portion by portion."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import BinaryIO, Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange, RuleBroken
from shared.domain.events import Event
from shared.domain.exports.fields import Exported, ExportField, columns_of
from shared.domain.exports.formats import CsvEncoder, Encoder, JsonLinesEncoder, VcardEncoder
from shared.domain.exports.record import (
    MAX_CUSTOM_COLUMNS,
    MAX_XLSX_ROWS,
    ExportRun,
    ExportTask,
    Piece,
    too_many_columns,
    too_many_rows,
)
from shared.domain.ids import new_id
from shared.domain.tenant import Tenant
from shared.services.backoff import RECORD
from shared.services.jobs.queue import TaskQueue
from shared.services.jobs.runner import Portion, find_portion
from shared.services.walks import Step

PART_BYTES = 5 * 1024 * 1024
"""Bytes of a part: the least that S3 takes of a part that is not the last (Amazon S3 quotas)."""
_LOOK_SECONDS = 5.0
"""Seconds after which a portion reads the record again, to stop when the export was cancelled."""
_TOGETHER = 100
"""Contacts that are completed with names and encoded together."""


class FileGone(Exception):
    """An upload or an object of an export has been removed."""


class _Ended(Exception):
    """The export ended while a portion of it was made."""


class ExportRepository(Protocol):
    """The exports of one tenant; see `shared.table.jobs.exports.ExportTable`."""

    def get(self, job_id: str) -> ExportRun | None: ...

    def save(self, before: ExportRun, after: ExportRun, event: Event | None = None) -> None: ...


class ExportedList(Protocol):
    """The list that an export writes, for its caller; see `shared.services.exports.listing.ExportListing`."""

    def walk(self, run: ExportRun) -> Iterator[Step[Contact]]:
        """Yield a step for each contact of the list that indexes leave, from the position of the export on."""

    def complete(self, contacts: Sequence[Contact]) -> Sequence[Exported]:
        """Return contacts with the names of their labels, owners and customers."""


class Files(Protocol):
    """The files of exports; see `shared.files.export_files.ExportFiles`."""

    def begin(self, run: ExportRun) -> tuple[str, str]: ...

    def put_part(self, key: str, upload_id: str, number: int, body: bytes | bytearray) -> str: ...

    def finish(self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None: ...

    def abort(self, key: str, upload_id: str) -> None: ...

    def put(self, run: ExportRun, body: bytes | bytearray) -> str: ...

    def put_file(self, run: ExportRun, file: BinaryIO) -> str: ...

    def put_rest(self, run: ExportRun, body: bytes | bytearray) -> str: ...

    def read_rest(self, key: str) -> bytes: ...

    def discard(self, run: ExportRun) -> None: ...

    def delete(self, key: str) -> None: ...


class ExportPortions:
    """Exports for the `JobRunner`.

    `contacts(caller)` builds the list for the caller of an export. `write_workbook` makes an xlsx. `may_go_on`
    returns whether the portion may take more contacts; `has_time`, whether the worker has time for more, which is all
    that ends an xlsx.
    """

    def __init__(
        self,
        exports: Callable[[str], ExportRepository],
        contacts: Callable[[Caller], ExportedList],
        files: Files,
        write_workbook: Callable[
            [Sequence[ExportField], Iterable[Exported]], AbstractContextManager[BinaryIO]
        ],
        queue: TaskQueue[ExportTask],
        *,
        may_go_on: Callable[[], bool],
        has_time: Callable[[], bool],
        now: Callable[[], str] = timestamps.now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exports = exports
        self._contacts = contacts
        self._files = files
        self._write_workbook = write_workbook
        self._queue = queue
        self._may_go_on = may_go_on
        self._has_time = has_time
        self._now = now
        self._clock = clock

    def find(self, task: ExportTask) -> Portion[ExportRun] | None:
        """Return the portion; None when another task closed it, when later ones are closed, or the export has ended.

        What an export that ended without a file has written is removed, and its place is free from then on.
        """
        run = self._exports(task.tenant_id).get(task.job_id)
        if run is None:
            raise LookupError("a portion of an export that is not there")
        if not run.is_under_way:
            self._settle(run)
            return None
        return find_portion(run, task)

    def _settle(self, run: ExportRun) -> None:
        if run.due_at is None:
            return
        self._files.discard(run)
        with contextlib.suppress(ConcurrentChange):  # put off by the watch, which asks for this again
            self._exports(run.tenant_id).save(run, run.settle())

    def refuse(self) -> None:
        """Leave the portion to the watch."""

    def work(self, task: ExportTask, run: ExportRun, _tenant: Tenant) -> Piece | None:
        """Look for custom fields, write the next part, or finish the file. Returns None when the export failed or was
        cancelled, or starts over since its upload is gone. Raises ConcurrentChange when others changed the export."""
        try:
            return self._make(run)
        except FileGone:
            self._start_over(task)
        except _Ended:
            self.find(task)
        except RuleBroken as refused:  # too many contacts, or too many to be sorted
            failed = run.fail(refused.code, refused.detail, at=self._now())
            self._exports(run.tenant_id).save(run, failed)
            self._settle(failed)
        return None

    def _while_wanted(self, run: ExportRun, may_go_on: Callable[[], bool]) -> Callable[[], bool]:
        """Return `may_go_on`, which reads the record every few seconds and raises _Ended once the export has ended."""
        looked = self._clock()

        def goes_on() -> bool:
            nonlocal looked
            if self._clock() - looked >= _LOOK_SECONDS:
                self._require_wanted(run)
                looked = self._clock()
            return may_go_on()

        return goes_on

    def _require_wanted(self, run: ExportRun) -> None:
        """Raise _Ended for an export that has ended since it was read."""
        current = self._exports(run.tenant_id).get(run.id)
        if current is None or not current.is_under_way:
            raise _Ended()

    def _start_over(self, task: ExportTask) -> None:
        """Go back to the beginning of the file, unless another worker has closed the portion meanwhile."""
        portion = self.find(task)
        if portion is None or portion.is_closed:
            return
        again = portion.run.start_over(task_id=task.id, at=self._now())
        self._exports(task.tenant_id).save(portion.run, again)
        self.queue_next(task, again)

    def _make(self, run: ExportRun) -> Piece:
        if refusal := run.refusal():
            raise refusal
        if not run.is_surveyed:
            return self._survey(run)
        if run.format == "xlsx":
            return self._write_whole(run)
        if run.is_walked:
            self._files.finish(run.object_key, run.upload_id, run.parts)
            return Piece(is_last=True, position=run.position)
        return self._write_part(run)

    def _survey(self, run: ExportRun) -> Piece:
        """Look for the keys of custom fields, and count the contacts. Stops at more keys than a record has room for."""
        keys = set(run.custom)
        walk = _Walk(self._contacts(run.caller), run, self._while_wanted(run, self._may_go_on))
        for batch in walk.batches():
            for contact in batch:
                keys.update(contact.custom_fields)
            if len(keys) > MAX_CUSTOM_COLUMNS:
                raise too_many_columns()
        return Piece(position=walk.position, is_last=walk.is_through, rows=walk.rows, custom=frozenset(keys))

    def _write_part(self, run: ExportRun) -> Piece:
        encoder = _encoder_of(run)
        body = bytearray(self._files.read_rest(run.rest) if run.rest else b"")
        before = len(body)
        if not (run.rest or run.parts):
            body += encoder.head()
        contacts = self._contacts(run.caller)
        walk = _Walk(contacts, run, self._while_wanted(run, self._may_go_on))
        for batch in walk.batches():
            body += encoder.encode(contacts.complete(batch))
            if len(body) >= PART_BYTES:
                break
        piece = Piece(
            position=walk.position, is_last=walk.is_through, rows=walk.rows, size=len(body) - before
        )
        return self._store(run, piece, body)

    def _store(self, run: ExportRun, piece: Piece, body: bytearray) -> Piece:
        if piece.is_last and not run.parts:
            return replace(piece, object_key=self._files.put(run, body))
        if len(body) < PART_BYTES and not piece.is_last:
            return replace(piece, rest=self._files.put_rest(run, body))
        if piece.is_last and not body:
            return piece
        opened = self._open_part(run)
        etag = self._files.put_part(opened.object_key, opened.upload_id, opened.parts_opened, body)
        return replace(piece, part=(opened.parts_opened, etag))

    def _open_part(self, run: ExportRun) -> ExportRun:
        """Take a part number, and start the upload with the first one."""
        key, upload_id = (run.object_key, run.upload_id) if run.upload_id else self._files.begin(run)
        opened = run.open_part(upload_id=upload_id, object_key=key, at=self._now())
        try:
            self._exports(run.tenant_id).save(run, opened)
        except ConcurrentChange:
            if not run.upload_id:
                self._files.abort(key, upload_id)
            raise
        return opened

    def _write_whole(self, run: ExportRun) -> Piece:
        contacts = self._contacts(run.caller)
        walk = _Walk(contacts, run, self._while_wanted(run, self._has_time))

        def rows() -> Iterator[Exported]:
            for batch in walk.batches():
                if walk.rows > MAX_XLSX_ROWS:
                    return
                yield from contacts.complete(batch)

        with self._write_workbook(columns_of(run.chosen, run.custom), rows()) as file:
            if walk.rows > MAX_XLSX_ROWS:
                raise too_many_rows()
            if not walk.is_through:
                message = "The file was not finished in time. Narrow the filter, choose fewer fields, or export as csv."
                raise RuleBroken(message, code="export_too_slow")
            self._require_wanted(run)
            key = self._files.put_file(run, file)
            return Piece(is_last=True, rows=walk.rows, size=file.tell(), object_key=key)

    def close(self, task: ExportTask, _run: ExportRun, result: Piece) -> ExportRun | None:
        """Count the piece, and complete the export when its file is there."""
        for _ in RECORD.tries():
            current = self.find(task)
            if current is None:
                self._drop(task, result.object_key)
                return None
            if current.is_closed:
                self.queue_next(task, current.run)
                return None
            closed, event = _close(current.run, result, task.id, self._now()), None
            if closed.is_walked and (result.object_key or current.run.is_walked):
                closed, event = closed.complete(event_id=new_id(), at=self._now())
            try:
                self._exports(task.tenant_id).save(current.run, closed, event)
            except ConcurrentChange:  # cancelled, or put off by the watch
                continue
            return closed
        raise ConcurrentChange()

    def _drop(self, task: ExportTask, key: str) -> None:
        """Delete a whole file that the record does not name: the export was cancelled, or another worker was first."""
        run = self._exports(task.tenant_id).get(task.job_id) if key else None
        if run is not None and run.object_key != key:
            self._files.delete(key)

    def queue_next(self, task: ExportTask, run: ExportRun) -> None:
        """Queue the next portion of an export that has not ended."""
        if run.is_under_way:
            self._queue.send([ExportTask(task.tenant_id, run.id, run.portions_done + 1)])


class _Walk:
    """The walk of one portion through the contacts of an export.

    `position`: the place in the list after the batches that were taken. `is_through`: whether there are no contacts
    after it. `rows`: contacts in these batches.
    """

    def __init__(self, contacts: ExportedList, run: ExportRun, may_go_on: Callable[[], bool]) -> None:
        self._steps = contacts.walk(run)
        self._may_go_on = may_go_on
        self.position = run.position
        self.is_through = False
        self.rows = 0

    def batches(self) -> Iterator[Sequence[Contact]]:
        """Yield the next contacts, some at a time, until there are no more or the time is over."""
        batch: list[Contact] = []
        for position, is_match, contact in self._steps:
            if is_match and contact is not None:
                batch.append(contact)
            self.position = position
            is_over = not self._may_go_on()
            if is_over or len(batch) == _TOGETHER:
                self.rows += len(batch)
                yield batch
                batch = []
            if is_over:
                return
        self.is_through = True
        self.rows += len(batch)
        yield batch


def _close(run: ExportRun, piece: Piece, task_id: str, at: str) -> ExportRun:
    if not run.is_surveyed:
        return run.close_survey(piece, task_id=task_id, at=at)
    return run.close_piece(piece, task_id=task_id, at=at)


def _encoder_of(run: ExportRun) -> Encoder:
    if run.format == "csv":
        return CsvEncoder(columns_of(run.chosen, run.custom), run.delimiter)
    return JsonLinesEncoder(run.chosen) if run.format == "jsonl" else VcardEncoder(run.chosen)
