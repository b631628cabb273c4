"""The drop folder as a tenant sees it: files are put there and imported; AWS in moto."""

from __future__ import annotations

import copy
import csv
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from functions.imports.on_files import handler as on_files
from functions.imports.on_rows import handler as on_rows
from shared.domain.imports.tasks import ImportTask
from shared.files.object_keys import inbox_key
from shared.services.imports.undo_watch import WatchedUndos
from shared.services.imports.watch import ImportWatch, ImportWatchReport, WatchedImportJobs
from shared.table.imports.previews import PreviewTable
from shared.table.imports.repository import ImportTable
from shared.table.imports.watch import ImportWatchTable
from shared.table.keys.imports import DUE_PREVIEWS
from shared.wiring.base import store
from shared.wiring.imports import (
    drop_bucket,
    import_queue,
    import_runs,
    import_undo,
    preview_runs,
    undo_queue,
)
from shared.wiring.tenants import find_tenant
from tests.integration.world import World
from tests.support.faults import Killed
from tests.support.lambda_context import lambda_context
from tests.support.queues import receive, sqs_record
from tests.support.tenant_guard import acting_for, acting_for_system, as_operator, inferring_tenant

EVENT = Path(__file__).parents[2] / "events" / "s3_object_created.json"
QUEUES = {
    "ImportFilesQueue": (on_files, "ImportsFilesFunction"),
    "ImportRowsQueue": (on_rows, "ImportsRowsFunction"),
}
WATCH_PREFIXES = ("DUE#", "S#", "T#")

Event = dict[str, Any]


class DropFolder:
    """The inbox of a tenant (T1), and the functions that import its files."""

    def __init__(self, world: World, tenant_id: str = "T1") -> None:
        self.world = world
        self.tenant_id = tenant_id
        self.bucket = world.stack.environment["DROP_BUCKET"]
        self.s3 = world.stack.client("s3")
        self.sqs = world.stack.client("sqs")
        self.readers = {world.stack.queue_url(name): reader for name, reader in QUEUES.items()}
        self.queue_url = world.stack.queue_url("ImportRowsQueue")
        self.put_back = 0

    def put(self, body: bytes | str, name: str = "people.csv", *, key: str | None = None) -> Event:
        """Put a file into the inbox. Returns the event that S3 would send."""
        key = key or inbox_key(self.tenant_id, name)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body.encode() if isinstance(body, str) else body)
        return self.event_of(key)

    def event_of(self, key: str) -> Event:
        """Return the event that S3 would send for an object as it is now."""
        found = self.s3.head_object(Bucket=self.bucket, Key=key)
        event: Event = copy.deepcopy(json.loads(EVENT.read_text()))
        s3 = event["Records"][0]["s3"]
        s3["bucket"]["name"] = self.bucket
        s3["object"] |= {
            "key": quote_plus(key, safe="/"),
            "eTag": found["ETag"].strip('"'),
            "size": found["ContentLength"],
        }
        return event

    def deliver(self, event: Event) -> None:
        """Invoke the function with an event of S3."""
        with inferring_tenant():
            on_files(event, lambda_context("ImportsFilesFunction"))

    def work(self, *, limit: int = 1000) -> int:
        """Deliver the queues' messages, one by one, until none is left (or `limit` of them). A message whose
        handling failed or was killed comes back; a kill ends the work. Returns how many were handled.
        """
        handled = 0
        while handled < limit:
            found = next(((url, one[0]) for url in self.readers if (one := receive(url, 1))), None)
            if found is None:
                break
            self.deliver_message(found[1], found[0])
            handled += 1
        return handled

    def deliver_message(self, message: dict[str, Any], queue_url: str | None = None) -> None:
        """Deliver a message of a queue; by default that of chunks."""
        url = queue_url or self.queue_url
        handler, function = self.readers[url]
        handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
        tenant_id = json.loads(message["Body"])["tenant_id"]
        try:
            with acting_for(tenant_id):
                result = handler({"Records": [sqs_record(message, url)]}, lambda_context(function))
        except Killed:
            with as_operator():
                self.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
            raise
        assert result is not None
        with as_operator():
            if result["batchItemFailures"]:
                self.put_back += 1
                self.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
            else:
                self.sqs.delete_message(**handle)

    def waiting(self) -> list[dict[str, Any]]:
        """Remove the visible messages from the queues. Returns their bodies."""
        found = [(url, message) for url in self.readers for message in receive(url, 1000)]
        for url, message in found:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for _, message in found]

    def run(self, body: bytes | str, name: str = "people.csv") -> dict[str, Any]:
        """Put a file and run its import to the end. Returns the import as the API shows it."""
        self.deliver(self.put(body, name))
        self.work()
        assert not self.put_back, "a message was put back; see the log"
        return self.latest()

    def imports(self) -> list[dict[str, Any]]:
        """Return the tenant's imports as the API shows them, newest first."""
        answer = self.world.send("GET", "/imports")
        assert answer.status == 200, answer.text
        items: list[dict[str, Any]] = answer.json["items"]
        return items

    def latest(self) -> dict[str, Any]:
        return self.imports()[0]

    def results_key(self, import_id: str) -> str:
        with as_operator():
            run = ImportTable(store(), self.tenant_id).get(import_id)
        assert run is not None
        assert run.results_key is not None
        return run.results_key

    def object(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def results(self, shown: dict[str, Any]) -> list[dict[str, str]]:
        """Return the rows of an import's results file."""
        text = self.object(self.results_key(shown["id"])).decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys of the bucket's objects."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def finish(self, import_id: str) -> None:
        """Gather the results of a failed import at once, without waiting for the delayed message."""
        with acting_for(self.tenant_id):
            import_runs().finish(ImportTask(self.tenant_id, import_id, "r1", "finish"))

    def watch(self, now: str) -> ImportWatchReport:
        """Run the watch, as if the time were `now`."""
        with acting_for_system(*WATCH_PREFIXES):
            previews = WatchedImportJobs(
                ImportWatchTable(store(), DUE_PREVIEWS),
                lambda tenant_id: PreviewTable(store(), tenant_id),
                preview_runs(),
                import_queue(),
            )
            undos = WatchedUndos(
                ImportWatchTable(store()),
                lambda tenant_id: ImportTable(store(), tenant_id),
                import_undo(),
                undo_queue(),
            )
            return ImportWatch(
                find_tenant,
                ImportWatchTable(store()),
                lambda tenant_id: ImportTable(store(), tenant_id),
                drop_bucket(),
                import_runs(),
                import_queue(),
                previews,
                undos,
                now=lambda: now,
            ).look()
