"""The messages of the queue of work on bulk jobs."""

from __future__ import annotations

import json

from shared.domain.jobs.bulk import BulkTask


def to_message(task: BulkTask) -> str:
    """Encode a task."""
    members = {"tenant_id": task.tenant_id, "job_id": task.job_id, "number": task.number, "id": task.id}
    return json.dumps(members, separators=(",", ":"))


def from_message(message: str) -> BulkTask:
    """Decode a task. Raises ValueError, which does not repeat the message, when it is none."""
    try:
        members = json.loads(message)
        tenant_id, job_id, number = members["tenant_id"], members["job_id"], members["number"]
        task_id = members.get("id", "")
    except (ValueError, TypeError, KeyError):
        raise ValueError("not a portion of a bulk job") from None
    if not all(isinstance(text, str) for text in (tenant_id, job_id, task_id)) or type(number) is not int:
        raise ValueError("not a portion of a bulk job")
    return BulkTask(tenant_id, job_id, number, task_id)
