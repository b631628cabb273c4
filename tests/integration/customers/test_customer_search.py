"""Customers are found by what they show: names, usernames, numbers, national ids and addresses."""

from __future__ import annotations

from typing import Any

import pytest

from local.projections import compare
from shared.domain.callers import Caller
from shared.services.reading_budget import Budget
from shared.wiring.customers import customer_service
from tests.integration.customers.test_customers import customer_of
from tests.integration.world import World
from tests.support.tenant_guard import acting_for, as_operator

CALLER = Caller("T1", "user", "u1", "admin")


def found(world: World, search: str, **query: Any) -> list[str]:
    """The numbers of the customers that a search finds, walked page by page."""
    numbers: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = world.send("GET", "/customers", query={"search": search, **query, **cursor})
        assert answer.status == 200, answer.text
        assert answer.json["total"] is None
        numbers += [one["number"] for one in answer.json["items"]]
        if answer.json["next_cursor"] is None:
            return numbers
        cursor = {"cursor": answer.json["next_cursor"]}


@pytest.fixture
def grace(world: World) -> str:
    made = customer_of(
        world, first_name="Grâce", last_name="O'Hopper", username="ghopper",
        email="grace.h@navy.example", national_id="ID 4711-A",
    )  # fmt: skip
    customer_of(world, first_name="Ada", last_name="Lovelace", username="ada")
    world.catch_up()
    return str(made["number"])


@pytest.mark.parametrize(
    "search",
    ["grace", "GRÂCE o'hopper", "hop", "ghop", "CUST000001", "cust000001", "4711", "id 4711-a", "grace.h@navy.example",
     "grace.h", "navy.example", "hopper navy"],
)  # fmt: skip
def test_a_customer_is_found_by_each_thing_it_shows(world: World, grace: str, search: str) -> None:
    """check 104"""
    assert found(world, search) == [grace]


@pytest.mark.parametrize("search", ["grace ada", "lovelace navy", "opper", "CUST000009", "zz"])
def test_and_by_nothing_else(world: World, grace: str, search: str) -> None:
    """check 104"""
    assert found(world, search) == []


def test_a_changed_and_a_deleted_customer_are_found_as_they_are(world: World, grace: str) -> None:
    [record] = world.send("GET", "/customers", query={"search": "ghopper"}).json["items"]
    world.send("PATCH", f"/customers/{record['id']}", {"last_name": "Murray", "username": None})
    world.catch_up()
    assert (found(world, "murray"), found(world, "o'hopper"), found(world, "ghopper")) == ([grace], [], [])
    assert world.send("DELETE", f"/customers/{record['id']}").status == 204
    world.catch_up()
    assert found(world, "murray") == []
    with as_operator():
        differing, beyond = compare(world.stack.client("dynamodb"), world.stack.table_name, "T1")
    assert (differing, beyond) == ({}, [])


def test_pages_of_a_search_lead_to_each_once_however_small_the_budget(world: World) -> None:
    """check 102: a customer that several terms find is shown once."""
    made = [
        customer_of(world, first_name=f"Ann{n}", last_name=f"Annson{n}", username=f"ann{n}")["number"]
        for n in range(7)
    ]
    world.catch_up()
    assert sorted(found(world, "ann", limit=2)) == made
    service = customer_service(CALLER, budget=Budget(1))
    numbers: list[str] = []
    cursor = None
    with acting_for("T1"):
        while True:
            page = service.list(limit=2, cursor=cursor, search="ann")
            numbers += [one.number for one in page.items]
            if (cursor := page.next_cursor) is None:
                break
    assert sorted(numbers) == made


def test_a_search_for_nothing_and_beside_a_username_is_refused(world: World) -> None:
    for query in ({"search": " \u200b"}, {"search": ""}, {"search": "a", "username": "b"}):
        answer = world.send("GET", "/customers", query=query)
        assert (answer.status, answer.json["errors"][0]["field"]) == (422, "search"), answer.text


def test_found_customers_are_shown_with_their_contacts_on_demand(world: World, grace: str) -> None:
    [record] = world.send("GET", "/customers", query={"search": "ghopper"}).json["items"]
    contact = world.create(customer_id=record["id"])
    world.catch_up()
    [shown] = world.send("GET", "/customers", query={"search": "ghopper", "include": "contacts"}).json[
        "items"
    ]
    assert shown["contacts"][0]["id"] == contact["id"]


def test_another_tenant_finds_nothing(world: World, grace: str) -> None:
    other = world.tenant("T10")
    answer = world.send("GET", "/customers", query={"search": "grace"}, token=other.admin)
    assert answer.json["items"] == []
