"""The messages of the queue of work on bulk jobs and exports."""

from __future__ import annotations

import json

from shared.domain.exports.record import ExportTask
from shared.domain.jobs.bulk import BulkTask

_EXPORT = "export"
"""The kind of a message about an export. A message about a bulk job names no kind."""


def to_message(task: BulkTask | ExportTask) -> str:
    """Encode a task."""
    members: dict[str, str | int] = {
        "tenant_id": task.tenant_id,
        "job_id": task.job_id,
        "number": task.number,
        "id": task.id,
    }
    if isinstance(task, ExportTask):
        members["kind"] = _EXPORT
    return json.dumps(members, separators=(",", ":"))


def from_message(message: str) -> BulkTask | ExportTask:
    """Decode a task. Raises ValueError, which does not repeat the message, when it is none."""
    try:
        members = json.loads(message)
        tenant_id, job_id, number = members["tenant_id"], members["job_id"], members["number"]
        task_id, kind = members.get("id", ""), members.get("kind", "")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("not a portion of a job") from None
    is_task = all(isinstance(text, str) for text in (tenant_id, job_id, task_id)) and type(number) is int
    if not is_task or kind not in ("", _EXPORT):
        raise ValueError("not a portion of a job")
    of_kind = ExportTask if kind == _EXPORT else BulkTask
    return of_kind(tenant_id, job_id, number, task_id)
