"""A dropped file on its way: an import begins, its file is cut into chunks, and at the end the results are gathered.

Every step may be done twice, at the same time or after a kill, and ends the same. What makes it so: an import's
id follows from its file, a chunk is counted in the transaction that writes its row, whoever is through with a chunk,
also one that was in already, asks for the next of its chain, and whoever sees all chunks done, the cutter or any writer
of rows, asks for the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Protocol

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange, Conflict, QuotaReached, RuleBroken
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.imports.csv_file import read_rows
from shared.domain.imports.file import MAX_FILE_BYTES, BadFile, FileReplaced, Layout, cut, survey
from shared.domain.imports.record import ImportRun
from shared.domain.imports.rows import result_header
from shared.domain.imports.tasks import Chunk, ImportTask
from shared.domain.imports.upload import DroppedFile, Location, UploadedFile
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.domain.tenant import Tenant
from shared.services.backoff import RECORD
from shared.services.imports.plans import MOST_QUEUED, Plan, chunks_in, place_of_next
from shared.services.jobs.queue import TaskQueue

_SAMPLE = 1_048_576  # bytes by which a file is judged


class UnknownTenant(RuleBroken):
    """The file lies in the inbox of a tenant that does not exist, or is suspended."""

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

    def fail(self, run: ImportRun) -> bool: ...

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

    def put_plan(self, tenant_id: str, import_id: str, plan: bytes) -> None: ...

    def read_plan(self, tenant_id: str, import_id: str, start: int, end: int) -> bytes: ...


class ImportRuns:
    """Begins, cuts up, ends and fails imports."""

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

    def take_up(self, key: str, etag: str) -> ImportRun | None:
        """Import the object that was put under a key: begin, and cut it up. One that was uploaded for an import waits
        until that is started.

        Returns the import as it is then; None when the object lies in no inbox, or is no longer the one that
        `etag` names (its successor has an event of its own), or has been dealt with, or the tenant has as much running
        as it may: the file waits where it is, until the watch over imports comes by when there is room.
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
        """The import of a file: a new one, or that which is there. Raises UnknownTenant, and QuotaReached when there
        is no room for a new one."""
        at = self._now()
        run = ImportRun.begin(dropped, at=at, due_at=timestamps.plus(at, FIRST_LOOK_SECONDS))
        self._require_tenant(run.tenant_id)
        imports = self._imports(run.tenant_id)
        if not imports.add(run):
            run = imports.get(run.id) or run
        return run

    def split(self, tenant_id: str, import_id: str) -> None:
        """Cut up the file of an import again, if it is still running: chunks that are in are left out."""
        run = self._imports(tenant_id).get(import_id)
        if run is not None and run.state == "running":
            self._split(run)

    def _split(self, run: ImportRun) -> None:
        imports = self._imports(run.tenant_id)
        cutter = _Cutter(run, imports, self._files)
        try:
            plan = cutter.plan()
        except BadFile as refusal:
            self.give_up(run, refusal)
            return
        self._files.put_plan(run.tenant_id, run.id, plan.written)
        self._tasks.send(ImportTask(run.tenant_id, run.id, "rows", chunk) for chunk in plan.first_of_chains)
        if imports.set_totals(run.id, rows=cutter.rows, chunks=cutter.chunks):
            self.finish_if_done(imports.get(run.id))

    def ask_for_next(self, run: ImportRun, chunk: Chunk) -> None:
        """Ask for the chunk that follows one in its chain, now that that is in. Done again, it may be queued twice."""
        start, end = place_of_next(chunk)
        if run.chunks_total is not None and chunk.number + MOST_QUEUED >= run.chunks_total:
            return
        for following in chunks_in(self._files.read_plan(run.tenant_id, run.id, start, end)):
            self._tasks.send([ImportTask(run.tenant_id, run.id, "rows", following)])

    def finish_if_done(self, run: ImportRun | None) -> None:
        """Ask for the end of an import all of whose chunks are done."""
        if run is not None and run.state == "running" and run.all_chunks_done:
            self._tasks.send([ImportTask(run.tenant_id, run.id, "finish")])

    def finish(self, tenant_id: str, import_id: str) -> None:
        """Gather the results of an import whose chunks are all done, or that failed half-way, and complete it."""
        imports = self._imports(tenant_id)
        run = imports.get(import_id)
        if run is None or (run.state == "running" and not run.all_chunks_done):
            return
        try:
            if run.state == "running":
                results_key = self._gather(run, imports)
                ended = run.complete(results_key=results_key, event_id=new_id(), at=self._now())
                if not imports.complete(*ended):  # it has ended meanwhile, one way or the other
                    self.finish(tenant_id, import_id)
                    return
            elif run.state == "failed" and run.chunks_done and run.results_key is None:
                imports.set_results(import_id, self._gather(run, imports))
        except Conflict:
            # A twin was faster, and has removed the parts already.
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

    def give_up(self, run: ImportRun, refusal: BadFile) -> None:
        """Fail an import for what is wrong with its file, which stays where it is. Rows that are in stay in, and
        their fates can be had."""
        # The results are gathered once the chunks that are being written have ended. Queued before the import fails: a
        # kill between the two steps would otherwise lose the results for good.
        finish = ImportTask(run.tenant_id, run.id, "finish")
        self._tasks.send_later([finish])
        self._imports(run.tenant_id).fail(run.fail(refusal.code, refusal.detail, at=self._now()))

    def _require_tenant(self, tenant_id: str) -> None:
        tenant = self._tenant(tenant_id)
        if tenant is None or tenant.suspended:
            raise UnknownTenant()


class _Cutter:
    """Cuts one file. `rows`, `chunks`: how many there are, once the plan is made."""

    def __init__(self, run: ImportRun, imports: ImportRepository, files: Files) -> None:
        self._run = run
        self._imports = imports
        self._files = files
        self.rows = 0
        self.chunks = 0

    def plan(self) -> Plan:
        """Where its chunks lie. Raises BadFile."""
        run = self._run
        if run.size > MAX_FILE_BYTES:
            raise BadFile(f"The file has more than {MAX_FILE_BYTES:,} bytes. Split it.", code="too_large")
        layout, header = survey(
            b"".join(self._files.read(run.object_key, run.etag, 0, min(run.size, _SAMPLE)))
        )
        self._imports.save_layout(run.id, layout)
        plan = Plan({number for number, _ in self._imports.chunks(run.id)})
        blocks = self._files.read(run.object_key, run.etag, header.end, run.size)
        rows = read_rows(blocks, layout.encoding, layout.delimiter, start=header.end, line=header.next_line)
        for chunk, count in cut(rows, header):
            self.chunks += 1
            self.rows += count
            plan.add(chunk)
        return plan
