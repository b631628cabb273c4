"""Bulk jobs: whatever fails on the way, each contact is processed once and counted once."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest

from functions.bulk.on_schedule_bulk import handler as on_schedule
from shared import observability
from shared.domain import timestamps
from shared.domain.ids import new_id
from shared.files.queues.bulk import from_message
from shared.services.jobs.watch import WatchReport
from shared.wiring.tenants import tenant_memory
from tests.contract.answers import faults_of
from tests.integration.jobs.bulk import JOBS, WATCH_PREFIXES, Jobs, running_job
from tests.integration.table_content import without_projections
from tests.integration.world import World
from tests.integration.worlds import Worlds
from tests.support.budgets import FACTOR, sample
from tests.support.faults import (
    KillPoint,
    assert_same_under_throttling,
    call,
    injecting,
    kill_points,
    lost_answer,
    unprocessed,
    unreachable,
)
from tests.support.gateway import Response
from tests.support.lambda_context import lambda_context
from tests.support.queues import receive
from tests.support.tenant_guard import acting_for_system, as_operator
from tests.support.transport import Attempt, Layer, Send, intercepting

CREATE, UPDATE, DELETE = "/contacts/bulk-create", "/contacts/bulk-update", "/contacts/bulk-delete"
COUNT, PORTION = 7, 3  # three portions, the last of one contact
WRITES = call("dynamodb", "TransactWriteItems")
SENDS = call("sqs", "SendMessageBatch")
TAGGED = {"filter": {"tags": "x"}}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the limits, so that a few contacts make a job of several portions, each of two transactions."""
    monkeypatch.setattr("shared.services.contacts.matching.MAX_TOGETHER", 4)
    monkeypatch.setattr("shared.services.jobs.bulk.MAX_PORTION", PORTION)
    monkeypatch.setattr("shared.table.contacts.repository._MOST", 6)


def prepare(world: World, count: int = COUNT, *, token: str | None = None) -> list[str]:
    """Create contacts with the tag x, and one without it, and wait until the lists show them."""
    people = [{"first_name": "Ada", "email": f"p{n}@example.com", "tags": ["x"]} for n in range(count)]
    people.append({"first_name": "Bob", "email": "other@example.com", "tags": []})
    answer = world.send("POST", CREATE, {"contacts": people}, token=token)
    ids = [entry["id"] for entry in answer.json["items"]]
    world.catch_up()
    return ids[:-1]


def start(world: World, path: str = DELETE, body: dict[str, Any] | None = None, **how: Any) -> str:
    """Start a job. Returns its id."""
    answer = world.send("POST", path, body or TAGGED, **how)
    assert answer.status == 202, answer.text
    assert faults_of("POST", path, answer) == []
    assert answer.headers["Location"] == f"/v1{JOBS}/{answer.json['id']}"
    job_id: str = answer.json["id"]
    return job_id


UNTAG = {**TAGGED, "remove_tags": ["x"], "set": {"company": "E"}}
both_actions = pytest.mark.parametrize(
    ("path", "body"), [(UPDATE, UNTAG), (DELETE, TAGGED)], ids=["update", "delete"]
)


@both_actions
def test_a_job_processes_all_matching_contacts(world: World, path: str, body: dict[str, Any]) -> None:
    ids, jobs = prepare(world), Jobs(world)
    job = start(world, path, body)
    queued = jobs.shown(job)
    assert (queued["state"], queued["matched"], queued["counts"]["done"]) == ("queued", COUNT, 0)
    assert jobs.work() == 3
    done = jobs.shown(job)
    assert (done["state"], done["matched"], done["failures"], done["error"]) == ("completed", COUNT, [], None)
    assert done["counts"] == {"done": COUNT, "succeeded": COUNT, "failed": 0}
    assert done["progress"]["rows_done"] == COUNT and done["progress"]["seconds_left"] == 0.0
    assert done["completed_at"] and done["created_by"] == "user:admin-of-T1"
    touched = [item["id"]["S"] for item in world.content.contacts if item["version"]["N"] == "2"]
    assert sorted(touched) == sorted(ids)
    world.content.assert_whole()
    world.catch_up()
    assert [one["type"] for one in world.published() if one["entity"] == "bulk_job"] == ["bulk_job.completed"]


def test_a_job_with_more_contacts_than_a_call_processes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real limits, except that a call processes only 250 contacts in the short budget."""
    together = 250 if FACTOR == 1 else 500
    monkeypatch.setattr("shared.services.contacts.matching.MAX_TOGETHER", together)
    monkeypatch.setattr("shared.services.jobs.bulk.MAX_PORTION", 250)
    monkeypatch.setattr("shared.table.contacts.repository._MOST", 99)
    people = [{"first_name": "A", "email": f"p{n}@example.com", "tags": ["x"]} for n in range(together + 1)]
    for chunk in filter(None, (people[:251], people[251:])):
        assert world.send("POST", CREATE, {"contacts": chunk}).json["succeeded"] == len(chunk)
    world.catch_up()
    job, jobs = start(world), Jobs(world)
    assert jobs.work() == together // 250 + 1
    assert jobs.shown(job)["counts"] == {"done": together + 1, "succeeded": together + 1, "failed": 0}
    assert world.content.live == []


def test_contacts_created_after_the_job_are_not_changed(world: World) -> None:
    prepare(world)
    job = start(world)
    later = world.create("later@example.com", tags=["x"])["id"]
    world.catch_up()
    Jobs(world).work()
    assert world.send("GET", f"/contacts/{later}").status == 200
    assert Jobs(world).shown(job)["counts"]["done"] == COUNT


def test_contacts_that_no_longer_match_are_left_alone_and_refused_ones_are_listed(world: World) -> None:
    ids, jobs = prepare(world), Jobs(world)
    job = start(world, UPDATE, {**TAGGED, "add_tags": [f"t{n}" for n in range(9)]})
    world.send("PATCH", f"/contacts/{ids[0]}", {"tags": []})
    world.send("PATCH", f"/contacts/{ids[1]}", {"tags": ["x", "y"]})
    world.send("DELETE", f"/contacts/{ids[2]}")
    jobs.work()
    done = jobs.shown(job)
    assert done["counts"] == {"done": COUNT - 2, "succeeded": COUNT - 3, "failed": 1}
    assert [(one["id"], one["error"]["code"]) for one in done["failures"]] == [(ids[1], "invalid")]
    assert "10 tags" in done["failures"][0]["error"]["message"]
    assert world.send("GET", f"/contacts/{ids[0]}").json["tags"] == []
    world.content.assert_whole()


def test_a_hundred_failures_are_listed_and_all_are_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.domain.jobs.bulk.MAX_FAILURES", 2)
    prepare(world)
    job = start(world, UPDATE, {**TAGGED, "add_tags": [f"t{n}" for n in range(10)]})
    Jobs(world).work()
    done = Jobs(world).shown(job)
    assert (done["counts"]["failed"], len(done["failures"])) == (COUNT, 2)


def test_a_users_job_changes_only_their_own_contacts(world: World) -> None:
    """check 52: with the rights that the user had when they created it."""
    mine = prepare(world, token=world.t1.user)
    world.create("admins@example.com", tags=["x"])
    world.catch_up()
    job = start(world, token=world.t1.user)
    Jobs(world).work()
    assert Jobs(world).shown(job)["counts"]["succeeded"] == len(mine)
    assert {item["email"]["S"] for item in world.content.live} == {"admins@example.com", "other@example.com"}


def test_callers_see_their_own_jobs_and_an_admin_sees_all(world: World) -> None:
    """check 52"""
    t10 = world.tenant("T10")
    made = {by: running_job(world, by=by) for by in ("admin", "user", "other")}
    foreign = running_job(world, "T10")

    def listed(token: str) -> list[str]:
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = world.send("GET", JOBS, query={"limit": "1", **cursor}, token=token)
            assert faults_of("GET", JOBS, answer) == []
            found += [one["id"] for one in answer.json["items"]]
            if not answer.json["next_cursor"]:
                return found
            cursor = {"cursor": answer.json["next_cursor"]}

    assert listed(world.t1.admin) == [made["other"], made["user"], made["admin"]]
    assert listed(world.t1.user) == [made["user"]] and listed(world.t1.other_user) == [made["other"]]
    assert listed(world.t1.program) == [] and listed(t10.admin) == [foreign]
    for path in (f"{JOBS}/{{}}", f"{JOBS}/{{}}/cancel"):
        method = "POST" if path.endswith("cancel") else "GET"
        for hidden in (made["admin"], made["other"], foreign, new_id()):
            assert world.send(method, path.format(hidden), token=world.t1.user).status == 404


# Cancelling


def test_a_cancelled_job_stops_after_the_open_portion(world: World) -> None:
    prepare(world)
    job, jobs = start(world), Jobs(world)
    jobs.work(limit=1)
    stopped = world.send("POST", f"{JOBS}/{job}/cancel")
    assert (stopped.status, stopped.json["state"]) == (200, "cancelled")
    assert jobs.work() == 1
    after = jobs.shown(job)
    assert after == {**stopped.json} and after["counts"]["done"] == PORTION
    assert len(world.content.live) == COUNT + 1 - PORTION
    again = world.send("POST", f"{JOBS}/{job}/cancel")
    assert (again.status, again.json) == (200, stopped.json)
    assert jobs.kept(job).due_at is None


def test_a_job_cancelled_in_the_middle_of_a_portion_counts_it(world: World) -> None:
    prepare(world)
    job, jobs = start(world), Jobs(world)
    begun: list[bool] = []
    cancelled: list[Response] = []

    def cancel(attempt: Attempt, send: Send) -> Any:
        # Before the first contact is written, when the portion is written down already.
        if attempt.operation == "TransactWriteItems" and not begun and jobs.kept(job).portion:
            begun.append(True)
            cancelled.append(world.send("POST", f"{JOBS}/{job}/cancel"))
        return send(attempt)

    (message,) = receive(jobs.queue_url, 1)
    with intercepting(Layer.FAULTS, cancel):
        jobs.deliver(message)
    assert cancelled[0].json["state"] == "cancelled" and cancelled[0].json["counts"]["done"] == 0
    after = jobs.shown(job)
    assert (after["state"], after["counts"]["done"]) == ("cancelled", PORTION)
    assert jobs.waiting() == [] and jobs.kept(job).due_at is None
    assert len(world.content.live) == COUNT + 1 - PORTION


def test_a_job_that_has_ended_cannot_be_cancelled(world: World) -> None:
    prepare(world)
    job = start(world)
    Jobs(world).work()
    answer = world.send("POST", f"{JOBS}/{job}/cancel")
    assert (answer.status, answer.json["code"]) == (409, "job_ended")
    assert faults_of("POST", f"{JOBS}/{{job_id}}/cancel", answer) == []


# Faults


def picture(world: World) -> list[str]:
    """Return the records, events, locks and jobs, without what the stream's consumers write."""
    return without_projections(world.content.picture())


@both_actions
def test_killed_anywhere_each_contact_is_processed_and_counted_once(
    worlds: Worlds, path: str, body: dict[str, Any]
) -> None:
    """check 13: even though the lists follow before the message is delivered again."""

    def started(world: World) -> str:
        prepare(world)
        return start(world, path, body)

    make, job = worlds.prepared(started)
    with make() as unharmed:
        jobs = Jobs(unharmed)
        points = kill_points(jobs.work, matching=of_worker)
        assert jobs.shown(job)["state"] == "completed"
        expected, counts = without_versions(picture(unharmed)), jobs.shown(job)["counts"]
    sends = [point for point in points if "SendMessageBatch" in point.call]
    calls = [point for point in points if point not in sends]
    assert len(calls) >= 12 and len(sends) >= 2
    for point in sample(calls, one_in=3, start=(UPDATE, DELETE).index(path)) + sends:
        with make() as killed:
            jobs = Jobs(killed)
            assert point.kill(jobs.work), f"the run did not come to {point}"
            killed.catch_up()
            jobs.work()
            assert jobs.shown(job)["counts"] == counts, f"killed {point}"
            assert jobs.shown(job)["state"] == "completed", f"killed {point}"
            assert without_versions(picture(killed)) == expected, f"killed {point}"
            killed.content.assert_whole()


def of_worker(attempt: Attempt) -> bool:
    """Return whether a call is the worker's, and not one with which the test delivers its messages."""
    return attempt.service == "dynamodb" or attempt.operation == "SendMessageBatch"


def without_versions(lines: list[str]) -> list[str]:
    """Leave out the job's row, whose version is higher where a portion was run again."""
    return [line for line in lines if "#BULKJOB" not in line]


def test_throttled_anywhere_a_job_has_the_same_result(worlds: Worlds) -> None:
    """check 10"""

    def started(world: World) -> str:
        prepare(world, 5)
        return start(world)

    def deliver(world: World) -> None:
        jobs = Jobs(world)
        jobs.work()
        assert jobs.put_back == 0

    def some(calls: list[tuple[int, str]]) -> list[tuple[int, str]]:
        return sample(calls, one_in=4, start=3)

    make, _ = worlds.prepared(started)
    tried = assert_same_under_throttling(make, deliver, picture, matching=call("dynamodb"), sample=some)
    assert tried >= 5


@both_actions
def test_a_message_that_is_repeated_late_or_early_does_no_harm(
    world: World, path: str, body: dict[str, Any]
) -> None:
    prepare(world)
    job, jobs = start(world, path, body), Jobs(world)
    for number in (1, 1, 7, 2):
        jobs.send(job, number)
    jobs.work()
    assert jobs.shown(job)["counts"] == {"done": COUNT, "succeeded": COUNT, "failed": 0}
    before = picture(world)
    for number in (3, 1, 4, 2):
        jobs.send(job, number)
    jobs.work()
    assert picture(world) == before and jobs.waiting() == []
    world.content.assert_whole()


@both_actions
def test_two_workers_at_the_same_portion_do_no_harm(world: World, path: str, body: dict[str, Any]) -> None:
    """At whichever call of one worker the other runs."""
    prepare(world, 30)
    job, jobs = start(world, path, body), Jobs(world)
    seen: list[str] = []
    within: list[bool] = []

    def twin(attempt: Attempt, send: Send) -> Any:
        if attempt.service == "dynamodb" and not within:
            within.append(True)
            seen.append(attempt.operation)
            if len(seen) % 3 == 0:
                jobs.send(job, jobs.kept(job).portions_done + 1)
                for message in receive(jobs.queue_url, 1):
                    jobs.deliver(message)
            within.clear()
        return send(attempt)

    with intercepting(Layer.FAULTS, twin):
        jobs.work(limit=12)
    jobs.work()
    assert jobs.shown(job)["counts"] == {"done": 30, "succeeded": 30, "failed": 0}
    world.content.assert_whole()


@pytest.mark.parametrize("is_same", [True, False], ids=["delivered twice", "sent twice"])
def test_a_repeated_message_starts_no_second_chain_of_portions(
    world: World, monkeypatch: pytest.MonkeyPatch, is_same: bool
) -> None:
    monkeypatch.setattr("shared.services.jobs.bulk.MAX_PORTION", 1)
    prepare(world)
    job, jobs = start(world, UPDATE, UNTAG), Jobs(world)
    if is_same:
        (message,) = receive(jobs.queue_url, 1)
        for _ in range(2):
            jobs.put(message["Body"])
    else:
        jobs.send(job, 1)
    handled = jobs.work()
    assert jobs.shown(job)["counts"] == {"done": COUNT, "succeeded": COUNT, "failed": 0}
    portions = COUNT + 1  # the last one finds that there are no more contacts
    assert handled <= portions + 2, "two messages for the first portion, and at most two for the second"
    world.content.assert_whole()


def test_a_change_by_others_after_a_kill_stays(world: World) -> None:
    """A change is not made again, even though the record has changed since."""
    ids, jobs = prepare(world), Jobs(world)
    start(world, UPDATE, {**TAGGED, "set": {"company": "E"}})
    closing = KillPoint(
        4, False, "the portion's end", WRITES
    )  # after the write that opens it and two transactions
    assert closing.kill(jobs.work)
    world.send("PATCH", f"/contacts/{ids[0]}", {"company": "mine"})
    jobs.work()
    assert world.send("GET", f"/contacts/{ids[0]}").json["company"] == "mine"
    world.content.assert_whole()


def test_unprocessed_keys_of_a_batch_are_read_again(world: World, waits: list[float]) -> None:
    """check 16"""
    prepare(world)
    job = start(world)
    with injecting(unprocessed(call("dynamodb", "BatchGetItem"), times=3)):
        Jobs(world).work()
    assert Jobs(world).shown(job)["counts"]["done"] == COUNT


def test_lost_responses_change_nothing(world: World) -> None:
    """check 11"""
    prepare(world)
    job = start(world)
    for at in (1, 2, 3):
        with injecting(lost_answer(WRITES, at=at)):
            Jobs(world).work(limit=1)
    assert Jobs(world).shown(job)["counts"] == {"done": COUNT, "succeeded": COUNT, "failed": 0}
    world.content.assert_whole()


def test_an_invalid_message_reaches_the_dead_letter_queue(world: World) -> None:
    """check 18: and the other messages are processed."""
    prepare(world)
    job, jobs = start(world), Jobs(world)
    for body in (
        "",
        "[]",
        "{}",
        '{"tenant_id": "T1", "job_id": 1, "number": 1}',
        '{"tenant_id":"T1","job_id":"x","number":"1"}',
    ):
        with pytest.raises(ValueError, match="not a portion"):
            from_message(body)
    jobs.send(new_id(), 1)  # of a job that does not exist
    jobs.work()
    assert jobs.put_back == 10  # as often as a message is received (maxReceiveCount)
    assert jobs.shown(job)["state"] == "completed"
    dead = receive(world.stack.queue_url("BulkDeadLetters"), 10)
    assert len(dead) == 1


# What holds a job up


def test_a_suspended_tenant_s_job_waits(world: World) -> None:
    """check 59"""
    prepare(world)
    job, jobs = start(world), Jobs(world)
    suspend(world, suspended=True)
    jobs.work()
    assert jobs.kept(job).done == 0 and len(world.content.live) == COUNT + 1
    suspend(world, suspended=False)
    assert jobs.watch(timestamps.plus(timestamps.now(), 301)).driven_on == 1
    jobs.work()
    assert jobs.shown(job)["state"] == "completed"


def test_a_job_outlasts_a_suspension_of_any_length(world: World) -> None:
    """check 59: looks during the suspension do not count, and the count starts from zero afterwards."""
    prepare(world)
    job, jobs = start(world), Jobs(world)
    for _ in range(8):  # one more look without progress would be the last
        assert jobs.watch(jobs.kept(job).due_at or "").driven_on == 1
    suspend(world, suspended=True)
    jobs.work()
    for _ in range(60):
        report = jobs.watch(jobs.kept(job).due_at or "")
        assert (report.waiting, report.driven_on, report.given_up) == (1, 0, 0)
    assert jobs.waiting() == []
    suspend(world, suspended=False)
    again = jobs.kept(job).due_at or ""
    assert jobs.watch(again).driven_on == 1
    jobs.work()
    assert jobs.shown(job)["state"] == "completed"


def suspend(world: World, *, suspended: bool) -> None:
    with as_operator():
        world.stack.client("dynamodb").update_item(
            TableName=world.stack.table_name,
            Key={"PK": {"S": "T#T1#TENANT"}, "SK": {"S": "TENANT"}},
            UpdateExpression="SET suspended = :s",
            ExpressionAttributeValues={":s": {"BOOL": suspended}},
        )
    tenant_memory.cache_clear()


def test_a_lost_message_is_sent_again_by_the_watch(world: World) -> None:
    prepare(world)
    job, jobs = start(world), Jobs(world)
    jobs.work(limit=1)
    assert jobs.waiting() == [2]  # and lost
    assert jobs.watch(timestamps.now()).driven_on == 0, "not before its time"
    soon = timestamps.plus(timestamps.now(), 301)
    assert jobs.watch(soon).driven_on == 1
    assert jobs.watch(soon).driven_on == 0, "put off"
    jobs.work()
    assert jobs.shown(job)["counts"]["done"] == COUNT
    assert jobs.watch(timestamps.plus(soon, 86_400)).driven_on == 0, "it has ended"


def test_a_job_whose_message_could_not_be_sent_is_queued_by_the_watch(world: World) -> None:
    prepare(world)
    with injecting(unreachable(SENDS)):
        job = start(world)
    jobs = Jobs(world)
    assert jobs.waiting() == []
    jobs.watch(timestamps.plus(timestamps.now(), 301))
    jobs.work()
    assert jobs.shown(job)["state"] == "completed"


def test_a_job_without_progress_for_a_day_is_given_up(world: World) -> None:
    prepare(world)
    job, jobs = start(world), Jobs(world)
    now, looks = timestamps.now(), 0
    while (due := jobs.kept(job).due_at) is not None:
        report = jobs.watch(due)
        looks += report.driven_on + report.given_up
        assert jobs.waiting() in ([1], [1, 1], [])
    failed = jobs.shown(job)
    assert (failed["state"], failed["error"]["code"], looks) == ("failed", "stalled", 9)
    assert due is None and timestamps.plus(now, 86_400) < timestamps.plus(now, 100_000)
    jobs.send(job, 1)
    jobs.work()
    assert len(world.content.live) == COUNT + 1


def test_the_watch_killed_anywhere_loses_no_job(worlds: Worlds) -> None:
    """check 13"""
    soon = timestamps.plus(timestamps.now(), 400)
    make, job = worlds.prepared(running_job)
    with make() as unharmed:
        points = kill_points(lambda: Jobs(unharmed).watch(soon))
    for point in points:
        with make() as killed:
            jobs = Jobs(killed)
            assert point.kill(lambda jobs=jobs: jobs.watch(soon))  # type: ignore[misc]
            jobs.watch(soon)
            assert 1 in jobs.waiting(), f"killed {point}"
            assert jobs.kept(job).idle_looks == 1


def test_the_schedule_runs_the_watch(world: World) -> None:
    running_job(world)
    with acting_for_system(*WATCH_PREFIXES):
        report = on_schedule({}, lambda_context("BulkWatchFunction", timeout_ms=60_000))
    assert report == {"waiting": 0, "driven_on": 0, "given_up": 0, "failed": 0}


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (WatchReport(), "note"),
        (WatchReport(waiting=2), "note"),
        (WatchReport(waiting=2, driven_on=1), "warn"),
        (WatchReport(given_up=1), "warn"),
    ],
)
def test_the_schedule_warns_only_of_jobs_that_needed_help(
    monkeypatch: pytest.MonkeyPatch, found: WatchReport, level: str
) -> None:
    said: list[str] = []

    def look_at_due(report: WatchReport) -> None:
        report.waiting, report.driven_on, report.given_up = found.waiting, found.driven_on, found.given_up

    for kind in ("bulk_watch", "export_watch", "recovery_watch", "merge_watch"):
        watch = SimpleNamespace(look_at_due=look_at_due)
        monkeypatch.setattr(f"functions.bulk.on_schedule_bulk.{kind}", lambda has_time, watch=watch: watch)
    for one in ("note", "warn"):
        monkeypatch.setattr(observability, one, lambda message, one=one, **fields: said.append(one))
    assert on_schedule({}, lambda_context("BulkWatchFunction", timeout_ms=60_000)) == asdict(found)
    assert said == [level]


def test_when_time_runs_short_a_portion_ends_early_and_the_search_continues(world: World) -> None:
    prepare(world)
    job, jobs = start(world, UPDATE, {**TAGGED, "add_tags": ["y"]}), Jobs(world)
    (message,) = receive(jobs.queue_url, 1)
    jobs.deliver(message, milliseconds=20_000)
    assert jobs.kept(job).done == 1, "there was time to look at one contact, and to act on it"
    jobs.work()
    assert jobs.shown(job)["counts"]["done"] == COUNT


def test_a_filter_that_indexes_do_not_serve_walks_all_contacts(world: World) -> None:
    prepare(world)
    since = {"filter": {"updated_from": "2020-01-01T00:00:00Z"}}
    job = start(world, DELETE, since)
    assert Jobs(world).shown(job)["matched"] is None
    Jobs(world).work()
    assert Jobs(world).shown(job)["matched"] == COUNT + 1
    assert world.content.live == []


def test_a_search_that_finds_many_contacts_starts_a_job(world: World) -> None:
    prepare(world)
    job = start(world, DELETE, {"filter": {"search": "ada"}})
    Jobs(world).work()
    assert Jobs(world).shown(job)["counts"]["done"] == COUNT
    assert len(world.content.live) == 1


def test_logs_contain_no_names(world: World, logs: Any) -> None:
    """check 95"""
    prepare(world)
    start(world, UPDATE, {**TAGGED, "set": {"company": "canary"}})
    Jobs(world).work()
    assert "bulk portion done" in logs.getvalue() and "canary" not in logs.getvalue()
