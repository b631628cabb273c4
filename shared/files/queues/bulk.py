"""The messages of the queue of work on bulk jobs, exports, recoveries of webhooks and merge jobs."""

from __future__ import annotations

import json

from shared.domain.exports.record import ExportTask
from shared.domain.jobs.bulk import BulkTask
from shared.domain.jobs.merges import MergeTask
from shared.domain.webhooks.recovery import RecoveryTask

Task = BulkTask | ExportTask | RecoveryTask | MergeTask

_KINDS: dict[str, type[BulkTask] | type[ExportTask] | type[RecoveryTask] | type[MergeTask]] = {
    "": BulkTask,
    "export": ExportTask,
    "recovery": RecoveryTask,
    "merge": MergeTask,
}
"""The tasks by the kinds that messages name. A message about a bulk job names no kind."""


def to_message(task: Task) -> str:
    """Encode a task."""
    members: dict[str, str | int] = {
        "tenant_id": task.tenant_id,
        "job_id": task.job_id,
        "number": task.number,
        "id": task.id,
    }
    kind = next(name for name, of_kind in _KINDS.items() if isinstance(task, of_kind))
    if kind:
        members["kind"] = kind
    return json.dumps(members, separators=(",", ":"))


def from_message(message: str) -> Task:
    """Decode a task. Raises ValueError, which does not repeat the message, when it is none."""
    try:
        members = json.loads(message)
        tenant_id, job_id, number = members["tenant_id"], members["job_id"], members["number"]
        task_id, kind = members.get("id", ""), members.get("kind", "")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("not a portion of a job") from None
    is_task = all(isinstance(text, str) for text in (tenant_id, job_id, task_id)) and type(number) is int
    if not is_task or not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError("not a portion of a job")
    return _KINDS[kind](tenant_id, job_id, number, task_id)
