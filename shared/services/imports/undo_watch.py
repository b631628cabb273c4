"""Undos of imports for the watch over imports."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shared.domain import timestamps
from shared.domain.imports.record import ImportRun
from shared.domain.jobs.watching import Look
from shared.services.imports.undo import ImportUndo
from shared.services.imports.undo_queue import UndoQueue
from shared.services.imports.watch import Due, WatchedImports


class WatchedUndos:
    """Imports that are being undone, for the `JobWatch`."""

    def __init__(
        self, watched: Due, imports: Callable[[str], WatchedImports], undo: ImportUndo, queue: UndoQueue
    ) -> None:
        self._watched = watched
        self._imports = imports
        self._undo = undo
        self._queue = queue

    def due(self, at: str) -> Iterator[tuple[str, str]]:
        """Yield the imports that are due for a look."""
        return self._watched.due(at)

    def read(self, tenant_id: str, job_id: str) -> ImportRun | None:
        """Return an import; None when it is not being undone."""
        run = self._imports(tenant_id).get(job_id)
        return run if run is not None and run.state == "undoing" else None

    def queue_again(self, run: ImportRun) -> None:
        """Queue what the undo waits for."""
        self._queue.queue_open(run)

    def put_off(self, run: ImportRun, look: Look, at: str) -> None:
        """Write what the look found and the time of the next one."""
        self._imports(run.tenant_id).postpone(
            run,
            looked_at=run.progress_mark,
            idle_looks=look.idle_looks,
            due_at=timestamps.plus(at, look.pause_seconds),
        )

    def give_up(self, run: ImportRun) -> None:
        """End the undo."""
        self._undo.give_up(run)
