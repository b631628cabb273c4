"""Webhooks hear that contacts join and leave static groups: events that follow from those of the contacts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.publishing.contracts import from_message, to_message
from shared.table.event_items import event_from_item
from shared.wiring.webhooks import fan_out
from tests.integration.webhooks.test_webhook_rights import Hooks
from tests.integration.world import World
from tests.support.faults import calls_of
from tests.support.receiver import Receiver
from tests.support.tenant_guard import acting_for

BOTH = ("group.member_added", "group.member_removed")


@pytest.fixture
def hooks(world: World, receiver: Receiver) -> Hooks:
    return Hooks(world, receiver)


def group(world: World, name: str) -> str:
    answer = world.send("POST", "/groups", {"name": name})
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def heard(hooks: Hooks, webhook: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return type, group and contact of each event of groups that has reached a webhook."""
    hooks.came(webhook)
    path = "/" + webhook["url"].rpartition("/")[2]
    bodies = [json.loads(one.body) for one in hooks.receiver.requests if one.path == path]
    return sorted((one["type"], one["data"]["id"], one["data"]["contact_id"]) for one in bodies)


def test_contacts_join_and_leave_groups_one_by_one_and_many_at_a_time(hooks: Hooks) -> None:
    world = hooks.world
    webhook = hooks.subscribe(world.t1.admin, *BOTH)
    family, friends = group(world, "Family"), group(world, "Friends")
    ada = world.create(groups=["Family"])["id"]
    bob = world.create()["id"]
    assert world.send("PUT", f"/contacts/{ada}/groups/{friends}").status == 200
    assert world.send("PATCH", f"/contacts/{ada}", {"groups": ["Friends"]}).status == 200
    answer = world.send("POST", f"/groups/{family}/contacts", {"contact_ids": [ada, bob]})
    assert answer.status == 207, answer.text
    assert world.send("PATCH", f"/contacts/{bob}", {"company": "Elsewhere"}).status == 200
    expected = [
        ("group.member_added", family, ada),
        ("group.member_added", friends, ada),
        ("group.member_removed", family, ada),
        ("group.member_added", family, ada),
        ("group.member_added", family, bob),
    ]
    assert heard(hooks, webhook) == sorted(expected)
    assert heard(hooks, webhook) == sorted(expected), "each once"
    ids = [one["event_id"] for one in hooks.deliveries(webhook)]
    assert len(set(ids)) == len(ids) == len(expected)


def test_check_109_at_level_own_a_webhook_hears_of_own_contacts_in_groups_alone(hooks: Hooks) -> None:
    world = hooks.world
    _, key = hooks.client({"webhooks:manage": "all", "contacts:read": "own", "contacts:write": "own"})
    webhook = hooks.subscribe(key, "group.*")
    family = group(world, "Family")
    own = world.create(token=key)["id"]
    others = world.create()["id"]
    for contact_id in (own, others):
        assert world.send("PUT", f"/contacts/{contact_id}/groups/{family}").status == 200
    hooks.came(webhook)
    path = "/" + webhook["url"].rpartition("/")[2]
    bodies = [json.loads(one.body) for one in hooks.receiver.requests if one.path == path]
    assert [one["data"].get("contact_id") for one in bodies if one["type"] != "group.created"] == [own]


def test_a_filter_by_entity_goes_by_the_group(hooks: Hooks) -> None:
    world = hooks.world
    family, friends = group(world, "Family"), group(world, "Friends")
    body = {"url": f"{hooks.receiver.url}/x", "events": list(BOTH), "filter": {"entity_id": family}}
    webhook = world.send("POST", "/webhooks", body).json
    ada = world.create(groups=["Family", "Friends"])["id"]
    assert heard(hooks, webhook) == [("group.member_added", family, ada)]
    assert friends


def test_without_a_webhook_for_them_nothing_is_read_for_derived_events(hooks: Hooks) -> None:
    """One read of a batch's events otherwise."""
    world = hooks.world
    hooks.subscribe(world.t1.admin, "contact.created", "group.created")
    group(world, "Family")
    world.create(groups=["Family"])
    world.catch_up()
    assert "dynamodb.BatchGetItem" not in calls_of(hooks._fan_out.pump)
    hooks.subscribe(world.t1.admin, *BOTH)
    for _ in range(3):
        world.create(groups=["Family"])
    world.catch_up()
    calls = calls_of(hooks._fan_out.pump)
    assert calls.count("dynamodb.BatchGetItem") == 1


def test_check_73_a_message_that_comes_again_makes_no_second_delivery_of_derived_events(hooks: Hooks) -> None:
    world = hooks.world
    webhook = hooks.subscribe(world.t1.admin, *BOTH)
    group(world, "Family")
    world.create(groups=["Family"])
    items = [item for item in world.content.events if item["type"]["S"] == "contact.created"]
    notices = [from_message(to_message("T1", event_from_item(item))) for item in items]
    with acting_for("T1"):
        assert [fan_out().create_deliveries(notices * 2) for _ in range(3)] == [[1, 1], [0, 0], [0, 0]]
    assert len(hooks.deliveries(webhook)) == 1
