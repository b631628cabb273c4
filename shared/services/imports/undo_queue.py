"""Queues the steps of undos."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from shared.domain.imports.progress import ClosedChunk
from shared.domain.imports.record import ImportRun
from shared.domain.imports.tasks import ImportTask
from shared.domain.imports.undoing import all_undone
from shared.services.imports.chains import next_of_chain, open_ends
from shared.services.jobs.queue import TaskQueue


class UndoneChunks(Protocol):
    """The chunks that undos of one tenant's imports took back; see `shared.table.imports.undo.ImportUndoTable`."""

    def chunks(self, import_id: str, attempt: str) -> Iterator[ClosedChunk]: ...


class UndoQueue:
    """The queue of the steps of undos."""

    def __init__(
        self, imports: Callable[[str], UndoneChunks], tasks: Callable[[], TaskQueue[ImportTask]]
    ) -> None:
        self._imports = imports
        self._tasks = tasks

    def queue_open(self, run: ImportRun) -> None:
        """Queue what an undo waits for: the chunk at the open end of each chain, or the end of the undo."""
        closed = {one.number for one in self._imports(run.tenant_id).chunks(run.id, _attempt_of(run))}
        self._queue_chunks(run, open_ends(closed, run.chunks_total or 0))
        self.queue_finish_if_done(run)

    def queue_next(self, run: ImportRun, number: int) -> None:
        """Queue the chunk that follows another one in its chain, and after the last chunk the end of the undo."""
        following = next_of_chain(number, run.chunks_total or 0)
        if following is not None:
            self._queue_chunks(run, [following])
        self.queue_finish_if_done(run)

    def queue_finish_if_done(self, run: ImportRun | None) -> None:
        """Queue the end of an undo when all chunks are taken back."""
        if run is not None and run.state == "undoing" and all_undone(run):
            self._tasks().send([ImportTask(run.tenant_id, run.id, _attempt_of(run), "finish")])

    def _queue_chunks(self, run: ImportRun, numbers: Iterable[int]) -> None:
        attempt = _attempt_of(run)
        self._tasks().send(ImportTask(run.tenant_id, run.id, attempt, "undo", one) for one in numbers)


def _attempt_of(run: ImportRun) -> str:
    if run.undo is None:
        raise ValueError("the import is not being undone")
    return run.undo.attempt
