"""Bulk calls under an Idempotency-Key: killed, raced and overtaken, each contact is made or changed once."""

from __future__ import annotations

import json
import random
import string
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from shared.services.idempotency import KEPT_SECONDS, LEASE_SECONDS
from shared.table import idempotency
from tests.contract.answers import faults_of
from tests.integration.jobs.bulk import Jobs
from tests.integration.table_content import without_projections
from tests.integration.world import World
from tests.integration.worlds import Worlds
from tests.support.budgets import sample
from tests.support.faults import (
    KillPoint,
    assert_same_under_throttling,
    call,
    injecting,
    kill_points,
    lost_answer,
    unreachable,
)
from tests.support.gateway import Gateway, Response
from tests.support.transport import Attempt, Layer, Send, intercepting

COUNT, MOST = 5, 11  # so many contacts, and so many items in a transaction: each call takes two of them
CREATE, UPDATE, DELETE = "/contacts/bulk-create", "/contacts/bulk-update", "/contacts/bulk-delete"
WRITES = call("dynamodb", "TransactWriteItems")
PUTS = call("dynamodb", "PutItem")


class Clock:
    """The time by which leases end and answers expire: a millisecond passes with each look, and more when `ahead` is
    moved.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self._start = time.time()

    def time(self) -> float:
        self.ahead += 0.001
        return self._start + self.ahead


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr("shared.table.contacts.repository._MOST", MOST)
    moved = Clock()
    monkeypatch.setattr(idempotency, "time", SimpleNamespace(time=moved.time))
    return moved


def person(number: int, **fields: Any) -> dict[str, Any]:
    return {"first_name": "Ada", "email": f"p{number}@example.com", **fields}


ENTRIES = [*(person(number) for number in range(COUNT)), person(0), {"first_name": "X"}]


@dataclass(frozen=True)
class Case:
    """A bulk call: its path, and its body when the contacts `ids` are there."""

    name: str
    path: str
    body: Callable[[list[str]], dict[str, Any]]
    statuses: set[int]

    def __str__(self) -> str:
        return self.name


CASES = [
    Case("create", CREATE, lambda ids: {"contacts": ENTRIES}, {201, 409, 422}),
    Case("update", UPDATE, lambda ids: {"contact_ids": [*ids, ids[0], "x"], "add_tags": ["b"]}, {200, 404}),
    # What the update does makes that the filter matches no more.
    Case("update a match", UPDATE, lambda ids: {"filter": {"tags": "a"}, "remove_tags": ["a"]}, {200}),
    Case("delete", DELETE, lambda ids: {"contact_ids": [*ids, ids[0]]}, {204, 404}),
    Case("delete a match", DELETE, lambda ids: {"filter": {"tags": "a"}}, {204}),
    Case("join a group", UPDATE, lambda ids: {"contact_ids": ids, "join_groups": ["g"]}, {200}),
    Case(
        "create members",
        CREATE,
        lambda ids: {"contacts": [{**one, "customer_id": ids[0]} for one in ENTRIES[:3]]},
        {201},
    ),
    # Not the primary one: whom the others' deletions promote meanwhile depends on which comes first.
    Case("delete members", DELETE, lambda ids: {"contact_ids": ids[1:]}, {204}),
]
every_call = pytest.mark.parametrize("case", CASES, ids=str)


def prepare(world: World, case: Case) -> dict[str, Any]:
    """Create what the call needs, and return its body."""
    ids: list[str] = []
    of_customer: dict[str, Any] = {}
    if "members" in case.name:
        customer = world.send("POST", "/customers", {"first_name": "C"}).json["id"]
        of_customer, ids = {"customer_id": customer}, [customer]
    if case.path != CREATE:
        assert world.send("POST", "/groups", {"name": "g"}).status == 201
        body = {"contacts": [person(number, tags=["a"], **of_customer) for number in range(COUNT + 3)]}
        ids = [entry["id"] for entry in world.send("POST", CREATE, body).json["items"]]
        world.catch_up()
    return case.body(ids)


def post(
    world: World, case: Case, body: Any, key: str | None = "k1", *, gateway: Gateway | None = None
) -> Response:
    through = gateway or world.gateway
    headers = {"Idempotency-Key": key} if key else {}
    answer = through.request("POST", case.path, json=body, token=world.t1.admin, headers=headers)
    assert through.failures == []
    assert faults_of("POST", case.path, answer) == []
    return answer


def replayed(answer: Response) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


def entries(answer: Response) -> list[tuple[int, str | None]]:
    return [(entry["status"], entry.get("error", {}).get("code")) for entry in answer.json["items"]]


def effects(world: World) -> list[str]:
    """The table without what is kept of keys, and without how often lists were written."""
    content = world.content
    content.items = [item for item in content.items if "#IDEMPOTENCY#" not in item["PK"]["S"]]
    return content.picture()


def assert_named(world: World, answer: Response) -> None:
    """The ids in an answer are those of contacts that are there, and each change has one event."""
    there = {contact["id"]["S"] for contact in world.content.contacts}
    assert {entry["id"] for entry in answer.json["items"] if "error" not in entry} <= there
    world.content.assert_whole()


@every_call
def test_a_repeat_gets_the_first_answer_and_changes_nothing(world: World, case: Case) -> None:
    """check 33"""
    body = prepare(world, case)
    first = post(world, case, body)
    assert first.status == 207 and {status for status, _ in entries(first)} == case.statuses
    before = effects(world)
    again = post(world, case, body)
    assert (again.status, again.body, replayed(again)) == (207, first.body, True)
    assert effects(world) == before
    assert_named(world, first)
    assert (
        post(
            world, case, {**body, "contacts": [person(1)]} if case.path == CREATE else {"contact_ids": ["y"]}
        ).status
        == 422
    )


@every_call
def test_with_a_key_or_without_the_answer_is_the_same(worlds: Worlds, case: Case) -> None:
    seen = []
    make, body = worlds.prepared(lambda world: prepare(world, case))
    for key in (None, "k1"):
        with make() as world:
            answer = post(world, case, body, key)
            seen.append((answer.status, entries(answer), effects(world)))
    assert seen[0] == seen[1]


@every_call
def test_killed_anywhere_and_sent_again_each_contact_is_dealt_with_once(
    worlds: Worlds, case: Case, clock: Clock
) -> None:
    """check 13, check 36: and the answer is that of a run without a kill."""
    make, body = worlds.prepared(lambda world: prepare(world, case))
    with make() as unharmed:
        answers: list[Response] = []
        points = kill_points(lambda: answers.append(post(unharmed, case, body)))
        expected, entries_told = effects(unharmed), entries(answers[0])
    assert len(points) >= 6
    for point in sample(points, one_in=5, start=CASES.index(case)):
        with make() as killed:
            kill(point, killed, case, body)
            clock.ahead += LEASE_SECONDS + 1
            killed.catch_up()  # lists have followed meanwhile
            answer = post(killed, case, body)
            assert entries(answer) == entries_told, f"killed {point}"
            found = [line for line in effects(killed) if "#LIST#" not in line]
            assert_named(killed, answer)
            assert post(killed, case, body).body == answer.body
        assert without_projections(found) == without_projections(expected), f"killed {point}"


def kill(point: KillPoint, world: World, case: Case, body: Any) -> None:
    assert point.kill(lambda: post(world, case, body)), f"the run did not come to {point}"


@every_call
def test_throttled_anywhere_it_ends_the_same(worlds: Worlds, case: Case) -> None:
    """check 10"""
    make, body = worlds.prepared(lambda world: prepare(world, case))

    def deliver(world: World) -> None:
        assert post(world, case, body).status == 207

    def some(calls: list[tuple[int, str]]) -> list[tuple[int, str]]:
        return sample(calls, one_in=5, start=CASES.index(case) + 2)

    tried = assert_same_under_throttling(make, deliver, effects, matching=call("dynamodb"), sample=some)
    assert tried >= 1


@every_call
def test_twins_have_one_effect(worlds: Worlds, case: Case) -> None:
    """check 33"""
    make, body = worlds.prepared(lambda world: prepare(world, case))
    with make() as alone:
        post(alone, case, body)
        expected = effects(alone)
    with make() as world:
        answers = world.racing.together(
            [lambda: post(world, case, body, gateway=world.racing)] * 8, in_step=False
        )
        done = [answer for answer in answers if answer.status == 207]
        assert len({answer.body for answer in done}) == 1
        assert sum(not replayed(answer) for answer in done) == 1
        assert {answer.json["code"] for answer in answers if answer.status != 207} <= {
            "idempotency_in_flight"
        }
        assert effects(world) == expected
        assert_named(world, done[0])


@every_call
def test_a_call_that_outlives_its_lease_writes_nothing_behind_its_retry(
    worlds: Worlds, case: Case, clock: Clock
) -> None:
    """check 36: overtaken in the middle of its writes, it answers with what the retry did."""
    make, body = worlds.prepared(lambda world: prepare(world, case))
    with make() as alone:
        unharmed = post(alone, case, body)
        expected = effects(alone)
    with make() as world:
        reached, go_on, seen = threading.Event(), threading.Event(), []

        def hold(attempt: Attempt, send: Send) -> AWSResponse:
            if attempt.operation == "TransactWriteItems":
                seen.append(attempt)
                if len(seen) == 2:
                    reached.set()
                    assert go_on.wait(300)
            return send(attempt)

        def retry() -> Response:
            assert reached.wait(300)
            clock.ahead += LEASE_SECONDS + 1
            try:
                return post(world, case, body, gateway=world.racing)
            finally:
                go_on.set()

        with intercepting(Layer.FAULTS, hold):
            late, retried = world.racing.together(
                [lambda: post(world, case, body, gateway=world.racing), retry], in_step=False
            )
        assert retried.status == 207 and not replayed(retried)
        assert entries(retried) == entries(unharmed)
        assert (late.status, late.body, replayed(late)) == (207, retried.body, True)
        assert effects(world) == expected
        assert_named(world, retried)


@every_call
def test_what_was_away_may_be_asked_again_at_once_and_goes_on(worlds: Worlds, case: Case) -> None:
    """check 15: the first transaction is written; under a key the rest is a matter of sending the call again."""
    make, body = worlds.prepared(lambda world: prepare(world, case))
    with make() as alone:
        unharmed = post(alone, case, body)
        expected = effects(alone)
    with make() as world:
        with injecting(unreachable(WRITES, at=2)):
            assert post(world, case, body).status == 503
        again = post(world, case, body)
        assert entries(again) == entries(unharmed) and not replayed(again)
        assert effects(world) == expected


@every_call
@pytest.mark.parametrize("times", [1, 4])
def test_a_lost_answer_changes_nothing(world: World, case: Case, times: int) -> None:
    """check 11: once, and so often that we give up; then the client's retry finds what is there."""
    body = prepare(world, case)
    with injecting(lost_answer(WRITES, at=2, times=times)):
        first = post(world, case, body)
    again = post(world, case, body)
    assert first.status == (207 if times == 1 else 503)
    assert {status for status, _ in entries(again)} == case.statuses
    assert_named(world, again)
    versions = [int(contact["version"]["N"]) for contact in world.content.contacts]
    untouched = {1} if case.name == "delete members" else set()
    assert set(versions) - untouched == ({1} if case.path == CREATE else {2})


def test_others_changes_between_a_kill_and_the_retry_stay(world: World, clock: Clock) -> None:
    """check 36: what the first run did is not done again, though the record has moved on since."""
    case = CASES[1]
    body = prepare(world, case)
    kill(KillPoint(3, False, "the third write, of which the first made a tag", WRITES), world, case, body)
    clock.ahead += LEASE_SECONDS + 1
    first = body["contact_ids"][0]
    assert world.send("GET", f"/contacts/{first}").json["tags"] == ["a", "b"]
    world.send("PATCH", f"/contacts/{first}", {"tags": ["mine"]})
    assert post(world, case, body).status == 207
    assert world.send("GET", f"/contacts/{first}").json["tags"] == ["mine"]
    world.content.assert_whole()


def test_a_contact_deleted_since_a_killed_creation_is_not_made_again(world: World, clock: Clock) -> None:
    """check 36: nor when another has its address by now."""
    case = CASES[0]
    body = prepare(world, case)
    kill(KillPoint(2, False, "the second write", WRITES), world, case, body)
    made = sorted(contact["id"]["S"] for contact in world.content.live)
    world.send("DELETE", f"/contacts/{made[0]}")
    taker = world.create("p0@example.com")["id"]
    clock.ahead += LEASE_SECONDS + 1
    answer = post(world, case, body)
    assert answer.json["items"][0] == {"status": 201, "id": made[0]}
    having = [item["id"]["S"] for item in world.content.live if item["email"]["S"] == "p0@example.com"]
    assert having == [taker]
    world.content.assert_whole()


def test_after_a_day_a_key_is_new_work(world: World, clock: Clock) -> None:
    case = CASES[2]
    body = prepare(world, case)
    assert len(post(world, case, body).json["items"]) == COUNT + 3
    clock.ahead = KEPT_SECONDS + 60
    assert post(world, case, body).json["items"] == []


def test_a_job_made_under_a_key_is_made_once(
    worlds: Worlds, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 13, check 33: killed anywhere, and a message is there, or the watch sends it."""
    monkeypatch.setattr("shared.services.contacts.matching.MAX_TOGETHER", 4)
    case = CASES[4]
    make, body = worlds.prepared(lambda world: prepare(world, case))
    with make() as unharmed:
        answers: list[Response] = []
        points = kill_points(lambda: answers.append(post(unharmed, case, body)))
        assert answers[0].status == 202
        expected = effects(unharmed)
    for point in sample(points, one_in=3, start=0):
        with make() as killed:
            kill(point, killed, case, body)
            clock.ahead += LEASE_SECONDS + 1
            answer = post(killed, case, body)
            assert answer.status == 202
            assert answer.headers["Location"] == f"/v1/contacts/bulk-jobs/{answer.json['id']}"
            assert effects(killed) == expected, f"killed {point}"
            assert Jobs(killed).shown(answer.json["id"]) == answer.json
            assert post(killed, case, body).body == answer.body


@pytest.mark.parametrize(
    ("letters", "length", "fields"),
    [
        (string.ascii_letters + string.digits + string.punctuation, 200, 9),
        ("".join(map(chr, range(0x4E00, 0x9FFF))), 200, 3),
        ("".join(map(chr, range(0x20000, 0x2A6DF))), 120, 4),
    ],
    ids=["ASCII", "three bytes each", "four bytes each"],
)
def test_the_longest_answer_there_can_be_is_kept(
    world: World, letters: str, length: int, fields: int
) -> None:
    """Five hundred refusals, each naming as many fields at such length as a body of a megabyte allows."""
    rnd = random.Random(1)

    def name() -> str:
        return "".join(rnd.choices(letters, k=length))

    entries_given = [{name(): 1 for _ in range(fields)} for _ in range(500)]
    text = json.dumps({"contacts": entries_given}, ensure_ascii=False)
    assert 900_000 < len(text.encode()) < 1_000_000

    def send() -> Response:
        kind = {"Content-Type": "application/json", "Idempotency-Key": "k1"}
        return world.gateway.request("POST", CREATE, body=text, token=world.t1.admin, headers=kind)

    first, again = send(), send()
    assert {status for status, _ in entries(first)} == {422}
    assert again.body == first.body and replayed(again)
    (row,) = world.content.of(r"T#[^#]+#IDEMPOTENCY#", "KEY")
    assert len(row["answer"]["S"]) < idempotency.MAX_ANSWER * 0.9
