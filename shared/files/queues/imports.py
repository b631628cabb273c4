"""The queue of work on imports. Its messages hold ids and places in files, and no personal data."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from shared.domain.imports.tasks import Chunk, ImportTask
from shared.files.queues.sending import send_all

_STEPS = ("split", "rows", "finish")


class ImportQueue:
    """Hands work on imports to whoever is free."""

    def __init__(self, sqs: Any, queue_url: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._sleep = sleep

    def send(self, tasks: Iterable[ImportTask], *, delay: int = 0) -> None:
        """Queue tasks, any number, to be handed out after `delay` seconds (0 to 900).

        Raises Unavailable when some could not be queued; others may have been.
        """
        messages = ((task.tenant_id, to_message(task)) for task in tasks)
        send_all(self._sqs, self._queue_url, messages, delay=delay, sleep=self._sleep)


def to_message(task: ImportTask) -> str:
    """The message for a task."""
    members: dict[str, Any] = {
        "tenant_id": task.tenant_id,
        "import_id": task.import_id,
        "step": task.step,
    }
    if task.chunk is not None:
        members["chunk"] = asdict(task.chunk)
    return json.dumps(members, separators=(",", ":"))


def from_message(message: str) -> ImportTask:
    """The task in a message. Raises ValueError for what is none; what it held is not repeated."""
    try:
        members = json.loads(message)
        chunk = Chunk(**members["chunk"]) if "chunk" in members else None
        task = ImportTask(members["tenant_id"], members["import_id"], members["step"], chunk)
    except (ValueError, TypeError, KeyError):
        raise ValueError("not a task of an import") from None
    if task.step not in _STEPS or (task.step == "rows") != (chunk is not None):
        raise ValueError("not a task of an import")
    return task
