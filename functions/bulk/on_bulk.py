"""Carries out portions of jobs: the next contacts to change or delete, the next part of an export, the next events of a
recovery of a webhook, or the next groups of contacts to merge.
"""

from __future__ import annotations

from typing import Any

from shared import environment, observability
from shared.domain.exports.record import ExportTask
from shared.domain.jobs.bulk import BulkTask
from shared.domain.jobs.merges import MergeTask
from shared.domain.jobs.portions import PortionedRun, PortionTask
from shared.domain.webhooks.recovery import RecoveryTask
from shared.files.queues.bulk import from_message
from shared.lambda_time import has_time
from shared.sqs import process_batch
from shared.wiring.base import received_messages, time_limit
from shared.wiring.exports import export_work
from shared.wiring.jobs import bulk_work
from shared.wiring.merge_jobs import merge_work
from shared.wiring.recoveries import recovery_work

_SEARCH_RESERVE = 30_000
"""Milliseconds that must be left to search for further contacts and then change them, or to merge a further group."""
_CHANGE_RESERVE = 10_000
"""Milliseconds that must be left to start on further contacts."""
_FILE_RESERVE = 60_000
"""Milliseconds that must be left to finish the file of an export and upload it."""
_PORTION_SECONDS = 40.0
"""Seconds for which a portion searches for contacts. A job can be cancelled between portions."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Carry out the portions that the messages name. Return the messages to retry."""

    def carry_out(message: str) -> None:
        task = from_message(message)
        if isinstance(task, ExportTask):
            export(task)
        elif isinstance(task, RecoveryTask):
            recover(task)
        elif isinstance(task, MergeTask):
            merge(task)
        else:
            change(task)

    def change(task: BulkTask) -> None:
        has_searching_time = has_time(context, reserve=_SEARCH_RESERVE)
        may_look_on = time_limit(_PORTION_SECONDS)
        work = bulk_work(
            may_look_on=lambda: may_look_on() and has_searching_time(),
            has_time=has_time(context, reserve=_CHANGE_RESERVE),
        )
        done = work.run(task)
        note("bulk", task, done.run if done is not None else None, "succeeded", "failed")

    def export(task: ExportTask) -> None:
        has_writing_time = has_time(context, reserve=_FILE_RESERVE)
        may_go_on = time_limit(_PORTION_SECONDS)
        work = export_work(
            may_go_on=lambda: may_go_on() and has_writing_time(),
            has_time=has_writing_time,
        )
        done = work.run(task)
        note("export", task, done.run if done is not None else None, "rows", "size")

    def recover(task: RecoveryTask) -> None:
        has_sending_time = has_time(context, reserve=_FILE_RESERVE)
        may_go_on = time_limit(_PORTION_SECONDS)
        done = recovery_work(may_go_on=lambda: may_go_on() and has_sending_time()).run(task)
        note("recovery", task, done.run if done is not None else None, "position", "deliveries")

    def merge(task: MergeTask) -> None:
        has_merging_time = has_time(context, reserve=_SEARCH_RESERVE)
        may_go_on = time_limit(_PORTION_SECONDS)
        done = merge_work(may_go_on=lambda: may_go_on() and has_merging_time()).run(task)
        note("merge", task, done.run if done is not None else None, "pairs", "done")

    def note(kind: str, task: PortionTask, run: PortionedRun | None, *figures: str) -> None:
        names = {"tenant_id": task.tenant_id, "job_id": task.job_id}
        if run is None:
            observability.note(f"{kind} portion skipped", **names)
        else:
            counted = {name: getattr(run, name) for name in figures}
            observability.note(f"{kind} portion done", **names, state=run.state, **counted)

    return process_batch(event, received_messages(environment.bulk_queue_url()), carry_out)
