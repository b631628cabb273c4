"""The steps of an import around its chunks: it starts, its file is split, and at the end the results are gathered.

Every step may run twice, at the same time or after a kill, with the same result:

- The id of an import follows from its file.
- A chunk is counted in the transaction that writes its item.
- A worker that closes a chunk, or finds it closed by the same message, queues the next chunk of its chain.
- A worker that sees all chunks closed, whether it split the file or wrote rows, queues the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Protocol

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange, Conflict, QuotaReached, RuleBroken
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.imports.columns import Layout
from shared.domain.imports.csv_file import read_rows
from shared.domain.imports.file import MAX_FILE_BYTES, BadFile, FileReplaced, cut, survey
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import result_header
from shared.domain.imports.tasks import Chunk, ImportTask
from shared.domain.imports.upload import DroppedFile, Location, UploadedFile
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.domain.tenant import Tenant
from shared.services.backoff import RECORD
from shared.services.imports.plans import MOST_QUEUED, ChunkList, decode_chunks, range_of_next
from shared.services.jobs.queue import TaskQueue

_SAMPLE = 1_048_576
"""Bytes at the start of a file from which its layout is found."""


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

    def save_layout(self, import_id: str, layout: Layout) -> None: ...

    def get_layout(self, import_id: str) -> Layout | None: ...

    def chunks(self, import_id: str) -> Iterator[tuple[int, str]]: ...

    def set_totals(self, import_id: str, *, rows: int, chunks: int) -> bool: ...

    def complete(self, run: ImportRun, event: Event) -> bool: ...

    def fail(self, run: ImportRun, *, is_refused: bool) -> bool: ...

    def set_results(self, import_id: str, results_key: str) -> None: ...


class Files(Protocol):
    """Dropped files and results; see `shared.files.drop_bucket.DropBucket`."""

    def locate(self, key: str) -> Location | None: ...

    def find(self, key: str, etag: str | None = None) -> DroppedFile: ...

    def read(self, key: str, etag: str, start: int, end: int) -> Iterator[bytes]: ...

    def put_results(
        self, tenant_id: str, import_id: str, file_name: str, header: bytes, parts: Iterable[str]
    ) -> str: ...

    def drop_parts(self, tenant_id: str, import_id: str) -> None: ...

    def put_chunk_list(self, tenant_id: str, import_id: str, chunks: bytes) -> None: ...

    def read_chunk_list(self, tenant_id: str, import_id: str, start: int, end: int) -> bytes: ...


class ImportRuns:
    """Starts, splits, finishes and fails imports."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        imports: Callable[[str], ImportRepository],
        files: Files,
        tasks: TaskQueue[ImportTask],
        *,
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._tenant = tenant
        self._imports = imports
        self._files = files
        self._tasks = tasks
        self._now = now

    def import_object(self, key: str, etag: str) -> ImportRun | None:
        """Start the import of a new object and split its file. A file that was uploaded for an import waits until the
        import is started.

        Returns the import. Returns None when the object is in no inbox, when it is no longer the object that `etag`
        names (its successor has an event of its own), when it was imported already, and when the tenant has too many
        running imports: the file then waits in the inbox until the watch over imports finds it and a slot is free.
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
        except QuotaReached:
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
        """Return the import of a file, which is started if it does not exist. Raises UnknownTenant, and QuotaReached
        when the tenant has too many running imports."""
        at = self._now()
        run = ImportRun.begin(dropped, at=at, due_at=timestamps.plus(at, FIRST_LOOK_SECONDS))
        self._require_tenant(run.tenant_id)
        imports = self._imports(run.tenant_id)
        if not imports.add(run):
            run = imports.get(run.id) or run
        return run

    def split(self, tenant_id: str, import_id: str) -> None:
        """Split the file of a running import again, leaving out the chunks that are closed."""
        run = self._imports(tenant_id).get(import_id)
        if run is not None and run.state == "running":
            self._split(run)

    def _split(self, run: ImportRun) -> None:
        imports = self._imports(run.tenant_id)
        splitter = _Splitter(run, imports, self._files)
        try:
            chunks = splitter.split()
        except BadFile as refusal:
            self.give_up(run, refusal, is_refused=not run.chunks_done)
            return
        self._files.put_chunk_list(run.tenant_id, run.id, chunks.encoded)
        self._tasks.send(ImportTask(run.tenant_id, run.id, "rows", chunk) for chunk in chunks.first_of_chains)
        if imports.set_totals(run.id, rows=splitter.rows, chunks=splitter.chunks):
            self.queue_finish_if_done(imports.get(run.id))

    def queue_next(self, run: ImportRun, chunk: Chunk) -> None:
        """Queue the next chunk of a closed chunk's chain.

        When this is repeated, the chunk is queued twice, and only one of the messages continues the chain.
        """
        start, end = range_of_next(chunk)
        if run.chunks_total is not None and chunk.number + MOST_QUEUED >= run.chunks_total:
            return
        for following in decode_chunks(self._files.read_chunk_list(run.tenant_id, run.id, start, end)):
            self._tasks.send([ImportTask(run.tenant_id, run.id, "rows", following)])

    def queue_finish_if_done(self, run: ImportRun | None) -> None:
        """Queue the end of a running import when all of its chunks are closed."""
        if run is not None and run.state == "running" and run.all_chunks_done:
            self._tasks.send([ImportTask(run.tenant_id, run.id, "finish")])

    def finish(self, tenant_id: str, import_id: str) -> None:
        """Gather the results of an import whose chunks are all closed, and complete it.

        The results of an import that failed half-way are gathered too.
        """
        imports = self._imports(tenant_id)
        run = imports.get(import_id)
        if run is None or (run.state == "running" and not run.all_chunks_done):
            return
        try:
            if run.state == "running":
                results_key = self._gather(run, imports)
                ended = run.complete(results_key=results_key, event_id=new_id(), at=self._now())
                if not imports.complete(*ended):  # it has ended meanwhile
                    self.finish(tenant_id, import_id)
                    return
            elif run.state == "failed" and run.chunks_done and run.results_key is None:
                imports.set_results(import_id, self._gather(run, imports))
        except Conflict:
            # Another worker was faster, and has removed the parts already.
            again = imports.get(import_id)
            if again is None or again.results_key is None:
                raise
        self._files.drop_parts(tenant_id, import_id)

    def _gather(self, run: ImportRun, imports: ImportRepository) -> str:
        layout = imports.get_layout(run.id)
        if layout is None:
            raise LookupError("an import has chunks and no layout")
        parts = (part for _, part in imports.chunks(run.id))
        return self._files.put_results(run.tenant_id, run.id, run.file_name, result_header(layout), parts)

    def give_up(self, run: ImportRun, refusal: BadFile, *, is_refused: bool = False) -> None:
        """Fail an import because of its file, which stays where it is. Contacts that were created stay, and so do the
        results of their rows. The bytes of a refused file, of which no row was written, are not counted."""
        # The results are gathered once the chunks that are being written have ended. Queued before the import fails: a
        # kill between the two steps would otherwise lose the results for good.
        finish = ImportTask(run.tenant_id, run.id, "finish")
        self._tasks.send_later([finish])
        failed = run.fail(refusal.code, refusal.detail, at=self._now())
        self._imports(run.tenant_id).fail(failed, is_refused=is_refused)

    def _require_tenant(self, tenant_id: str) -> None:
        tenant = self._tenant(tenant_id)
        if tenant is None or tenant.suspended:
            raise UnknownTenant()


class _Splitter:
    """Splits a file. `rows`, `chunks`: their numbers, once the file is split."""

    def __init__(self, run: ImportRun, imports: ImportRepository, files: Files) -> None:
        self._run = run
        self._imports = imports
        self._files = files
        self.rows = 0
        self.chunks = 0

    def split(self) -> ChunkList:
        """Return the chunks of the file. Raises BadFile."""
        run = self._run
        if run.size > MAX_FILE_BYTES:
            raise BadFile(f"The file has more than {MAX_FILE_BYTES:,} bytes. Split it.", code="too_large")
        layout, header = survey(
            b"".join(self._files.read(run.object_key, run.etag, 0, min(run.size, _SAMPLE)))
        )
        self._imports.save_layout(run.id, layout)
        chunks = ChunkList({number for number, _ in self._imports.chunks(run.id)})
        blocks = self._files.read(run.object_key, run.etag, header.end, run.size)
        rows = read_rows(blocks, layout.encoding, layout.delimiter, start=header.end, line=header.next_line)
        for chunk, count in cut(rows, header):
            self.chunks += 1
            self.rows += count
            chunks.add(chunk)
        return chunks
