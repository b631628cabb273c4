"""The undo of imports: takes back what the chunks of a run wrote, one chunk after the other.

It works like the run: on the same engine, chunk by chunk, in the same chains. A chunk is counted in the transaction
that closes it, so an undo that is killed anywhere ends with the same contacts and the same counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.errors import Conflict
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.imports.progress import ClosedChunk
from shared.domain.imports.record import ImportRun
from shared.domain.imports.tasks import ImportTask
from shared.domain.imports.undo import UndoTally
from shared.domain.imports.undo_views import MAX_KEPT, KeptContact
from shared.domain.imports.undoing import all_undone, complete_undo, give_up_undo
from shared.domain.imports.undone import (
    UndoneContact,
    decode_kept,
    encode_kept,
    kept_header,
    kept_line,
    tally_of,
)
from shared.domain.tenant import Tenant
from shared.services.imports.carrying_out import Written, decode_writes
from shared.services.imports.undo_queue import UndoQueue
from shared.services.jobs.runner import Portion


class ChunkToUndo(Protocol):
    """A chunk of a run; see `shared.table.imports.undo.ChunkToUndo`."""

    @property
    def run(self) -> ImportRun: ...

    @property
    def writes(self) -> str: ...

    @property
    def rows(self) -> int: ...

    @property
    def closed_by(self) -> str | None: ...


class UndoRepository(Protocol):
    """The undos of one tenant's imports; see `shared.table.imports.undo.ImportUndoTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def look_up(self, import_id: str, attempt: str, number: int) -> ChunkToUndo | None: ...

    def close_chunk(
        self,
        import_id: str,
        attempt: str,
        chunk: ClosedChunk,
        tally: UndoTally,
        rows: int,
        at: str,
        *,
        task_id: str,
    ) -> bool: ...

    def chunks(self, import_id: str, attempt: str) -> Iterator[ClosedChunk]: ...

    def complete(self, run: ImportRun, event: Event, kept: Sequence[dict[str, Any]]) -> bool: ...

    def give_up(self, run: ImportRun) -> bool: ...


class Files(Protocol):
    """What chunks wrote, and what was kept of it; see `shared.files.drop_bucket.DropBucket`."""

    def read_writes(self, key: str) -> bytes: ...

    def put_output(self, tenant_id: str, import_id: str, attempt: str, name: str, body: bytes) -> str: ...

    def read_outputs(self, keys: Iterable[str]) -> Iterator[bytes | None]: ...

    def put_kept(
        self,
        tenant_id: str,
        import_id: str,
        attempt: str,
        file_name: str,
        header: bytes,
        blocks: Iterable[bytes],
    ) -> str: ...

    def drop_parts(self, tenant_id: str, import_id: str, attempt: str) -> None: ...


class Reversals(Protocol):
    """Takes back what an import wrote; see `shared.services.imports.reversals.Reversals`."""

    def take_back(self, chunk: int, written: Sequence[Written]) -> list[UndoneContact]: ...


@dataclass(frozen=True, slots=True)
class UndoOfChunk:
    """A chunk that is to be taken back, or was, with the record of its import as it is by now."""

    run: ImportRun
    writes: str
    rows: int


@dataclass(frozen=True, slots=True)
class UndoneChunk:
    """The outcome of a chunk that was taken back."""

    tally: UndoTally
    chunk: ClosedChunk


class ImportUndo:
    """Undoes imports for the `JobRunner`, where a chunk is a portion, and ends undos."""

    def __init__(
        self,
        imports: Callable[[str], UndoRepository],
        reversals: Callable[[ImportRun], Reversals],
        files: Files,
        queue: UndoQueue,
        *,
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._imports = imports
        self._reversals = reversals
        self._files = files
        self._queue = queue
        self._now = now

    def find(self, task: ImportTask) -> Portion[UndoOfChunk] | None:
        """Return the chunk; None when another task took it back, or the undo has ended."""
        found = self._imports(task.tenant_id).look_up(task.import_id, task.attempt, task.chunk_number)
        if found is None:
            raise LookupError("a chunk of an import that is not there")
        undo = found.run.undo
        is_current = found.run.state == "undoing" and undo is not None and undo.attempt == task.attempt
        if not is_current or found.closed_by not in (None, task.id):
            return None
        return Portion(
            UndoOfChunk(found.run, found.writes, found.rows), is_closed=found.closed_by is not None
        )

    def refuse(self) -> None:
        """Leave the chunk of a suspended tenant to the watch over imports."""

    def work(self, task: ImportTask, run: UndoOfChunk, tenant: Tenant) -> UndoneChunk:  # noqa: ARG002
        """Take back what the chunk wrote, and write which contacts are kept."""
        number, contacts = task.chunk_number, list[UndoneContact]()
        if run.writes:
            written = decode_writes(self._files.read_writes(run.writes))
            contacts = self._reversals(run.run).take_back(number, written)
        part, kept = "", encode_kept(contacts)
        if kept:
            # Two workers may have different outcomes when others change contacts meanwhile. Each has an object of its
            # own, and the chunk's record names that of the worker that was counted.
            name = f"{number:06d}-{new_id()}"
            part = self._files.put_output(task.tenant_id, task.import_id, task.attempt, name, kept)
        return UndoneChunk(tally_of(contacts), ClosedChunk(number, part))

    def close(self, task: ImportTask, run: UndoOfChunk, result: UndoneChunk) -> UndoOfChunk | None:
        """Count the chunk, unless another worker did."""
        imports = self._imports(task.tenant_id)
        is_first = imports.close_chunk(
            task.import_id,
            task.attempt,
            result.chunk,
            result.tally,
            run.rows,
            self._now(),
            task_id=task.id,
        )
        current = imports.get(task.import_id)
        if is_first and current is not None:
            return replace(run, run=current)
        self._queue.queue_finish_if_done(current)
        return None

    def queue_next(self, task: ImportTask, run: UndoOfChunk) -> None:
        """Queue the next chunk of the chain, and after the last chunk the end of the undo."""
        self._queue.queue_next(run.run, task.chunk_number)

    def give_up(self, run: ImportRun) -> None:
        """End an undo that makes no progress. What is taken back stays taken back."""
        self._imports(run.tenant_id).give_up(give_up_undo(run, at=self._now()))

    def finish(self, task: ImportTask) -> None:
        """Gather the contacts that were kept, and end the undo, once all chunks are taken back."""
        tenant_id, import_id = task.tenant_id, task.import_id
        imports = self._imports(tenant_id)
        run = imports.get(import_id)
        if run is None or run.undo is None or run.undo.attempt != task.attempt:
            return
        undo = run.undo
        if run.state == "undone":  # the worker that ended it may have been killed before it removed the parts
            self._files.drop_parts(tenant_id, import_id, undo.attempt)
        if run.state != "undoing" or not all_undone(run):
            return
        first: list[UndoneContact] = []
        parts = (one.part for one in imports.chunks(import_id, undo.attempt) if one.part)
        try:
            blocks = gather_kept(self._read_outputs(run, parts), first)
            key = self._files.put_kept(
                tenant_id, import_id, undo.attempt, run.file_name, kept_header(), blocks
            )
        except Conflict:
            # Another worker was faster, and has removed the parts already.
            return
        undone, event = complete_undo(run, kept_key=key, event_id=new_id(), at=self._now())
        imports.complete(undone, event, [KeptContact.of(one).model_dump() for one in first])
        self._files.drop_parts(tenant_id, import_id, undo.attempt)

    def _read_outputs(self, run: ImportRun, parts: Iterable[str]) -> Iterator[bytes]:
        """Yield the outputs of chunks, without those that are gone: the undo then stood still for longer than they are
        kept. Raises Conflict when another worker has written the list, and removed the outputs."""
        for lines in self._files.read_outputs(parts):
            if lines is not None:
                yield lines
            elif (again := self._imports(run.tenant_id).get(run.id)) is None or again.state != "undoing":
                raise Conflict("Another worker has written the list.")


def gather_kept(outputs: Iterable[bytes], first: list[UndoneContact]) -> Iterator[bytes]:
    """Yield the lines of the kept contacts of chunks, and add the first MAX_KEPT of the contacts to `first`."""
    for lines in outputs:
        contacts = decode_kept(lines)
        first += contacts[: MAX_KEPT - len(first)]
        yield b"".join(map(kept_line, contacts))
