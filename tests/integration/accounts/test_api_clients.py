"""API clients over HTTP: their keys, what they may do, and how that ends."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.accounts import api_client
from shared.domain.accounts.api_client import MAX_API_CLIENTS, ApiClientPatch, IssuedKey
from shared.domain.callers import Caller
from shared.domain.ids import new_id
from shared.services.accounts.client_uses import NOTED_SECONDS, ClientUses
from shared.table.keys import accounts as account_keys
from shared.wiring.accounts import api_client_service, client_uses, onboarding_service
from shared.wiring.base import store
from tests.integration.idempotency.test_idempotency import api_client as made_without
from tests.integration.table_content import unpack
from tests.integration.world import World
from tests.support.faults import (
    Fault,
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    injecting,
    lost_answer,
    throttle,
    unreachable,
)
from tests.support.gateway import Gateway, Response
from tests.support.tenant_guard import acting_for, as_operator
from tests.tenants import Tenancy

Worlds = Callable[[], AbstractContextManager[World]]
Made = dict[str, Any]

CLIENTS = "/api-clients"
READER = {"name": "Shop", "permissions": {"contacts:read": "all"}}
NOTES = call("dynamodb", "UpdateItem")


def make(world: World, **given: Any) -> Made:
    answer = world.send("POST", CLIENTS, {**READER, **given})
    assert answer.status == 201, answer.text
    made: Made = answer.json
    return made


def at(client: Made, action: str = "") -> str:
    return f"{CLIENTS}/{client['id']}{action}"


def now(world: World, client: Made) -> Made:
    shown: Made = world.send("GET", at(client)).json
    return shown


def rotate(world: World, client: Made, overlap: int | None = None) -> Made:
    body = {} if overlap is None else {"overlap_seconds": overlap}
    answer = world.send("POST", at(client, "/rotate-key"), body)
    assert answer.status == 200, answer.text
    rotated: Made = answer.json
    return rotated


def status_with(world: World, key: str, path: str = "/contacts") -> int:
    return world.gateway.request("GET", path, token=key).status


def look_ups(world: World) -> dict[str, dict[str, Any]]:
    """What the authorizer finds, by key id."""
    return {item["PK"]["S"].removeprefix("K#"): item for item in world.content.of("K#")}


def assert_agree(world: World) -> None:
    """Each key of a record has its look-up, which says what the record does, and there is no other; the count is that
    of the records; and each record has an event for each of its versions.
    """
    records = world.content.of(r"T#[^#]+#CLIENTS$")
    wanted = {}
    for record in records:
        client = json.loads(record["api_client"]["S"])
        for key in client["keys"]:
            wanted[key["id"]] = (
                client["id"],
                key["secret_hash"],
                ",".join(f"{word}:{level}" for word, level in client["permissions"].items()),
                not client["is_active"],
                key["valid_until"],
            )
        assert len(client["keys"]) <= 2
        events = world.content.of(
            f"{record['PK']['S']}".replace("CLIENTS", f"CLIENT#{client['id']}"), "EVENT#"
        )
        told = sorted(int(event["version"]["N"]) for event in events)
        versions = list(range(1, int(record["version"]["N"]) + 1))
        assert told == versions or client["created_by"] == "system:operator"
    found = {
        key_id: (
            item["client_id"]["S"],
            item["secret_hash"]["S"],
            item["permissions"]["S"],
            item["disabled"]["BOOL"],
            item.get("valid_until", {}).get("S"),
        )
        for key_id, item in look_ups(world).items()
    }
    assert found == wanted
    counted = {
        item["PK"]["S"]: int(item["api_clients"]["N"]) for item in world.content.of("T#[^#]+#CLIENTS#COUNT")
    }
    per_tenant = Counter(record["PK"]["S"].replace("#CLIENTS", "#CLIENTS#COUNT") for record in records)
    assert counted == {name: per_tenant[name] for name in counted}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by which the present is ahead."""
    ahead, present = [0.0], timestamps.now
    monkeypatch.setattr(timestamps, "now", lambda: timestamps.plus(present(), ahead[0]))
    return ahead


# What is shown


def test_a_new_client_s_key_is_shown_once_and_lets_it_in(world: World) -> None:
    answer = world.send("POST", CLIENTS, {**READER, "description": "At the till"})
    made = answer.json
    assert (answer.status, answer.headers["Location"], answer.headers["ETag"]) == (
        201,
        f"/v1/api-clients/{made['id']}",
        '"1"',
    )
    key_id = made["keys"][0]["id"]
    assert re.fullmatch(rf"ck_{key_id}_[\w-]{{43}}", made["key"])
    assert (made["name"], made["description"], made["is_active"]) == ("Shop", "At the till", True)
    assert (made["created_by"], made["version"], made["last_used_at"]) == ("user:admin-of-T1", 1, None)
    assert made["keys"] == [{"id": key_id, "created_at": made["created_at"], "valid_until": None}]
    shown = now(world, made)
    assert shown == {name: value for name, value in made.items() if name != "key"}
    assert world.send("GET", CLIENTS).json["items"][0] == shown
    assert status_with(world, made["key"]) == 200
    me = world.gateway.request("GET", "/me", token=made["key"]).json
    assert me == {
        "kind": "client",
        "id": made["id"],
        "username": None,
        "role": "client",
        "permissions": {"contacts:read": "all"},
        "tenant": {"id": "T1", "name": "Tenant T1"},
    }
    assert_agree(world)


def test_secret_and_hash_are_nowhere_but_where_they_must_be(world: World, logs: Any) -> None:
    """check 54, check 95: the secret nowhere, the hash in the record and in what the authorizer looks up."""
    made = make(world)
    rotated = rotate(world, made)
    answers = [
        world.send("GET", at(made)),
        world.send("GET", CLIENTS),
        world.send("PATCH", at(made), {"name": "Other"}),
        world.send("DELETE", at(make(world))),
    ]
    assert status_with(world, rotated["key"]) == 200
    world.catch_up()
    said = logs.getvalue() + "".join(answer.text for answer in answers) + json.dumps(world.published())
    for key in (made["key"], rotated["key"]):
        secret = key.split("_", 2)[2]
        digest = hashlib.sha256(secret.encode()).hexdigest()
        assert secret not in said and digest not in said
        assert secret not in json.dumps(world.content.items, default=unpack)
        texts = {json.dumps(item, default=unpack): item["PK"]["S"][:2] for item in world.content.items}
        assert {kind for text, kind in texts.items() if digest in text} == {"T#", "K#"}
        assert digest not in json.dumps(world.content.of("T#", "EVENT#"))


def test_clients_are_listed_newest_first_with_those_the_operator_made(world: World) -> None:
    made = [make(world, name=f"Client {number}") for number in range(3)]
    first = world.send("GET", CLIENTS, query={"limit": 2}).json
    rest = world.send("GET", CLIENTS, query={"limit": 10, "cursor": first["next_cursor"]}).json
    names = [one["name"] for one in first["items"] + rest["items"]]
    assert names == [*(one["name"] for one in reversed(made)), "nothing", "all"]
    assert (len(first["items"]), rest["next_cursor"]) == (2, None)


# What it may do


def test_a_client_without_permissions_can_only_read_its_identity(world: World) -> None:
    """check 52"""
    made = world.send("POST", CLIENTS, {"name": "Nobody"}).json
    assert made["permissions"] == {}
    for path in ("/contacts", "/webhooks", "/settings", CLIENTS, "/imports"):
        assert status_with(world, made["key"], path) == 403
    assert world.gateway.request("GET", "/me", token=made["key"]).json["permissions"] == {}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"permissions": {"contacts:fly": "all"}}, "permissions.contacts:fly"),
        ({"permissions": {"contacts:read": "some"}}, "permissions.contacts:read"),
        ({"permissions": {"": "all"}}, "permissions."),
        ({"permissions": ["contacts:read"]}, "permissions"),
        ({"permissions": {"contacts:read,tenant:admin": "all"}}, "permissions.contacts:read,tenant:admin"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": None}, "name"),
        ({"description": "x" * 501}, "description"),
        ({"is_active": "perhaps"}, "is_active"),
        ({"key": "ck_1_2"}, "key"),
        ({"keys": []}, "keys"),
        ({"last_used_at": "2026-01-01T00:00:00Z"}, "last_used_at"),
    ],
)
def test_a_refused_field_is_named_and_nothing_is_written(world: World, given: Made, field: str) -> None:
    """check 53"""
    made = make(world)
    before = world.content.picture()
    for method, path in (("POST", CLIENTS), ("PATCH", at(made))):
        answer = world.send(method, path, {**READER, **given})
        if field == "is_active" and method == "POST":
            continue
        assert (answer.status, answer.json["errors"][0]["field"]) == (422, field), answer.text
    assert world.content.picture() == before


@pytest.mark.parametrize("overlap", [-1, 604_801, "soon", 1.5, None])
def test_an_overlap_is_of_up_to_seven_days(world: World, overlap: Any) -> None:
    answer = world.send("POST", at(make(world), "/rotate-key"), {"overlap_seconds": overlap})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "overlap_seconds")


def test_a_patch_merges_permissions_and_tells_of_each(world: World) -> None:
    """RFC 7396: what is absent stays, null takes away."""
    made = make(world, permissions={"contacts:read": "all", "imports:run": "all"})
    patch = {"permissions": {"contacts:read": "own", "imports:run": None, "contacts:write": "own"}}
    changed = world.send("PATCH", at(made), patch)
    assert changed.json["permissions"] == {"contacts:read": "own", "contacts:write": "own"}
    assert (changed.json["version"], changed.headers["ETag"]) == (2, '"2"')
    events = world.content.of(f"T#T1#CLIENT#{made['id']}", "EVENT#")
    assert [event["type"]["S"] for event in events] == ["api_client.created", "api_client.updated"]
    assert json.loads(events[1]["changes"]["S"]) == {
        "permissions.contacts:read": ["all", "own"],
        "permissions.imports:run": ["all", None],
        "permissions.contacts:write": [None, "own"],
    }
    again = world.send("PATCH", at(made), patch)
    assert again.json == changed.json, "what changes nothing is no change"
    assert world.send("PATCH", at(made), {"permissions": None}).json["permissions"] == {}
    assert world.send("PATCH", at(made), {"is_active": False}).json["is_active"] is False
    assert world.send("PATCH", at(made), {"is_active": True}).json["is_active"] is True
    assert_agree(world)


def test_a_stale_condition_changes_nothing(world: World) -> None:
    made = make(world)
    assert world.send("PATCH", at(made), {"name": "Other"}, headers={"If-Match": '"1"'}).status == 200
    before = world.content.picture()
    for method, path, body in (
        ("PATCH", at(made), {"name": "Third"}),
        ("DELETE", at(made), None),
        ("POST", at(made, "/rotate-key"), {}),
    ):
        assert world.send(method, path, body, headers={"If-Match": '"1"'}).status == 412
    assert world.content.picture() == before


def test_permissions_at_level_own_do_not_make_an_administrator(world: World) -> None:
    key = make(world, permissions={"tenant:admin": "own"})["key"]
    for method, path, body in (("GET", CLIENTS, None), ("POST", CLIENTS, READER), ("PATCH", "/settings", {})):
        answer = world.gateway.request(method, path, json=body, token=key)
        assert answer.status == 403
        assert answer.json["detail"] == "Insufficient permissions: tenant:admin:all required"


# Keys come and go


def test_a_replaced_key_is_good_until_its_overlap_ends(world: World, clock: list[float]) -> None:
    made = make(world)
    rotated = rotate(world, made, 3600)
    assert [key["id"] for key in rotated["keys"]] == [made["keys"][0]["id"], rotated["key"].split("_")[1]]
    until = timestamps.to_milliseconds(rotated["keys"][0]["valid_until"])
    assert abs(until - timestamps.to_milliseconds(rotated["updated_at"]) - 3_600_000) < 1_000
    assert (rotated["id"], rotated["version"]) == (made["id"], 2)
    assert status_with(world, made["key"]) == status_with(world, rotated["key"]) == 200
    clock[0] = 3590.0
    assert status_with(world, made["key"]) == 200
    clock[0] = 3601.0
    assert (status_with(world, made["key"]), status_with(world, rotated["key"])) == (401, 200)
    assert_agree(world)


def test_a_day_is_the_overlap_when_none_is_given_and_nothing_ends_a_key_at_once(world: World) -> None:
    made = make(world)
    rotated = rotate(world, made)
    until, since = (rotated["keys"][0]["valid_until"], rotated["updated_at"])
    assert abs(timestamps.to_milliseconds(until) - timestamps.to_milliseconds(since) - 86_400_000) < 1_000
    last = rotate(world, made, 0)
    assert len(last["keys"]) == 1
    assert [status_with(world, one["key"]) for one in (made, rotated, last)] == [401, 401, 200]
    assert_agree(world)


def test_a_rotation_during_an_overlap_ends_the_oldest_key_at_once(world: World) -> None:
    made = make(world)
    second, third = rotate(world, made), rotate(world, made)
    assert [status_with(world, one["key"]) for one in (made, second, third)] == [401, 200, 200]
    assert len(now(world, made)["keys"]) == 2
    told = world.content.of(f"T#T1#CLIENT#{made['id']}", "EVENT#")[-1]
    assert told["type"]["S"] == "api_client.key_rotated"
    assert json.loads(told["data"]["S"])["replaced_key_id"] == second["key"].split("_")[1]
    assert_agree(world)


def test_rotation_keeps_the_identity_of_the_client(world: World) -> None:
    """So its contacts stay its own, and its Idempotency-Keys and cursors good."""
    made = make(world, permissions={"contacts:read": "all", "contacts:write": "all"})
    body, key = {"first_name": "A", "email": "a@example.com"}, {"Idempotency-Key": "k"}
    first = world.gateway.request("POST", "/contacts", json=body, token=made["key"], headers=key)
    rotated = rotate(world, made, 0)
    again = world.gateway.request("POST", "/contacts", json=body, token=rotated["key"], headers=key)
    assert first.json == again.json
    assert first.json["created_by"] == f"client:{made['id']}"


def test_a_deleted_client_s_keys_are_gone(world: World) -> None:
    made = make(world)
    rotated = rotate(world, made)
    assert world.send("DELETE", at(made)).status == 204
    assert status_with(world, made["key"]) == status_with(world, rotated["key"]) == 401
    assert world.send("GET", at(made)).status == 404
    assert not {one["id"] for one in rotated["keys"]} & set(look_ups(world))
    told = world.content.of(f"T#T1#CLIENT#{made['id']}", "EVENT#")[-1]
    assert (told["type"]["S"], told["version"]["N"]) == ("api_client.deleted", "3")
    assert_agree(world)


def test_a_client_may_delete_itself(world: World) -> None:
    made = make(world, permissions={"tenant:admin": "all"})
    assert world.gateway.request("DELETE", at(made), token=made["key"]).status == 204
    assert status_with(world, made["key"], "/me") == 401


def disable(world: World, client: Made) -> Response:
    return world.send("PATCH", at(client), {"is_active": False})


def deprive(world: World, client: Made) -> Response:
    return world.send("PATCH", at(client), {"permissions": {"contacts:read": None}})


def delete(world: World, client: Made) -> Response:
    return world.send("DELETE", at(client))


def replace_key(world: World, client: Made) -> Response:
    return world.send("POST", at(client, "/rotate-key"), {"overlap_seconds": 0})


@pytest.mark.parametrize(
    ("act", "after"), [(disable, 401), (deprive, 403), (delete, 401), (replace_key, 401)]
)
def test_what_ends_a_client_s_rights_is_in_effect_within_a_minute(
    world: World, act: Callable[[World, Made], Response], after: int
) -> None:
    """check 57: the authorizer's answer is cached for 60 s, and nothing that it depends on is cached for longer."""
    moment = [0.0]
    gateway = Gateway(world.stack.template, cached=True, clock=lambda: moment[0])
    made = make(world)
    assert gateway.request("GET", "/contacts", token=made["key"]).status == 200
    assert act(world, made).status < 300
    moment[0] = 60.1
    assert gateway.request("GET", "/contacts", token=made["key"]).status == after


def test_restored_rights_take_effect_again(world: World) -> None:
    made = make(world)
    disable(world, made)
    assert status_with(world, made["key"]) == 401
    assert world.send("PATCH", at(made), {"is_active": True}).status == 200
    assert status_with(world, made["key"]) == 200


def test_a_key_that_is_another_tenant_s_is_never_written_over(
    world: World, t10: Tenancy, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    """check 49: if an id were generated twice, the key of the first client would not change."""
    theirs = t10.program.split("_")[1]
    mine = make(world)
    before = look_ups(world)[theirs]
    fresh = IssuedKey.make

    def twice(moment: str) -> IssuedKey:
        made = fresh(moment)
        return IssuedKey(made.text, made.record.model_copy(update={"id": theirs}))

    monkeypatch.setattr(api_client.IssuedKey, "make", twice)
    for path, body in ((CLIENTS, READER), (at(mine, "/rotate-key"), {})):
        answer = world.send("POST", path, body)
        assert (answer.status, answer.json["code"]) == (409, "concurrent_change")
    assert look_ups(world)[theirs] == before
    assert status_with(world, t10.program) == 200
    assert_agree(world)


# Races and faults


def test_racing_creates_do_not_pass_the_limit(world: World, waits: list[float]) -> None:
    """check 32, for clients: 100 and no more."""
    with as_operator():
        store().update(
            account_keys.api_client_count("T1"),
            "SET api_clients = :n",
            {":n": {"N": str(MAX_API_CLIENTS - 2)}},
        )
    answers = world.racing.together(
        [lambda: world.racing.request("POST", CLIENTS, json=READER, token=world.t1.admin)] * 6
    )
    assert Counter(answer.status for answer in answers) == {201: 2, 409: 4}
    refused = next(answer for answer in answers if answer.status == 409)
    assert refused.json["code"] == "too_many_api_clients"
    victim = next(answer.json for answer in answers if answer.status == 201)
    assert world.send("DELETE", at(victim)).status == 204
    assert world.send("POST", CLIENTS, READER).status == 201


@pytest.mark.parametrize("in_step", [True, False])
def test_racing_changes_leave_record_and_keys_as_one(world: World, waits: list[float], in_step: bool) -> None:
    made = make(world)
    requests: list[tuple[str, str, Any]] = [
        ("POST", at(made, "/rotate-key"), {}),
        ("POST", at(made, "/rotate-key"), {"overlap_seconds": 0}),
        ("PATCH", at(made), {"permissions": {"contacts:write": "all"}}),
        ("PATCH", at(made), {"is_active": False}),
        ("PATCH", at(made), {"name": "Raced"}),
    ]
    answers = world.racing.together(
        [
            lambda one=one: world.racing.request(one[0], one[1], json=one[2], token=world.t1.admin)  # type: ignore[misc]
            for one in requests
        ],
        in_step=in_step,
    )
    assert [answer.status for answer in answers] == [200] * 5
    last = now(world, made)
    assert (last["version"], last["name"], last["is_active"]) == (6, "Raced", False)
    assert last["permissions"] == {"contacts:read": "all", "contacts:write": "all"}
    assert_agree(world)


def test_of_writers_under_one_condition_one_wins(world: World, waits: list[float]) -> None:
    """check 25"""
    made = make(world)
    answers = world.racing.together(
        [
            lambda number=number: world.racing.request(  # type: ignore[misc]
                "PATCH",
                at(made),
                json={"name": f"Writer {number}"},
                token=world.t1.admin,
                headers={"If-Match": '"1"'},
            )
            for number in range(8)
        ]
    )
    assert Counter(answer.status for answer in answers) == {200: 1, 412: 7}
    assert_agree(world)


def test_a_client_deleted_while_its_key_is_rotated_leaves_no_key(world: World, waits: list[float]) -> None:
    made = make(world)
    answers = world.racing.together(
        [
            lambda: world.racing.request("DELETE", at(made), token=world.t1.admin),
            lambda: world.racing.request("POST", at(made, "/rotate-key"), json={}, token=world.t1.admin),
        ]
    )
    assert answers[0].status == 204 and answers[1].status in (200, 404)
    assert_agree(world)


@pytest.mark.parametrize("act", [disable, deprive, delete])
def test_killed_anywhere_and_sent_again_a_change_is_whole(
    worlds: Worlds, act: Callable[[World, Made], Response]
) -> None:
    """check 13"""

    def deliver(world: World) -> None:
        for client in world.send("GET", CLIENTS).json["items"]:
            if client["name"] == "all":
                act(world, client)

    def state(world: World) -> list[str]:
        assert_agree(world)
        return world.content.picture()

    assert assert_same_after_kills(worlds, deliver, state, matching=lambda one: one.operation != "Scan") >= 5


def test_throttled_anywhere_a_change_is_whole(worlds: Worlds, waits: list[float]) -> None:
    """check 10"""

    def deliver(world: World) -> None:
        (client,) = (one for one in world.send("GET", CLIENTS).json["items"] if one["name"] == "all")
        assert disable(world, client).status == 200

    assert_same_under_throttling(
        worlds, deliver, lambda world: world.content.picture(), matching=lambda one: one.operation != "Scan"
    )


def test_a_lost_answer_makes_one_client_and_one_key(world: World) -> None:
    """check 11"""
    with injecting(lost_answer(call("dynamodb", "TransactWriteItems"))):
        made = make(world)
        rotated = rotate(world, made)
        assert disable(world, made).status == 200
    assert now(world, made)["version"] == 3
    assert len(look_ups(world)) == 2 + 2
    assert rotated["keys"][1]["id"] in look_ups(world)
    with injecting(lost_answer(call("dynamodb", "TransactWriteItems"))):
        assert delete(world, made).status == 204
    assert_agree(world)


# When it was last used


def test_its_use_is_noted_and_is_no_change_of_it(world: World) -> None:
    made = make(world)
    before = timestamps.now()
    assert status_with(world, made["key"]) == 200
    shown = now(world, made)
    assert before <= shown["last_used_at"] <= timestamps.now()
    assert {**shown, "last_used_at": None} == now(world, made) | {"last_used_at": None}
    assert shown["version"] == 1
    assert len(world.content.of(f"T#T1#CLIENT#{made['id']}", "EVENT#")) == 1
    changed = world.send("PATCH", at(made), {"name": "Other"}).json
    assert changed["last_used_at"] == shown["last_used_at"]


def test_a_use_noted_while_the_client_is_changed_is_not_lost(world: World) -> None:
    made = make(world)
    with acting_for("T1", prefixes=("K#",)):
        service = api_client_service(Caller("T1", "user", "u", "admin"))
        read = service._clients.get

        def used_meanwhile(client_id: str) -> Any:
            found = read(client_id)
            client_uses().record("T1", client_id)
            return found

        service._clients.get = used_meanwhile  # type: ignore[method-assign]
        service.change(made["id"], ApiClientPatch(name="Other"), None)
    shown = now(world, made)
    assert (shown["name"], shown["version"]) == ("Other", 2)
    assert shown["last_used_at"] is not None


def test_a_process_tries_to_note_a_use_once_in_five_minutes_for_each_client() -> None:
    noted: list[tuple[str, str]] = []
    moment = [1000.0]

    class Notes:
        def record_use(self, tenant_id: str, client_id: str, *, at: str, unless_since: str) -> None:
            noted.append((tenant_id, client_id))
            assert (
                timestamps.to_milliseconds(at) - timestamps.to_milliseconds(unless_since)
                == NOTED_SECONDS * 1000
            )
            raise OSError

    uses = ClientUses(Notes(), clock=lambda: moment[0])
    for _ in range(2):
        for tenant, client in (("T1", "a"), ("T1", "b"), ("T10", "a")) * 2:
            try:
                uses.record(tenant, client)
            except OSError:
                continue
        moment[0] += NOTED_SECONDS
    assert noted == [("T1", "a"), ("T1", "b"), ("T10", "a")] * 2


def test_of_many_processes_one_writes_a_note(world: World, clock: list[float]) -> None:
    made = make(world)

    def used() -> str:
        client_uses.cache_clear()  # as another process
        assert status_with(world, made["key"]) == 200
        return str(now(world, made)["last_used_at"])

    first = used()
    clock[0] = NOTED_SECONDS - 10.0
    assert used() == first
    clock[0] = NOTED_SECONDS + 10.0
    assert used() > first


@pytest.mark.parametrize("fault", [throttle, unreachable])
def test_a_use_that_cannot_be_recorded_refuses_no_call_and_is_not_retried_at_once(
    world: World, fault: Callable[..., Fault]
) -> None:
    made = make(world)
    injected = fault(NOTES, times=None)
    with injecting(injected):
        assert [status_with(world, made["key"]) for _ in range(3)] == [200] * 3
    assert injected.fired == 1
    assert world.gateway.failures == []
    assert now(world, made)["last_used_at"] is None


def test_a_note_does_not_bring_a_deleted_client_back(world: World) -> None:
    made = make(world)
    assert delete(world, made).status == 204
    with acting_for("T1"):
        client_uses().record("T1", made["id"])
    assert world.content.of("T#T1#CLIENTS$", made["id"]) == []


def test_a_refused_key_s_use_is_not_noted(world: World) -> None:
    made = make(world)
    assert status_with(world, made["key"] + "x") == 401
    disable(world, made)
    assert status_with(world, made["key"]) == 401
    assert now(world, made)["last_used_at"] is None


# Its events and logs


def test_its_events_are_published(world: World) -> None:
    made = make(world)
    rotate(world, made)
    disable(world, made)
    delete(world, made)
    world.catch_up()
    found = [(one["type"], one["entity"], one["entity_id"]) for one in world.published()]
    assert found == [
        (f"api_client.{what}", "api_client", made["id"])
        for what in ("created", "key_rotated", "updated", "deleted")
    ]


def test_an_answer_stored_under_a_key_is_not_replayed_to_a_caller_who_has_lost_the_right(
    world: World,
) -> None:
    key = {"Idempotency-Key": "k"}
    first = world.send("POST", CLIENTS, READER, headers=key)
    assert world.send("POST", CLIENTS, READER, headers=key).json["key"] == first.json["key"]
    other = world.gateway.request("POST", CLIENTS, json=READER, token=world.t1.program, headers=key)
    assert other.json["key"] != first.json["key"], "another caller's key is another key"
    with as_operator():
        onboarding_service().add_member("admin-of-T1", "T1", "user", "admin")
    shut = world.send("POST", CLIENTS, READER, headers=key)
    assert shut.status == 403 and first.json["key"] not in shut.text


def test_an_id_that_is_none_is_not_looked_up(world: World) -> None:
    made_without(world)
    assert world.send("GET", f"{CLIENTS}/{new_id().upper()}").status == 404


def test_null_does_not_reactivate_a_disabled_client(world: World) -> None:
    made = make(world)
    assert world.send("PATCH", at(made), {"is_active": False}).status == 200
    answer = world.send("PATCH", at(made), {"is_active": None})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "is_active")
    assert now(world, made)["is_active"] is False
