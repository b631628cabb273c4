"""Bulk calls that give and take labels, and that concern customers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.contacts.test_bulk import (
    CREATE,
    DELETE,
    UPDATE,
    bulk,
    codes,
    made,
    person,
    shown,
    statuses,
)
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.tokens import TokenIssuer


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    return World(aws_stack, token_issuer)


def label(world: World, kinds: str, name: str, **fields: Any) -> str:
    answer = world.send("POST", f"/{kinds}", {"name": name, **fields})
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def test_tags_are_known_whatever_their_case_and_after_a_new_name(world: World) -> None:
    ids = made(world, 3, tags=["VIP", "old"])
    (vip,) = (one for one in world.send("GET", "/tags").json["items"] if one["name"] == "VIP")
    world.send("PATCH", f"/tags/{vip['id']}", {"name": "Gold"})
    body = {"contact_ids": ids, "add_tags": ["GOLD", "new"], "remove_tags": ["OLD", "nobody's"]}
    assert statuses(bulk(world, UPDATE, body)) == [200] * 3
    assert [shown(world, one)["tags"] for one in ids] == [["Gold", "new"]] * 3
    assert "nobody's" not in {one["name"] for one in world.send("GET", "/tags").json["items"]}
    world.catch_up()
    assert {one["name"]: one["usage_count"] for one in world.send("GET", "/tags").json["items"]} == {
        "Gold": 3,
        "new": 3,
        "old": 0,
    }


def test_types_are_set_when_they_exist(world: World) -> None:
    ids = made(world, 2)
    label(world, "types", "Supplier")
    assert statuses(bulk(world, UPDATE, {"contact_ids": ids, "set": {"types": ["supplier"]}})) == [200] * 2
    assert shown(world, ids[0])["types"] == ["Supplier"]
    answer = bulk(world, UPDATE, {"contact_ids": ids, "set": {"types": ["x"]}}, status=422)
    assert answer.json["errors"][0]["field"] == "types.0"


def test_groups_are_joined_and_left_by_name_or_id(world: World) -> None:
    ids = made(world, 4)
    spring, summer = label(world, "groups", "Spring"), label(world, "groups", "Summer")
    bulk(world, UPDATE, {"contact_ids": ids, "join_groups": ["spring", summer]})
    bulk(world, UPDATE, {"contact_ids": ids[:1], "leave_groups": [spring]})
    assert [shown(world, one)["groups"] for one in ids[:2]] == [["Summer"], ["Spring", "Summer"]]
    world.catch_up()
    counts = {one["name"]: one["contact_count"] for one in world.send("GET", "/groups").json["items"]}
    assert counts == {"Spring": 3, "Summer": 4}


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"join_groups": ["nobody"]}, "join_groups.0", "unknown_group"),
        ({"leave_groups": ["Dynamic"]}, "leave_groups.0", "dynamic_group"),
        ({"join_groups": ["Static"], "leave_groups": ["static"]}, "leave_groups", "contradiction"),
    ],
)
def test_groups_that_cannot_be_joined_are_refused_as_a_whole(
    world: World, change: dict[str, Any], field: str, code: str
) -> None:
    ids = made(world, 1)
    label(world, "groups", "Static")
    label(world, "groups", "Dynamic", kind="dynamic", filter={"is_active": True})
    answer = bulk(world, UPDATE, {"contact_ids": ids, **change}, status=422)
    assert (answer.json["errors"][0]["field"], answer.json["errors"][0]["code"]) == (field, code)
    assert shown(world, ids[0])["version"] == 1


def test_members_of_a_group_come_and_go_many_at_a_time(world: World) -> None:
    ids = made(world, 5)
    group = label(world, "groups", "Spring")
    path = f"/groups/{group}/contacts"
    body = {"contact_ids": [*ids, "nobody", ids[0]]}
    for _ in range(2):
        answer = world.send("POST", path, body)
        assert (answer.status, statuses(answer)) == (207, [200] * 5 + [404, 200])
    assert shown(world, ids[0])["version"] == 2, "joining again changes nothing"
    world.catch_up()
    assert {one["id"] for one in world.send("GET", path).json["items"]} == set(ids)
    assert world.send("DELETE", path, {"contact_ids": ids[:2]}).json["succeeded"] == 2
    world.catch_up()
    assert world.send("GET", f"/groups/{group}").json["contact_count"] == 3
    dynamic = label(world, "groups", "Dynamic", kind="dynamic", filter={"is_active": True})
    refused = world.send("POST", f"/groups/{dynamic}/contacts", body)
    assert (refused.status, refused.json["code"]) == (400, "dynamic_group")
    too_many = {"contact_ids": [f"x{number}" for number in range(501)]}
    assert world.send("POST", path, too_many).status == 422


def test_a_dynamic_group_is_a_filter_too(world: World) -> None:
    ids = made(world, 4, tags=["a"])
    others = [entry["id"] for entry in bulk(world, CREATE, {"contacts": [person(9)]}).json["items"]]
    label(world, "groups", "Tagged", kind="dynamic", filter={"tags": "a"})
    world.catch_up()
    answer = bulk(world, UPDATE, {"filter": {"group": "tagged"}, "set": {"company": "E"}})
    assert {entry["id"] for entry in answer.json["items"]} == set(ids)
    assert shown(world, others[0])["company"] == ""


def test_contacts_of_a_customer_are_made_and_deleted_with_one_primary_among_them(world: World) -> None:
    """check 30"""
    customer = world.send("POST", "/customers", {"first_name": "C"}).json["id"]
    given = [person(number, customer_id=customer) for number in range(4)]
    answer = bulk(world, CREATE, {"contacts": [*given, person(9, customer_id="nobody"), person(0)]})
    assert statuses(answer) == [201] * 4 + [422, 409]
    assert codes(answer)[4:] == ["invalid", "duplicate"]
    ids = [entry["id"] for entry in answer.json["items"][:4]]
    assert [shown(world, one)["is_primary"] for one in ids] == [True, False, False, False]
    world.content.assert_whole()
    assert statuses(bulk(world, DELETE, {"contact_ids": ids[:2]})) == [204] * 2
    assert shown(world, ids[2])["is_primary"] is True
    kept = world.send("GET", f"/customers/{customer}").json
    assert (kept["contact_count"], kept["primary_contact"]) == (2, ids[2])
    world.content.assert_whole()
