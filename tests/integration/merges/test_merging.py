"""Merging contacts and undoing that over HTTP: answers, refusals, rights, locks, customers, chains and purges."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.tenant import TenantSettings
from shared.projections.comparison import find_discrepancies
from shared.projections.leftover_rows import LeftoverRows
from shared.services.contacts.purge import Purge
from shared.wiring.base import store
from shared.wiring.contacts import purge_table
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.merges.merging import merge, undo
from tests.integration.world import World, booking
from tests.support.aws import Stack
from tests.support.gateway import Response
from tests.support.roles import role_of, under_role
from tests.support.tenant_guard import acting_for_system
from tests.support.tokens import TokenIssuer
from tests.tenants import program

PHONE = "+14155550132"


def ask(world: World, survivor: str, *merged: str, token: str | None = None, **given: Any) -> Response:
    """The answer to a merge."""
    body = {"survivor_id": survivor, "merged_ids": [*merged], **given}
    return world.send("POST", "/contacts/merge", body, token=token)


def read(world: World, contact_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = world.send("GET", f"/contacts/{contact_id}").json
    return shown


def refused(answer: Response) -> tuple[int, str]:
    return answer.status, answer.json["code"]


@pytest.fixture
def three(world: World) -> list[str]:
    """Three contacts, `one`, `two` and `three`."""
    return [world.create(f"{name}@example.com", company=name)["id"] for name in ("one", "two", "three")]


def test_a_survivor_has_the_addresses_of_all_and_gives_them_back(world: World, three: list[str]) -> None:
    """check 107"""
    one, two, _ = three
    before = world.content
    shown = [read(world, contact_id) for contact_id in three]
    made = merge(world, one, two)
    assert made["contact"]["other_emails"] == ["two@example.com"]
    assert made["changes"]["other_emails"] == {"old": None, "new": ["two@example.com"]}
    assert world.content.locks == before.locks
    taken = world.send("POST", "/contacts", {"first_name": "Eve", "email": "two@example.com"})
    assert (refused(taken), taken.json["errors"][0]["contact_id"]) == ((409, "duplicate"), one)
    back = undo(world, made["id"])
    assert (back["state"], back["undo"]["kept"]) == ("undone", [])
    assert undo(world, made["id"])["undo"] == back["undo"]
    of_changes = {"version": 0, "updated_at": "", "updated_by": ""}
    assert [{**read(world, one["id"]), **of_changes} for one in shown] == [
        {**one, **of_changes} for one in shown
    ]
    assert world.content.locks == before.locks
    world.content.assert_whole()


def test_a_dry_run_shows_what_the_merge_then_does(world: World, three: list[str]) -> None:
    before = world.content.picture()
    choices = {"company": three[2]}
    shown = merge(world, *three, choices=choices, dry_run=True)
    assert (shown["id"], shown["dry_run"], world.content.picture()) == (None, True, before)
    made = merge(world, *three, choices=choices)
    differing = {"id", "at", "undo_until", "dry_run", "contact"}
    assert {name: made[name] for name in made.keys() - differing} == {
        name: shown[name] for name in shown.keys() - differing
    }
    times = {"updated_at": ""}
    assert {**made["contact"], **times} == {**shown["contact"], **times}
    assert made["contact"]["company"] == "three"
    listed = world.send("GET", "/merges", query={"contact_id": three[1], "state": "done"}).json["items"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert world.send("GET", "/merges", query={"contact_id": three[1], "state": "undone"}).json["items"] == []
    assert world.send("GET", f"/merges/{made['id']}").json == listed[0]


def test_ids_that_cannot_be_merged_are_refused_with_their_place(world: World, three: list[str]) -> None:
    one, two, _ = three
    for ids, status, code, field in (
        ((one, one), 422, "named_twice", "merged_ids.0"),
        ((one, two, two), 422, "named_twice", "merged_ids.1"),
        ((one, "0190a8b0-0000-7000-8000-00000000000a"), 404, "not_found", "merged_ids.0"),
        (("nothing", two), 404, "not_found", "survivor_id"),
    ):
        answer = ask(world, *ids)
        (error,) = answer.json["errors"]
        assert (answer.status, error["code"], error["field"]) == (status, code, field)
    assert ask(world, one, two, choices={"email": three[2]}).status == 422
    merge(world, one, two)
    for ids, field in (((one, two), "merged_ids.0"), ((two, three[2]), "survivor_id")):
        answer = ask(world, *ids)
        assert (refused(answer), answer.json["survivor_id"]) == ((409, "merged"), one)
        assert [error["field"] for error in answer.json["errors"]] == [field]


def test_chains_are_undone_from_their_ends(world: World, three: list[str]) -> None:
    one, two, three_id = three
    inner, outer = merge(world, two, one)["id"], merge(world, three_id, two)["id"]
    assert read(world, one)["id"] == three_id
    assert read(world, three_id)["merged_from"] == [two, one]
    answer = world.send("POST", f"/merges/{inner}/undo")
    assert refused(answer) == (409, "merged_later") and outer in answer.json["detail"]
    undo(world, outer)
    assert read(world, two)["merged_from"] == [one]
    world.catch_up()
    assert {one["id"] for one in world.listed()} == {two, three_id}
    undo(world, inner)
    assert [read(world, contact_id)["id"] for contact_id in three] == three
    world.catch_up()
    assert {one["id"]: one["email"] for one in world.listed()} == {
        contact_id: f"{name}@example.com"
        for contact_id, name in zip(three, ("one", "two", "three"), strict=True)
    }
    assert [one["id"] for one in world.listed(email="one@example.com")] == [one]
    assert find_discrepancies("T1", world.content.of("T#T1#")) == ({}, [])
    world.content.assert_whole()


def test_a_later_merge_into_the_same_survivor_is_undone_first(world: World, three: list[str]) -> None:
    one, two, three_id = three
    first, second = merge(world, one, two)["id"], merge(world, one, three_id)["id"]
    assert refused(world.send("POST", f"/merges/{first}/undo")) == (409, "merged_later")
    undo(world, second)
    undo(world, first)
    world.content.assert_whole()


def test_at_level_own_all_contacts_must_be_the_caller_s(world: World) -> None:
    own = [world.create(f"own{number}@example.com", token=world.t1.user)["id"] for number in (1, 2)]
    other = world.create("other@example.com", token=world.t1.other_user)["id"]
    assert refused(ask(world, own[0], other, token=world.t1.user)) == (403, "permission_denied")
    made = ask(world, *own, token=world.t1.user)
    assert made.status == 200
    undone = world.send("POST", f"/merges/{made.json['id']}/undo", token=world.t1.other_user)
    assert refused(undone) == (403, "permission_denied")
    narrow = program("T1", "contacts:read:own,contacts:merge:all")
    assert refused(ask(world, *own, token=narrow)) == (404, "not_found")
    assert world.send("GET", f"/merges/{made.json['id']}", token=narrow).status == 404
    assert world.send("GET", "/merges", token=narrow).json["items"] == []


def test_an_address_that_the_survivor_shed_is_free_and_stays_with_who_takes_it(
    world: World, three: list[str]
) -> None:
    one, two, _ = three
    made = merge(world, one, two)["id"]
    assert world.send("PATCH", f"/contacts/{one}", {"other_emails": []}).status == 200
    eve = world.create("two@example.com")["id"]
    assert refused(world.send("PATCH", f"/contacts/{one}", {"other_emails": ["two@example.com"]}))[0] == 409
    world.content.assert_whole()
    back = undo(world, made)
    assert back["undo"]["kept"] == [{"field": "email", "contact_id": two, "reason": "address_taken"}]
    assert (read(world, two)["email"], read(world, eve)["email"]) == (None, "two@example.com")
    world.content.assert_whole()


def test_every_door_takes_an_address_that_a_survivor_shed(world: World) -> None:
    shed = [f"{number}@shed.example.com" for number in range(5)]
    one = world.create("one@example.com")["id"]
    two = world.create(shed[0], other_emails=shed[1:])["id"]
    merge(world, one, two)
    assert world.send("PATCH", f"/contacts/{one}", {"other_emails": []}).status == 200
    bulk = {"contacts": [{"first_name": "Bulk", "email": shed[0]}, {"first_name": "Bulk"}]}
    bulk["contacts"][1]["email"] = "other@example.com"
    answer = world.send("POST", "/contacts/bulk-create", bulk)
    assert [entry["status"] for entry in answer.json["items"]] == [201, 201]
    world.post_booking(booking(invitee_email=shed[1]))
    world.bookings.pump()
    assert DropFolder(world).run(f"email\n{shed[2]}\n")["counts"]["created"] == 1
    known = world.create("known@example.com")["id"]
    changed = world.send("PATCH", f"/contacts/{known}", {"email": shed[3]})
    assert changed.status == 200
    customer = world.send("POST", "/customers", {"first_name": "Acme"}).json["id"]
    assert world.create(shed[4], customer_id=customer)["is_primary"]
    world.catch_up()
    found = {address: world.listed(email=address) for address in shed}
    assert all(len(contacts) == 1 and contacts[0]["id"] != one for contacts in found.values())
    world.content.assert_whole()


def test_a_survivor_is_deleted_and_restored_with_all_its_addresses(world: World, three: list[str]) -> None:
    one, two, _ = three
    made = merge(world, one, two)["id"]
    assert world.send("DELETE", f"/contacts/{one}").status == 204
    assert world.send("GET", f"/contacts/{two}").status == 404
    assert world.send("POST", f"/contacts/{one}/restore").status == 200
    assert read(world, two)["other_emails"] == ["two@example.com"]
    assert world.send("DELETE", f"/contacts/{one}").status == 204
    eve = world.create("two@example.com")["id"]
    answer = world.send("POST", f"/contacts/{one}/restore")
    assert (refused(answer), answer.json["errors"][0]["contact_id"]) == ((409, "duplicate"), eve)
    world.content.assert_whole()
    assert undo(world, made)["contact"] is None
    assert read(world, two)["email"] is None
    assert world.send("POST", f"/contacts/{one}/restore").status == 200
    world.content.assert_whole()


def test_a_purge_of_a_survivor_leaves_nothing_of_the_merged_contacts(world: World, three: list[str]) -> None:
    one, two, three_id = three
    world.post_booking(booking(invitee_email="two@example.com"))
    world.bookings.pump()
    merge(world, two, three_id)
    made = merge(world, one, two)["id"]
    assert world.send("DELETE", f"/contacts/{one}").status == 204
    world.catch_up()
    later = timestamps.plus(timestamps.now(), 31 * 86_400)
    role = role_of(world.stack.template, "ContactsPurgeFunction")
    for _ in range(2):
        with acting_for_system("DUE#PURGE#", "T#"), under_role(role):
            Purge(purge_table(), leftover_rows=LeftoverRows(store()), now=lambda: later).run()
    world.catch_up()
    world.content.assert_whole()
    assert (world.content.contacts, world.content.locks) == ([], [])
    assert refused(world.send("POST", f"/merges/{made}/undo")) == (409, "undo_expired")
    assert world.create("three@example.com")["id"] not in three


def test_a_merge_can_be_undone_for_thirty_days(
    world: World, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = merge(world, *three)
    later = timestamps.plus(made["undo_until"], 1)
    monkeypatch.setattr(timestamps, "now", lambda: later)
    assert refused(world.send("POST", f"/merges/{made['id']}/undo")) == (409, "undo_expired")


def test_a_survivor_takes_the_place_of_a_primary_contact(world: World) -> None:
    customer = world.send("POST", "/customers", {"first_name": "Acme"}).json["id"]
    first, second, third = (
        world.create(f"{name}@example.com", customer_id=customer)["id"] for name in ("a", "b", "c")
    )
    made = merge(world, third, first)["id"]
    shown = world.send("GET", f"/customers/{customer}").json
    assert (shown["primary_contact"], shown["contact_count"]) == (third, 2)
    world.content.assert_whole()
    undo(world, made)
    shown = world.send("GET", f"/customers/{customer}").json
    assert (shown["primary_contact"], shown["contact_count"]) == (first, 3)
    assert read(world, second)["is_primary"] is False
    world.content.assert_whole()


def test_twenty_primary_contacts_are_too_many_at_once(world: World) -> None:
    ids = []
    for number in range(20):
        customer = world.send("POST", "/customers", {"first_name": "Acme"}).json["id"]
        ids.append(world.create(f"{number}@example.com", customer_id=customer)["id"])
    survivor = world.create()["id"]
    assert refused(ask(world, survivor, *ids)) == (409, "merge_too_large")
    assert refused(ask(world, survivor, *ids, dry_run=True)) == (409, "merge_too_large")
    merge(world, survivor, *ids[:12])
    world.content.assert_whole()


def test_among_a_customer_s_contacts_the_survivor_takes_the_values_of_others(
    aws_stack: Stack, token_issuer: TokenIssuer
) -> None:
    world = World(aws_stack, token_issuer, TenantSettings(require_email=False, unique_scope="customer"))
    a, b = (world.send("POST", "/customers", {"first_name": name}).json["id"] for name in "ab")
    one = world.create("one@example.com", customer_id=a)["id"]
    two = world.create("two@example.com", customer_id=b, phone=PHONE)["id"]
    other = world.create("two@example.com", customer_id=a)["id"]
    for dry_run in (True, False):
        answer = ask(world, one, two, dry_run=dry_run)
        assert (refused(answer), answer.json["errors"][0]["contact_id"]) == ((409, "duplicate"), other)
    assert world.send("DELETE", f"/contacts/{other}").status == 204
    before = world.content.locks
    made = merge(world, one, two)["id"]
    world.content.assert_whole()
    assert world.send("POST", f"/contacts/{other}/restore").status == 409
    assert world.create("two@example.com", customer_id=b)["id"] not in (one, two)
    back = undo(world, made)
    kept = {(one["contact_id"], one["field"], one["reason"]) for one in back["undo"]["kept"]}
    assert kept == {(two, "email", "address_taken"), (two, "is_primary", "changed_since")}
    world.content.assert_whole()
    assert len(world.content.locks) >= len(before)


def test_a_customer_s_new_contact_gets_the_address_that_a_merged_one_took_along(world: World) -> None:
    """Where values are unique among the contacts of a customer: the lock that the merged one left is free."""
    assert world.send("PATCH", "/settings", {"unique_scope": "customer"}).status == 200
    first, second = (world.send("POST", "/customers", {"first_name": name}).json["id"] for name in "AB")
    ada = world.create("ada@example.com", customer_id=first)
    grace = world.create("grace@example.com", customer_id=second)
    merge(world, ada["id"], grace["id"])
    assert world.create("grace@example.com", customer_id=second)["is_primary"]
    world.content.assert_whole()


def test_a_survivor_s_own_addresses_stay_so_few_that_it_can_be_deleted(
    aws_stack: Stack, token_issuer: TokenIssuer
) -> None:
    world = World(aws_stack, token_issuer, TenantSettings(unique_scope="customer"))
    customers = [world.send("POST", "/customers", {"first_name": "Acme"}).json["id"] for _ in range(4)]
    survivor, *merged = (
        world.create(
            f"{number}@example.com",
            other_emails=[f"{number}-{other}@example.com" for other in range(20 if number else 0)],
            customer_id=customer,
        )["id"]
        for number, customer in enumerate(customers)
    )
    for one in merged[:2]:
        merge(world, survivor, one)
    for dry_run in (True, False):
        assert refused(ask(world, survivor, merged[2], dry_run=dry_run)) == (409, "merge_too_large")
    # Among the contacts of the first merged one's customer, its own locks serve again.
    moved = world.send("PATCH", f"/contacts/{survivor}", {"customer_id": customers[1]})
    assert moved.status == 200, moved.text
    world.content.assert_whole()
    assert world.send("DELETE", f"/contacts/{survivor}").status == 204
    world.content.assert_whole()
