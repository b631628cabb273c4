"""The messages of the queue of work on imports."""

from __future__ import annotations

import json
from typing import Any

from shared.domain.imports.tasks import ImportTask

_STEPS = ("convert", "split", "rows", "finish")


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
        members = json.loads(message)
        task = ImportTask(**members)
    except (ValueError, TypeError, KeyError):
        raise ValueError("not a task of an import") from None
    if task.step not in _STEPS or (task.step == "rows") != isinstance(task.chunk, int):
        raise ValueError("not a task of an import")
    return task
