"""The steps of an import around its chunks: it starts, its file is split, and at the end the results are gathered.

Every step may run twice, at the same time or after a kill, with the same result:

- The id of an import follows from its file.
- A file is always split into the same chunks, and a chunk is queued once all of them are written.
- A chunk is counted in the transaction that writes its item.
- A worker that closes a chunk, or finds it closed by the same message, queues the next chunk of its chain.
- A worker that sees all chunks closed, whether it split the file or wrote rows, queues the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Literal, Protocol

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange, Conflict, QuotaReached, RuleBroken
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.imports.columns import Layout
from shared.domain.imports.file import BadFile, FileReplaced
from shared.domain.imports.limits import DEFAULT_LIMITS, ImportLimits
from shared.domain.imports.malware import ScanPending
from shared.domain.imports.progress import ClosedChunk
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import result_header
from shared.domain.imports.rows import RowReader
from shared.domain.imports.tasks import ImportTask
from shared.domain.imports.upload import DroppedFile, Location, UploadedFile
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.domain.tenant import Tenant
from shared.services.backoff import RECORD
from shared.services.imports.chains import next_of_chain, open_ends
from shared.services.imports.gathering import Part, gather
from shared.services.imports.grouping import Grouping
from shared.services.imports.scans import NO_SCANS, Scans
from shared.services.imports.sources import OpenWorkbook, Source, Sources
from shared.services.jobs.queue import TaskQueue


class UnknownTenant(RuleBroken):
    """The file is in the inbox of a tenant that does not exist or is suspended."""

    code = "unknown_tenant"

    def __init__(self) -> None:
        super().__init__("The file's tenant does not exist or is suspended. The file stays where it is.")


class ImportRepository(Protocol):
    """The imports of one tenant; see `shared.table.imports.repository.ImportTable`."""

    def add(self, run: ImportRun) -> bool: ...

    def save(self, before: ImportRun, after: ImportRun) -> None: ...

    def get(self, import_id: str) -> ImportRun | None: ...

    def save_layout(self, import_id: str, attempt: str, layout: Layout) -> None: ...

    def get_layout(self, import_id: str, attempt: str) -> Layout | None: ...

    def chunks(self, import_id: str, attempt: str) -> Iterator[ClosedChunk]: ...

    def set_totals(self, import_id: str, attempt: str, *, rows: int, chunks: int) -> bool: ...

    def complete(self, run: ImportRun, event: Event) -> bool: ...

    def fail(self, run: ImportRun, *, is_refused: bool) -> bool: ...

    def set_results(self, import_id: str, attempt: str, results_key: str) -> bool: ...

    def stop_waiting(self, import_id: str, attempt: str) -> bool: ...


class Files(Protocol):
    """Dropped files and results; see `shared.files.drop_bucket.DropBucket`."""

    def locate(self, key: str) -> Location | None: ...

    def find(self, key: str, etag: str | None = None) -> DroppedFile: ...

    def read(self, key: str, etag: str, start: int, end: int) -> Iterator[bytes]: ...

    def put_inputs(
        self, tenant_id: str, import_id: str, attempt: str, inputs: Iterable[tuple[int, bytes]]
    ) -> int: ...

    def read_inputs(
        self, tenant_id: str, import_id: str, attempt: str, numbers: Iterable[int]
    ) -> Iterator[bytes | None]: ...

    def read_outputs(self, keys: Iterable[str]) -> Iterator[bytes | None]: ...

    def put_results(
        self,
        tenant_id: str,
        import_id: str,
        attempt: str,
        file_name: str,
        header: bytes,
        blocks: Iterable[bytes],
    ) -> str: ...

    def drop_parts(self, tenant_id: str, import_id: str, attempt: str) -> None: ...


class ImportRuns:
    """Starts, splits, finishes and fails imports.

    `close_begun` closes the chunks that were being written when an import was cancelled or failed.
    """

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        imports: Callable[[str], ImportRepository],
        files: Files,
        tasks: TaskQueue[ImportTask],
        open_workbook: OpenWorkbook,
        *,
        close_begun: Callable[[ImportRun, Layout], None] | None = None,
        scans: Scans = NO_SCANS,
        limits: ImportLimits = DEFAULT_LIMITS,
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._tenant = tenant
        self._imports = imports
        self._files = files
        self._sources = Sources(files, open_workbook, scans, limits)
        self._tasks = tasks
        self._close_begun = close_begun
        self._scans = scans
        self._limits = limits
        self._now = now

    def import_object(self, key: str, etag: str) -> ImportRun | None:
        """Start the import of a new object and split its file. A file that was uploaded for an import waits until the
        import is started.

        Returns the import. Returns None when the object is in no inbox, when it is no longer the object that `etag`
        names (its successor has an event of its own), when it was imported already, when its scan for malware has not
        ended (the tag with the result sends another event), and when the tenant has too many running imports: the file
        then waits in the inbox until the watch over imports finds it and a slot is free.
        Raises UnknownTenant, and Unavailable when it should be tried again.
        """
        location = self._files.locate(key)
        if location is None:
            return None
        self._require_tenant(location.tenant_id)
        try:
            dropped = self._files.find(key, etag)
        except FileReplaced:
            return None
        if isinstance(location, UploadedFile):
            return self._arrive(*location, dropped)
        try:
            run = self.begin(dropped)
        except (QuotaReached, ScanPending, FileReplaced):
            return None
        if run.state != "running":
            return None
        self._split(run)
        return run

    def _arrive(self, tenant_id: str, import_id: str, uploaded: DroppedFile) -> ImportRun | None:
        imports = self._imports(tenant_id)
        for _ in RECORD.tries():
            before = imports.get(import_id)
            after = before and before.arrive(uploaded, write_id=new_id(), at=self._now())
            if before is None or after is None:
                return None
            with suppress(ConcurrentChange):
                imports.save(before, after)
                return after
        raise ConcurrentChange()

    def begin(self, dropped: DroppedFile) -> ImportRun:
        """Return the import of a file, which is started if it does not exist.

        Raises UnknownTenant, QuotaReached when the tenant has too many running imports, and ScanPending while the
        file's scan for malware has not ended.
        """
        self._scans.require_ended(dropped.key)
        at = self._now()
        tenant = self._require_tenant(dropped.location.tenant_id)
        run = ImportRun.begin(dropped, tenant.settings, at=at, due_at=timestamps.plus(at, FIRST_LOOK_SECONDS))
        imports = self._imports(run.tenant_id)
        if not imports.add(run):
            run = imports.get(run.id) or run
        return run

    def split(self, task: ImportTask) -> None:
        """Split the file of a running import, or, once that is done, queue the chunks that its chains wait for."""
        run = self._imports(task.tenant_id).get(task.import_id)
        if run is not None and run.state == "running" and run.attempt == task.attempt:
            self._split(run)

    def _split(self, run: ImportRun) -> None:
        imports = self._imports(run.tenant_id)
        if run.chunks_total is None:
            try:
                rows, chunks = self._write_chunks(run, imports)
            except BadFile as refusal:
                self.give_up(run, refusal, is_refused=True)
                return
            if not imports.set_totals(run.id, run.attempt, rows=rows, chunks=chunks):
                self._drop_unused_parts(run, imports)
                return
            run = replace(run, rows_total=rows, chunks_total=chunks)
        closed = {chunk.number for chunk in imports.chunks(run.id, run.attempt)}
        waiting = list(open_ends(closed, run.chunks_total or 0))
        try:
            self._restore_inputs(run, imports, waiting)
        except BadFile as refusal:
            self.give_up(run, refusal)
            return
        self._queue_chunks(run, waiting)
        self.queue_finish_if_done(imports.get(run.id))

    def _drop_unused_parts(self, run: ImportRun, imports: ImportRepository) -> None:
        """Remove the chunks of an attempt that ended before its file was split: nothing is read of them. Another worker
        may have split the file before the end."""
        now = imports.get(run.id)
        if now is None or now.attempt != run.attempt or now.is_preview or now.chunks_total is None:
            self._files.drop_parts(run.tenant_id, run.id, run.attempt)

    def _write_chunks(self, run: ImportRun, imports: ImportRepository) -> tuple[int, int]:
        """Write the inputs of all chunks of a file. Returns the number of its rows and of its chunks. Raises
        BadFile."""
        with self._sources.open(run) as source:
            return self._write_chunks_of(source, run, imports)

    def _write_chunks_of(self, source: Source, run: ImportRun, imports: ImportRepository) -> tuple[int, int]:
        settings = run.settings_over(self._require_tenant(run.tenant_id).settings)
        layout, header = source.survey(run.options, require_email=settings.require_email)
        imports.save_layout(run.id, run.attempt, layout)
        reader = RowReader(layout, run.options, settings)
        with Grouping() as grouping:
            for row in source.rows(layout, header):
                if grouping.rows == self._limits.rows:
                    raise BadFile(
                        f"The file has more than {self._limits.rows:,} rows. Split it.", code="too_many_rows"
                    )
                grouping.add(row, reader.keys(row))
            chunks = self._files.put_inputs(run.tenant_id, run.id, run.attempt, grouping.chunks())
            return grouping.rows, chunks

    def split_again(self, run: ImportRun) -> None:
        """Queue the split of an import whose inputs of chunks are gone: they are kept for a year."""
        self._tasks.send([ImportTask(run.tenant_id, run.id, run.attempt, "split")])

    def _restore_inputs(self, run: ImportRun, imports: ImportRepository, numbers: Iterable[int]) -> None:
        """Write the inputs of all chunks again if some of these are gone: a file always makes the same chunks. Raises
        BadFile when the file is gone too."""
        inputs = self._files.read_inputs(run.tenant_id, run.id, run.attempt, numbers)
        if any(one is None for one in inputs):
            self._write_chunks(run, imports)

    def queue_next(self, run: ImportRun, number: int) -> None:
        """Queue the chunk that follows a closed one in its chain.

        When this is repeated, the chunk is queued twice, and only one of the messages continues the chain.
        """
        following = next_of_chain(number, run.chunks_total or 0)
        if following is not None:
            self._queue_chunks(run, [following])

    def _queue_chunks(self, run: ImportRun, numbers: Iterable[int]) -> None:
        self._tasks.send(ImportTask(run.tenant_id, run.id, run.attempt, "rows", one) for one in numbers)

    def queue_finish_if_done(self, run: ImportRun | None) -> None:
        """Queue the end of a running import when all of its chunks are closed."""
        if run is not None and run.state == "running" and run.all_chunks_done:
            self._tasks.send([ImportTask(run.tenant_id, run.id, run.attempt, "finish")])

    def queue_finish(self, task: ImportTask) -> None:
        """Queue the end of the attempt that a task belongs to."""
        self._tasks.send([ImportTask(task.tenant_id, task.import_id, task.attempt, "finish")])

    def finish(self, task: ImportTask) -> None:
        """Gather the results of an import whose chunks are all closed, and complete it.

        The results of an import that failed or was cancelled half-way are gathered too.
        """
        imports = self._imports(task.tenant_id)
        run = imports.get(task.import_id)
        if run is None or run.attempt != task.attempt:
            return
        if run.state == "running" and not run.all_chunks_done:
            return
        try:
            if run.state == "running":
                results_key = self._gather(run, imports)
                ended = run.complete(results_key=results_key, event_id=new_id(), at=self._now())
                if not imports.complete(*ended):  # it has ended meanwhile
                    self.finish(task)
                    return
            elif run.state in ("failed", "cancelled") and run.chunks_total and run.results_key is None:
                imports.set_results(run.id, run.attempt, self._gather(run, imports))
            elif run.awaits_results:  # it ended before its file was split
                imports.stop_waiting(run.id, run.attempt)
        except Conflict:
            # Another worker was faster, and has removed the parts already.
            again = imports.get(run.id)
            if again is None or (again.attempt == run.attempt and again.results_key is None):
                raise
        self._files.drop_parts(run.tenant_id, run.id, run.attempt)

    def _gather(self, run: ImportRun, imports: ImportRepository) -> str:
        """Write the results, also if parts of them are gone. Raises Conflict when another worker was faster."""
        layout = imports.get_layout(run.id, run.attempt)
        if layout is None:
            raise LookupError("an import has chunks and no layout")
        if run.state != "running":
            closed = {chunk.number for chunk in imports.chunks(run.id, run.attempt)}
            with suppress(
                BadFile, UnknownTenant
            ):  # the rows of inputs that are gone for good say so in the results
                self._restore_inputs(run, imports, open_ends(closed, run.chunks_total or 0))
            if self._close_begun is not None:
                self._close_begun(run, layout)
        blocks = gather(layout, self._read_parts(run, imports), rows=run.rows_total or 0)
        return self._files.put_results(
            run.tenant_id, run.id, run.attempt, run.file_name, result_header(layout), blocks
        )

    def _read_parts(self, run: ImportRun, imports: ImportRepository) -> Iterator[Part]:
        """Yield the outputs of the chunks that were worked on, and then the inputs of the others. Of a chunk whose
        output is gone, the input is yielded too, if there is one."""
        where = (run.tenant_id, run.id, run.attempt)
        closed: set[int] = set()
        lost: list[int] = []
        under_way: deque[int] = deque()

        def keys() -> Iterator[str]:
            for chunk in imports.chunks(run.id, run.attempt):
                closed.add(chunk.number)
                under_way.append(chunk.number)
                yield chunk.part

        for output in self._files.read_outputs(keys()):
            number = under_way.popleft()
            if output is None:
                lost.append(number)
            else:
                yield Part("output", output)
        if lost:
            self._require_unfinished(run, imports)
            with suppress(BadFile, UnknownTenant):
                self._restore_inputs(run, imports, lost)
        open_chunks = [number for number in range(run.chunks_total or 0) if number not in closed]
        kinds: tuple[tuple[Literal["lost", "not_run"], list[int]], ...]
        kinds = (("lost", lost), ("not_run", open_chunks))
        for kind, numbers in kinds:
            for body in self._files.read_inputs(*where, numbers):
                if body is not None:
                    yield Part(kind, body)
                else:
                    self._require_unfinished(run, imports)

    def _require_unfinished(self, run: ImportRun, imports: ImportRepository) -> None:
        """Raise Conflict when another worker has written the results meanwhile, and removed the parts after that."""
        again = imports.get(run.id)
        if again is None or again.attempt != run.attempt or again.results_key is not None:
            raise Conflict("Another worker has written the results.")

    def give_up(self, run: ImportRun, refusal: BadFile, *, is_refused: bool = False) -> None:
        """Fail an import because of its file, which stays where it is. Contacts that were created stay, and so do the
        results of their rows. The bytes of a refused file, of which no row was written, are not counted."""
        # The results are gathered once the chunks that are being written have ended. Queued before the import fails: a
        # kill between the two steps would otherwise lose the results for good.
        finish = ImportTask(run.tenant_id, run.id, run.attempt, "finish")
        self._tasks.send_later([finish])
        failed = run.fail(refusal.code, refusal.detail, at=self._now())
        self._imports(run.tenant_id).fail(failed, is_refused=is_refused)

    def _require_tenant(self, tenant_id: str) -> Tenant:
        tenant = self._tenant(tenant_id)
        if tenant is None or tenant.suspended:
            raise UnknownTenant()
        return tenant
