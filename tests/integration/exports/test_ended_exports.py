"""Exports that end without a file stop their worker, leave nothing behind, and hold their place until then."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.exports.exports import Exports, rows_of
from tests.integration.exports.test_killed_exports import FIELDS, prepare, watch_at
from tests.integration.world import World
from tests.support.queues import receive
from tests.support.tenant_guard import as_operator
from tests.support.transport import Attempt, Layer, Send, intercepting


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a few contacts a file of several parts, and let workers look at the record after each contact."""
    monkeypatch.setattr("shared.services.exports.exporting.PART_BYTES", 400)
    monkeypatch.setattr("shared.services.exports.exporting._TOGETHER", 2)
    monkeypatch.setattr("shared.services.exports.exporting._LOOK_SECONDS", 0.0)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 400)


def left(exports: Exports, export_id: str) -> list[str]:
    """Return the keys of all objects and unfinished uploads of an export."""
    with as_operator():
        objects = exports.s3.list_objects_v2(Bucket=exports.bucket).get("Contents", [])
        uploads = exports.s3.list_multipart_uploads(Bucket=exports.bucket).get("Uploads", [])
    return [one["Key"] for one in (*objects, *uploads) if export_id in one["Key"]]


@pytest.mark.parametrize(("format", "code"), [("xlsx", "too_many_workbooks"), ("csv", "too_many_exports")])
def test_a_cancelled_export_holds_its_place_until_its_worker_has_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch, format: str, code: str
) -> None:
    from shared.services.exports.listing import ExportListing

    prepare(world)
    exports = Exports(world)
    completed: list[int] = []
    others: list[str] = []
    complete = ExportListing.complete

    def cancel_at_first(listing: ExportListing, contacts: Any) -> Any:
        if not completed:
            world.send("POST", f"/exports/{export_id}/cancel")
            answers = [exports.ask({"format": format, "fields": ["email"]}) for _ in range(5)]
            others.extend(one.json.get("code", "") for one in answers)
        completed.append(len(contacts))
        return complete(listing, contacts)

    monkeypatch.setattr(ExportListing, "complete", cancel_at_first)
    export_id = exports.begin(format=format, fields=["email"])
    exports.jobs.work(limit=1)
    assert completed == [2], "the worker goes on after the export was cancelled"
    assert others[-1] == code and others.count("") == (1 if format == "xlsx" else 4)
    assert exports.shown(export_id)["state"] == "cancelled" and exports.kept(export_id).due_at is None
    assert left(exports, export_id) == []
    assert exports.ask({"format": format, "fields": ["email"]}).status == 202
    assert exports.ask({"format": "jsonl" if format == "xlsx" else "xlsx"}).status == 202


@pytest.mark.parametrize("operation", ["PutObject", "CompleteMultipartUpload"])
def test_a_file_that_is_finished_too_late_is_deleted(world: World, operation: str) -> None:
    prepare(world)
    exports = Exports(world)
    export_id = exports.begin(
        format="xlsx" if operation == "CompleteMultipartUpload" else "jsonl",
        fields=["email"],
        ids=ids_of(world),
    )
    cancelled: list[bool] = []

    def cancel(attempt: Attempt, send: Send) -> Any:
        if attempt.operation == operation and not cancelled:
            cancelled.append(True)
            assert world.send("POST", f"/exports/{export_id}/cancel").status == 200
        return send(attempt)

    with intercepting(Layer.FAULTS, cancel):
        exports.jobs.work()
    assert cancelled and left(exports, export_id) == []


def ids_of(world: World) -> list[str]:
    return [one["id"] for one in world.listed()][:3]


@pytest.mark.parametrize("is_watched", [False, True])
def test_a_cancelled_export_removes_its_upload_and_kept_bytes(world: World, is_watched: bool) -> None:
    """By the message of its next portion, or when that is lost, by the one that the watch sends."""
    prepare(world)
    exports = Exports(world)
    export_id = exports.begin(fields=FIELDS)
    while not exports.kept(export_id).upload_id:
        exports.jobs.work(limit=1)
    assert left(exports, export_id)
    assert world.send("POST", f"/exports/{export_id}/cancel").json["state"] == "cancelled"
    if is_watched:
        for message in receive(exports.jobs.queue_url, 10):
            exports.jobs.sqs.delete_message(
                QueueUrl=exports.jobs.queue_url, ReceiptHandle=message["ReceiptHandle"]
            )
        due_at = exports.kept(export_id).due_at
        assert due_at is not None and watch_at(due_at) == 1
    exports.jobs.work()
    assert left(exports, export_id) == [] and exports.kept(export_id).due_at is None


def test_too_many_custom_fields_fail_an_export_when_they_are_found(world: World) -> None:
    """Their keys would not fit into the record."""
    people = [
        {
            "first_name": "Ada",
            "custom_fields": {f"key_{person}_{key}": 1 for key in range(50)},
            "email": f"p{person}@example.com",
        }
        for person in range(22)
    ]
    assert world.send("POST", "/contacts/bulk-create", {"contacts": people}).json["succeeded"] == 22
    world.catch_up()
    exports = Exports(world)
    export_id = exports.begin()
    exports.jobs.work()
    failed = exports.shown(export_id)
    assert (failed["state"], failed["error"]["code"]) == ("failed", "too_many_columns")
    assert exports.kept(export_id).custom == () and exports.kept(export_id).due_at is None


def test_a_custom_field_first_given_after_the_survey_is_in_the_file(world: World) -> None:
    prepare(world)
    exports = Exports(world)
    export_id = exports.begin(fields=["email", "custom_fields"])
    while not exports.kept(export_id).is_surveyed:
        exports.jobs.work(limit=1)
    contact = world.listed()[0]
    given = {**contact["custom_fields"], "later": "x"}
    assert world.send("PATCH", f"/contacts/{contact['id']}", {"custom_fields": given}).status == 200
    world.catch_up()
    exports.jobs.work()
    others = {row["Email"]: row["Other Custom Fields"] for row in rows_of(exports.fetch(export_id))}
    assert {email: text for email, text in others.items() if text} == {contact["email"]: '{"later":"x"}'}


def test_a_failed_export_removes_its_upload(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(world)
    monkeypatch.setattr("shared.domain.exports.record.MAX_PARTS", 1)
    exports = Exports(world)
    export_id = exports.begin(fields=FIELDS)
    exports.jobs.work()
    failed = exports.shown(export_id)
    assert (failed["state"], failed["error"]["code"]) == ("failed", "export_too_large")
    assert left(exports, export_id) == [] and exports.kept(export_id).due_at is None
