"""Suggestions of duplicates, and their dismissal, through the API."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from shared.domain import timestamps
from shared.projections.leftover_rows import LeftoverRows
from shared.services.contacts.purge import Purge
from shared.wiring.base import store
from shared.wiring.contacts import purge_table
from shared.wiring.tenants import tenant_memory
from tests.contract.answers import faults_of
from tests.integration.world import World
from tests.support.faults import call, injecting, unreachable
from tests.support.gateway import Response
from tests.support.tenant_guard import acting_for, as_operator
from tests.support.transport import Attempt, Layer, Send, intercepting
from tests.tenants import program

LIST, DISMISS = "/contacts/duplicates", "/contacts/duplicates/dismiss"
NUMBER = "+14155550101"
ADA = {"first_name": "Ada", "last_name": "Lovelace"}


def listed(world: World, **query: Any) -> list[dict[str, Any]]:
    """All suggestions, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = world.send("GET", LIST, query={**query, **cursor})
        assert answer.status == 200, answer.text
        assert faults_of("GET", LIST, answer) == []
        found += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json["next_cursor"]}


def ids(suggestions: list[dict[str, Any]]) -> list[list[str]]:
    return [one["contact_ids"] for one in suggestions]


def dismiss(world: World, *contact_ids: str, **how: Any) -> Response:
    return world.send("POST", DISMISS, {"contact_ids": [*contact_ids]}, **how)


@pytest.fixture
def pair(world: World) -> list[str]:
    """Two contacts with one number and like names, and a relative with that number."""
    two = [
        world.create(f"{name}@example.com", first_name=name, last_name="Lovelace", phone=NUMBER)["id"]
        for name in ("ada", "adda")
    ]
    world.create("george@example.com", first_name="George", last_name="Lovelace", phone=NUMBER)
    world.catch_up()
    return two


def test_a_suggestion_names_both_contacts_and_says_why(world: World, pair: list[str]) -> None:
    (found,) = listed(world)
    assert found["contact_ids"] == pair
    assert [one["full_name"] for one in found["contacts"]] == ["ada Lovelace", "adda Lovelace"]
    assert found["score"] >= 70
    assert found["reasons"] == [
        {"code": "same_phone", "detail": NUMBER},
        {"code": "like_name", "detail": "typing_error"},
    ]
    assert len(listed(world, min_score=0)) == 3
    assert listed(world, min_score=0, limit=1) == listed(world, min_score=0)
    assert listed(world, min_score=100) == []


def test_the_suggestions_of_a_contact_follow_it_at_once(world: World, pair: list[str]) -> None:
    assert ids(listed(world, contact_id=pair[1])) == [pair[::-1]]
    world.send("PATCH", f"/contacts/{pair[1]}", {"phone": None})
    assert listed(world, contact_id=pair[1]) == []
    world.catch_up()
    assert listed(world) == []


def test_deleted_and_merged_contacts_are_no_suggestions(world: World, pair: list[str]) -> None:
    assert world.send("DELETE", f"/contacts/{pair[0]}").status == 204
    world.catch_up()
    assert listed(world) == []
    assert world.send("POST", f"/contacts/{pair[0]}/restore").status == 200
    world.catch_up()
    assert ids(listed(world)) == [pair]
    given = {"survivor_id": pair[0], "merged_ids": [pair[1]]}
    assert world.send("POST", "/contacts/merge", given).status == 200
    world.catch_up()
    assert listed(world) == []


def test_a_dismissal_holds_until_what_is_common_changes(world: World, pair: list[str]) -> None:
    answer = dismiss(world, *pair[::-1])
    assert answer.status == 200 and faults_of("POST", DISMISS, answer) == []
    assert answer.json["contact_ids"] == pair
    assert (answer.json["by"], len(answer.json["reasons"])) == ("user:admin-of-T1", 2)
    assert listed(world) == listed(world, contact_id=pair[0]) == listed(world, contact_id=pair[1]) == []
    # What they do not have in common is of no importance.
    world.send("PATCH", f"/contacts/{pair[0]}", {"job_title": "Countess", "whatsapp": "+14155550109"})
    world.catch_up()
    assert listed(world) == []
    world.send("PATCH", f"/contacts/{pair[1]}", {"whatsapp": "+14155550109"})
    world.catch_up()
    assert ids(listed(world)) == ids(listed(world, contact_id=pair[0])) == [pair]
    assert dismiss(world, *pair).status == 200
    assert listed(world) == []


def test_contacts_can_be_dismissed_before_they_are_alike(world: World, pair: list[str]) -> None:
    stranger = world.create("grace@example.com", first_name="Grace")["id"]
    answer = dismiss(world, pair[0], stranger)
    assert (answer.status, answer.json["score"], answer.json["reasons"]) == (200, 0, [])
    world.send("PATCH", f"/contacts/{stranger}", {**ADA, "phone": NUMBER})
    world.catch_up()
    assert [pair[0], stranger] in ids(listed(world))


def test_the_purge_of_the_older_contact_removes_its_dismissals(world: World, pair: list[str]) -> None:
    assert dismiss(world, *pair).status == 200
    (kept,) = world.content.of("T#", "DISMISSED#")
    assert kept.keys() == {"PK", "SK", "digest", "by", "at"}
    assert kept["PK"]["S"].endswith(pair[0])
    assert world.send("DELETE", f"/contacts/{pair[0]}").status == 204
    world.catch_up()
    with as_operator():
        later = timestamps.plus(timestamps.now(), 31 * 86_400)
        Purge(purge_table(), leftover_rows=LeftoverRows(store()), now=lambda: later).run()
    assert world.content.of("T#", "DISMISSED#") == []


def test_a_field_of_the_tenant_s_choice_identifies_people(world: World) -> None:
    assert world.send("PATCH", "/settings", {"duplicate_key": "member_number"}).status == 200
    with acting_for("T1"):
        tenant_memory().forget("T1")
    two = [
        world.create(f"{name}@example.com", first_name=name, custom_fields={"member_number": f"M-{digits}"})[
            "id"
        ]
        for name, digits in (("ada", "1234"), ("grace", "1235"), ("augusta", "1234"))
    ][::2]
    world.catch_up()
    (found,) = listed(world, min_score=0)
    assert (found["contact_ids"], found["reasons"][0]) == (
        two,
        {"code": "same_key", "detail": "member_number"},
    )
    assert ids(listed(world, contact_id=two[0], min_score=0)) == [two]
    assert dismiss(world, *two).status == 200
    assert listed(world, min_score=0) == listed(world, contact_id=two[1], min_score=0) == []


def test_dismissing_takes_the_right_to_change_or_merge_both(world: World, pair: list[str]) -> None:
    for granted, status in (
        ("contacts:read:all", 403),
        ("contacts:read:all,contacts:write:own", 403),
        ("contacts:read:own,contacts:write:all", 404),
        ("contacts:read:all,contacts:write:all", 200),
        ("contacts:read:all,contacts:merge:all", 200),
    ):
        assert dismiss(world, *pair, token=program("T1", granted)).status == status, granted
    answer = dismiss(world, pair[0], pair[0])
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "contact_ids.1")
    answer = dismiss(world, pair[0], "nowhere")
    assert (answer.status, answer.json["errors"][0]["field"]) == (404, "contact_ids.1")


def test_a_dismissal_is_of_what_the_contacts_have_in_common_when_it_is_written(
    world: World, pair: list[str], waits: list[float]
) -> None:
    def change(attempt: Attempt, send: Send) -> AWSResponse:
        if attempt.operation == "TransactWriteItems" and "DISMISSED#" in str(attempt.params) and not changed:
            changed.append(True)
            for one in pair:
                answer = world.racing.request(
                    "PATCH", f"/contacts/{one}", json={"whatsapp": "+14155550109"}, token=world.t1.admin
                )
                assert answer.status == 200
        return send(attempt)

    changed: list[bool] = []
    with intercepting(Layer.METER, change):
        assert dismiss(world, *pair).status == 200
    assert changed and waits
    world.catch_up()
    assert listed(world) == []


def test_no_one_learns_of_contacts_that_they_do_not_see(world: World, pair: list[str]) -> None:
    stranger = program("T1", "contacts:read:own,contacts:write:own")
    given = {**ADA, "phone": NUMBER, "email": "countess@example.com"}
    made = world.send("POST", "/contacts", given, query={"check_duplicates": "true"}, token=stranger)
    assert (made.status, made.json["possible_duplicates"]) == (201, [])
    world.catch_up()
    assert len(listed(world)) == 3
    for query in ({"min_score": 0}, {"min_score": 0, "contact_id": made.json["id"]}):
        answer = world.send("GET", LIST, query=query, token=stranger)
        assert (answer.status, answer.json["items"]) == (200, [])
    hidden = world.send("GET", LIST, query={"contact_id": pair[0]}, token=stranger)
    assert hidden.status == dismiss(world, made.json["id"], pair[0], token=stranger).status == 404


def test_a_new_contact_is_compared_if_the_caller_asks(world: World, pair: list[str]) -> None:
    given = {**ADA, "phone": NUMBER, "email": "countess@example.com"}
    answer = world.send("POST", "/contacts", given, query={"check_duplicates": "true"})
    assert (answer.status, faults_of("POST", "/contacts", answer)) == (201, [])
    made = answer.json
    found = made.pop("possible_duplicates")
    assert [one["contact_ids"] for one in found] == [[made["id"], pair[0]], [made["id"], pair[1]]]
    assert found[0]["score"] > found[1]["score"] >= 70
    assert world.send("GET", f"/contacts/{made['id']}").json == made
    plain = world.send("POST", "/contacts", {**given, "email": "augusta@example.com"})
    assert plain.status == 201 and "possible_duplicates" not in plain.json


def test_the_comparison_of_a_new_contact_is_in_the_answer_that_is_repeated(
    world: World, pair: list[str]
) -> None:
    def create() -> Response:
        given = {**ADA, "phone": NUMBER, "email": "countess@example.com"}
        key = {"Idempotency-Key": "k1"}
        return world.send("POST", "/contacts", given, query={"check_duplicates": "true"}, headers=key)

    first = create()
    assert (first.status, len(first.json["possible_duplicates"])) == (201, 2)
    world.catch_up()
    again = create()
    assert (again.status, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_contact_is_created_when_its_duplicates_cannot_be_looked_up(world: World) -> None:
    given = {**ADA, "phone": NUMBER, "email": "ada@example.com"}
    with injecting(unreachable(call("dynamodb", "Query"))):
        answer = world.send("POST", "/contacts", given, query={"check_duplicates": "true"})
    assert (answer.status, answer.json["possible_duplicates"]) == (201, None)
    assert faults_of("POST", "/contacts", answer) == []
