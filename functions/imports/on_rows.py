"""Carries out tasks of imports: writes chunks of rows, splits files again, collects results."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import environment, observability
from shared.domain.imports.tasks import ImportTask
from shared.files.queues.imports import from_message
from shared.sqs import process_batch
from shared.wiring.base import received_messages
from shared.wiring.imports import import_chunks, import_runs, preview_chunks, preview_runs


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Carry out the tasks of the messages. Return the messages to retry."""
    queue = received_messages(environment.import_rows_queue_url())
    return process_batch(event, queue, lambda body: _carry_out(from_message(body)))


def _carry_out(task: ImportTask) -> None:
    figures: dict[str, int] = {}
    runs, chunks = (preview_runs, preview_chunks) if task.is_preview else (import_runs, import_chunks)
    if task.chunk is not None:
        done = chunks().run(task)
        figures["chunk"] = task.chunk
        if done is not None:
            figures |= {f"rows_{name}": count for name, count in asdict(done.result.tally).items()}
    elif task.step == "split":
        runs().split(task.tenant_id, task.import_id)
    else:
        runs().finish(task.tenant_id, task.import_id)
    observability.note(
        "import task done", step=task.step, tenant_id=task.tenant_id, import_id=task.import_id, **figures
    )
