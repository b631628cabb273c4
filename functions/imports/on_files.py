"""Steps of imports that read or write a whole file: starts an import for each new object in the drop bucket, or once
the object is tagged with the result of its scan, splits files into chunks, and gathers results."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from shared import environment, observability
from shared.domain.imports.tasks import ImportTask
from shared.files.queues.imports import from_message
from shared.garbage import look_seldom
from shared.sqs import process_batch
from shared.wiring.base import received_messages
from shared.wiring.imports import drop_bucket, import_runs, import_undo, preview_runs

look_seldom()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any] | None:
    """Handle an event of S3 or of the queue of steps. Return the messages to retry.

    Repeating an event is harmless. For an event of S3, a failure raises, so that Lambda retries, and at last sends the
    event to the dead-letter queue; the object stays.
    """
    if "s3" not in event["Records"][0]:
        queue = received_messages(environment.import_files_queue_url())
        return process_batch(event, queue, lambda body: _carry_out(from_message(body)))
    for record in event["Records"]:
        _import_object(record["s3"])
    return None


def _import_object(s3: dict[str, Any]) -> None:
    if s3["bucket"]["name"] != drop_bucket().name:
        raise ValueError("an event of another bucket")
    # Keys are encoded like form fields: "+" for a space, percent-encoding for the rest.
    key = unquote_plus(s3["object"]["key"])
    run = import_runs().import_object(key, s3["object"]["eTag"])
    if run is None:
        observability.note("object ignored")
        return
    observability.note(
        "import file received",
        tenant_id=run.tenant_id,
        import_id=run.id,
        state=run.state,
        file_bytes=run.size,
    )


def _carry_out(task: ImportTask) -> None:
    runs = preview_runs if task.is_preview else import_runs
    if task.step == "split":
        runs().split(task)
    elif task.is_undo:
        import_undo().finish(task)
    else:
        runs().finish(task)
    observability.note("import step done", step=task.step, tenant_id=task.tenant_id, import_id=task.import_id)
