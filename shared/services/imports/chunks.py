"""The rows of a chunk become contacts, each once, however often the chunk is delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from shared.domain import timestamps
from shared.domain.errors import Conflict
from shared.domain.ids import new_id
from shared.domain.imports.columns import Layout
from shared.domain.imports.file import BadFile
from shared.domain.imports.groups import Group, decode_groups
from shared.domain.imports.progress import ClosedChunk, Tally
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import Fate, result_lines
from shared.domain.imports.tasks import ImportTask
from shared.domain.imports.upload import StoredFile
from shared.domain.tenant import Tenant, TenantSettings
from shared.services.imports.carrying_out import Written, encode_writes
from shared.services.imports.gathering import encode_lines
from shared.services.imports.known import Known
from shared.services.imports.row_plans import Plan, plan_groups
from shared.services.imports.runs import ImportRuns, UnknownTenant
from shared.services.jobs.runner import Portion


class ImportRepository(Protocol):
    """The imports of one tenant; see `shared.table.imports.repository.ImportTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def look_up(
        self, import_id: str, attempt: str, chunk: int
    ) -> tuple[ImportRun | None, Layout | None, str | None]: ...

    def add_chunk(
        self, import_id: str, attempt: str, chunk: ClosedChunk, tally: Tally, at: str, *, task_id: str
    ) -> bool: ...


class RowWriting(Protocol):
    """Writes what rows ask for; see `shared.services.imports.carrying_out.RowWriting`."""

    def read_known(
        self, run: ImportRun, layout: Layout, settings: TenantSettings, groups: Sequence[Group]
    ) -> Known: ...

    def carry_out(self, known: Known, plan: Plan) -> tuple[dict[int, Fate], Collection[Written]]: ...


class Files(Protocol):
    """Dropped files, and the inputs and outputs of chunks; see `shared.files.drop_bucket.DropBucket`."""

    def describe(self, key: str, etag: str | None = None) -> StoredFile: ...

    def read_input(self, tenant_id: str, import_id: str, attempt: str, number: int) -> bytes: ...

    def put_output(self, tenant_id: str, import_id: str, attempt: str, name: str, body: bytes) -> str: ...

    def put_writes(self, tenant_id: str, import_id: str, attempt: str, name: str, body: bytes) -> str: ...


@dataclass(frozen=True, slots=True)
class SplitImport:
    """An import whose file was split, with the file's layout."""

    run: ImportRun
    layout: Layout


@dataclass(frozen=True, slots=True)
class WrittenChunk:
    """The outcome of a chunk."""

    tally: Tally
    chunk: ClosedChunk


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """A chunk that was worked on: its rows in groups, their plan, their fates by their numbers, and what was
    written."""

    number: int
    groups: Sequence[Group]
    plan: Plan
    fates: Mapping[int, Fate]
    written: Collection[Written]


class ImportChunks:
    """The chunks of imports for the `JobRunner`: a chunk is a portion."""

    def __init__(
        self,
        imports: Callable[[str], ImportRepository],
        row_writing: Callable[[ImportRun], RowWriting],
        files: Files,
        runs: ImportRuns,
        *,
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._imports = imports
        self._row_writing = row_writing
        self._files = files
        self._runs = runs
        self._now = now

    def find(self, task: ImportTask) -> Portion[SplitImport] | None:
        """Return the chunk; None when another task closed it, or the attempt has ended."""
        number = task.chunk_number
        run, layout, closed_by = self._imports(task.tenant_id).look_up(task.import_id, task.attempt, number)
        if run is None or layout is None:
            raise LookupError("a chunk of an import that is not there")
        if run.state != "running" or run.attempt != task.attempt:
            self._drop_parts_later(task)
            return None
        if closed_by not in (None, task.id):
            return None
        return Portion(SplitImport(run, layout), is_closed=closed_by is not None)

    def _drop_parts_later(self, task: ImportTask) -> None:
        """Do nothing: the parts of a run that has ended are removed once its results are gathered."""

    def refuse(self) -> None:
        """Raises UnknownTenant."""
        raise UnknownTenant()

    def work(self, task: ImportTask, run: SplitImport, tenant: Tenant) -> WrittenChunk | None:
        """Write what the chunk's rows ask for, and then the fates of the rows.

        Returns None when the file was replaced, which fails the import, and when the input of the chunk is gone: then
        the file is split again.
        """
        try:
            self._files.describe(run.run.object_key, run.run.etag)
        except BadFile as refusal:
            self._runs.give_up(run.run, refusal)
            return None
        number = task.chunk_number
        try:
            body = self._files.read_input(task.tenant_id, task.import_id, task.attempt, number)
        except Conflict:
            self._runs.split_again(run.run)
            return None
        groups = list(decode_groups(body))
        writing = self._row_writing(run.run)
        known = writing.read_known(run.run, run.layout, run.run.settings_over(tenant.settings), groups)
        plan = plan_groups(groups, known)
        written: Collection[Written] = ()
        if run.run.is_dry:
            fates = {number: _without_new(run.run, fate) for number, fate in plan.fates.items()}
        else:
            fates, written = writing.carry_out(known, plan)
        planned = PlannedChunk(number, groups, plan, fates, written)
        return WrittenChunk(_tally(fates.values()), self._keep(run, planned))

    def _keep(self, run: SplitImport, chunk: PlannedChunk) -> ClosedChunk:
        """Write what is kept of a chunk: the rows of the results, and what was written."""
        where, written = (run.run.tenant_id, run.run.id, run.run.attempt), chunk.written
        rows = [one for group in chunk.groups for one in group.rows]
        lines = result_lines(run.layout, ((one.number, one.row, chunk.fates[one.number]) for one in rows))
        # Two workers may have different outcomes when others change contacts meanwhile. Each therefore has objects of
        # its own, and the chunk's record names those of the worker that was counted.
        name = f"{chunk.number:06d}-{new_id()}"
        part = self._files.put_output(
            *where, name, encode_lines(zip((one.number for one in rows), lines, strict=True))
        )
        writes = self._files.put_writes(*where, name, encode_writes(written)) if written else ""
        return ClosedChunk(chunk.number, part, writes)

    def close(self, task: ImportTask, run: SplitImport, result: WrittenChunk) -> SplitImport | None:
        """Count the chunk, unless another worker did."""
        imports = self._imports(task.tenant_id)
        is_first = imports.add_chunk(
            task.import_id, task.attempt, result.chunk, result.tally, self._now(), task_id=task.id
        )
        current = imports.get(task.import_id)
        if is_first and current is not None:
            return replace(run, run=current)
        # The worker that was faster queues the next chunk: queued twice, all that follow would be written twice.
        self._runs.queue_finish_if_done(current)
        return None

    def queue_next(self, task: ImportTask, run: SplitImport) -> None:
        """Queue the next chunk of the chain, and after the last chunk the end of the import."""
        self._runs.queue_next(run.run, task.chunk_number)
        self._runs.queue_finish_if_done(run.run)


def _without_new(run: ImportRun, fate: Fate) -> Fate:
    """Return the planned fate of a row without the id of a contact that does not exist yet."""
    return replace(fate, contact_id="") if run.row_of_contact(fate.contact_id) is not None else fate


def _tally(fates: Iterable[Fate]) -> Tally:
    known = list(fates)
    outcomes = Counter(fate.outcome for fate in known)
    return Tally(
        created=outcomes["created"],
        updated=outcomes["updated"],
        merged=outcomes["merged"],
        skipped=outcomes["skipped"],
        unchanged=outcomes["unchanged"],
        failed=outcomes["failed"],
        warnings=sum(1 for fate in known if fate.warnings),
    )
