"""Bulk jobs in moto: how to create, run and watch them."""

from __future__ import annotations

import json
from typing import Any

from functions.bulk.on_bulk import handler as on_bulk
from shared.domain import timestamps
from shared.domain.callers import Caller, Kind
from shared.domain.contacts.filter import ContactFilter
from shared.domain.ids import new_id
from shared.domain.jobs.bulk import BulkRun, BulkTask
from shared.files.queues.bulk import to_message
from shared.services.jobs.watch import JobWatch, WatchReport
from shared.services.jobs.watched import WatchedPortions
from shared.table.jobs.bulk import BulkJobTable, BulkWatchTable
from shared.wiring.base import bulk_queue, store
from shared.wiring.tenants import find_tenant
from tests.integration.world import World
from tests.support.faults import Killed
from tests.support.lambda_context import lambda_context
from tests.support.queues import pass_delays, receive, sqs_record
from tests.support.tenant_guard import acting_for, acting_for_system, as_operator

JOBS = "/contacts/bulk-jobs"
WATCH_PREFIXES = ("DUE#", "T#")


def running_job(
    world: World, tenant_id: str = "T1", by: str = "admin", *, caller: tuple[Kind, str] | None = None
) -> str:
    """Write a new job for which nothing is queued. Returns its id. `caller`: the kind and id of its creator."""
    kind, caller_id = caller or ("user", f"{by}-of-{tenant_id}")
    run = BulkRun.begin(
        job_id=new_id(),
        action="delete",
        caller=Caller(tenant_id, kind, caller_id, "admin" if by == "admin" else "user"),
        wanted=ContactFilter(tags=("x",)),
        change="",
        matched=None,
        at=timestamps.now(),
    )
    with as_operator():
        BulkJobTable(store(), tenant_id).add(run)
    return run.id


class Jobs:
    """The bulk jobs of a tenant, and the functions that run them."""

    def __init__(self, world: World, tenant_id: str = "T1") -> None:
        self.world = world
        self.tenant_id = tenant_id
        self.queue_url = world.stack.queue_url("BulkQueue")
        self.sqs = world.stack.client("sqs")
        self.put_back = 0

    def work(self, *, limit: int = 1000) -> int:
        """Deliver the queue's messages, one by one, until none is left (or `limit` of them). A message whose
        handling failed or was killed comes back; a kill ends the work. Returns how many were handled.
        """
        handled = 0
        while handled < limit and (messages := receive(self.queue_url, 1)):
            self.deliver(messages[0])
            handled += 1
        return handled

    def start(self) -> None:
        """Let the time pass after which jobs that wait start."""
        pass_delays(self.queue_url)

    def deliver(self, message: dict[str, Any], *, milliseconds: int = 300_000) -> None:
        handle = {"QueueUrl": self.queue_url, "ReceiptHandle": message["ReceiptHandle"]}
        try:
            with acting_for(json.loads(message["Body"])["tenant_id"]):
                result = on_bulk(
                    {"Records": [sqs_record(message, self.queue_url)]},
                    lambda_context("BulkFunction", timeout_ms=milliseconds),
                )
        except Killed:
            with as_operator():
                self.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
            raise
        with as_operator():
            if result["batchItemFailures"]:
                self.put_back += 1
                self.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
            else:
                self.sqs.delete_message(**handle)

    def send(self, job_id: str, number: int) -> None:
        """Send a message to the queue."""
        self.put(to_message(BulkTask(self.tenant_id, job_id, number)))

    def put(self, body: str) -> None:
        """Send a message with this body to the queue."""
        with as_operator():
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def waiting(self) -> list[int]:
        """Remove the messages from the queue. Returns the numbers of their portions."""
        messages = receive(self.queue_url, 1000)
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"])["number"] for message in messages]

    def shown(self, job_id: str, token: str | None = None) -> dict[str, Any]:
        """Return a job as the API shows it."""
        answer = self.world.send("GET", f"{JOBS}/{job_id}", token=token)
        assert answer.status == 200, answer.text
        job: dict[str, Any] = answer.json
        return job

    def kept(self, job_id: str) -> BulkRun:
        """Return the record of a job."""
        with as_operator():
            run = BulkJobTable(store(), self.tenant_id).get(job_id)
        assert run is not None
        return run

    def watch(self, now: str) -> WatchReport:
        """Run the watch, as if the time were `now`."""
        with acting_for_system(*WATCH_PREFIXES):
            watched = WatchedPortions(
                BulkWatchTable(store()),
                lambda tenant_id: BulkJobTable(store(), tenant_id),
                bulk_queue(),
                BulkTask,
                now=lambda: now,
            )
            return JobWatch(find_tenant, watched, now=lambda: now).look()
