"""Customers through the API: numbers, usernames, who belongs to them, and one primary contact whatever happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from local.projections import compare
from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.projections.kinds.registry import kind_of
from shared.publishing import sweep as sweeping
from shared.services.contacts.purge import Purge
from shared.table.customers.membership import MembershipTable
from shared.table.keys import customers as customer_keys
from shared.wiring.accounts import onboarding_service
from shared.wiring.base import store
from shared.wiring.contacts import contact_service, purge_table
from shared.wiring.projections import projection
from shared.wiring.publishing import event_table, publisher
from tests.integration.world import SWEEPER_PREFIXES, World
from tests.support.faults import (
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    injecting,
    lost_answer,
    unreachable,
)
from tests.support.gateway import Response
from tests.support.tenant_guard import acting_for, acting_for_system, as_operator
from tests.support.transport import Attempt

Worlds = Callable[[], AbstractContextManager[World]]
Made = dict[str, Any]


def of_the_product(attempt: Attempt) -> bool:
    return attempt.operation != "Scan"


def customer_of(world: World, *, token: str | None = None, **fields: Any) -> Made:
    """A new customer as the API shows it."""
    answer = world.send("POST", "/customers", {"first_name": "Grace", **fields}, token=token)
    assert answer.status == 201, answer.text
    made: Made = answer.json
    return made


def at(record: Made, action: str = "") -> str:
    """The path of a customer or contact."""
    kind = "customers" if "number" in record else "contacts"
    return f"/{kind}/{record['id']}{action}"


def now(world: World, record: Made, **query: Any) -> Made:
    answer = world.send("GET", at(record), query=query)
    assert answer.status == 200, answer.text
    found: Made = answer.json
    return found


def with_members(world: World, count: int) -> tuple[Made, list[Made]]:
    """A customer with contacts, the oldest first."""
    customer = customer_of(world)
    addresses = [f"{customer['number'].lower()}-{n}@example.com" for n in range(count)]
    return customer, [world.create(email, customer_id=customer["id"]) for email in addresses]


def primary_of(world: World, customer: Made) -> str | None:
    found: str | None = now(world, customer)["primary_contact"]
    return found


def walked(world: World, path: str, **query: Any) -> list[Made]:
    """All of a list, page by page."""
    found: list[Made] = []
    cursor: dict[str, str] = {}
    while True:
        answer = world.send("GET", path, query={**query, **cursor})
        assert answer.status == 200, answer.text
        found += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return found
        assert len(answer.json["items"]) == int(query.get("limit", 25)), "a page is full while more exist"
        cursor = {"cursor": answer.json["next_cursor"]}


# The record


def test_a_new_customer_is_answered_as_it_is_kept_and_listed(world: World) -> None:
    made = customer_of(
        world,
        last_name=" Hopper ",
        username="GHopper",
        email="Grace@EXAMPLE.com",
        national_id="N-1",
        is_verified=True,
    )
    assert {
        name: value for name, value in made.items() if name not in ("id", "created_at", "updated_at")
    } == {
        "number": "CUST000001",
        "username": "GHopper",
        "email": "grace@example.com",
        "first_name": "Grace",
        "last_name": "Hopper",
        "full_name": "Grace Hopper",
        "national_id": "N-1",
        "is_verified": True,
        "is_active": True,
        "contact_count": 0,
        "primary_contact": None,
        "version": 1,
        "created_by": "user:admin-of-T1",
        "updated_by": "user:admin-of-T1",
    }
    answer = world.send("GET", at(made))
    assert (answer.json | {"contacts": None}, answer.headers["ETag"]) == (made | {"contacts": None}, '"1"')
    world.catch_up()
    listed = world.send("GET", "/customers").json
    assert (listed["items"], listed["total"], listed["next_cursor"]) == ([made], 1, None)
    (event,) = world.published()
    assert (event["type"], event["entity"], event["entity_id"]) == (
        "customer.created",
        "customer",
        made["id"],
    )
    world.content.assert_whole()


def test_numbers_count_within_the_tenant_and_grow_beyond_six_digits(world: World) -> None:
    other = world.tenant("T10")
    assert [customer_of(world)["number"] for _ in range(2)] == ["CUST000001", "CUST000002"]
    assert customer_of(world, token=other.admin)["number"] == "CUST000001"
    with as_operator():
        store().put({**customer_keys.last_number("T1"), "given": {"N": "999999"}})
    assert customer_of(world)["number"] == "CUST1000000"


def test_racing_creates_get_numbers_of_their_own(world: World) -> None:
    def create() -> Response:
        return world.racing.request("POST", "/customers", json={"first_name": "A"}, token=world.t1.admin)

    answers = world.racing.together([create] * 32)
    assert {answer.status for answer in answers} == {201}
    assert {answer.json["number"] for answer in answers} == {f"CUST{n:06d}" for n in range(1, 33)}


def test_put_empties_what_it_leaves_out_and_patch_keeps_it(world: World) -> None:
    made = customer_of(world, username="g", email="g@example.com", national_id="1", is_active=False)
    patched = world.send("PATCH", at(made), {"last_name": "Hopper", "national_id": None}).json
    assert (patched["full_name"], patched["national_id"], patched["username"]) == ("Grace Hopper", "", "g")
    assert world.send("PATCH", at(made), {"last_name": "Hopper"}).json["version"] == patched["version"]
    put = world.send("PUT", at(made), {"first_name": "Ida"}).json
    assert (put["full_name"], put["username"], put["email"], put["is_active"], put["number"]) == (
        "Ida",
        None,
        None,
        True,
        made["number"],
    )
    world.content.assert_whole()


def test_if_match_lets_the_version_it_names_be_changed_and_no_other(world: World) -> None:
    made = customer_of(world)
    for method, body in (("PUT", {"first_name": "A"}), ("PATCH", {"first_name": "A"}), ("DELETE", None)):
        assert world.send(method, at(made), body, headers={"If-Match": '"9"'}).status == 412
    assert world.send("PATCH", at(made), {"first_name": "A"}, headers={"If-Match": '"1"'}).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"first_name": ""}, "first_name"),
        ({}, "first_name"),
        ({"first_name": "A", "username": "  "}, "username"),
        ({"first_name": "A", "email": "nobody"}, "email"),
        ({"first_name": "A", "number": "CUST000007"}, "number"),
        ({"first_name": "A", "primary_contact": "x"}, "primary_contact"),
        ({"first_name": "A", "contact_count": 3}, "contact_count"),
        ({"first_name": "A" * 101}, "first_name"),
        ({"first_name": "A", "national_id": "a\u0000"}, "national_id"),
    ],
)
def test_a_refused_field_is_named_and_nothing_is_written(world: World, body: Made, field: str) -> None:
    answer = world.send("POST", "/customers", body)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, field)
    assert world.content.customers == []


# Usernames


def test_a_username_is_of_one_customer_in_whatever_case(world: World) -> None:
    first, second = customer_of(world, username="Straße"), customer_of(world, username="other")
    for method, path in (("POST", "/customers"), ("PATCH", at(second)), ("PUT", at(second))):
        answer = world.send(method, path, {"first_name": "A", "username": "STRASSE"})
        assert answer.status == 409, method
        assert answer.json["code"] == "duplicate"
        (error,) = answer.json["errors"]
        assert (error["field"], error["customer_id"]) == ("username", first["id"])
    found = world.send("GET", "/customers", query={"username": "sTRASSE"}).json
    assert ([one["id"] for one in found["items"]], found["total"]) == ([first["id"]], 1)
    # Another spelling of one's own is a change like another.
    assert world.send("PATCH", at(first), {"username": "strasse"}).json["username"] == "strasse"
    assert world.send("DELETE", at(first)).status == 204
    assert world.send("PATCH", at(second), {"username": "STRASSE"}).status == 200
    assert world.send("GET", "/customers", query={"username": "other"}).json["items"] == []
    assert customer_of(world, username="Straße", token=world.tenant("T10").admin)["username"] == "Straße"
    world.content.assert_whole()


def test_racing_creates_of_one_username_make_one_customer(world: World) -> None:
    def create() -> Response:
        body = {"first_name": "A", "username": "one"}
        return world.racing.request("POST", "/customers", json=body, token=world.t1.admin)

    answers = world.racing.together([create] * 16)
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 15}
    world.content.assert_whole()


@pytest.mark.parametrize("username", ["a#b", "T#T10", "%23", "﷽" * 100, "😀" * 100, "LOCK"])
def test_no_username_leaves_its_own_key(world: World, username: str) -> None:
    """check 43"""
    answer = world.send("POST", "/customers", {"first_name": "A", "username": username})
    assert answer.status in (201, 422)
    for lock in world.content.of("T#T1#USERNAME"):
        assert lock["PK"]["S"].count("#") == 3


# Who belongs


def test_a_customer_s_first_contact_is_its_primary_one(world: World) -> None:
    customer, (first, second) = with_members(world, 2)
    assert (first["is_primary"], second["is_primary"]) == (True, False)
    assert first["customer_id"] == second["customer_id"] == customer["id"]
    shown = now(world, customer)
    assert (shown["contact_count"], shown["primary_contact"], shown["version"]) == (2, first["id"], 3)
    answer = world.send("GET", at(customer, "/contacts")).json
    assert ([one["id"] for one in answer["items"]], answer["total"]) == ([second["id"], first["id"]], 2)
    world.content.assert_whole()
    world.catch_up()
    told = [(one["type"], one["entity"]) for one in world.published()]
    assert Counter(told) == {
        ("customer.created", "customer"): 1,
        ("contact.created", "contact"): 2,
        ("customer.updated", "customer"): 2,
    }


def test_a_customer_s_contacts_are_paged(world: World) -> None:
    customer, members = with_members(world, 7)
    found = walked(world, at(customer, "/contacts"), limit=3)
    assert [one["id"] for one in found] == [one["id"] for one in reversed(members)]


@pytest.mark.parametrize("kind", ["unknown", "foreign", "deleted", "malformed", "empty"])
def test_a_customer_that_is_not_there_is_refused_like_any_other(world: World, kind: str) -> None:
    other = world.tenant("T10")
    deleted = customer_of(world)
    assert world.send("DELETE", at(deleted)).status == 204
    given = {
        "unknown": "0190a8b0-0000-7000-8000-00000000000a",
        "foreign": customer_of(world, token=other.admin)["id"],
        "deleted": deleted["id"],
        "malformed": "T10#CUSTOMER#x",
        "empty": "",
    }[kind]
    contact = world.create()
    before = world.content.picture()
    body = {"first_name": "A", "email": "a@example.com", "customer_id": given}
    for method, path in (("POST", "/contacts"), ("PUT", at(contact)), ("PATCH", at(contact))):
        answer = world.send(method, path, body)
        assert answer.status == 422, (method, answer.text)
        assert answer.json["errors"] == [
            {"field": "customer_id", "code": "unknown_customer", "message": "There is no such customer."}
        ]
    assert world.content.picture() == before


def test_a_contact_that_moves_leaves_one_customer_and_joins_the_other(world: World) -> None:
    a, (primary, oldest, newer) = with_members(world, 3)
    b = customer_of(world)
    moved = world.send("PATCH", at(primary), {"customer_id": b["id"]}).json
    assert (moved["customer_id"], moved["is_primary"], moved["version"]) == (b["id"], True, 2)
    assert (primary_of(world, a), primary_of(world, b)) == (oldest["id"], primary["id"])
    assert now(world, oldest)["is_primary"] is True and now(world, newer)["is_primary"] is False
    world.content.assert_whole()
    # One that was not primary changes nothing for those that stay.
    moved = world.send("PATCH", at(newer), {"customer_id": b["id"]}).json
    assert (moved["is_primary"], primary_of(world, a), primary_of(world, b)) == (
        False,
        oldest["id"],
        primary["id"],
    )
    # The same customer again is no change.
    assert world.send("PATCH", at(newer), {"customer_id": b["id"]}).json["version"] == moved["version"]
    # The last one to leave leaves none.
    left = world.send("PATCH", at(oldest), {"customer_id": None}).json
    assert (left["customer_id"], left["is_primary"]) == (None, False)
    assert (now(world, a)["contact_count"], primary_of(world, a)) == (0, None)
    world.content.assert_whole()


def test_a_change_of_other_fields_rides_along_with_a_move(world: World) -> None:
    _, (contact,) = with_members(world, 1)
    b = customer_of(world)
    body = {"customer_id": b["id"], "email": "new@example.com", "company": "X"}
    moved = world.send("PATCH", at(contact), body).json
    assert (moved["email"], moved["company"], moved["is_primary"], moved["version"]) == (
        "new@example.com",
        "X",
        True,
        2,
    )
    (event,) = [one for one in world.content.events if one["version"]["N"] == "2"]
    assert '"customer_id"' in event["changes"]["S"] and '"company"' in event["changes"]["S"]
    assert "is_primary" not in event["changes"]["S"]  # it is primary as it was, though elsewhere
    world.content.assert_whole()


def test_put_without_a_customer_leaves_it(world: World) -> None:
    customer, (first, second) = with_members(world, 2)
    put = world.send("PUT", at(first), {"first_name": "A", "email": "a@example.com"}).json
    assert (put["customer_id"], put["is_primary"]) == (None, False)
    assert primary_of(world, customer) == second["id"]
    kept = {"first_name": "A", "email": "b@example.com", "customer_id": customer["id"]}
    assert world.send("PUT", at(second), kept).json["is_primary"] is True
    world.content.assert_whole()


def test_a_deleted_contact_leaves_and_a_restored_one_is_back_without_its_rank(world: World) -> None:
    customer, (first, second) = with_members(world, 2)
    assert world.send("DELETE", at(first)).status == 204
    assert (primary_of(world, customer), now(world, customer)["contact_count"]) == (second["id"], 1)
    world.content.assert_whole()
    back = world.send("POST", at(first, "/restore")).json
    assert (back["customer_id"], back["is_primary"]) == (customer["id"], False)
    assert (primary_of(world, customer), now(world, customer)["contact_count"]) == (second["id"], 2)
    world.content.assert_whole()
    for one in (first, second):
        assert world.send("DELETE", at(one)).status == 204
    assert primary_of(world, customer) is None
    assert world.send("POST", at(second, "/restore")).json["is_primary"] is True
    world.content.assert_whole()


def test_a_contact_restored_after_its_customer_has_gone_belongs_to_none(world: World) -> None:
    customer, (contact,) = with_members(world, 1)
    assert world.send("DELETE", at(contact)).status == 204
    assert world.send("DELETE", at(customer)).status == 204
    back = world.send("POST", at(contact, "/restore"))
    assert (back.status, back.json["customer_id"], back.json["is_primary"]) == (200, None, False)
    world.content.assert_whole()


def test_a_customer_with_contacts_is_not_deleted(world: World) -> None:
    customer, members = with_members(world, 2)
    answer = world.send("DELETE", at(customer))
    assert (answer.status, answer.json["code"]) == (409, "customer_has_contacts")
    world.send("DELETE", at(members[0]))
    assert world.send("DELETE", at(customer)).status == 409
    world.send("PATCH", at(members[1]), {"customer_id": None})
    assert world.send("DELETE", at(customer)).status == 204
    for method, body in (("GET", None), ("PATCH", {"last_name": "X"}), ("DELETE", None)):
        assert world.send(method, at(customer), body).status == 404
    assert world.send("GET", at(customer, "/contacts")).status == 404
    world.content.assert_whole()


# The primary contact


def test_setting_the_primary_contact_unsets_the_other_in_the_same_write(world: World) -> None:
    customer, (first, second) = with_members(world, 2)
    world.catch_up()
    world.published()
    answer = world.send("POST", at(second, "/set-primary"))
    assert (answer.status, answer.json["is_primary"], answer.headers["ETag"]) == (200, True, '"2"')
    assert now(world, first)["is_primary"] is False
    shown = now(world, customer)
    assert (shown["primary_contact"], shown["contact_count"]) == (second["id"], 2)
    world.catch_up()
    assert Counter(one["type"] for one in world.published()) == {"contact.updated": 2, "customer.updated": 1}
    world.content.assert_whole()
    again = world.send("POST", at(second, "/set-primary"))
    assert (again.status, again.json["version"]) == (200, 2), "it was primary already"


def test_a_contact_without_a_customer_is_nobody_s_primary_one(world: World) -> None:
    answer = world.send("POST", at(world.create(), "/set-primary"))
    assert (answer.status, answer.json["code"]) == (409, "no_customer")


def test_set_primary_under_if_match_is_for_the_version_it_names(world: World) -> None:
    _, (_, second) = with_members(world, 2)
    assert world.send("POST", at(second, "/set-primary"), headers={"If-Match": '"7"'}).status == 412
    assert world.send("POST", at(second, "/set-primary"), headers={"If-Match": '"1"'}).status == 200


# Rights


def test_a_regular_user_writes_the_customers_he_made_and_reads_the_others(world: World) -> None:
    mine, theirs = customer_of(world, token=world.t1.user), customer_of(world)
    for customer, status in ((mine, 200), (theirs, 403)):
        answer = world.send("PATCH", at(customer), {"last_name": "X"}, token=world.t1.user)
        assert answer.status == status
    assert world.send("GET", at(theirs), token=world.t1.user).status == 200
    assert world.send("DELETE", at(theirs), token=world.t1.user).status == 403
    assert world.send("DELETE", at(mine), token=world.t1.user).status == 204
    assert world.send("POST", "/customers", {"first_name": "A"}, token=world.t1.powerless).status == 403


def test_a_regular_user_puts_his_own_contacts_under_customers_and_makes_them_primary(world: World) -> None:
    customer, (theirs,) = with_members(world, 1)
    mine = world.create(customer_id=customer["id"], token=world.t1.user)
    assert world.send("POST", at(theirs, "/set-primary"), token=world.t1.user).status == 403
    assert world.send("POST", at(mine, "/set-primary"), token=world.t1.user).status == 200
    changed = now(world, theirs)  # another's contact, as the system's consequence
    assert (changed["is_primary"], changed["updated_by"]) == (False, "user:user-of-T1")
    assert world.send("DELETE", at(mine), token=world.t1.user).status == 204
    assert now(world, theirs)["is_primary"] is True
    world.content.assert_whole()


def test_who_reads_its_own_alone_sees_the_customers_it_made_and_no_list_of_all(world: World) -> None:
    with as_operator():
        key = onboarding_service().add_api_client("T1", "own", "contacts:read:own,contacts:write:own")
    mine, theirs = customer_of(world, token=key), customer_of(world)
    assert world.send("GET", at(mine), token=key).status == 200
    assert world.send("GET", at(theirs), token=key).status == 404
    assert world.send("PATCH", at(theirs), {"last_name": "X"}, token=key).status == 404
    answer = world.send("GET", "/customers", token=key)
    assert (answer.status, answer.json["detail"]) == (
        403,
        "Insufficient permissions: contacts:read:all required",
    )


# Lists


def test_the_list_shows_the_newest_first_and_each_once(world: World) -> None:
    made = [customer_of(world) for _ in range(7)]
    assert world.send("DELETE", at(made[3])).status == 204
    world.catch_up()
    wanted = [one["id"] for one in reversed(made) if one is not made[3]]
    assert [one["id"] for one in walked(world, "/customers", limit=2)] == wanted
    assert world.send("GET", "/customers", query={"limit": 1}).json["total"] == 6
    assert world.send("GET", "/customers", query={"colour": "red"}).status == 422
    cursor = world.send("GET", "/customers", query={"limit": 1}).json["next_cursor"]
    for query in ({"cursor": "x"}, {"cursor": cursor, "username": "x"}):
        assert world.send("GET", "/customers", query=query).status == 400


def test_customers_are_listed_with_their_contacts_and_primary_contact(world: World) -> None:
    none = customer_of(world)
    one, (only,) = with_members(world, 1)
    many, members = with_members(world, 3)
    world.send("POST", at(members[1], "/set-primary"))
    world.catch_up()
    answer = world.send("GET", "/customers", query={"include": "contacts"})
    assert answer.status == 200, answer.text
    shown = {entry["id"]: entry for entry in answer.json["items"]}
    assert [entry["id"] for entry in answer.json["items"]] == [many["id"], one["id"], none["id"]]
    assert (shown[none["id"]]["contacts"], shown[none["id"]]["primary_contact"]) == ([], None)
    assert shown[one["id"]]["contacts"] == [now(world, only)] == [shown[one["id"]]["primary_contact"]]
    assert [entry["id"] for entry in shown[many["id"]]["contacts"]] == [entry["id"] for entry in members]
    assert shown[many["id"]]["primary_contact"] == now(world, members[1])
    assert now(world, many, include="contacts") == shown[many["id"]]
    assert "contacts" not in now(world, many)
    too_many = world.send("GET", "/customers", query={"include": "contacts", "limit": 26})
    assert too_many.status == 422
    assert world.send("GET", "/customers", query={"include": "notes"}).status == 422


def test_of_many_contacts_the_oldest_are_included_and_the_primary_one_in_any_case(world: World) -> None:
    customer, members = with_members(world, 27)
    world.send("POST", at(members[26], "/set-primary"))
    shown = now(world, customer, include="contacts")
    assert [one["id"] for one in shown["contacts"]] == [one["id"] for one in members[:25]]
    assert (shown["primary_contact"]["id"], shown["contact_count"]) == (members[26]["id"], 27)


def test_a_list_that_lags_shows_contacts_where_they_are_now(world: World) -> None:
    _, (first, second) = with_members(world, 2)
    world.catch_up()
    world.send("PATCH", at(first), {"customer_id": None})
    world.send("DELETE", at(second))
    (shown,) = world.send("GET", "/customers", query={"include": "contacts"}).json["items"]
    assert (shown["contacts"], shown["primary_contact"]) == ([], None)


def test_contacts_are_filtered_by_customer_and_rank_and_counted(world: World) -> None:
    customer, (first, second) = with_members(world, 2)
    _, (third,) = with_members(world, 1)
    customer_of(world)
    loose = world.create()
    world.catch_up()

    def found(**query: Any) -> tuple[set[str], int | None]:
        answer = world.send("GET", "/contacts", query=query).json
        return {one["id"] for one in answer["items"]}, answer["total"]

    assert found(customer_id=customer["id"]) == ({first["id"], second["id"]}, 2)
    assert found(is_primary="true") == ({first["id"], third["id"]}, 2)
    assert found(is_primary="false") == ({second["id"], loose["id"]}, 2)
    assert found(customer_id=customer["id"], is_primary="false") == ({second["id"]}, None)
    assert found(customer_id="0190a8b0-0000-7000-8000-00000000000a") == (set(), 0)
    stats = world.send("GET", "/contacts/stats").json
    assert stats["primary"] == 2
    assert stats["customers"] == {"total": 3, "with_contacts": 2, "without_contacts": 1}
    assert not [one for one in world.content.of("T#T1#COUNTS") if "customer_id" in one["SK"]["S"]]


def assert_projected(world: World) -> None:
    with as_operator():
        assert compare(world.stack.client("dynamodb"), world.stack.table_name, "T1") == ({}, [])


def test_projections_agree_with_the_records_however_changes_are_delivered(world: World) -> None:
    """check 90"""
    a, (one, two) = with_members(world, 2)
    b = customer_of(world, username="b")
    world.catch_up()
    images = [item for item in world.content.items if kind_of(item) is not None]
    world.send("PATCH", at(one), {"customer_id": b["id"]})
    world.send("DELETE", at(two))
    world.send("DELETE", at(a))
    world.catch_up()
    assert_projected(world)
    with acting_for_system("T#T1#"):
        projection().project(images)  # once more, late
    assert_projected(world)
    assert [entry["id"] for entry in world.send("GET", "/customers").json["items"]] == [b["id"]]


def test_the_sweep_mends_the_list_of_customers(world: World) -> None:
    customer, _ = with_members(world, 1)
    later = timestamps.plus(timestamps.now(), 300)
    with acting_for_system(*SWEEPER_PREFIXES):
        report = sweeping.sweep(event_table(), publisher(), projection(), now=later)
    assert (report.mended, report.published) == (2, 3)
    assert [entry["id"] for entry in world.send("GET", "/customers").json["items"]] == [customer["id"]]
    assert_projected(world)


# Races


def racing(world: World, *requests: tuple[str, str, Made | None], in_step: bool = True) -> list[Response]:
    def send(method: str, path: str, body: Made | None) -> Callable[[], Response]:
        return lambda: world.racing.request(method, path, json=body, token=world.t1.admin)

    answers = world.racing.together([send(*request) for request in requests], in_step=in_step)
    world.content.assert_whole()
    return answers


@pytest.mark.parametrize("in_step", [True, False])
def test_set_primary_race_exactly_one_primary(world: World, waits: list[float], in_step: bool) -> None:
    """check 30"""
    customer, members = with_members(world, 6)
    answers = racing(
        world, *(("POST", at(one, "/set-primary"), None) for one in members * 2), in_step=in_step
    )
    assert {answer.status for answer in answers} <= {200, 409}
    assert 200 in {answer.status for answer in answers}
    for answer in answers:
        assert answer.status == 200 or answer.json["code"] == "concurrent_change"
    primary = [one["id"] for one in members if now(world, one)["is_primary"]]
    assert primary == [primary_of(world, customer)]


@pytest.mark.parametrize("in_step", [True, False])
def test_first_contacts_that_join_at_once_leave_one_primary(
    world: World, waits: list[float], in_step: bool
) -> None:
    """check 30"""
    customer = customer_of(world)
    bodies = [
        {"first_name": "A", "email": f"a{n}@example.com", "customer_id": customer["id"]} for n in range(5)
    ]
    answers = racing(world, *(("POST", "/contacts", body) for body in bodies), in_step=in_step)
    assert {answer.status for answer in answers} <= {201, 409}
    made = [answer.json for answer in answers if answer.status == 201]
    assert made and now(world, customer)["contact_count"] == len(made)
    assert sum(one["is_primary"] for one in made) == 1


def test_a_primary_contact_deleted_while_another_becomes_primary(world: World, waits: list[float]) -> None:
    """check 30"""
    customer, (first, _, third) = with_members(world, 3)
    deleted, promoted = racing(world, ("DELETE", at(first), None), ("POST", at(third, "/set-primary"), None))
    assert (deleted.status, promoted.status) == (204, 200)
    assert primary_of(world, customer) == third["id"]


def test_a_contact_deleted_while_it_becomes_primary(world: World, waits: list[float]) -> None:
    """check 30"""
    customer, (first, second) = with_members(world, 2)
    deleted, promoted = racing(
        world, ("DELETE", at(second), None), ("POST", at(second, "/set-primary"), None)
    )
    assert deleted.status == 204 and promoted.status in (200, 404)
    assert primary_of(world, customer) == first["id"]


def test_a_contact_moved_and_deleted_at_once(world: World, waits: list[float]) -> None:
    a, (first, second) = with_members(world, 2)
    b = customer_of(world)
    moved, deleted = racing(
        world, ("PATCH", at(first), {"customer_id": b["id"]}), ("DELETE", at(first), None)
    )
    assert deleted.status == 204 and moved.status in (200, 404)
    assert (primary_of(world, a), primary_of(world, b)) == (second["id"], None)


def test_all_of_a_customer_s_contacts_deleted_at_once(world: World, waits: list[float]) -> None:
    customer, members = with_members(world, 4)
    answers = racing(world, *(("DELETE", at(one), None) for one in members))
    assert {answer.status for answer in answers} <= {204, 409}
    gone = sum(answer.status == 204 for answer in answers)
    assert now(world, customer)["contact_count"] == 4 - gone


def test_two_contacts_exchanged_between_customers_at_once(world: World, waits: list[float]) -> None:
    a, (one,) = with_members(world, 1)
    b, (two,) = with_members(world, 1)
    answers = racing(
        world,
        ("PATCH", at(one), {"customer_id": b["id"]}),
        ("PATCH", at(two), {"customer_id": a["id"]}),
    )
    assert [answer.status for answer in answers] == [200, 200]
    assert (primary_of(world, a), primary_of(world, b)) == (two["id"], one["id"])


def test_a_customer_deleted_while_a_contact_joins_it(world: World, waits: list[float]) -> None:
    customer, contact = customer_of(world), world.create()
    deleted, joined = racing(
        world,
        ("DELETE", at(customer), None),
        ("PATCH", at(contact), {"customer_id": customer["id"]}),
    )
    assert (deleted.status, joined.status) in ((204, 422), (409, 200))


def test_a_restore_and_a_first_contact_at_once_leave_one_primary(world: World, waits: list[float]) -> None:
    customer, (old,) = with_members(world, 1)
    world.send("DELETE", at(old))
    body = {"first_name": "A", "email": "new@example.com", "customer_id": customer["id"]}
    restored, created = racing(world, ("POST", at(old, "/restore"), None), ("POST", "/contacts", body))
    assert (restored.status, created.status) == (200, 201)
    assert restored.json["is_primary"] != created.json["is_primary"]


def test_a_change_of_the_other_contact_meanwhile_is_not_lost(world: World, waits: list[float]) -> None:
    _, (first, second) = with_members(world, 2)
    promoted, changed = racing(
        world,
        ("POST", at(second, "/set-primary"), None),
        ("PATCH", at(first), {"company": "Kept"}),
    )
    assert (promoted.status, changed.status) == (200, 200)
    shown = now(world, first)
    assert (shown["company"], shown["is_primary"]) == ("Kept", False)


# Faults


def until_known(world: World, method: str, path: str, body: Made | None, *done: int) -> None:
    """A client that sends a change again until it knows that it is done."""
    answer = world.send(method, path, body)
    assert answer.status in done, answer.text


def members_in(world: World) -> list[str]:
    return sorted(contact["id"]["S"] for contact in world.content.contacts)


def join(world: World) -> None:
    (customer,) = (one["id"]["S"] for one in world.content.customers)
    body = {"first_name": "A", "email": "a@example.com", "customer_id": customer}
    until_known(world, "POST", "/contacts", body, 201, 409)


def move_primary(world: World) -> None:
    last = sorted(one["id"]["S"] for one in world.content.customers)[-1]
    until_known(world, "PATCH", f"/contacts/{members_in(world)[0]}", {"customer_id": last}, 200)


def set_primary(world: World) -> None:
    until_known(world, "POST", f"/contacts/{members_in(world)[1]}/set-primary", None, 200)


def delete_primary(world: World) -> None:
    until_known(world, "DELETE", f"/contacts/{members_in(world)[0]}", None, 204, 404)


def restore(world: World) -> None:
    until_known(world, "POST", f"/contacts/{members_in(world)[0]}/restore", None, 200)


def one_deleted(world: World) -> None:
    _, members = with_members(world, 2)
    world.send("DELETE", at(members[0]))


def two_customers(world: World) -> None:
    with_members(world, 2)
    with_members(world, 1)


CHANGES: dict[str, tuple[Callable[[World], object], Callable[[World], None], int]] = {
    "join": (lambda world: with_members(world, 1), join, 2),
    "move": (two_customers, move_primary, 6),
    "set-primary": (lambda world: with_members(world, 2), set_primary, 4),
    "delete": (lambda world: with_members(world, 2), delete_primary, 5),
    "restore": (one_deleted, restore, 4),
}
"""What must be there, a client's change, and the calls it takes besides the authorizer's."""


def prepared(worlds: Worlds, make: Callable[[World], object]) -> Worlds:
    @contextmanager
    def made() -> Iterator[World]:
        with worlds() as world:
            make(world)
            yield world

    return made


def whole_picture(world: World) -> list[str]:
    content = world.content
    content.assert_whole()
    return content.picture()


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_killed_anywhere_is_whole_or_not_there_and_sent_again_is_done_once(
    worlds: Worlds, change: str
) -> None:
    """check 13"""
    make, deliver, _ = CHANGES[change]
    assert_same_after_kills(
        prepared(worlds, make),
        deliver,
        whole_picture,
        both_sides=True,
        is_atomic=True,
        matching=of_the_product,
    )


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_throttled_at_any_call_ends_the_same(worlds: Worlds, change: str) -> None:
    """check 10"""
    make, deliver, calls = CHANGES[change]
    tried = assert_same_under_throttling(
        prepared(worlds, make), deliver, whole_picture, matching=of_the_product
    )
    assert tried >= calls


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_whose_answer_is_lost_succeeds_once(world: World, change: str) -> None:
    """check 11"""
    make, deliver, _ = CHANGES[change]
    make(world)
    with injecting(lost_answer(call("dynamodb", "TransactWriteItems"), times=2)):
        deliver(world)
    world.content.assert_whole()


@pytest.mark.parametrize("change", CHANGES)
def test_with_dynamodb_away_a_change_is_503_and_not_there(world: World, change: str) -> None:
    """check 15"""
    make, deliver, _ = CHANGES[change]
    make(world)
    before = whole_picture(world)
    with injecting(unreachable(call("dynamodb", "TransactWriteItems"))), pytest.raises(AssertionError):
        deliver(world)
    assert whole_picture(world) == before


def test_a_contact_created_under_a_key_joins_its_customer_once(world: World) -> None:
    customer = customer_of(world)
    body = {"first_name": "A", "email": "a@example.com", "customer_id": customer["id"]}
    key = {"Idempotency-Key": "k"}

    def create() -> Response:
        return world.racing.request("POST", "/contacts", json=body, headers=key, token=world.t1.admin)

    answers = world.racing.together([create] * 8)
    assert {answer.status for answer in answers} <= {201, 409}
    again = world.send("POST", "/contacts", body, headers=key)
    assert (again.status, again.json["is_primary"]) == (201, True)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert {answer.json["id"] for answer in answers if answer.status == 201} == {again.json["id"]}
    assert now(world, customer)["contact_count"] == 1
    world.content.assert_whole()


def test_a_create_whose_answers_are_lost_makes_one_customer_and_no_gap(world: World) -> None:
    """check 11, check 12"""
    with injecting(lost_answer(call("dynamodb", "TransactWriteItems"), times=2)):
        made = customer_of(world, username="one")
    following = customer_of(world)
    assert (made["number"], following["number"]) == ("CUST000001", "CUST000002")
    assert len(world.content.customers) == 2
    world.content.assert_whole()


def test_a_refused_customer_uses_no_number_up(world: World) -> None:
    body = {"first_name": "A", "username": "one"}
    customer_of(world, username="one")
    for refused in (body, {**body, "first_name": ""}, {**body, "email": "none"}):
        assert world.send("POST", "/customers", refused).status in (409, 422)

    def racing() -> Response:
        racer = {**body, "username": "two"}
        return world.racing.request("POST", "/customers", json=racer, token=world.t1.admin)

    answers = world.racing.together([racing] * 8)
    assert sorted(answer.status for answer in answers) == [201, *[409] * 7]
    assert customer_of(world)["number"] == "CUST000003"


def test_a_create_killed_anywhere_and_sent_again_leaves_one_customer(worlds: Worlds) -> None:
    """check 13"""

    def deliver(world: World) -> None:
        body = {"first_name": "A", "username": "one"}
        until_known(world, "POST", "/customers", body, 201, 409)

    def state(world: World) -> list[str]:
        world.content.assert_whole()
        return [one["username"]["S"] for one in world.content.customers]

    assert_same_after_kills(worlds, deliver, state, both_sides=True, matching=of_the_product)


def test_a_purged_contact_of_a_customer_leaves_nothing_behind(world: World) -> None:
    _, members = with_members(world, 2)
    world.send("DELETE", at(members[0]))
    later = timestamps.plus(timestamps.now(), 31 * 86_400)
    with acting_for_system("DUE#PURGE#", "T#"):
        assert Purge(purge_table(), now=lambda: later).run().purged == 1
    assert members[0]["id"] not in str([one for one in world.content.items if "EVENT#" not in one["SK"]["S"]])
    world.content.assert_whole()


def test_a_contact_that_another_call_made_primary_meanwhile_is_so_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 30: it was read before, the customer after."""
    customer = customer_of(world)
    for name in ("a", "b"):
        world.create(f"{name}@example.com", customer_id=customer["id"])
    (second,) = (one["id"]["S"] for one in world.content.live if "is_primary" not in one)
    read, seen = MembershipTable.customer, []

    def behind_another_call(self: MembershipTable, customer_id: str) -> Any:
        if not seen:
            seen.append(customer_id)
            assert contact_service(CALLER).set_primary(second, None).is_primary
        return read(self, customer_id)

    monkeypatch.setattr(MembershipTable, "customer", behind_another_call)
    with acting_for("T1"):
        assert contact_service(CALLER).set_primary(second, None).version == 2
    assert now(world, customer)["primary_contact"] == second
    world.content.assert_whole()


CALLER = Caller("T1", "user", "u1", "admin")
