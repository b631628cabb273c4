"""Exports end exactly, whatever fails on the way: each contact is once in the file, and the record is right."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.integration.exports.exports import Exports, rows_of, running_export
from tests.integration.jobs.bulk import WATCH_PREFIXES
from tests.integration.world import World
from tests.integration.worlds import Worlds
from tests.support.budgets import sample
from tests.support.faults import Fault, KillPoint, call, injecting, kill_points, lost_answer, throttle
from tests.support.lambda_context import lambda_context
from tests.support.queues import receive
from tests.support.tenant_guard import acting_for_system, as_operator
from tests.support.transport import Attempt, Layer, Send, answer, intercepting

COUNT = 15
FIELDS = ["email", "about", "custom_fields"]
FORMATS = ("csv", "vcf", "xlsx")
KILLS = 16
"""Places at which a worker is killed in the short budget, spread over a run: as many or a few more."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the limits, so that a few contacts make a file of several parts."""
    monkeypatch.setattr("shared.services.exports.exporting.PART_BYTES", 400)
    monkeypatch.setattr("shared.services.exports.exporting._TOGETHER", 2)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 400)


def prepare(world: World) -> None:
    people = [
        {
            "first_name": "Ada",
            "email": f"p{number:02d}@example.com",
            "about": f"line\n“{number}” " + "é" * 30,
            "custom_fields": {f"key_{number % 3}": number},
        }
        for number in range(COUNT)
    ]
    assert world.send("POST", "/contacts/bulk-create", {"contacts": people}).json["succeeded"] == COUNT
    world.catch_up()


def of_worker(attempt: Attempt) -> bool:
    """Return whether a call is the worker's, and not one with which the test delivers its messages."""
    return attempt.service in ("dynamodb", "s3") or attempt.operation == "SendMessageBatch"


def content_of(format: str, file: bytes) -> Any:
    """Return what must be equal of two files: vCards have ids, and an xlsx has the time at which it was made."""
    if format != "xlsx":
        return re.sub(rb"UID:urn:uuid:[0-9a-f-]+", b"", file)
    from python_calamine import CalamineWorkbook

    return CalamineWorkbook.from_filelike(io.BytesIO(file)).get_sheet_by_index(0).to_python()


def end_of(world: World, export_id: str) -> tuple[Any, ...]:
    """Return what an export that is made must have, however it was made."""
    exports = Exports(world)
    shown, file = exports.shown(export_id), exports.fetch(export_id)
    assert shown["state"] == "completed" and shown["matched"] == COUNT
    assert shown["counts"] == {"rows": COUNT, "bytes": len(file)}
    kept = exports.kept(export_id)
    assert kept.due_at is None and not kept.parts
    world.catch_up()
    told = [one for one in world.published() if one["entity"] == "export" and one["entity_id"] == export_id]
    assert [one["type"] for one in told] == ["export.completed"]
    return (content_of(shown["format"], file),)


def begun(world: World, format: str) -> str:
    """Begin an export, and return its id."""
    prepare(world)
    world.published()  # what preparation published is not of interest
    return Exports(world).begin(format=format, fields=FIELDS)


@pytest.mark.parametrize("format", FORMATS)
def test_killed_anywhere_a_file_has_each_contact_once(worlds: Worlds, format: str) -> None:
    """check 13: killed at sampled calls; the file is byte for byte that of an undisturbed run."""
    make, export_id = worlds.prepared(lambda world: begun(world, format))
    with make() as unharmed:
        points = kill_points(Exports(unharmed).jobs.work, matching=of_worker, both_sides=True)
        expected = end_of(unharmed, export_id)
    assert len(points) >= 30
    count = KILLS if format == "csv" else KILLS // 2
    for point in sample(points, one_in=max(1, len(points) // count), start=FORMATS.index(format)):
        with make() as killed:
            exports = Exports(killed)
            assert point.kill(exports.jobs.work), f"the run did not come to {point}"
            exports.jobs.work()
            assert end_of(killed, export_id) == expected, f"killed {point}"


def made_with(world: World, within: Callable[[Exports, str], None], **body: Any) -> tuple[Any, ...]:
    """Make an export in unusual circumstances, and return its end."""
    exports = Exports(world)
    export_id = exports.begin(**{"format": "csv", "fields": FIELDS, **body})
    within(exports, export_id)
    exports.jobs.work()
    return end_of(world, export_id)


@cache
def end_of_undisturbed(worlds: Worlds) -> tuple[Any, ...]:
    with worlds() as unharmed:
        prepare(unharmed)
        return made_with(unharmed, lambda *_: None)


@pytest.fixture
def expected(worlds: Worlds) -> tuple[Any, ...]:
    """The end of an undisturbed export, which is the same for all tests."""
    return end_of_undisturbed(worlds)


def test_two_workers_at_the_same_portion_do_no_harm(expected: tuple[Any, ...], world: World) -> None:
    """At whichever call of one worker the other runs, and although contacts have changed between."""
    prepare(world)
    seen: list[str] = []
    uploads: list[str] = []
    within: list[bool] = []

    def race(exports: Exports, export_id: str) -> None:
        def twin(attempt: Attempt, send: Send) -> Any:
            uploads.append(attempt.operation)
            if attempt.service in ("dynamodb", "s3") and not within:
                within.append(True)
                seen.append(attempt.operation)
                if len(seen) % 3 == 0:
                    with as_operator():
                        done = exports.kept(export_id).portions_done
                    exports.jobs.put(
                        f'{{"tenant_id":"T1","job_id":"{export_id}","number":{done + 1},"kind":"export"}}'
                    )
                    for message in receive(exports.jobs.queue_url, 1):
                        exports.jobs.deliver(message)
                within.clear()
            return send(attempt)

        with intercepting(Layer.FAULTS, twin):
            exports.jobs.work(limit=12)

    assert made_with(world, race) == expected
    assert uploads.count("UploadPart") >= 3


def test_an_overtaken_worker_s_part_is_not_in_the_file(world: World) -> None:
    """Two workers upload the same portion with different content: the file has that of the one who closed it."""
    prepare(world)
    exports = Exports(world)
    export_id = exports.begin(fields=["email", "about"])
    begun: list[bool] = []

    def overtake(attempt: Attempt, send: Send) -> Any:
        if attempt.operation == "UploadPart" and not begun:
            begun.append(True)
            first = world.listed(sort="created_at")[0]
            assert world.send("PATCH", f"/contacts/{first['id']}", {"about": "x" * 90}).status == 200
            world.catch_up()
            exports.jobs.put(f'{{"tenant_id":"T1","job_id":"{export_id}","number":1,"kind":"export"}}')
            exports.jobs.work()
            assert exports.shown(export_id)["state"] == "completed"
        return send(attempt)

    with intercepting(Layer.FAULTS, overtake):
        exports.jobs.work()
    file = exports.fetch(export_id)
    assert b"x" * 90 in file and exports.shown(export_id)["counts"] == {"rows": COUNT, "bytes": len(file)}
    assert file.count(b"@example.com") == COUNT


def test_a_portion_without_time_keeps_its_bytes_for_the_next_one(
    expected: tuple[Any, ...], world: World
) -> None:
    prepare(world)

    def hurry(exports: Exports, export_id: str) -> None:
        while not exports.kept(export_id).rest:
            (message,) = receive(exports.jobs.queue_url, 1)
            exports.jobs.deliver(message, milliseconds=20_000)

    assert made_with(world, hurry) == expected


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload"])
def test_an_upload_that_is_gone_makes_the_export_start_over(
    expected: tuple[Any, ...], world: World, operation: str
) -> None:
    """S3 gives up an upload that is not finished within a day (AbortIncompleteMultipartUpload)."""
    prepare(world)
    gone: list[str] = []

    def refuse(attempt: Attempt, send: Send) -> Any:
        if attempt.operation == operation and not gone:
            gone.append(attempt.operation)
            error = b"<Error><Code>NoSuchUpload</Code><Message>The upload does not exist.</Message></Error>"
            return answer(attempt, 404, error, {"Content-Type": "application/xml"})
        return send(attempt)

    def give_up(exports: Exports, export_id: str) -> None:
        with intercepting(Layer.FAULTS, refuse):
            while not gone:
                exports.jobs.work(limit=1)
        kept = exports.kept(export_id)
        assert (kept.rows, kept.parts, kept.upload_id) == (0, (), "")
        assert exports.jobs.put_back == 0

    assert made_with(world, give_up) == expected


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload", "TransactWriteItems"])
@pytest.mark.parametrize("fault", [lost_answer, throttle])
def test_lost_and_refused_calls_change_nothing(
    expected: tuple[Any, ...], world: World, operation: str, fault: Callable[..., Fault]
) -> None:
    """check 11"""
    prepare(world)
    service = "dynamodb" if operation == "TransactWriteItems" else "s3"

    def disturb(exports: Exports, _: str) -> None:
        with injecting(fault(call(service, operation))):
            exports.jobs.work()

    assert made_with(world, disturb) == expected


def test_a_cancelled_export_gives_its_place_back_in_the_middle(world: World) -> None:
    prepare(world)
    exports = Exports(world)
    export_id = exports.begin(fields=FIELDS)
    while not exports.kept(export_id).parts:
        exports.jobs.work(limit=1)
    begun: list[bool] = []

    def cancel(attempt: Attempt, send: Send) -> Any:
        if attempt.operation == "UploadPart" and not begun:
            begun.append(True)
            assert world.send("POST", f"/exports/{export_id}/cancel").json["state"] == "cancelled"
        return send(attempt)

    with intercepting(Layer.FAULTS, cancel):
        exports.jobs.work()
    assert begun and exports.shown(export_id)["state"] == "cancelled"
    assert exports.jobs.waiting() == [] and exports.kept(export_id).due_at is None


def test_too_many_contacts_for_a_workbook_are_refused_at_once_or_when_they_are_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.domain.exports.record.MAX_XLSX_ROWS", COUNT - 1)
    monkeypatch.setattr("shared.services.exports.exporting.MAX_XLSX_ROWS", COUNT - 1)
    prepare(world)
    exports = Exports(world)
    refused = exports.ask({"format": "xlsx"})
    assert (refused.status, refused.json["code"]) == (400, "too_many_rows")
    for fields in (["email"], FIELDS):
        export_id = exports.begin(
            format="xlsx", fields=fields, filter={"updated_from": "2020-01-01", "is_active": True}
        )
        exports.jobs.work()
        failed = exports.shown(export_id)
        assert (failed["state"], failed["error"]["code"]) == ("failed", "too_many_rows")
    assert exports.kept(export_id).due_at is None


def test_an_order_of_too_many_contacts_is_refused_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.services.contacts.lists.MAX_SORTED", COUNT - 1)
    prepare(world)
    answer = Exports(world).ask({"format": "csv", "sort": "name", "filter": {"updated_from": "2020-01-01"}})
    assert (answer.status, answer.json["code"]) == (400, "too_many_to_sort")


def test_a_stalled_export_is_queued_again_and_given_up_after_a_day(world: World) -> None:
    from functions.bulk.on_schedule_bulk import handler as on_schedule

    export_id = running_export(world)
    exports = Exports(world)
    with acting_for_system(*WATCH_PREFIXES):
        assert on_schedule({}, lambda_context("BulkWatchFunction", timeout_ms=60_000))["driven_on"] == 0
    driven = 0
    while (due_at := exports.kept(export_id).due_at) is not None:
        driven += watch_at(due_at)
        assert len(exports.jobs.waiting()) <= 1
    failed = exports.kept(export_id)
    assert failed.state == "failed" and failed.error is not None and failed.error[0] == "stalled"
    assert driven == 8


def watch_at(now: str) -> int:
    from shared.domain.exports.record import ExportTask
    from shared.services.jobs.watch import JobWatch
    from shared.services.jobs.watched import WatchedPortions
    from shared.table.jobs.exports import ExportTable, ExportWatchTable
    from shared.wiring.base import bulk_queue, store
    from shared.wiring.tenants import find_tenant

    with acting_for_system(*WATCH_PREFIXES):
        watched = WatchedPortions(
            ExportWatchTable(store()),
            lambda tenant_id: ExportTable(store(), tenant_id),
            bulk_queue(),
            ExportTask,
            now=lambda: now,
        )
        return JobWatch(find_tenant, watched, now=lambda: now).look().driven_on


def test_a_kill_between_the_last_part_and_the_end_repeats_neither(worlds: Worlds) -> None:
    """check 13: at each call around the completion of the upload, on both of its sides."""
    make, _ = worlds.prepared(prepare)
    with make() as unharmed:
        expected = made_with(unharmed, lambda *_: None)
    for after in (False, True):
        with make() as killed:
            finish = KillPoint(1, after, "the upload's end", call("s3", "CompleteMultipartUpload"))
            assert made_with(killed, lambda exports, _, finish=finish: killed_at(exports, finish)) == expected


def killed_at(exports: Exports, point: KillPoint) -> None:
    assert point.kill(exports.jobs.work)


LISTS: dict[str, dict[str, Any]] = {
    "newest first": {"sort": "-created_at"},
    "by name": {"sort": "name"},
    "by last change": {"sort": "-updated_at"},
    "by bookings, of which there are none": {"sort": "-total_bookings"},
    "sorted in memory": {"sort": "name", "filter": {"updated_from": "2020-01-01"}},
    "search": {"filter": {"search": "engines"}},
    "search by name": {"sort": "name", "filter": {"search": "engines"}},
    "tag": {"filter": {"tags": "even"}},
    "no index": {"filter": {"updated_from": "2020-01-01"}},
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_goes_on_at_its_position_in_every_order(world: World, name: str) -> None:
    """Each part of the file starts where the one before ended, as the pages of the list do."""
    people = [
        {
            "first_name": f"{'ZAMB'[number % 4]}da{number}",
            "email": f"p{number:02d}@example.com",
            "company": "Engines",
            "about": "x" * 150,
            "tags": ["even"] if number % 2 == 0 else ["odd"],
        }
        for number in range(COUNT)
    ]
    assert world.send("POST", "/contacts/bulk-create", {"contacts": people}).json["succeeded"] == COUNT
    world.catch_up()
    asked = LISTS[name]
    conditions = {**asked.get("filter", {}), **({"sort": asked["sort"]} if "sort" in asked else {})}
    listed = [one["email"] for one in world.listed(**{"sort": "created_at", **conditions})]
    if "search" in conditions and "sort" not in conditions:
        listed = [one["email"] for one in world.listed(**conditions)]
    exports = Exports(world)
    export_id = exports.begin(fields=["email", "about"], **asked)
    exports.jobs.work()
    assert exports.kept(export_id).parts_opened >= 2
    assert [row["Email"] for row in rows_of(exports.fetch(export_id))] == listed


@pytest.mark.parametrize("sort", [None, "name", "created_at"])
def test_ids_go_on_at_their_position(world: World, sort: str | None) -> None:
    prepare(world)
    ids = [one["id"] for one in world.listed()]
    exports = Exports(world)
    export_id = exports.begin(ids=ids, fields=["email", "about"], **({"sort": sort} if sort else {}))
    exports.jobs.work()
    assert exports.kept(export_id).parts_opened >= 3
    found = [row["Email"] for row in rows_of(exports.fetch(export_id))]
    assert sorted(found) == found if sort else sorted(found, reverse=True) == found
    assert len(found) == COUNT
