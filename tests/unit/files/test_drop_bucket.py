"""The listing of the drop bucket and the queue of tasks, against stand-ins for the clients."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.errors import Unavailable
from shared.domain.imports.tasks import ImportTask, Step
from shared.files.drop_bucket import DropBucket
from shared.files.queues.imports import ImportTaskQueue, from_message, to_message
from shared.files.queues.tasks import SqsTaskQueue


class Listing:
    """A stand-in for ListObjectsV2 over some keys, `page` at a time. `asked`: where each page started."""

    def __init__(self, keys: list[str], page: int) -> None:
        self.keys = sorted(keys, key=str.encode)
        self.page = page
        self.asked: list[str] = []

    def list_objects_v2(self, Bucket: str, Prefix: str, StartAfter: str) -> dict[str, Any]:
        self.asked.append(StartAfter)
        found = [key for key in self.keys if key.startswith(Prefix) and key.encode() > StartAfter.encode()]
        modified = datetime(2031, 3, 1, 9, 0, 0, 999_000, tzinfo=UTC)
        contents = [
            {"Key": key, "ETag": '"e"', "Size": 1, "LastModified": modified} for key in found[: self.page]
        ]
        return {"Contents": contents, "IsTruncated": len(found) > self.page}


def test_a_search_of_the_inboxes_finds_every_file_once_and_skips_results() -> None:
    keys = [f"tenants/T{tenant}/inbox/{number}.csv" for tenant in range(4) for number in range(3)]
    keys += [f"tenants/T1/results/{number:04d}/x.csv" for number in range(500)]
    keys += ["tenants/T1/résumé/x.csv", "tenants/T1/zzz"]
    listing = Listing(keys, page=5)
    bucket = DropBucket(listing, "b")
    found, after = [], ""
    while True:
        files, after = bucket.dropped_files(after)
        found += [dropped.key for dropped in files]
        if not after:
            break
    assert found == sorted(key for key in keys if "/inbox/" in key)
    assert len(listing.asked) < 8


def test_times_of_a_listing_are_whole_seconds_as_those_of_a_read_are() -> None:
    files, _ = DropBucket(Listing(["tenants/T1/inbox/a.csv"], 5), "b").dropped_files("")
    assert files[0].modified_at == "2031-03-01T09:00:00.000Z"


class Queue:
    """A stand-in for SendMessageBatch that refuses some entries."""

    def __init__(self, refusals: list[set[str]]) -> None:
        self.refusals = refusals
        self.bodies: list[str] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        refused = self.refusals.pop(0) if self.refusals else set()
        self.bodies += [entry["MessageBody"] for entry in Entries if entry["Id"] not in refused]
        return {"Failed": [{"Id": entry["Id"]} for entry in Entries if entry["Id"] in refused]}


def tasks(count: int) -> list[ImportTask]:
    return [ImportTask("T1", "i", "r1", "rows", number) for number in range(count)]


def test_only_entries_that_sqs_refuses_are_sent_again() -> None:
    queue = Queue([{"0", "7"}, {"1"}, set(), {"2"}])
    SqsTaskQueue(lambda: queue, "url", to_message, sleep=lambda _: None).send(tasks(23))
    sent = [json.loads(body)["chunk"] for body in queue.bodies]
    assert sorted(sent) == list(range(23))


def test_a_queue_that_keeps_refusing_is_unavailable() -> None:
    queue = Queue([{"0"}] * 10)
    with pytest.raises(Unavailable):
        SqsTaskQueue(lambda: queue, "url", to_message, sleep=lambda _: None).send(tasks(2))


@pytest.mark.parametrize("step", ["split", "finish"])
def test_tasks_are_decoded_as_they_were_encoded(step: str) -> None:
    for task in (ImportTask("T1", "i", "r1", step), *tasks(1)):  # type: ignore[arg-type]
        assert from_message(to_message(task)) == task


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "{}",
        '{"tenant_id":"t","import_id":"i","step":"split","id":"m"}',
        '{"tenant_id":"t","import_id":"i","attempt":"r1","step":"other","id":"m"}',
        '{"tenant_id":"t","import_id":"i","attempt":"r1","step":"rows","id":"m"}',
        '{"tenant_id":"t","import_id":"i","attempt":"r1","step":"rows","chunk":{"number":1},"id":"m"}',
        '{"tenant_id":"t","import_id":"i","attempt":"r1","step":"split","chunk":1,"id":"m"}',
    ],
)
def test_other_messages_are_refused_without_repeating_them(message: str) -> None:
    with pytest.raises(ValueError, match=r"^not a task of an import$"):
        from_message(message)


def test_each_step_of_an_import_goes_to_the_queue_of_its_kind() -> None:
    """Chunks do not wait for the function that works on whole files, nor the other way round."""
    files, rows = Queue([]), Queue([])
    queue = ImportTaskQueue(
        SqsTaskQueue(lambda: files, "files", to_message), SqsTaskQueue(lambda: rows, "rows", to_message)
    )
    steps: list[Step] = ["split", "rows", "undo", "finish"]
    given = [ImportTask("T1", "i", "r1", one, 0 if one in ("rows", "undo") else None) for one in steps]
    queue.send(given)
    queue.send_later(given)
    assert [json.loads(body)["step"] for body in files.bodies] == ["split", "finish"] * 2
    assert [json.loads(body)["step"] for body in rows.bodies] == ["rows", "undo"] * 2
