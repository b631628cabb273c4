"""The queue of work on imports. Its messages hold ids and places in files, and no personal data."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import Unavailable
from shared.domain.imports import Chunk, ImportTask
from shared.services.backoff import pause_after

_BATCH = 10  # SQS's limit for one SendMessageBatch
_ATTEMPTS = 4
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
        left = iter(tasks)
        while batch := list(islice(left, _BATCH)):
            entries = [
                {"Id": str(n), "MessageBody": to_message(task), "DelaySeconds": delay}
                for n, task in enumerate(batch)
            ]
            for attempt in range(_ATTEMPTS):
                refused = self._send(entries)
                entries = [entry for entry in entries if entry["Id"] in refused]
                if not entries:
                    break
                self._sleep(pause_after(attempt, first=0.1, most=0.8))
            else:
                raise Unavailable()

    def _send(self, entries: list[dict[str, Any]]) -> set[str]:
        try:
            answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            raise Unavailable() from error
        return {entry["Id"] for entry in answer.get("Failed", ())}


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
