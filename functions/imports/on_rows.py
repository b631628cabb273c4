"""Works on chunks of imports."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import environment, observability
from shared.domain.imports.tasks import ImportTask
from shared.files.queues.imports import from_message
from shared.garbage import look_seldom
from shared.sqs import process_batch
from shared.wiring.base import received_messages
from shared.wiring.imports import import_chunks, import_undo_chunks, preview_chunks

look_seldom()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Work on the chunks of the messages. Return the messages to retry."""
    queue = received_messages(environment.import_rows_queue_url())
    return process_batch(event, queue, lambda body: _carry_out(from_message(body)))


def _carry_out(task: ImportTask) -> None:
    if task.step == "undo":
        undone = import_undo_chunks().run(task)
        figures = _name("contacts", asdict(undone.result.tally) if undone is not None else {})
    else:
        chunks = preview_chunks if task.is_preview else import_chunks
        done = chunks().run(task)
        figures = _name("rows", asdict(done.result.tally) if done is not None else {})
    observability.note(
        "import chunk done",
        tenant_id=task.tenant_id,
        import_id=task.import_id,
        attempt=task.attempt,
        chunk=task.chunk,
        **figures,
    )


def _name(what: str, counts: dict[str, int]) -> dict[str, int]:
    return {f"{what}_{name}": count for name, count in counts.items()}
