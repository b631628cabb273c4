"""Changing, enabling, disabling and testing webhooks: through the gateway, with real handlers and sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from shared.domain.ids import new_id
from shared.services.limits import webhook_tests
from shared.services.limits.rate_limits import SECOND, Quota
from shared.services.limits.webhook_tests import WebhookTestLimit
from tests.integration.webhooks.test_webhook_rights import Hooks
from tests.integration.world import World
from tests.support.receiver import Receiver

HOOK = {"url": "https://hooks.example.com/contacts?token=hidden", "events": ["contact.created"]}


@pytest.fixture
def hooks(world: World, receiver: Receiver) -> Hooks:
    return Hooks(world, receiver)


def told(world: World) -> list[dict[str, Any]]:
    """Return the events of webhooks, in their order: type, version, actor and changes."""
    found = [
        {
            "type": one["type"]["S"],
            "version": int(one["version"]["N"]),
            "actor": one["actor"]["S"],
            "changes": json.loads(one["changes"]["S"]),
            "data": json.loads(one.get("data", {"S": "{}"})["S"]),
        }
        for one in world.content.of("T#", "EVENT#")
        if one["entity"]["S"] == "webhook"
    ]
    return sorted(found, key=lambda event: event["version"])


# Changes


def test_a_patch_changes_what_it_names_and_null_removes_conditions(world: World) -> None:
    made = world.send("POST", "/webhooks", {**HOOK, "filter": {"source": ["api", "api"]}}).json
    path = f"/webhooks/{made['id']}"
    assert made["filter"] == {"changed": [], "source": ["api"], "owner_id": None, "entity_id": None}
    given = {
        "events": ["contact.*", "contact.*"],
        "filter": {"changed": ["email"], "owner_id": "admin-of-T1"},
        "include": "full",
    }
    changed = world.send("PATCH", path, given).json
    assert changed["events"] == ["contact.*"]
    assert changed["filter"] == {
        "changed": ["email"],
        "source": ["api"],
        "owner_id": "admin-of-T1",
        "entity_id": None,
    }
    assert (changed["include"], changed["url"], changed["version"]) == ("full", HOOK["url"], 2)
    narrowed = world.send("PATCH", path, {"filter": {"changed": None, "source": []}}).json
    assert narrowed["filter"] == {"changed": [], "source": [], "owner_id": "admin-of-T1", "entity_id": None}
    emptied = world.send("PATCH", path, {"filter": None, "include": None, "description": None}).json
    assert emptied["filter"] == {"changed": [], "source": [], "owner_id": None, "entity_id": None}
    assert (emptied["include"], emptied["version"]) == ("thin", 4)
    assert world.send("GET", path).json == emptied


def test_a_patch_that_changes_nothing_is_no_change(world: World) -> None:
    made = world.send("POST", "/webhooks", HOOK).json
    path = f"/webhooks/{made['id']}"
    same = world.send("PATCH", path, {"url": HOOK["url"], "events": HOOK["events"] * 2, "filter": {}})
    assert (same.status, same.json["version"], same.headers["ETag"]) == (200, 1, '"1"')
    assert len(told(world)) == 1


@pytest.mark.parametrize(
    ("given", "status", "field", "code"),
    [
        ({"url": None}, 422, "url", "required"),
        ({"events": None}, 422, "events", "required"),
        ({"events": ["contact.eaten"]}, 422, "events.0", "unknown_event_type"),
        ({"events": ["cont*"]}, 422, "events.0", "unknown_event_type"),
        ({"events": ["webhook.test"]}, 422, "events.0", "unknown_event_type"),
        ({"url": "https://10.0.0.1/"}, 422, "url", "forbidden_address"),
        ({"filter": {"source": ["telepathy"]}}, 422, "filter.source.0", "literal_error"),
        ({"filter": {"changed": ["email"] * 51}}, 422, "filter.changed", "too_long"),
        ({"filter": {"changed": ["email", "e_mail"]}}, 422, "filter.changed.1", "unknown_field"),
        ({"filter": {"owner_id": "nobody"}}, 422, "filter.owner_id", "unknown_owner"),
        ({"filter": {"amount": 5}}, 422, "filter.amount", "extra_forbidden"),
        ({"include": "half"}, 422, "include", "literal_error"),
        ({"is_active": True}, 422, "is_active", "extra_forbidden"),
        ({"acts_as": "user:admin-of-T1"}, 422, "acts_as", "extra_forbidden"),
    ],
)
def test_a_refused_patch_names_the_field_and_changes_nothing(
    world: World, given: dict[str, Any], status: int, field: str, code: str
) -> None:
    made = world.send("POST", "/webhooks", HOOK).json
    answer = world.send("PATCH", f"/webhooks/{made['id']}", given)
    assert answer.status == status
    assert [(one["field"], one["code"]) for one in answer.json["errors"]] == [(field, code)]
    assert world.send("GET", f"/webhooks/{made['id']}").json["version"] == 1


@pytest.mark.parametrize("call", ["PATCH ", "POST /enable", "POST /disable"])
def test_check_25_a_change_of_another_version_is_refused(world: World, call: str) -> None:
    made = world.send("POST", "/webhooks", HOOK).json
    method, _, rest = call.partition(" ")
    path, body = f"/webhooks/{made['id']}{rest}", {"description": "x"} if method == "PATCH" else None
    assert world.send(method, path, body, headers={"If-Match": '"2"'}).status == 412
    assert world.send(method, path, body, headers={"If-Match": '"1"'}).status == 200


def test_of_32_writers_with_one_version_one_succeeds_and_the_rest_are_refused(world: World) -> None:
    made = world.send("POST", "/webhooks", HOOK).json
    path = f"/webhooks/{made['id']}"

    def change(number: int) -> Any:
        return lambda: world.racing.request(
            "PATCH",
            path,
            json={"description": f"writer {number}"},
            token=world.t1.admin,
            headers={"If-Match": '"1"'},
        )

    answers = world.racing.together([change(number) for number in range(32)])
    assert sorted(answer.status for answer in answers) == [200] + [412] * 31
    [won] = [answer.json for answer in answers if answer.status == 200]
    assert world.send("GET", path).json == won
    assert [event["version"] for event in told(world)] == [1, 2]


def test_check_77_changes_are_events_without_the_url_s_path_and_without_secrets(world: World) -> None:
    made = world.send("POST", "/webhooks", {**HOOK, "filter": {"source": ["api"]}}).json
    path = f"/webhooks/{made['id']}"
    world.send("PATCH", path, {"url": "https://hooks.example.com/other?token=hidden"})
    world.send("POST", f"{path}/disable")
    world.send("POST", f"{path}/disable")
    world.send("POST", f"{path}/enable")
    world.send("POST", f"{path}/enable")
    world.send("DELETE", path)
    found = told(world)
    assert [(event["type"], event["version"]) for event in found] == [
        ("webhook.created", 1),
        ("webhook.updated", 2),
        ("webhook.disabled", 3),
        ("webhook.enabled", 4),
        ("webhook.deleted", 5),
    ]
    assert {event["actor"] for event in found} == {"user:admin-of-T1"}
    assert found[0]["changes"]["url"] == [None, "https://hooks.example.com"]
    assert found[0]["changes"]["filter"] == [None, {"source": ["api"]}]
    assert found[1]["changes"] == {"url": ["https://hooks.example.com", "https://hooks.example.com"]}
    assert found[2]["changes"] == {"is_active": [True, False], "disabled_reason": [None, "requested"]}
    assert found[2]["data"] == {"reason": "requested"}
    text = json.dumps(found)
    assert "/contacts" not in text and "/other" not in text
    assert "hidden" not in text and made["secret"] not in text and "whsec" not in text


# Holders


def test_check_109_who_changes_what_is_sent_becomes_the_holder_and_needs_the_rights(hooks: Hooks) -> None:
    world = hooks.world
    client_id, key = hooks.client({"webhooks:manage": "all", "contacts:read": "all"})
    made = hooks.subscribe(world.t1.admin, "contact.created", "user.*")
    path = f"/webhooks/{made['id']}"
    for change in (
        {"url": "https://elsewhere.example.com/"},
        {"events": ["*"]},
        {"filter": {"source": ["api"]}},
    ):
        refused = world.send("PATCH", path, change, token=key)
        assert refused.status == 403
        assert "tenant:admin required for " in refused.json["detail"]
    assert world.send("POST", f"{path}/disable", token=key).status == 200
    assert world.send("POST", f"{path}/enable", token=key).status == 403
    described = world.send("PATCH", path, {"description": "stays"}, token=key).json
    assert (described["acts_as"], described["version"]) == ("user:admin-of-T1", 3)
    taken = world.send("PATCH", path, {"events": ["contact.created"]}, token=key).json
    assert (taken["acts_as"], taken["is_active"]) == (f"client:{client_id}", False)
    back = world.send("POST", f"{path}/enable").json
    assert (back["acts_as"], back["is_active"], back["created_by"]) == (
        "user:admin-of-T1",
        True,
        "user:admin-of-T1",
    )


def test_a_pattern_takes_the_rights_to_all_that_it_covers(hooks: Hooks) -> None:
    _, key = hooks.client({"webhooks:manage": "all", "contacts:read": "all"})
    refused = hooks.world.send("POST", "/webhooks", {**HOOK, "events": ["contact.*", "*"]}, token=key)
    assert refused.status == 403
    assert [one["field"] for one in refused.json["errors"]] == ["events.1"]
    for permission in ("tenant:admin", "imports:run", "exports:run"):
        assert f"{permission} required for *" in refused.json["detail"]
    assert hooks.world.send("POST", "/webhooks", {**HOOK, "events": ["note.*"]}, token=key).status == 201


def test_check_109_a_webhook_whose_holder_is_gone_is_disabled_until_another_caller_enables_it(
    hooks: Hooks,
) -> None:
    world = hooks.world
    client_id, key = hooks.client({"webhooks:manage": "all", "contacts:read": "all"})
    made = hooks.subscribe(key, "contact.created")
    path = f"/webhooks/{made['id']}"
    world.send("PATCH", f"/api-clients/{client_id}", {"permissions": {"webhooks:manage": None}})
    world.create()
    assert hooks.came(made) == []
    shown = world.send("GET", path).json
    assert (shown["is_active"], shown["disabled_reason"]) == (False, "holder_lost_rights")
    assert (told(world)[-1]["type"], told(world)[-1]["actor"]) == ("webhook.disabled", "system:webhooks")
    enabled = world.send("POST", f"{path}/enable").json
    assert (enabled["is_active"], enabled["disabled_reason"]) == (True, None)
    assert enabled["acts_as"] == "user:admin-of-T1"
    contact = world.create()
    assert hooks.came(made) == [("contact.created", contact["id"])]


def test_check_109_at_level_own_a_new_holder_does_not_see_what_an_earlier_one_was_sent(hooks: Hooks) -> None:
    world = hooks.world
    _, key = hooks.client({"webhooks:manage": "all", "contacts:read": "own"})
    mine = hooks.subscribe(key, "contact.created")
    log = f"/webhooks/{mine['id']}/deliveries"
    assert world.send("GET", log, token=key).status == 200
    assert world.send("POST", f"/webhooks/{mine['id']}/enable").json["acts_as"] == "user:admin-of-T1"
    world.create()
    assert hooks.came(mine)
    assert world.send("GET", log, token=key).status == 403
    assert world.send("PATCH", f"/webhooks/{mine['id']}", {"include": "full"}, token=key).status == 200
    assert world.send("GET", log, token=key).status == 403
    assert world.send("GET", log).status == 200


# What is sent


def test_check_72_filters_and_patterns_hold_from_the_change_to_the_receiver(hooks: Hooks) -> None:
    world = hooks.world
    mine, other = world.create(), world.create()
    owner = mine["owner_id"]
    hooks.spread()
    by_field = hooks.subscribe(world.t1.admin, "contact.*")
    by_owner = hooks.subscribe(world.t1.admin, "*")
    by_record = hooks.subscribe(world.t1.admin, "contact.updated")
    by_source = hooks.subscribe(world.t1.admin, "contact.updated")
    for webhook, wanted in (
        (by_field, {"changed": ["company", "custom_fields"]}),
        (by_owner, {"owner_id": owner, "changed": ["company", "owner_id"]}),
        (by_record, {"entity_id": other["id"]}),
        (by_source, {"source": ["import"]}),
    ):
        answer = world.send("PATCH", f"/webhooks/{webhook['id']}", {"filter": wanted})
        assert answer.status == 200, answer.text
    world.send("PATCH", f"/contacts/{other['id']}", {"owner_id": None})
    world.send("PATCH", f"/contacts/{mine['id']}", {"company": "Engines"})
    world.send("PATCH", f"/contacts/{other['id']}", {"custom_fields": {"visits": 3}})
    world.send("PATCH", f"/contacts/{mine['id']}", {"about": "x"})
    updated = "contact.updated"
    assert sorted(hooks.came(by_field)) == sorted([(updated, mine["id"]), (updated, other["id"])])
    assert sorted(hooks.came(by_owner)) == sorted([(updated, mine["id"]), (updated, other["id"])])
    assert hooks.came(by_record) == [(updated, other["id"])] * 2
    assert hooks.came(by_source) == []


def test_check_77_a_test_event_goes_to_its_webhook_alone_signed_and_into_its_log(hooks: Hooks) -> None:
    world = hooks.world
    made = hooks.subscribe(world.t1.admin, "tag.created")
    other = hooks.subscribe(world.t1.admin, "*")
    world.catch_up()
    world.published()
    answer = world.send("POST", f"/webhooks/{made['id']}/test")
    assert answer.status == 202
    assert (answer.json["event_type"], answer.json["state"]) == ("webhook.test", "pending")
    assert hooks.came(made) == [("webhook.test", made["id"])]
    assert [one for one in hooks.came(other) if one[0] == "webhook.test"] == []
    [came] = [one for one in hooks.receiver.requests if one.headers["webhook-id"] == answer.json["event_id"]]
    body = Verifier(made["secret"]).verify(came.body, came.headers)
    assert body["data"] == {
        "object": "webhook",
        "id": made["id"],
        "version": 1,
        "source": "api",
        "changes": {},
    }
    [delivery] = hooks.deliveries(made)
    assert (delivery["state"], delivery["event_id"]) == ("delivered", answer.json["event_id"])
    world.catch_up()
    assert "webhook.test" not in {one["type"] for one in world.published()}
    assert answer.json["event_id"] not in json.dumps([one["SK"] for one in world.content.of("T#", "EVENT#")])


def test_a_webhook_whose_url_and_headers_call_this_api_starts_nothing(hooks: Hooks) -> None:
    """Routes without a body accept any, and the header may be a key: without the refusal each test event would cause
    the next one.
    """
    world = hooks.world
    _, key = hooks.client({"webhooks:manage": "all", "contacts:read": "all"})
    body = {
        "url": f"{hooks.receiver.url}/loop",
        "events": ["*"],
        "headers": {"Authorization": f"Bearer {key}"},
    }
    made = world.send("POST", "/webhooks", body).json
    test = f"/webhooks/{made['id']}/test"
    assert world.send("POST", test).status == 202
    hooks.send()
    [came] = hooks.receiver.requests
    headers = {name: value for name, value in came.headers.items() if name.lower() != "host"}
    for method, path in (("POST", test), ("GET", "/contacts"), ("GET", "/health"), ("POST", "/nothing")):
        refused = world.gateway.request(method, path, json=json.loads(came.body), headers=headers)
        assert (refused.status, refused.json["code"]) == (403, "webhook_request"), path
    hooks.send()
    assert len(hooks.receiver.requests) == 1


def test_a_webhook_is_tested_a_limited_number_of_times_and_the_refusal_is_not_stored(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = hooks.subscribe(hooks.world.t1.admin, "contact.created")
    test, key = f"/webhooks/{made['id']}/test", {"Idempotency-Key": new_id()}
    monkeypatch.setattr(webhook_tests, "WEBHOOK_QUOTA", Quota(3_600 * SECOND, 1))
    assert hooks.world.send("POST", test).status == 202
    refused = hooks.world.send("POST", test, headers=key)
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    other = hooks.subscribe(hooks.world.t1.admin, "contact.created")
    assert (
        hooks.world.send(
            "POST", f"/webhooks/{other['id']}/test", headers={"Idempotency-Key": new_id()}
        ).status
        == 202
    )
    monkeypatch.setattr(WebhookTestLimit, "count", lambda *_: None)
    assert hooks.world.send("POST", test, headers=key).status == 202


def test_a_disabled_webhook_cannot_be_tested_and_what_waits_is_given_up(hooks: Hooks) -> None:
    world = hooks.world
    made = hooks.subscribe(world.t1.admin, "contact.created")
    world.create()
    hooks.spread()
    assert world.send("POST", f"/webhooks/{made['id']}/disable").status == 200
    refused = world.send("POST", f"/webhooks/{made['id']}/test")
    assert (refused.status, refused.json["code"]) == (409, "webhook_disabled")
    hooks.send()
    [delivery] = hooks.deliveries(made)
    assert (delivery["state"], delivery["reason"]) == ("failed", "webhook_disabled")
    assert hooks.receiver.requests == []
    assert world.send("POST", f"/webhooks/{new_id()}/test").status == 404
