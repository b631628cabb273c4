"""POSTs under an Idempotency-Key: sent again, raced, killed and overtaken, they have one effect and one answer."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from local.openapi import operations
from shared.domain.callers import Caller
from shared.domain.contacts.inputs import ContactInput
from shared.http.call import Call
from shared.http.idempotency import read_key
from shared.services.idempotency import KEPT_SECONDS, LEASE_SECONDS, IdempotencyKeyClaim
from shared.table import idempotency
from shared.wiring.accounts import onboarding_service
from shared.wiring.base import store
from shared.wiring.contacts import contact_service
from tests.contract.answers import faults_of
from tests.integration.exports.exports import running_export
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.jobs.bulk import running_job
from tests.integration.merges.jobs import ended_merge_job, running_merge_job
from tests.integration.webhooks.logged import logged_delivery
from tests.integration.webhooks.recoveries import running_recovery
from tests.integration.world import World
from tests.support.faults import (
    Fault,
    Killed,
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    calls_of,
    injecting,
    kill_before,
    lost_answer,
    transaction_conflict,
    unreachable,
)
from tests.support.gateway import Gateway, Response
from tests.support.template import Template
from tests.support.tenant_guard import acting_for, as_operator
from tests.support.transport import Attempt, Layer, Send, intercepting, json_answer

Worlds = Callable[[], AbstractContextManager[World]]

CONTACTS = "/contacts"
ADA = {"first_name": "Ada", "email": "ada@example.com"}
HOOK = {"url": "https://hooks.example.com/x", "events": ["contact.created"]}
_NUMBER = re.compile(r"CUST\d+|DUE#\d")
_ASIDE = re.compile("#IDEMPOTENCY#|#RATE#|#CUSTOMERS#NUMBER$")
_QUEUED_AT = re.compile(r'"queued_at": {"S": "[^"]*"}, ')
PUTS = call("dynamodb", "PutItem")
WRITES = call("dynamodb", "TransactWriteItems")


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
    moved = Clock()
    monkeypatch.setattr(idempotency, "time", SimpleNamespace(time=moved.time))
    return moved


@dataclass(frozen=True)
class Case:
    """A POST: its body, what must be there before, and how many contacts' and customers' events it makes; `{}` in
    the path is what `make` gives, and `named` is that part of the route's path. `naming` makes a body that names what
    `make` gives.
    """

    path: str
    body: dict[str, Any] | None = None
    make: Callable[[World], str] = lambda world: ""
    events: int = 1
    named: str = "{contact_id}"
    naming: Callable[[str], dict[str, Any]] | None = None

    def sent(self, target: str) -> dict[str, Any] | None:
        """The body of a call for what `make` gave."""
        return self.body if self.naming is None else self.naming(target)

    @property
    def route(self) -> str:
        return self.path.replace("{}", self.named)

    def __str__(self) -> str:
        return self.path


def live(world: World) -> str:
    return str(world.create("live@example.com")["id"])


def second_member(world: World) -> str:
    customer = world.send("POST", "/customers", {"first_name": "Grace"}).json["id"]
    world.create("first@example.com", customer_id=customer)
    return str(world.create("second@example.com", customer_id=customer)["id"])


def deleted_member(world: World) -> str:
    gone = second_member(world)
    assert world.send("DELETE", f"/contacts/{gone}").status == 204
    return gone


def noted(world: World) -> str:
    contact_id = live(world)
    note = world.send("POST", f"/contacts/{contact_id}/notes", {"body": "Prefers mornings."}).json
    return f"{contact_id}/notes/{note['id']}"


def follow_up(world: World) -> str:
    given = {"title": "Call", "due_at": "2031-03-01T09:00:00Z"}
    return str(world.send("POST", f"/contacts/{live(world)}/follow-ups", given).json["id"])


def changed(world: World) -> str:
    contact_id = live(world)
    world.send("PATCH", f"/contacts/{contact_id}", {"company": "Engines"})
    return contact_id


def two(world: World) -> str:
    """Two contacts, as one word."""
    return "+".join(str(world.create(f"{name}@example.com")["id"]) for name in ("one", "two"))


def of_two(target: str) -> dict[str, Any]:
    survivor_id, _, merged_id = target.partition("+")
    return {"survivor_id": survivor_id, "merged_ids": [merged_id]}


def two_ids(target: str) -> dict[str, Any]:
    return {"contact_ids": target.split("+")}


def merged(world: World) -> str:
    return str(world.send("POST", "/contacts/merge", of_two(two(world))).json["id"])


def deleted(world: World) -> str:
    gone = live(world)
    assert world.send("DELETE", f"/contacts/{gone}").status == 204
    return gone


def uploaded(world: World) -> str:
    asked = world.send("POST", "/imports", {"file_name": "people.csv"}).json
    world.stack.client("s3").put_object(
        Bucket=world.stack.environment["DROP_BUCKET"],
        Key=asked["upload"]["fields"]["key"],
        Body=b"email\nada@example.com\n",
    )
    return str(asked["id"])


def imported(world: World) -> str:
    return str(DropFolder(world).run("email\nada@example.com\n")["id"])


def failed_import(world: World) -> str:
    return str(DropFolder(world).run("email\nnobody\n")["id"])


def secret_holder(world: World) -> str:
    return str(world.send("POST", "/webhooks", HOOK).json["id"])


def delivery(world: World) -> str:
    webhook_id = world.send("POST", "/webhooks", HOOK).json["id"]
    return f"{webhook_id}/deliveries/{logged_delivery('T1', webhook_id)}"


def recovery(world: World) -> str:
    webhook_id = world.send("POST", "/webhooks", HOOK).json["id"]
    return f"{webhook_id}/recoveries/{running_recovery('T1', webhook_id)}"


def api_client(world: World) -> str:
    return str(world.send("POST", "/api-clients", {"name": "Shop"}).json["id"])


def webhook(world: World) -> str:
    return str(world.send("POST", "/webhooks", HOOK).json["id"])


def disabled_webhook(world: World) -> str:
    made = webhook(world)
    assert world.send("POST", f"/webhooks/{made}/disable").status == 200
    return made


# Every POST that writes in one transaction. A new one must be added here, or test_each_post_is_listed_here fails.
CASES = [
    Case("/contacts", ADA),
    Case("/contacts/{}/toggle-status", make=live),
    Case("/contacts/{}/restore", make=deleted),
    Case("/contacts/{}/restore", make=deleted_member, events=2),
    Case("/contacts/{}/consent", {"channel": "email", "opted_out": True, "source": "phone call"}, live),
    Case("/contacts/{}/interactions", {"type": "call", "description": "a call"}, live),
    Case("/contacts/{}/notes", {"body": "Prefers mornings."}, live),
    Case("/contacts/{}/retry", None, noted, named="{contact_id}/notes/{note_id}"),
    Case("/contacts/{}/follow-ups", {"title": "Call", "due_at": "2031-03-01T09:00:00Z"}, live),
    Case("/follow-ups/{}/complete", {"outcome": "done"}, follow_up, named="{follow_up_id}"),
    Case("/follow-ups/{}/cancel", None, follow_up, named="{follow_up_id}"),
    Case("/contacts/{}/revert", {"version": 1}, changed),
    Case("/contacts/merge", make=two, events=2, naming=of_two),
    Case("/contacts/duplicates/dismiss", make=two, events=0, naming=two_ids),
    Case("/merges/{}/undo", make=merged, events=2, named="{merge_id}"),
    Case("/contacts/merge-suggested", {"min_score": 95}, events=0),
    Case(
        "/contacts/merge-jobs/{}/cancel",
        make=lambda _: running_merge_job("T1"),
        named="{merge_job_id}",
        events=0,
    ),
    Case(
        "/contacts/merge-jobs/{}/undo", make=lambda _: ended_merge_job("T1"), named="{merge_job_id}", events=0
    ),
    Case("/exports", {"format": "csv"}, events=0),
    Case("/exports/{}/cancel", make=running_export, named="{export_id}", events=0),
    Case("/contacts/bulk-jobs/{}/cancel", make=running_job, named="{job_id}", events=0),
    Case("/contacts/{}/set-primary", make=second_member, events=3),
    Case("/customers", {"first_name": "Grace", "username": "grace"}),
    Case("/tags", {"name": "VIP"}),
    Case("/types", {"name": "Supplier"}),
    Case("/groups", {"name": "Both", "kind": "dynamic", "filter": {"is_active": True}}),
    Case("/webhooks/{}/rotate-secret", {"overlap_hours": 1}, secret_holder, named="{webhook_id}"),
    Case("/webhooks", HOOK),
    Case("/webhooks/{}/enable", make=disabled_webhook, named="{webhook_id}"),
    Case("/webhooks/{}/disable", make=webhook, named="{webhook_id}"),
    Case("/webhooks/{}/test", make=webhook, named="{webhook_id}", events=0),
    Case(
        "/webhooks/{}/redeliver",
        make=delivery,
        named="{webhook_id}/deliveries/{event_id}",
        events=0,
    ),
    Case("/webhooks/{}/recover", {"after": 0}, secret_holder, named="{webhook_id}", events=0),
    Case(
        "/webhooks/{}/cancel",
        make=recovery,
        named="{webhook_id}/recoveries/{recovery_id}",
        events=0,
    ),
    Case("/imports", {"file_name": "people.csv"}, events=0),
    Case("/imports/{}/start", make=uploaded, named="{import_id}", events=0),
    Case("/imports/{}/cancel", make=uploaded, named="{import_id}", events=0),
    Case("/imports/{}/undo", make=imported, named="{import_id}", events=0),
    Case("/imports/{}/retry", None, failed_import, named="{import_id}", events=0),
    Case("/imports/{}/preview", {"options": {"tags": ["a"]}}, uploaded, named="{import_id}", events=0),
    Case("/api-clients", {"name": "Shop", "permissions": {"contacts:read": "all"}}),
    Case("/api-clients/{}/rotate-key", {"overlap_seconds": 60}, api_client, named="{client_id}"),
]
# Those of many transactions: tests/integration/idempotency/test_bulk_idempotency.py.
OF_MANY = {
    "/contacts/bulk-create",
    "/contacts/bulk-update",
    "/contacts/bulk-delete",
    "/groups/{group_id}/contacts",
}
# Those whose answer holds a token, made anew by who takes over: tests/integration/accounts/test_invitations.py.
ISSUING = {"/users/invitations", "/users/invitations/{invitation_id}/resend"}
every_post = pytest.mark.parametrize("case", CASES, ids=str)


def post(
    world: World,
    body: Any,
    key: str | None = "k1",
    *,
    path: str = CONTACTS,
    token: str | None = None,
    gateway: Gateway | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    sent = dict(headers or {}) | ({"Idempotency-Key": key} if key is not None else {})
    through = gateway or world.gateway
    answer = through.request("POST", path, json=body, token=token or world.t1.admin, headers=sent)
    assert through.failures == []
    return answer


def record_of(answer: Response) -> dict[str, Any]:
    """Return the record of an answer; that of a revert has it among other members."""
    shown: dict[str, Any] = answer.json
    return shown if "merged_ids" in shown else shown.get("contact", shown)


def replayed(answer: Response) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


def same(first: Response, second: Response) -> bool:
    """Whether the second answer is the first one again."""
    own = {"idempotency-replayed"}
    shown = [
        {name.lower(): value for name, value in answer.headers.items() if name.lower() not in own}
        for answer in (first, second)
    ]
    return (first.status, first.body, shown[0]) == (second.status, second.body, shown[1])


def effects(world: World) -> list[str]:
    """The table without what is kept of keys, and without the buckets that count calls. Customers' numbers, which may
    have gaps, are made equal, and so are shards, which follow from ids. Whether a delivery's message is known to be
    queued is left out: a call that is killed before it queues the message leaves that to the due-time index.
    """
    content = world.content
    content.items = [item for item in content.items if not _ASIDE.search(item["PK"]["S"])]
    return [_QUEUED_AT.sub("", _NUMBER.sub("<number>", line)) for line in content.picture()]


def told(world: World) -> list[dict[str, Any]]:
    """All events."""
    return world.content.of("T#", "EVENT#")


def rows(world: World) -> list[dict[str, Any]]:
    return world.content.of(r"T#[^#]+#IDEMPOTENCY#")


# The rule


def test_each_post_is_listed_here() -> None:
    keyed = {
        operation.path for operation in operations() if operation.method == "POST" and not operation.public
    }
    assert keyed == {case.route for case in CASES} | OF_MANY | ISSUING


@every_post
def test_a_repeat_gets_the_first_answer_and_changes_nothing(world: World, case: Case) -> None:
    """check 33: status, body, ETag and Location of the first."""
    target = case.make(world)
    path = case.path.format(target)
    first = post(world, case.sent(target), path=path)
    assert first.status < 300 and not replayed(first)
    before = effects(world)
    again = post(world, case.sent(target), path=path)
    assert same(first, again) and replayed(again)
    assert effects(world) == before
    assert faults_of("POST", case.route, again) == []


@every_post
def test_with_a_key_or_without_the_answer_is_the_same(worlds: Worlds, case: Case) -> None:
    seen = []
    for key in (None, "k1"):
        with worlds() as world:
            target = case.make(world)
            answer = post(world, case.sent(target), key, path=case.path.format(target))
            names = {name for name in answer.headers if "Id" not in name}
            body = {
                name: value
                for name, value in record_of(answer).items()
                if name
                not in (
                    "id",
                    "contact_id",
                    "customer_id",
                    "event_id",
                    "import_id",
                    "retry_of",
                    "undoes",
                    "webhook_id",
                    "secret",
                    "upload",
                    "key",
                    "keys",
                    "survivor_id",
                    "merged_ids",
                    "contact_ids",
                    "contact",
                    "changes",
                    "at",
                    "undo",
                    "undo_until",
                )
                and not name.endswith("_at")
                and "communication" not in name
            }
            seen.append((answer.status, names, body, effects(world)))
            answered = record_of(answer)
            shown_id = answered.get("id") or answered.get("event_id") or ""
            location = answer.headers.get("Location", "")
            assert target.rpartition("/")[2] in shown_id + location or target in (
                answered.get("contact_id"),
                answered.get("import_id"),
                answered.get("retry_of"),
                answered.get("webhook_id"),
                answered.get("undoes"),
                "+".join((answered.get("survivor_id", ""), *answered.get("merged_ids", ()))),
                "+".join(answered.get("contact_ids", ())),
            )
            if location:
                assert location.endswith((f"/{shown_id}", f"/{target}/preview", f"/{target}/undo"))
    assert seen[0] == seen[1]


def test_the_answer_stays_the_first_though_the_record_goes_on(world: World) -> None:
    first = post(world, ADA)
    changed = world.send("PATCH", f"/contacts/{first.json['id']}", {"company": "Engines"})
    assert changed.status == 200
    assert same(first, post(world, ADA))
    assert world.send("DELETE", f"/contacts/{first.json['id']}").status == 204
    assert same(first, post(world, ADA))
    assert len(world.content.contacts) == 1


def test_a_key_with_another_body_is_refused(world: World) -> None:
    """check 34"""
    first = post(world, ADA)
    other = post(world, {**ADA, "company": "Engines"})
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert "different request" in other.json["detail"] and not replayed(other)
    assert same(first, post(world, ADA))


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "/webhooks", "body": HOOK},
        {"headers": {"If-Match": '"2"'}},
    ],
)
def test_a_key_with_another_path_or_condition_is_refused(world: World, changed: dict[str, Any]) -> None:
    """check 34"""
    path = f"/contacts/{live(world)}/toggle-status"
    assert post(world, None, path=path, headers={"If-Match": '"1"'}).status == 200
    other = post(world, **{"body": None, "path": path, **changed})
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")


def test_a_key_that_is_claimed_by_another_call_is_refused_while_that_is_at_work(
    world: World, clock: Clock
) -> None:
    """check 34: also when the other call was killed, and after its lease."""
    killed_before_its_write(lambda: post(world, ADA))
    for _ in range(2):
        answer = post(world, HOOK, path="/webhooks")
        assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")
        clock.ahead += LEASE_SECONDS + 1


def test_keys_of_tenants_and_callers_are_their_own(world: World) -> None:
    """check 35"""
    t10 = world.tenant("T10")
    answers = [
        post(world, {**ADA, "email": f"{number}@example.com"}, token=token)
        for number, token in enumerate(
            (world.t1.admin, world.t1.user, world.t1.program, t10.admin, t10.user, t10.program)
        )
    ]
    assert [answer.status for answer in answers] == [201] * 6
    assert not any(map(replayed, answers))
    assert len({answer.json["id"] for answer in answers}) == len(rows(world)) == 6


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"first_name": "Ada", "email": "not an address"}, 422),
        ({"first_name": 1}, 422),
        ({"first_name": "Ada", "email": "taken@example.com"}, 409),
    ],
)
def test_a_refusal_is_given_again(world: World, body: dict[str, Any], status: int) -> None:
    """check 33: errors of the 4xx kind too, though they would not arise any more."""
    taken = world.create("taken@example.com")["id"]
    first = post(world, body)
    assert first.status == status
    world.send("DELETE", f"/contacts/{taken}")
    again = post(world, body)
    assert same(first, again) and replayed(again)
    assert faults_of("POST", CONTACTS, again) == []
    assert post(world, ADA).json["code"] == "idempotency_key_reused"


def test_a_body_that_is_no_json_is_refused_again_too(world: World) -> None:
    def send() -> Response:
        kind = {"Content-Type": "application/json", "Idempotency-Key": "k1"}
        return world.gateway.request("POST", CONTACTS, body="{", token=world.t1.admin, headers=kind)

    first, again = send(), send()
    assert first.status == 400 and same(first, again) and replayed(again)


def test_a_missing_right_is_judged_each_time(world: World) -> None:
    assert post(world, HOOK, path="/webhooks", token=world.t1.user).status == 403
    member(world, "user", "admin")
    made = post(world, HOOK, path="/webhooks", token=world.t1.user)
    assert made.status == 201 and not replayed(made)


def test_who_has_lost_rights_does_not_read_the_old_answer(world: World) -> None:
    first = post(world, HOOK, path="/webhooks")
    member(world, "admin", "user")
    shut = post(world, HOOK, path="/webhooks")
    assert (shut.status, shut.json["code"]) == (403, "permission_denied")
    assert first.json["secret"] not in shut.text
    member(world, "admin", "admin")
    assert same(first, post(world, HOOK, path="/webhooks"))


def member(world: World, name: str, role: str) -> None:
    world.gateway = Gateway(
        world.stack.template
    )  # another than the one that has kept the authorizer's answer
    with as_operator():
        onboarding_service().add_member(f"{name}-of-T1", "T1", role, name)


def test_who_has_gained_rights_still_gets_his_answer(world: World) -> None:
    with as_operator():
        key = onboarding_service().add_api_client("T1", "writer", "contacts:write:own,contacts:read:all")
        first = post(world, ADA, token=key)
    (client, *_) = world.send("GET", "/api-clients").json["items"]
    more = {"permissions": {"contacts:write": "all"}}
    assert world.send("PATCH", f"/api-clients/{client['id']}", more).status == 200
    assert first.status == 201
    assert same(first, post(world, ADA, token=key, gateway=Gateway(world.stack.template)))


def test_after_a_day_a_key_is_new(world: World, clock: Clock) -> None:
    """Though the row is still there: DynamoDB removes late."""
    first = post(world, ADA)
    clock.ahead = KEPT_SECONDS - 60
    assert same(first, post(world, ADA))
    clock.ahead = KEPT_SECONDS + 60
    other = post(world, {**ADA, "email": "other@example.com"})
    assert other.status == 201 and not replayed(other)
    assert len(rows(world)) == 1 and len(world.content.contacts) == 2
    (row,) = rows(world)
    assert int(row["expires_at"]["N"]) == pytest.approx(clock.time() + KEPT_SECONDS, abs=60)


@pytest.mark.parametrize(
    "key", ["", " ", "x" * 256, "naïve", "tab\there", "line\nbreak", "end\n", "\x00", "\x7f", " padded"]
)
def test_what_is_no_key_is_refused(world: World, key: str) -> None:
    answer = post(world, ADA, key)
    assert answer.status == 422
    assert answer.json["errors"][0]["field"] == "Idempotency-Key"
    assert "1 to 255" in answer.json["detail"]
    assert world.content.contacts == []


@pytest.mark.parametrize(
    "key", ["x", "x" * 255, "a b", '"8e03978e-40d5-43e8"', "T#T10#C#x", "ada@example.com"]
)
def test_what_is_a_key_is_taken_and_not_written_down(world: World, key: str) -> None:
    """check 43: nothing in a key steps into another name space."""
    assert post(world, ADA, key).status == 201
    assert replayed(post(world, ADA, key))
    (row,) = rows(world)
    assert row["PK"]["S"].startswith("T#T1#IDEMPOTENCY#user%3Aadmin-of-T1#")
    assert len(row["PK"]["S"].split("#")) == 5


def test_a_request_with_two_keys_is_refused() -> None:
    event = {"multiValueHeaders": {"idempotency-KEY": ["a", "b"]}, "headers": {"idempotency-KEY": "b"}}
    with pytest.raises(Exception, match="one key"):
        read_key(Call(event))
    assert read_key(Call({"headers": {"IDEMPOTENCY-key": "b"}})) == "b"
    assert read_key(Call({"headers": None, "multiValueHeaders": None})) is None


def test_other_methods_take_no_notice_of_the_header(world: World) -> None:
    made = world.create("a@example.com")["id"]
    header = {"Idempotency-Key": "k1"}
    for company in ("One", "Two"):
        answer = world.send("PATCH", f"/contacts/{made}", {"company": company}, headers=header)
        assert answer.json["company"] == company and not replayed(answer)
    assert rows(world) == []


# Races


@every_post
def test_32_twins_have_one_effect(worlds: Worlds, case: Case) -> None:
    """check 33: the rest get the same answer, or 409 while the first is at work."""
    with worlds() as alone:
        target = case.make(alone)
        path = case.path.format(target)
        assert post(alone, case.sent(target), path=path).status < 300
        expected = effects(alone)
    with worlds() as world:
        target = case.make(world)
        path = case.path.format(target)
        answers = world.racing.together(
            [lambda: post(world, case.sent(target), path=path, gateway=world.racing)] * 32
        )
        assert effects(world) == expected
        done = [answer for answer in answers if answer.status < 300]
        waiting = [answer for answer in answers if answer.status >= 300]
        assert len(done) >= 1 and len({answer.body for answer in done}) == 1
        assert sum(not replayed(answer) for answer in done) == 1
        for answer in waiting:
            assert (answer.status, answer.json["code"]) == (409, "idempotency_in_flight")
            assert 1 <= int(answer.headers["Retry-After"]) <= LEASE_SECONDS
            assert faults_of("POST", case.route, answer) == []
        assert same(done[0], post(world, case.sent(target), path=path))


def test_32_twins_of_which_none_waits_for_another_have_one_effect(world: World) -> None:
    """check 33, in the order in which threads happen to run."""
    answers = world.racing.together([lambda: post(world, ADA, gateway=world.racing)] * 32, in_step=False)
    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.json["id"] for answer in answers if answer.status == 201}) == 1
    assert len(world.content.contacts) == 1


def test_a_twin_that_comes_while_the_answer_is_being_written_is_told_so(world: World) -> None:
    """check 33: DynamoDB refuses to touch an item of a transaction that is under way."""

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        return json_answer(
            attempt, 400, {"__type": "com.amazonaws#TransactionConflictException", "message": "x"}
        )

    first = post(world, ADA)
    with injecting(Fault("locked", act, PUTS)):
        assert same(first, post(world, ADA))


def test_a_conflict_with_another_transaction_is_tried_again(world: World, waits: list[float]) -> None:
    """check 17"""
    with injecting(transaction_conflict(times=2)):
        assert post(world, ADA).status == 201


@contextmanager
def held(world: World) -> Iterator[SimpleNamespace]:
    """The first transaction waits before it is sent, until told to go on."""
    state = SimpleNamespace(reached=threading.Event(), go_on=threading.Event(), taken=threading.Lock())

    def hold(attempt: Attempt, send: Send) -> AWSResponse:
        if attempt.operation == "TransactWriteItems" and state.taken.acquire(blocking=False):
            state.reached.set()
            assert state.go_on.wait(300)
        return send(attempt)

    with intercepting(Layer.FAULTS, hold):
        yield state


def overtaken(
    world: World, meanwhile: Callable[[], Response], *, body: Any = ADA, path: str = CONTACTS
) -> tuple[Response, Response]:
    """A call that stands still before its write while `meanwhile` is done; both answers."""
    with held(world) as state:

        def first() -> Response:
            return post(world, body, path=path, gateway=world.racing)

        def second() -> Response:
            assert state.reached.wait(300)
            try:
                return meanwhile()
            finally:
                state.go_on.set()

        one, two = world.racing.together([first, second], in_step=False)
    return one, two


def test_a_twin_of_a_call_at_work_is_told_to_wait(world: World, clock: Clock) -> None:
    """check 33"""

    def twice() -> Response:
        soon = post(world, ADA, gateway=world.racing)
        assert (soon.status, soon.headers["Retry-After"]) == (409, "1")
        clock.ahead += 8
        return post(world, ADA, gateway=world.racing)

    first, twin = overtaken(world, twice)
    assert first.status == 201
    assert (twin.status, twin.json["code"]) == (409, "idempotency_in_flight")
    assert twin.headers["Retry-After"] == "8"
    assert same(first, post(world, ADA))


@every_post
def test_a_call_that_outlives_its_lease_and_is_retried_has_one_effect(
    worlds: Worlds, case: Case, clock: Clock
) -> None:
    """check 36: the retry does the work, and the first call answers with what the retry did."""
    with worlds() as alone:
        target = case.make(alone)
        assert post(alone, case.sent(target), path=case.path.format(target)).status < 300
        expected = effects(alone)
    with worlds() as world:
        target = case.make(world)
        path = case.path.format(target)

        def retry() -> Response:
            clock.ahead += LEASE_SECONDS + 1
            return post(world, case.sent(target), path=path, gateway=world.racing)

        late, retried = overtaken(world, retry, body=case.sent(target), path=path)
        assert retried.status < 300 and not replayed(retried)
        assert same(retried, late) and replayed(late)
        assert effects(world) == expected


def test_a_call_whose_retry_was_refused_writes_nothing_any_more(world: World, clock: Clock) -> None:
    """check 36: the answer that was given holds, though the first call's write would succeed by now."""

    def retry() -> Response:
        taken = world.racing.request("POST", CONTACTS, json=ADA, token=world.t1.user)
        clock.ahead += LEASE_SECONDS + 1
        refused = post(world, ADA, gateway=world.racing)
        world.racing.request("DELETE", f"/contacts/{taken.json['id']}", token=world.t1.admin)
        return refused

    late, retried = overtaken(world, retry)
    assert retried.status == 409 and retried.json["code"] == "duplicate"
    assert same(retried, late)
    assert world.content.live == []


def test_a_call_whose_retry_is_still_at_work_does_not_disturb_it(world: World, clock: Clock) -> None:
    """check 36"""

    def retry() -> Response:
        clock.ahead += LEASE_SECONDS + 1
        # A claim as the retry makes it, which has come no further yet.
        claim = IdempotencyKeyClaim(
            Caller("T1", "user", "admin-of-T1", "admin"),
            "k1",
            rows(world)[0]["fingerprint"]["S"],
            lambda record: "[201,{}]\n",
        )
        with acting_for("T1"):
            assert idempotency.IdempotencyKeyTable(store()).claim(claim) is None
        return post(world, ADA, gateway=world.racing)

    late, twin = overtaken(world, retry)
    assert late.json["code"] == twin.json["code"] == "idempotency_in_flight"
    assert world.content.contacts == []


# Faults


def killed_before_its_write(send: Callable[[], object]) -> None:
    with intercepting(Layer.FAULTS, kill_before(WRITES, at=1)), pytest.raises(Killed):
        send()


@every_post
def test_killed_anywhere_and_sent_again_a_call_has_one_effect(
    worlds: Worlds, case: Case, clock: Clock
) -> None:
    """check 13, check 36: and the retry is answered with what is there."""
    targets: dict[int, str] = {}

    @contextmanager
    def prepared() -> Iterator[World]:
        with worlds() as world:
            targets[id(world)] = case.make(world)
            yield world

    def deliver(world: World) -> None:
        clock.ahead += LEASE_SECONDS + 1
        target = targets[id(world)]
        path = case.path.format(target)
        answer = post(world, case.sent(target), path=path)
        assert answer.status < 300, answer.text
        if "contact_ids" in answer.json:  # a dismissal, which no route reads
            (row,) = world.content.of("T#", "DISMISSED#")
            assert (row["at"]["S"], row["by"]["S"]) == (answer.json["at"], answer.json["by"])
            return
        record = answer.headers.get("Location", path.rsplit("/", 1)[0])
        if "merged_ids" in answer.json:
            record = f"/merges/{answer.json['id']}"
        shown = world.send("GET", record.removeprefix("/v1")).json
        told_once = ("secret", "upload", "key", "contact", "changes", "dry_run")
        kept = [
            {name: value for name, value in one.items() if name not in told_once}
            for one in (shown, record_of(answer))
        ]
        assert kept[0] == kept[1]

    tried = assert_same_after_kills(
        prepared, deliver, effects, matching=lambda attempt: attempt.operation != "Scan"
    )
    assert tried >= 4


@every_post
def test_throttled_anywhere_a_call_has_one_effect(worlds: Worlds, case: Case) -> None:
    """check 10"""
    targets: dict[int, str] = {}

    @contextmanager
    def prepared() -> Iterator[World]:
        with worlds() as world:
            targets[id(world)] = case.make(world)
            yield world

    def deliver(world: World) -> None:
        target = targets[id(world)]
        answer = post(world, case.sent(target), path=case.path.format(target))
        assert answer.status < 300 and not replayed(answer)

    assert_same_under_throttling(
        prepared,
        deliver,
        effects,
        matching=lambda attempt: attempt.operation != "Scan",
    )


@every_post
def test_a_killed_call_keeps_its_key_until_its_lease_ends(world: World, case: Case, clock: Clock) -> None:
    target = case.make(world)
    path = case.path.format(target)
    killed_before_its_write(lambda: post(world, case.sent(target), path=path))
    assert post(world, case.sent(target), path=path).json["code"] == "idempotency_in_flight"
    clock.ahead += LEASE_SECONDS + 1
    assert post(world, case.sent(target), path=path).status < 300


@every_post
@pytest.mark.parametrize("lost", [PUTS, WRITES], ids=["claim", "write"])
@pytest.mark.parametrize("times", [1, 4])
def test_a_lost_answer_changes_nothing(
    world: World, case: Case, lost: Callable[[Attempt], bool], times: int
) -> None:
    """check 11: once, and so often that we give up; then too the client's retry gets the right answer."""
    target = case.make(world)
    path = case.path.format(target)
    before = len(told(world))
    with injecting(lost_answer(lost, times=times)):
        first = post(world, case.sent(target), path=path)
    again = post(world, case.sent(target), path=path)
    if lost is PUTS and times == 4:
        # The claim is there, but we do not know; it ends by itself.
        assert (first.status, again.status) == (503, 409)
        return
    assert first.status < 300 and same(first, again)
    assert len(told(world)) == before + case.events


def test_what_was_away_may_be_asked_again_at_once(world: World) -> None:
    """check 15: 5xx answers are not kept."""
    with injecting(unreachable(WRITES)):
        refused = post(world, ADA)
    assert refused.status == 503 and "Retry-After" in refused.headers
    made = post(world, ADA)
    assert made.status == 201 and not replayed(made)


def test_a_write_that_arrives_after_it_was_given_up_writes_nothing(world: World) -> None:
    """check 36: no answer for so long that the caller hears 503 and sends again; only then the first write lands."""
    delayed: list[Callable[[], AWSResponse]] = []

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        delayed.append(lambda: send(attempt))
        raise ReadTimeoutError(endpoint_url=attempt.url, error="injected")

    with injecting(Fault("delayed", act, WRITES, times=None)):
        assert post(world, ADA).status == 503
    assert len(delayed) == 4
    assert delayed[0]().status_code == 400
    assert world.content.contacts == []
    assert post(world, ADA).status == 201
    assert delayed[1]().status_code == 400
    assert len(world.content.contacts) == len(world.content.events) == 1


def test_a_fault_of_ours_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ContactInput, "given_fields", lambda self: 1 / 0)
        assert post(world, ADA).status == 500
    assert post(world, ADA).status == 201


def test_when_the_table_goes_away_in_mid_call_the_lease_frees_the_key(world: World, clock: Clock) -> None:
    """check 15"""
    post(world, ADA, "another")  # what a warm process has at hand is read
    calls = calls_of(lambda: post(world, {**ADA, "email": "warm@example.com"}, "probe"), call("dynamodb"))
    claim = calls.index("dynamodb.PutItem") + 1
    with injecting(unreachable(call("dynamodb"), at=claim + 1)):
        other = {**ADA, "email": "other@example.com"}
        assert post(world, other).status == 503
    assert post(world, other).json["code"] == "idempotency_in_flight"
    clock.ahead += LEASE_SECONDS + 1
    assert post(world, other).status == 201


# What it takes


def test_a_call_without_a_key_costs_nothing_more(world: World) -> None:
    def made(key: str | None, email: str) -> list[str]:
        return calls_of(lambda: post(world, {**ADA, "email": email}, key), call("dynamodb"))

    made(None, "0@example.com")  # what a warm process has at hand is read
    plain, keyed, again = made(None, "1@example.com"), made("k", "2@example.com"), made("k", "2@example.com")
    assert sorted(keyed) == sorted([*plain, "dynamodb.PutItem"])
    assert sorted(again) == sorted([*plain[:-1], "dynamodb.PutItem"])


def test_no_function_with_a_post_runs_as_long_as_a_lease(template: Template) -> None:
    for route in template.routes():
        if route.method == "POST":
            assert template.function(route.function)["Timeout"] < LEASE_SECONDS


def test_a_service_that_writes_without_announcing_its_answer_is_stopped(world: World) -> None:
    """Else a kill behind the write would lose the answer."""
    claim = IdempotencyKeyClaim(
        Caller("T1", "user", "u", "admin"), "k", "f", lambda record: record.model_dump_json()
    )
    service = contact_service(claim.caller, claim)
    service._writing._announce = lambda record: None
    with acting_for("T1"), pytest.raises(RuntimeError, match="announces"):
        service.create(ContactInput(**ADA))
    assert world.content.contacts == []


def test_an_answer_too_large_to_be_kept_is_refused_before_anything_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MAX_ANSWER", 500)
    about = " ".join(str(number) for number in range(1000))
    answer = post(world, {**ADA, "about": about})
    assert answer.status == 413
    assert world.content.contacts == []
    assert replayed(post(world, {**ADA, "about": about}))


def test_logs_hold_no_key(world: World, logs: Any) -> None:
    """check 95"""
    for body in (ADA, ADA, {**ADA, "company": "x"}, {"first_name": 1}):
        post(world, body, "canary-in-a-key")
    assert "idempotency_key_reused" in logs.getvalue()
    assert "canary" not in logs.getvalue()
    assert "canary" not in json.dumps(rows(world))
