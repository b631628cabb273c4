"""Contacts are shown with the names of their customers and owners."""

from __future__ import annotations

from typing import Any

import pytest

from shared.services.contacts import shown as shown_contacts
from shared.wiring.kept import reset_wiring
from tests.integration.customers.test_customers import customer_of
from tests.integration.world import World
from tests.support.faults import calls_of
from tests.tenants import program


def names(shown: dict[str, Any]) -> tuple[Any, Any, Any]:
    return shown["customer_name"], shown["customer_username"], shown["owner_name"]


@pytest.fixture
def made(world: World) -> dict[str, Any]:
    customer = customer_of(world, last_name="Hopper", username="ghopper")
    owner = world.send("GET", "/me").json["id"]
    world.send("PATCH", f"/users/{owner}", {"first_name": "Ann", "last_name": "Admin"})
    return world.create(customer_id=customer["id"])


def test_every_answer_with_a_contact_has_them(world: World, made: dict[str, Any]) -> None:
    expected = ("Grace Hopper", "ghopper", "Ann Admin")
    assert names(made) == expected
    path = f"/contacts/{made['id']}"
    group = world.send("POST", "/groups", {"name": "g"}).json
    for method, target, body in (
        ("GET", path, None),
        ("PATCH", path, {"company": "Acme"}),
        ("PUT", path, {"first_name": "A", "email": made["email"], "customer_id": made["customer_id"]}),
        ("POST", f"{path}/toggle-status", None),
        ("POST", f"{path}/set-primary", None),
        ("POST", f"{path}/consent", {"channel": "email", "opted_out": True, "source": "phone"}),
        ("PUT", f"{path}/groups/{group['id']}", None),
    ):
        answer = world.send(method, target, body)
        assert answer.status == 200, answer.text
        assert names(answer.json) == expected, (method, target)
    world.catch_up()
    for target in (
        "/contacts",
        f"/groups/{group['id']}/contacts",
        f"/customers/{made['customer_id']}/contacts",
    ):
        assert [names(one) for one in world.send("GET", target).json["items"]] == [expected], target
    [customer] = world.send("GET", "/customers", query={"include": "contacts"}).json["items"]
    assert names(customer["contacts"][0]) == names(customer["primary_contact"]) == expected
    assert world.send("DELETE", path).status == 204
    assert names(world.send("POST", f"{path}/restore").json) == expected


def test_a_contact_of_nobody_costs_no_look_up(world: World) -> None:
    made = world.create(token=world.t1.program)
    assert names(made) == (None, None, None)
    reset_wiring()
    path = f"/contacts/{made['id']}"
    world.send("GET", path)  # the process is warm

    def read() -> None:
        assert world.send("GET", path).status == 200

    assert calls_of(read).count("dynamodb.BatchGetItem") == 1  # the contact with its labels' stamp


def test_names_are_looked_up_together_and_kept_for_a_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [0.0]
    monkeypatch.setattr(shown_contacts.time, "monotonic", lambda: moment[0])
    reset_wiring()
    customers = [customer_of(world, last_name=str(n)) for n in range(3)]
    for customer in customers:
        world.create(customer_id=customer["id"])
    world.catch_up()

    def look() -> list[str]:
        return [one["customer_name"] for one in world.send("GET", "/contacts").json["items"]]

    assert look() == ["Grace 2", "Grace 1", "Grace 0"]
    warm = calls_of(look)
    world.send("PATCH", f"/customers/{customers[0]['id']}", {"first_name": "Jean"})
    assert look()[-1] in ("Grace 0", "Jean 0")
    moment[0] += shown_contacts.KEPT_SECONDS + 0.1
    assert look() == ["Grace 2", "Grace 1", "Jean 0"]
    moment[0] += shown_contacts.KEPT_SECONDS + 0.1
    assert len(calls_of(look)) <= len(warm) + 2  # the names together, and the tenant's settings


def test_a_memory_that_makes_room_forgets_no_name_that_an_answer_needs(
    world: World, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names of one contact are in memory, those of the other are not."""
    other = customer_of(world, last_name="Murray")
    later = world.create(email="later@example.com", customer_id=other["id"])
    world.catch_up()
    reset_wiring()
    monkeypatch.setattr(shown_contacts, "KEPT_SECONDS", 1_000.0)
    assert names(world.send("GET", f"/contacts/{made['id']}").json)[0] == "Grace Hopper"
    monkeypatch.setattr(shown_contacts, "_MAX_KEPT", 0)
    items = world.send("GET", "/contacts").json["items"]
    assert {one["id"]: one["customer_name"] for one in items} == {
        made["id"]: "Grace Hopper",
        later["id"]: "Grace Murray",
    }


def test_a_replayed_answer_has_the_names_of_its_time(world: World, made: dict[str, Any]) -> None:
    body = {"first_name": "B", "email": "b@example.com", "customer_id": made["customer_id"]}
    key = {"Idempotency-Key": "k1"}
    first = world.send("POST", "/contacts", body, headers=key)
    again = world.send("POST", "/contacts", body, headers=key)
    assert again.json == first.json
    assert names(first.json)[:2] == ("Grace Hopper", "ghopper")


def test_names_of_another_tenant_are_never_shown(world: World, made: dict[str, Any]) -> None:
    """check 58: the memory of names is kept by tenant."""
    other = world.tenant("T10")
    theirs = world.create(token=other.admin)
    assert names(theirs)[:2] == (None, None)
    assert names(theirs)[2] != "Ann Admin"


def test_a_customer_that_a_caller_may_not_see_is_not_named_to_them(
    world: World, made: dict[str, Any]
) -> None:
    """At level `own` these are customers that others made."""
    own = program("T1", "contacts:read:own,contacts:write:own")
    theirs = world.create("own@example.com", token=own)
    path = f"/contacts/{theirs['id']}"
    assigned = world.send("PATCH", path, {"customer_id": made["customer_id"]})
    assert names(assigned.json)[:2] == ("Grace Hopper", "ghopper")
    assert world.send("GET", f"/customers/{made['customer_id']}", token=own).status == 404
    world.catch_up()
    [listed] = world.send("GET", "/contacts", token=own).json["items"]
    for shown in (listed, world.send("GET", path, token=own).json):
        assert names(shown)[:2] == (None, None)
    mine = world.send("POST", "/customers", {"first_name": "Own"}, token=own).json
    changed = world.send("PATCH", path, {"customer_id": mine["id"]}, token=own)
    assert names(changed.json)[0] == "Own"


def test_a_name_is_not_a_field_that_can_be_given(world: World) -> None:
    """check 53"""
    for name in ("customer_name", "customer_username", "owner_name"):
        answer = world.send("POST", "/contacts", {"first_name": "A", "email": "a@example.com", name: "x"})
        assert answer.status == 422
