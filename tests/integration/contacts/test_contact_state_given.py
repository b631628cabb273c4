"""Whether a contact is active and primary, and its groups, given when it is created and changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.customers.test_customers import customer_of, now, primary_of, with_members
from tests.integration.world import World


def group(world: World, name: str, **fields: Any) -> dict[str, Any]:
    answer = world.send("POST", "/groups", {"name": name, **fields})
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def refusal(answer: Any) -> tuple[int, str, str]:
    error = answer.json["errors"][0]
    return answer.status, error["field"], error["code"]


def test_a_contact_is_created_inactive_and_made_active_by_a_patch(world: World) -> None:
    made = world.create(is_active=False)
    assert made["is_active"] is False
    for value in (True, False, None):
        answer = world.send("PATCH", f"/contacts/{made['id']}", {"is_active": value})
        assert (answer.status, answer.json["is_active"]) == (200, value is not False)
    world.catch_up()
    assert [one["id"] for one in world.listed(is_active="true")] == [made["id"]]
    assert world.listed(is_active="false") == []


def test_a_replacement_without_them_leaves_state_groups_and_owner_as_they_are(world: World) -> None:
    customer = customer_of(world)
    spring = group(world, "spring")
    made = world.create(is_active=False, customer_id=customer["id"], groups=["spring"])
    body = {"first_name": "Grace", "email": made["email"], "customer_id": customer["id"]}
    answer = world.send("PUT", f"/contacts/{made['id']}", body)
    assert answer.status == 200, answer.text
    for name in ("is_active", "is_primary", "groups", "owner_id"):
        assert answer.json[name] == made[name], name
    assert made["groups"] == [spring["name"]]


def test_a_second_contact_created_primary_takes_the_place_of_the_first(world: World) -> None:
    """check 30"""
    customer, [first] = with_members(world, 1)
    second = world.create(customer_id=customer["id"], is_primary=True)
    assert second["is_primary"] is True
    assert now(world, first)["is_primary"] is False
    assert primary_of(world, customer) == second["id"]
    world.content.assert_whole()


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_contact_is_made_primary_by_a_change(world: World, method: str) -> None:
    """check 30"""
    customer, [first, second] = with_members(world, 2)
    body = {"is_primary": True, "company": "Acme"}
    if method == "PUT":
        body |= {"first_name": "Ada", "email": second["email"], "customer_id": customer["id"]}
    answer = world.send(method, f"/contacts/{second['id']}", body)
    assert (answer.status, answer.json["is_primary"], answer.json["company"]) == (200, True, "Acme")
    assert now(world, first)["is_primary"] is False
    assert primary_of(world, customer) == second["id"]
    world.content.assert_whole()


def test_a_primary_contact_moves_to_another_customer_as_its_primary_only_when_asked(world: World) -> None:
    """check 30"""
    (left, [mover, heir]), (joined, [holder]) = with_members(world, 2), with_members(world, 1)
    answer = world.send("PATCH", f"/contacts/{mover['id']}", {"customer_id": joined["id"]})
    assert (answer.status, answer.json["is_primary"]) == (200, False)
    assert (primary_of(world, left), primary_of(world, joined)) == (heir["id"], holder["id"])
    answer = world.send("PATCH", f"/contacts/{heir['id']}", {"customer_id": joined["id"], "is_primary": True})
    assert (answer.status, answer.json["is_primary"]) == (200, True)
    assert (primary_of(world, left), primary_of(world, joined)) == (None, heir["id"])
    world.content.assert_whole()


def test_a_primary_contact_cannot_stop_being_it_by_itself(world: World) -> None:
    customer, [only] = with_members(world, 1)
    answer = world.send("PATCH", f"/contacts/{only['id']}", {"is_primary": False})
    assert (answer.status, answer.json["code"]) == (409, "primary_needed")
    assert primary_of(world, customer) == only["id"]


def test_a_customer_s_first_contact_is_primary_whatever_was_given(world: World) -> None:
    customer = customer_of(world)
    assert world.create(customer_id=customer["id"], is_primary=False)["is_primary"] is True


def test_a_primary_contact_needs_a_customer(world: World) -> None:
    body = {"first_name": "Ada", "email": "ada@example.com", "is_primary": True}
    refused = (422, "is_primary", "no_customer")
    assert refusal(world.send("POST", "/contacts", body)) == refused
    made = world.create()
    assert refusal(world.send("PATCH", f"/contacts/{made['id']}", {"is_primary": True})) == refused
    answer = world.send("POST", "/contacts/bulk-create", {"contacts": [body]})
    assert answer.json["items"][0]["status"] == 422, answer.text


def test_racing_creates_of_primary_contacts_leave_exactly_one(world: World) -> None:
    """check 30"""
    customer, _ = with_members(world, 1)
    bodies = [
        {"first_name": "A", "email": f"p{n}@example.com", "customer_id": customer["id"], "is_primary": True}
        for n in range(8)
    ]
    answers = world.racing.together(
        [
            lambda one=one: world.racing.request("POST", "/contacts", json=one, token=world.t1.admin)
            for one in bodies
        ]
    )
    made = [answer.json["id"] for answer in answers if answer.status == 201]
    assert made
    assert primary_of(world, customer) in made
    primaries = [one["id"]["S"] for one in world.content.contacts if one.get("is_primary")]
    assert primaries == [primary_of(world, customer)]
    world.content.assert_whole()


def test_groups_are_given_by_name_or_id_when_creating_and_changing(world: World) -> None:
    """check 31"""
    spring, autumn = group(world, "Spring"), group(world, "Autumn")
    made = world.create(groups=["spring", autumn["id"], "AUTUMN"])
    assert made["groups"] == ["Spring", "Autumn"]
    answer = world.send("PATCH", f"/contacts/{made['id']}", {"groups": [spring["id"]]})
    assert (answer.status, answer.json["groups"]) == (200, ["Spring"])
    world.catch_up()
    for one, count in ((spring, 1), (autumn, 0)):
        assert world.send("GET", f"/groups/{one['id']}").json["contact_count"] == count
    answer = world.send("PATCH", f"/contacts/{made['id']}", {"groups": None})
    assert (answer.status, answer.json["groups"]) == (200, [])


def test_unknown_and_dynamic_groups_and_types_are_refused_together_and_no_tag_is_made(world: World) -> None:
    group(world, "vips", kind="dynamic", filter={"is_active": True})
    body = {
        "first_name": "Ada",
        "email": "ada@example.com",
        "groups": ["none", "vips"],
        "types": ["no type"],
        "tags": ["new"],
    }
    answer = world.send("POST", "/contacts", body)
    assert answer.status == 422
    assert {(one["field"], one["code"]) for one in answer.json["errors"]} == {
        ("groups.0", "unknown_group"),
        ("groups.1", "dynamic_group"),
        ("types.0", "unknown_type"),
    }
    assert world.send("GET", "/tags").json["items"] == []


def test_bulk_calls_give_and_change_them_too(world: World) -> None:
    group(world, "spring")
    entry = {"first_name": "Ada", "email": "a@example.com", "groups": ["spring"], "is_active": False}
    answer = world.send("POST", "/contacts/bulk-create", {"contacts": [entry]})
    [made] = answer.json["items"]
    assert made["status"] == 201, answer.text
    shown = world.send("GET", f"/contacts/{made['id']}").json
    assert (shown["groups"], shown["is_active"]) == (["spring"], False)
    changed = world.send(
        "POST", "/contacts/bulk-update", {"contact_ids": [made["id"]], "set": {"is_active": True}}
    )
    assert changed.json["items"][0]["status"] == 200, changed.text
    assert world.send("GET", f"/contacts/{made['id']}").json["is_active"] is True
