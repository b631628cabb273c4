"""The messages of the queues of work on imports."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from shared.domain.imports.tasks import ImportTask, Step
from shared.services.jobs.queue import TaskQueue

_OF_FILES: tuple[Step, ...] = ("split", "finish")
_OF_CHUNKS: tuple[Step, ...] = ("rows", "undo")


class ImportTaskQueue:
    """Queues tasks of imports: the steps that read or write a whole file in one queue, the chunks in another one."""

    def __init__(self, files: TaskQueue[ImportTask], rows: TaskQueue[ImportTask]) -> None:
        self._files = files
        self._rows = rows

    def send(self, tasks: Iterable[ImportTask], *, delay: int = 0) -> None:
        """Queue any number of tasks, as `shared.services.jobs.queue.TaskQueue` does."""
        given = list(tasks)
        self._rows.send([task for task in given if task.step in _OF_CHUNKS], delay=delay)
        self._files.send([task for task in given if task.step in _OF_FILES], delay=delay)

    def send_later(self, tasks: Iterable[ImportTask]) -> None:
        """Queue tasks for workers to get once the chunks that are being worked on have ended."""
        given = list(tasks)
        self._rows.send_later([task for task in given if task.step in _OF_CHUNKS])
        self._files.send_later([task for task in given if task.step in _OF_FILES])


def to_message(task: ImportTask) -> str:
    """Encode a task."""
    members: dict[str, Any] = {
        "tenant_id": task.tenant_id,
        "import_id": task.import_id,
        "attempt": task.attempt,
        "step": task.step,
        "id": task.id,
    }
    if task.chunk is not None:
        members["chunk"] = task.chunk
    return json.dumps(members, separators=(",", ":"))


def from_message(message: str) -> ImportTask:
    """Decode a task. Raises ValueError, which does not repeat the message, when it is none."""
    try:
        task = ImportTask(**json.loads(message))
    except (ValueError, TypeError):
        raise ValueError("not a task of an import") from None
    is_known = task.step in (*_OF_FILES, *_OF_CHUNKS)
    if not is_known or (task.step in _OF_CHUNKS) != isinstance(task.chunk, int):
        raise ValueError("not a task of an import")
    return task
