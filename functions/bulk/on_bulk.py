"""The queue of work on bulk jobs: the next contacts of a job to change or delete."""

from __future__ import annotations

from typing import Any

from shared import environment, observability
from shared.files.queues.bulk import from_message
from shared.lambda_time import has_time
from shared.sqs import process_batch
from shared.wiring.base import received_messages
from shared.wiring.jobs import bulk_work

_TO_ACT_MILLISECONDS = 30_000
_RESERVE_MILLISECONDS = 10_000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Carry out the portions that the messages ask for; reports those to try again."""

    def take(message: str) -> None:
        task = from_message(message)
        work = bulk_work(
            may_look_on=has_time(context, reserve=_TO_ACT_MILLISECONDS),
            has_time=has_time(context, reserve=_RESERVE_MILLISECONDS),
        )
        done = work.run(task)
        run = done.run if done is not None else None
        if run is None:
            observability.note("bulk portion passed over", tenant_id=task.tenant_id, job_id=task.job_id)
        else:
            observability.note(
                "bulk portion done",
                tenant_id=task.tenant_id,
                job_id=run.id,
                state=run.state,
                succeeded=run.succeeded,
                failed=run.failed,
            )

    return process_batch(event, received_messages(environment.bulk_queue_url()), take)
