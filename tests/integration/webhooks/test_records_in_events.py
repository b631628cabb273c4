"""Webhooks with `include` `full` receive the record as its GET shows it to their holder, as it is when it is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain.ids import new_id
from tests.integration.webhooks.test_webhook_rights import Hooks
from tests.integration.world import World
from tests.support import event_schemas
from tests.support.receiver import Receiver


@pytest.fixture
def hooks(world: World, receiver: Receiver) -> Hooks:
    return Hooks(world, receiver)


def subscribe(hooks: Hooks, *events: str, token: str | None = None) -> dict[str, Any]:
    body = {"url": f"{hooks.receiver.url}/{new_id()}", "events": list(events), "include": "full"}
    answer = hooks.world.send("POST", "/webhooks", body, token=token)
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def payloads(hooks: Hooks, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    hooks.spread()
    hooks.send()
    path = "/" + webhook["url"].rpartition("/")[2]
    found = [json.loads(one.body) for one in hooks.receiver.requests if one.path == path]
    for one in found:
        assert event_schemas.find_fault(one) is None
    return found


def test_the_record_is_that_of_its_get_when_it_is_sent(hooks: Hooks) -> None:
    world = hooks.world
    webhook = subscribe(
        hooks, "contact.created", "customer.created", "group.*", "type.created", "tag.created"
    )
    group = world.send("POST", "/groups", {"name": "Family"}).json
    kind = world.send("POST", "/types", {"name": "Guest"}).json
    customer = world.send("POST", "/customers", {"first_name": "Grace"}).json
    contact = world.create(tags=["vip"], groups=["Family"], customer_id=customer["id"])
    answer = world.send("PATCH", f"/contacts/{contact['id']}", {"company": "Elsewhere"})
    assert answer.status == 200
    found = payloads(hooks, webhook)
    shown = {
        "contact": world.send("GET", f"/contacts/{contact['id']}").json,
        "customer": world.send("GET", f"/customers/{customer['id']}").json,
        "group": world.send("GET", f"/groups/{group['id']}").json,
        "type": world.send("GET", f"/types/{kind['id']}").json,
    }
    assert shown["contact"]["customer_name"] == "Grace"
    assert {one["type"] for one in found} == {
        "contact.created", "customer.created", "group.created", "group.member_added", "type.created", "tag.created"
    }  # fmt: skip
    for one in found:
        if (expected := shown.get(one["data"]["object"])) is not None:
            assert one["data"]["record"] == expected
    (created,) = (one for one in found if one["type"] == "contact.created")
    assert created["data"]["record"]["version"] == 2 > created["data"]["version"]


def test_records_for_admins_are_sent_without_secrets(hooks: Hooks) -> None:
    world = hooks.world
    webhook = subscribe(hooks, "user.invited", "api_client.created", "webhook.created", "user.updated")
    world.send("POST", "/users/invitations", {"email": "new@example.com", "role": "user"})
    client = world.send("POST", "/api-clients", {"name": "c", "permissions": {"contacts:read": "all"}}).json
    other = hooks.subscribe(world.t1.admin, "contact.created")
    found = payloads(hooks, webhook)
    records = {one["type"]: one["data"]["record"] for one in found if one["data"]["id"] != webhook["id"]}
    assert set(records) == {"user.invited", "api_client.created", "webhook.created"}
    assert records["api_client.created"] == world.send("GET", f"/api-clients/{client['id']}").json
    shown = world.send("GET", f"/webhooks/{other['id']}").json
    assert records["webhook.created"] == {**shown, "url": hooks.receiver.url}
    text = json.dumps(found)
    assert client["key"] not in text and other["secret"] not in text and "inv_" not in text


def test_a_record_that_is_gone_leaves_the_body_as_it_is_without_it(hooks: Hooks) -> None:
    world = hooks.world
    webhook = subscribe(hooks, "contact.created", "contact.deleted", "export.completed")
    contact = world.create()
    assert world.send("DELETE", f"/contacts/{contact['id']}").status == 204
    found = payloads(hooks, webhook)
    assert sorted(one["type"] for one in found) == ["contact.created", "contact.deleted"]
    assert all("record" not in one["data"] for one in found)


def test_check_109_the_record_is_what_the_holder_may_see(hooks: Hooks) -> None:
    """A holder at level `own` sees no name of a customer whom they may not see."""
    world = hooks.world
    client_id, key = hooks.client({"webhooks:manage": "all", "contacts:read": "own", "contacts:write": "own"})
    webhook = subscribe(hooks, "contact.*", token=key)
    customer = world.send("POST", "/customers", {"first_name": "Grace"}).json
    own = world.create(token=key)
    answer = world.send("PATCH", f"/contacts/{own['id']}", {"customer_id": customer["id"]})
    assert answer.status == 200, answer.text
    shown = world.send("GET", f"/contacts/{own['id']}", token=key).json
    found = payloads(hooks, webhook)
    assert found and all(one["data"]["record"] == shown for one in found)
    assert shown["owner_id"] == client_id


def test_check_77_the_path_of_a_webhook_s_url_is_not_sent_to_another_webhook(hooks: Hooks) -> None:
    """It is the secret of receivers that need no other credentials."""
    world = hooks.world
    url = f"{hooks.receiver.url}/services/T0/canary?token=canary"
    other = world.send("POST", "/webhooks", {"url": url, "events": ["tag.created"]}).json
    webhook = subscribe(hooks, "webhook.*")
    world.send("PATCH", f"/webhooks/{other['id']}", {"url": f"{url}2"})
    found = [one for one in payloads(hooks, webhook) if one["data"]["id"] == other["id"]]
    assert {one["type"] for one in found} == {"webhook.updated", "webhook.created"}
    assert {one["data"]["record"]["url"] for one in found} == {hooks.receiver.url}
    assert not any("canary" in str(one) for one in found)
