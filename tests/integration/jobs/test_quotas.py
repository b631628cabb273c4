"""The open work of a tenant is limited, other tenants' work goes on, and work over the limit waits (check 103)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.errors import Conflict, QuotaReached
from shared.domain.jobs.quotas import BULK_JOBS, EXPORTS, IMPORTS, UPLOADS, WORKBOOKS
from shared.files.drop_bucket import DropBucket
from shared.services.imports import chains, grouping
from shared.services.imports.runs import ImportRuns
from shared.services.imports.uploads import UPLOAD_SECONDS, ImportUploads
from shared.table.jobs import bulk as bulk_table
from shared.table.jobs import exports as export_table
from shared.table.jobs import slots
from shared.table.jobs.slots import Slots
from shared.table.transactions import Transaction
from shared.wiring.base import store
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.imports.test_import_uploads import ask, read, start, upload
from tests.integration.jobs.bulk import JOBS, Jobs
from tests.integration.world import World
from tests.support.faults import assert_same_after_kills
from tests.support.queues import receive
from tests.support.tenant_guard import acting_for, as_operator

Worlds = Callable[[], AbstractContextManager[World]]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.services.contacts.matching.MAX_TOGETHER", 2)
    monkeypatch.setattr("shared.services.jobs.bulk.MAX_PORTION", 2)
    monkeypatch.setattr(grouping, "CHUNK_ROWS", 2)
    monkeypatch.setattr(chains, "MOST_QUEUED", 3)
    for module in (bulk_table, export_table):
        few = replace(module.ITEMS.quota, most=2)
        monkeypatch.setattr(module, "ITEMS", replace(module.ITEMS, quota=few))
    monkeypatch.setattr("shared.table.imports.repository.IMPORTS", replace(IMPORTS, most=1))
    monkeypatch.setattr("shared.table.imports.repository.UPLOADS", replace(UPLOADS, most=2))


@pytest.fixture
def inbox(world: World) -> DropFolder:
    return DropFolder(world)


def people(count: int, of: str = "example.com") -> str:
    return "email\n" + "".join(f"p{number}@{of}\n" for number in range(count))


def refused(answer: Any, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (409, code), answer.text


# Bulk jobs


def prepare(world: World, *tokens: str | None) -> None:
    for token in tokens:
        for first in (0, 2):
            given = [
                {"first_name": "Ada", "email": f"p{first + n}@example.com", "tags": ["x"]} for n in (0, 1)
            ]
            assert world.send("POST", "/contacts/bulk-create", {"contacts": given}, token=token).status == 207
    world.catch_up()


def ask_for_job(world: World, **how: Any) -> Any:
    body = {"filter": {"tags": "x"}, "set": {"company": "Engines"}}
    return world.send("POST", "/contacts/bulk-update", body, **how)


def test_check_103_bulk_jobs_are_limited_for_each_tenant_separately(world: World) -> None:
    other = world.tenant("T10")
    prepare(world, None, other.admin)
    made = [ask_for_job(world) for _ in range(2)]
    assert [answer.status for answer in made] == [202, 202]
    refused(ask_for_job(world), "too_many_bulk_jobs")
    assert ask_for_job(world, token=other.admin).status == 202
    assert world.send("POST", f"{JOBS}/{made[0].json['id']}/cancel", {}).status == 200
    assert ask_for_job(world).status == 202, "a cancelled one that works on nothing has given its place back"
    refused(ask_for_job(world), "too_many_bulk_jobs")
    Jobs(world).work()
    assert [ask_for_job(world).status for _ in range(3)] == [202, 202, 409], "so have those that ended"


def test_check_103_exports_are_limited_apart_from_bulk_jobs(world: World) -> None:
    def ask_for_export() -> Any:
        return world.send("POST", "/exports", {"format": "csv"})

    prepare(world, None)
    assert [ask_for_job(world).status for _ in range(3)] == [202, 202, 409]
    assert [ask_for_export().status for _ in range(2)] == [202, 202]
    refused(ask_for_export(), "too_many_exports")
    Jobs(world).work()
    assert [ask_for_export().status for _ in range(3)] == [202, 202, 409], (
        "those that ended have given it back"
    )


def held(tenant_id: str, kind: str) -> int:
    with as_operator():
        found = Slots(store(), tenant_id, replace(BULK_JOBS, kind=kind, most=20))._items()
    return sum(1 for item in found if item["held_until"]["N"] != "0")


def test_check_13_only_open_jobs_hold_slots_whatever_was_killed(worlds: Worlds) -> None:
    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            prepare(world, None)
            yield world

    def work(world: World) -> None:
        answer = ask_for_job(world, headers={"Idempotency-Key": "k"})
        assert answer.status in (202, 409, 500, 503), answer.text
        Jobs(world).work()

    def state(world: World) -> Any:
        Jobs(world).work()
        items = world.send("GET", JOBS).json["items"]
        is_open = sum(1 for job in items if job["state"] in ("queued", "running"))
        return held("T1", BULK_JOBS.kind) - is_open

    tried = assert_same_after_kills(
        make, work, state, sample=lambda points: points[:: max(1, len(points) // 10)]
    )
    assert tried >= 8


def taking(quota: Any, holder: str, *, now: int = 0, until: int | None = None) -> None:
    slots_of_tenant = Slots(store(), "T1", quota)
    given = {} if until is None else {"until": until}
    slots_of_tenant.commit(Transaction, holder, now=now, **given)


def test_slots_are_limited_under_races(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of two writers sees the slots as they were before the other took one."""
    quota = replace(BULK_JOBS, most=3)
    look = Slots._items
    racing: list[str] = [f"rival-{number}" for number in range(20)]

    def stale(self: Slots) -> Any:
        seen = look(self)
        if racing and self._quota is quota:
            rival = racing.pop()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Slots, "_items", look)
                try:
                    taking(quota, rival)
                except QuotaReached:
                    racing.clear()
        return seen

    monkeypatch.setattr(Slots, "_items", stale)
    with acting_for("T1"):
        taken = 0
        for number in range(6):
            try:
                taking(quota, f"holder-{number}")
            except QuotaReached:
                continue
            taken += 1
    assert taken <= 3
    assert held("T1", BULK_JOBS.kind) == 3


def test_a_slot_taken_for_a_time_is_free_afterwards(world: World) -> None:
    quota = replace(UPLOADS, most=1)
    with acting_for("T1"):
        taking(quota, "a", now=100, until=200)
        with pytest.raises(QuotaReached):
            taking(quota, "b", now=200, until=300)
        taking(quota, "b", now=201, until=300)


# Imports


def test_a_file_over_the_limit_of_imports_waits_in_its_inbox_and_is_imported_later(
    world: World, inbox: DropFolder
) -> None:
    for number in range(3):
        inbox.deliver(inbox.put(people(2, f"f{number}.example"), f"f{number}.csv"))
    assert [one["state"] for one in inbox.imports()] == ["running"]
    later = timestamps.plus(timestamps.now(), 400)
    report = inbox.watch(later)
    assert (report.found, report.waiting_files) == (0, 2)
    for _ in range(3):
        inbox.work()
        inbox.watch(later)
    inbox.work()
    assert [(one["state"], one["counts"]["created"]) for one in inbox.imports()] == [("completed", 2)] * 3
    assert len(inbox.keys("tenants/T1/inbox/")) == 3
    assert held("T1", IMPORTS.kind) == 0


def test_a_repeated_event_at_the_limit_is_no_new_import(inbox: DropFolder) -> None:
    event = inbox.put(people(2))
    inbox.deliver(event)
    inbox.deliver(event)
    inbox.work()
    assert [one["state"] for one in inbox.imports()] == ["completed"]


def test_an_import_over_the_limit_is_refused_at_its_start_and_can_be_started_later(
    world: World, inbox: DropFolder
) -> None:
    other = world.tenant("T10")
    inbox.deliver(inbox.put(people(2)))
    asked = ask(world)
    inbox.deliver(upload(inbox, asked))
    refused(start(world, asked), "too_many_imports")
    beside = ask(world, token=other.admin)
    upload(inbox, beside)
    assert start(world, beside, token=other.admin).status == 202
    inbox.work()
    assert start(world, asked).status == 202
    inbox.work()
    assert read(world, asked)["state"] == "completed"


def test_a_failed_import_releases_its_slot(world: World, inbox: DropFolder) -> None:
    inbox.deliver(inbox.put("no address\nAda\n"))
    assert inbox.latest()["state"] == "failed"
    inbox.deliver(inbox.put(people(2), "good.csv"))
    inbox.work()
    assert inbox.latest()["state"] == "completed"


def test_uploads_are_limited_until_their_time_is_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        ask(world)
    refused(world.send("POST", "/imports", {"file_name": "x.csv"}), "too_many_uploads")
    later = timestamps.plus(timestamps.now(), UPLOAD_SECONDS + 2)
    monkeypatch.setitem(ImportUploads.__init__.__kwdefaults__, "now", lambda: later)  # type: ignore[arg-type]
    ask(world)


def test_a_started_import_takes_no_slot_for_uploads(world: World, inbox: DropFolder) -> None:
    asked = [ask(world) for _ in range(2)]
    upload(inbox, asked[0])
    assert start(world, asked[0]).status == 202
    ask(world)


def test_bytes_a_day_are_limited_and_further_files_wait_for_the_next_day(
    world: World, inbox: DropFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "MAX_BYTES_A_DAY", len(people(2)) * 2)
    inbox.deliver(inbox.put(people(2)))
    inbox.work()
    asked = ask(world)
    upload(inbox, asked, people(3))
    refused(start(world, asked), "too_many_bytes")
    inbox.deliver(inbox.put(people(3), "more.csv"))
    assert len([one for one in inbox.imports() if one["state"] == "completed"]) == 1
    upload(inbox, asked, people(2))
    assert start(world, asked).status == 202
    tomorrow = timestamps.plus(timestamps.now(), 86_400)
    inbox.work()
    monkeypatch.setitem(ImportRuns.__init__.__kwdefaults__, "now", lambda: tomorrow)  # type: ignore[arg-type]
    assert inbox.watch(tomorrow).found == 1
    inbox.work()
    assert {one["state"] for one in inbox.imports()} == {"completed"}


@pytest.mark.parametrize(
    ("body", "code"),
    [("no address\nAda\n", "no_email_column"), (people(60), "too_large")],
    ids=["unreadable", "too large"],
)
def test_the_bytes_of_a_refused_file_do_not_count(
    world: World, inbox: DropFolder, monkeypatch: pytest.MonkeyPatch, body: str, code: str
) -> None:
    good = people(20)
    monkeypatch.setenv("IMPORT_LIMITS", f"file_bytes={len(people(40))}")
    monkeypatch.setattr(slots, "MAX_BYTES_A_DAY", len(people(60)))
    for number in range(3):
        inbox.deliver(inbox.put(body, f"bad{number}.csv"))
    assert {one["error"]["code"] for one in inbox.imports()} == {code}
    for name in ("good.csv", "again.csv", "more.csv"):
        inbox.deliver(inbox.put(good, name))
        inbox.work()
    inbox.deliver(inbox.put(good, "too-much.csv"))
    done = [one["counts"]["created"] for one in inbox.imports() if one["state"] == "completed"]
    assert sorted(done) == [0, 0, 20]
    assert len(inbox.imports()) == 6, "the bytes of files that were read count"


# Beside another


def waiting(inbox: DropFolder) -> int:
    with as_operator():
        return inbox.world.stack.messages_in("ImportRowsQueue")


def test_check_103_a_small_import_completes_beside_a_large_one(world: World, inbox: DropFolder) -> None:
    other = world.tenant("T10")
    inbox.deliver(inbox.put(people(100)))
    assert waiting(inbox) == 3, "of fifty chunks"
    small = DropFolder(world, "T10")
    small.deliver(small.put(people(2)))
    inbox.work(limit=8)
    shown = world.send("GET", "/imports", token=other.admin).json["items"]
    assert [(one["state"], one["counts"]["created"]) for one in shown] == [("completed", 2)]
    assert waiting(inbox) <= 3
    inbox.work()
    assert inbox.latest()["state"] == "completed"
    assert inbox.latest()["counts"]["created"] == 100
    assert inbox.keys("parts/") == []


def test_a_message_delivered_twice_at_once_starts_no_second_chain_of_chunks(
    world: World, inbox: DropFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.deliver(inbox.put(people(40)))
    put_output = DropBucket.put_output
    [message] = receive(inbox.queue_url, 1)
    twins = [message]

    def twin_first(bucket: DropBucket, *given: Any) -> str:
        if twins:
            inbox.deliver_message(twins.pop())
        return put_output(bucket, *given)

    monkeypatch.setattr(DropBucket, "put_output", twin_first)
    inbox.deliver_message(message)
    assert waiting(inbox) == 3
    inbox.work()
    assert inbox.latest()["counts"]["created"] == 40


def test_a_repeated_message_starts_no_second_chain_of_chunks(world: World, inbox: DropFolder) -> None:
    inbox.deliver(inbox.put(people(40)))
    handled = inbox.work()
    inbox.deliver(inbox.put(people(40, "other.example"), "other.csv"))
    [message] = receive(inbox.queue_url, 1)
    with as_operator():
        inbox.sqs.send_message(QueueUrl=inbox.queue_url, MessageBody=message["Body"])
        inbox.sqs.change_message_visibility(
            QueueUrl=inbox.queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    assert inbox.work() <= handled + 2, "two messages for a chunk, and at most two for the one after it"
    assert [one["counts"]["created"] for one in inbox.imports()] == [40, 40]


def test_messages_of_a_tenant_are_in_its_group(world: World, inbox: DropFolder) -> None:
    """SQS serves the message groups of a standard queue fairly."""
    inbox.deliver(inbox.put(people(2)))
    prepare(world, None)
    assert ask_for_job(world).status == 202
    for queue in ("ImportRowsQueue", "BulkQueue"):
        with as_operator():
            found = world.stack.client("sqs").receive_message(
                QueueUrl=world.stack.queue_url(queue), AttributeNames=["MessageGroupId"]
            )["Messages"]
        assert {message["Attributes"]["MessageGroupId"] for message in found} == {"T1"}


def test_check_13_a_chain_of_chunks_killed_anywhere_continues(worlds: Worlds) -> None:
    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            yield world

    def work(world: World) -> None:
        inbox = DropFolder(world)
        key = "tenants/T1/inbox/people.csv"
        inbox.deliver(inbox.event_of(key) if inbox.keys(key) else inbox.put(people(14)))
        inbox.work()

    def state(world: World) -> Any:
        inbox = DropFolder(world)
        inbox.deliver(inbox.event_of("tenants/T1/inbox/people.csv"))
        inbox.work()
        later = timestamps.now()
        for hours in range(1, 5):
            inbox.watch(timestamps.plus(later, hours * 3_600))
            inbox.work()
        shown = inbox.latest()
        return shown["state"], shown["counts"]["created"], held("T1", IMPORTS.kind)

    tried = assert_same_after_kills(
        make, work, state, sample=lambda points: points[:: max(1, len(points) // 12)]
    )
    assert tried >= 10


def test_a_quota_is_refused_as_a_conflict_with_a_code_of_its_own() -> None:
    quotas = (BULK_JOBS, EXPORTS, WORKBOOKS, IMPORTS, UPLOADS)
    assert len({quota.code for quota in quotas}) == 5
    for quota in quotas:
        refusal = quota.refusal("the id of one")
        assert isinstance(refusal, Conflict) and str(quota.most) in refusal.detail
