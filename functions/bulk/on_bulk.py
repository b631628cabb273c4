"""Carries out portions of bulk jobs: the next contacts to change or delete."""

from __future__ import annotations

from typing import Any

from shared import environment, observability
from shared.files.queues.bulk import from_message
from shared.lambda_time import has_time
from shared.sqs import process_batch
from shared.wiring.base import received_messages
from shared.wiring.jobs import bulk_work

_SEARCH_RESERVE = 30_000
"""Milliseconds that must be left to search for further contacts and then change them."""
_CHANGE_RESERVE = 10_000
"""Milliseconds that must be left to start on further contacts."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Carry out the portions that the messages name. Return the messages to retry."""

    def carry_out(message: str) -> None:
        task = from_message(message)
        work = bulk_work(
            may_look_on=has_time(context, reserve=_SEARCH_RESERVE),
            has_time=has_time(context, reserve=_CHANGE_RESERVE),
        )
        done = work.run(task)
        run = done.run if done is not None else None
        if run is None:
            observability.note("bulk portion skipped", tenant_id=task.tenant_id, job_id=task.job_id)
        else:
            observability.note(
                "bulk portion done",
                tenant_id=task.tenant_id,
                job_id=run.id,
                state=run.state,
                succeeded=run.succeeded,
                failed=run.failed,
            )

    return process_batch(event, received_messages(environment.bulk_queue_url()), carry_out)
