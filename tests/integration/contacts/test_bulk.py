"""Many contacts at once: one entry each, judged and answered as the single call would be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain.errors import TooLarge
from shared.domain.ids import new_id
from shared.domain.tenant import TenantSettings
from shared.table.contacts.repository import ContactTable
from shared.wiring.accounts import onboarding_service
from shared.wiring.base import store
from tests.contract.answers import faults_of
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.faults import (
    call,
    calls_of,
    injecting,
    throttle,
    transaction_conflict,
    unprocessed,
    unreachable,
)
from tests.support.gateway import Response
from tests.support.tenant_guard import as_operator
from tests.support.tokens import TokenIssuer

CREATE, UPDATE, DELETE = "/contacts/bulk-create", "/contacts/bulk-update", "/contacts/bulk-delete"
WRITES = call("dynamodb", "TransactWriteItems")


def person(number: int, **fields: Any) -> dict[str, Any]:
    return {"first_name": f"P{number}", "email": f"p{number}@example.com", **fields}


def bulk(world: World, path: str, body: Any, *, token: str | None = None, status: int = 207) -> Response:
    answer = world.send("POST", path, body, token=token)
    assert answer.status == status, answer.text
    assert faults_of("POST", path, answer) == []
    assert world.gateway.failures == []
    if status == 207:
        assert answer.headers["Content-Type"] == "application/json"
        succeeded = [entry for entry in answer.json["items"] if "error" not in entry]
        assert answer.json["succeeded"] == len(succeeded)
        assert answer.json["failed"] == len(answer.json["items"]) - len(succeeded)
    return answer


def made(world: World, count: int, *, token: str | None = None, **fields: Any) -> list[str]:
    """Contacts, by their ids."""
    body = {"contacts": [person(number, **fields) for number in range(count)]}
    return [entry["id"] for entry in bulk(world, CREATE, body, token=token).json["items"]]


def statuses(answer: Response) -> list[int]:
    return [entry["status"] for entry in answer.json["items"]]


def codes(answer: Response) -> list[str | None]:
    return [entry.get("error", {}).get("code") for entry in answer.json["items"]]


def shown(world: World, contact_id: str) -> dict[str, Any]:
    answer = world.send("GET", f"/contacts/{contact_id}")
    assert answer.status == 200
    record: dict[str, Any] = answer.json
    return record


def without_request(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry["error"].items() if name != "request_id"}


# Creation


def test_each_entry_is_created_in_order(world: World) -> None:
    answer = bulk(world, CREATE, {"contacts": [person(n, tags=["a"]) for n in range(70)]})
    assert statuses(answer) == [201] * 70
    ids = [entry["id"] for entry in answer.json["items"]]
    assert ids == sorted(ids) and len(set(ids)) == 70
    assert [shown(world, one)["email"] for one in (ids[0], ids[69])] == ["p0@example.com", "p69@example.com"]
    world.content.assert_whole()
    world.catch_up()
    assert [one["id"] for one in world.listed(sort="created_at")] == ids


def test_a_bad_entry_costs_no_other_and_reads_as_the_single_call_s_refusal(world: World) -> None:
    taken = world.create("taken@example.com")["id"]
    bad: list[Any] = [
        person(1),
        person(2, email="taken@example.com"),
        {"first_name": "X"},
        {"first_name": 1, "email": "x@example.com"},
        person(6, surprise=True),
        "no object",
        None,
        person(3, phone="12"),
        person(4, custom_fields={"A": 1}),
        person(5),
    ]
    answer = bulk(world, CREATE, {"contacts": bad})
    assert statuses(answer) == [201, 409, 422, 422, 422, 422, 422, 422, 422, 201]
    for given, entry in zip(bad, answer.json["items"], strict=True):
        if isinstance(given, dict) and "error" in entry:
            alone = world.send("POST", "/contacts", given)
            assert without_request({"error": alone.json}) == without_request(entry)
            assert alone.status == entry["status"] == entry["error"]["status"]
            assert "id" not in entry
    assert answer.json["items"][1]["error"]["errors"][0]["contact_id"] == taken
    assert len(world.content.contacts) == 3
    world.content.assert_whole()


def test_of_entries_with_one_address_the_first_gets_it(world: World) -> None:
    """check 42: also where they are spelled differently, or stand among the other addresses."""
    answer = bulk(
        world,
        CREATE,
        {
            "contacts": [
                person(1),
                person(2, email="P1@Example.com"),
                person(3, other_emails=["p4@example.com"]),
                person(4),
                person(5, other_emails=["p1@example.com"]),
                person(6),
            ]
        },
    )
    assert statuses(answer) == [201, 409, 201, 409, 409, 201]
    first, third = answer.json["items"][0]["id"], answer.json["items"][2]["id"]
    errors = [entry["error"]["errors"][0] for entry in answer.json["items"] if "error" in entry]
    assert [(one["field"], one["contact_id"]) for one in errors] == [
        ("email", first),
        ("email", third),
        ("other_emails.0", first),
    ]
    world.content.assert_whole()


def test_an_address_that_a_refused_entry_wanted_is_free_for_the_next(world: World) -> None:
    world.create("taken@example.com")
    entries = [person(1, other_emails=["taken@example.com"]), person(1), person(1)]
    assert statuses(bulk(world, CREATE, {"contacts": entries})) == [409, 201, 409]
    world.content.assert_whole()


def test_contacts_without_an_address_are_created_too(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    world = World(aws_stack, token_issuer, TenantSettings(require_email=False))
    answer = bulk(world, CREATE, {"contacts": [{"first_name": "A"}, {"first_name": "A"}]})
    assert statuses(answer) == [201, 201]
    world.content.assert_whole()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CREATE, {}),
        (CREATE, {"contacts": []}),
        (CREATE, {"contacts": {"first_name": "A"}}),
        (CREATE, {"contacts": "x"}),
        (CREATE, {"contacts": [person(1)], "more": 1}),
        (CREATE, {"contacts": [{}] * 501}),
        (UPDATE, {"set": {"company": "X"}}),
        (UPDATE, {"contact_ids": [new_id()], "filter": {"tags": "a"}, "set": {"company": "X"}}),
        (UPDATE, {"contact_ids": [], "set": {"company": "X"}}),
        (UPDATE, {"contact_ids": [new_id()] * 501, "set": {"company": "X"}}),
        (UPDATE, {"contact_ids": "all", "set": {"company": "X"}}),
        (UPDATE, {"contact_ids": [new_id()]}),
        (UPDATE, {"contact_ids": [new_id()], "set": {}}),
        (UPDATE, {"contact_ids": [new_id()], "add_tags": []}),
        (UPDATE, {"contact_ids": [new_id()], "set": {"email": "x@example.com"}}),
        (UPDATE, {"contact_ids": [new_id()], "set": {"phone": "+12025550143"}}),
        (UPDATE, {"contact_ids": [new_id()], "set": {"version": 7}}),
        (UPDATE, {"contact_ids": [new_id()], "set": {"first_name": None}}),
        (UPDATE, {"contact_ids": [new_id()], "set": {"owner_id": "me"}}),
        (UPDATE, {"contact_ids": [new_id()], "set": {"tags": [f"t{n}" for n in range(11)]}}),
        (UPDATE, {"contact_ids": [new_id()], "add_tags": ["a"], "remove_tags": ["A"]}),
        (UPDATE, {"filter": {}, "set": {"company": "X"}}),
        (UPDATE, {"filter": {"tags": " , "}, "set": {"company": "X"}}),
        (UPDATE, {"filter": {"surprise": 1}, "set": {"company": "X"}}),
        (UPDATE, {"filter": {"search": "\u200b"}, "set": {"company": "X"}}),
        (UPDATE, {"filter": {"created_from": "yesterday"}, "set": {"company": "X"}}),
        (DELETE, {}),
        (DELETE, {"filter": {}}),
        (DELETE, {"filter": {"email": None}}),
        (DELETE, {"filter": None}),
        (DELETE, {"filter": {"is_active": True, "active": False}}),
        (DELETE, {"contact_ids": [None]}),
    ],
)
def test_what_cannot_be_meant_is_refused_as_a_whole(world: World, path: str, body: dict[str, Any]) -> None:
    world.create()
    before = world.content.picture()
    bulk(world, path, body, status=422)
    assert world.content.picture() == before


def test_a_body_of_more_than_a_megabyte_is_refused(world: World) -> None:
    """check 41"""
    body = {"contacts": [person(n, about="x" * 9_900) for n in range(110)]}
    assert len(json.dumps(body)) > 1_000_000
    bulk(world, CREATE, body, status=413)
    assert world.content.contacts == []


@pytest.mark.parametrize(
    "body",
    ['{"contacts": [{"first_name": "A", "custom_fields": {"a": NaN}}]}', '{"contacts": [' + "[" * 10_000],
)
def test_bodies_that_are_no_json_to_speak_of_do_no_harm(world: World, body: str) -> None:
    """check 40"""
    answer = world.gateway.request(
        "POST", CREATE, body=body, token=world.t1.admin, headers={"Content-Type": "application/json"}
    )
    assert answer.status in (207, 400)
    if answer.status == 207:
        assert statuses(answer) == [422]
    assert world.gateway.failures == []


# Changes and deletions by ids


def test_fields_and_tags_are_changed(world: World) -> None:
    ids = made(world, 3, tags=["Lead", "b"])
    body = {
        "contact_ids": ids,
        "set": {"company": "Engines", "communication": {"preferred": "sms"}, "custom_fields": {"a": 1}},
        "add_tags": ["vip", "B"],
        "remove_tags": ["lead"],
    }
    answer = bulk(world, UPDATE, body)
    assert answer.json["items"] == [{"status": 200, "id": one} for one in ids]
    for one in ids:
        contact = shown(world, one)
        assert (contact["company"], contact["tags"]) == ("Engines", ["b", "vip"])
        assert contact["communication"]["preferred"] == "sms" and contact["custom_fields"] == {"a": 1}
        assert contact["version"] == 2
    assert len(world.content.events) == 6
    assert statuses(bulk(world, UPDATE, body)) == [200] * 3
    assert len(world.content.events) == 6, "what changes nothing is no change"
    world.content.assert_whole()


def test_a_contact_never_gets_more_tags_than_it_may_have(world: World) -> None:
    full = world.create(tags=[f"t{n}" for n in range(10)])["id"]
    other = world.create(tags=["t1"])["id"]
    answer = bulk(world, UPDATE, {"contact_ids": [full, other], "add_tags": ["one more"]})
    assert (statuses(answer), codes(answer)) == ([422, 200], ["invalid", None])
    assert answer.json["items"][0]["error"]["errors"][0]["code"] == "too_many_tags"
    answer = bulk(world, UPDATE, {"contact_ids": [full], "add_tags": ["one more"], "remove_tags": ["T3"]})
    assert statuses(answer) == [200] and len(shown(world, full)["tags"]) == 10


def test_ids_that_are_none_are_missing_ones(world: World) -> None:
    ids = made(world, 2)
    world.send("DELETE", f"/contacts/{ids[1]}")
    asked = [ids[0], ids[1], new_id(), "T#T10", "", "../x", ids[0].upper()]
    for path, more, good in ((UPDATE, {"add_tags": ["a"]}, 200), (DELETE, {}, 204)):
        answer = bulk(world, path, {"contact_ids": asked, **more})
        assert statuses(answer) == [good] + [404] * 6
        assert [entry["id"] for entry in answer.json["items"]] == asked
        alone = world.send("PATCH", f"/contacts/{new_id()}", {"about": "x"})
        assert {json.dumps(without_request(entry)) for entry in answer.json["items"][1:]} == {
            json.dumps(without_request({"error": alone.json}))
        }
    world.content.assert_whole()


def test_another_tenant_s_ids_are_missing_ones(world: World) -> None:
    """check 48"""
    t10 = world.tenant("T10")
    theirs = world.create(token=t10.admin)["id"]
    before = world.content.picture()
    for path, more in ((UPDATE, {"set": {"company": "a"}}), (DELETE, {})):
        entries = bulk(world, path, {"contact_ids": [theirs, new_id()], **more}).json["items"]
        assert without_request(entries[0]) == without_request(entries[1])
        assert [entry["status"] for entry in entries] == [404, 404]
    assert world.content.picture() == before


def test_an_id_given_twice_is_acted_on_once(world: World) -> None:
    ids = made(world, 2)
    twice = [ids[0], ids[1], ids[0], ids[0]]
    assert statuses(bulk(world, UPDATE, {"contact_ids": twice, "add_tags": ["a"]})) == [200] * 4
    assert shown(world, ids[0])["version"] == 2
    answer = bulk(world, DELETE, {"contact_ids": twice})
    assert statuses(answer) == [204, 204, 404, 404]
    assert [entry["id"] for entry in answer.json["items"]] == twice
    world.content.assert_whole()


def test_deleted_contacts_free_their_addresses_and_can_be_restored(world: World) -> None:
    ids = made(world, 40)
    assert statuses(bulk(world, DELETE, {"contact_ids": ids})) == [204] * 40
    assert world.content.live == [] and world.content.locks == []
    assert world.send("POST", f"/contacts/{ids[7]}/restore").status == 200
    world.content.assert_whole()


# Rights


def test_who_may_not_write_at_all_is_refused_as_a_whole(world: World) -> None:
    """check 52"""
    one = world.create()["id"]
    before = world.content.picture()
    for path, body in (
        (CREATE, {"contacts": [person(1)]}),
        (UPDATE, {"contact_ids": [one], "add_tags": ["a"]}),
        (UPDATE, {"filter": {"tags": "a"}, "add_tags": ["a"]}),
        (DELETE, {"contact_ids": [one]}),
        (DELETE, {"filter": {"tags": "a"}}),
    ):
        refused = bulk(world, path, body, token=world.t1.powerless, status=403)
        assert refused.json["detail"].startswith("Insufficient permissions: contacts:")
    assert world.content.picture() == before


def test_a_user_acts_on_his_own_contacts_alone(world: World) -> None:
    """check 52"""
    theirs = world.create()["id"]
    mine = world.create(token=world.t1.user)["id"]
    for path, more, good in ((UPDATE, {"add_tags": ["a"]}, 200), (DELETE, {}, 204)):
        answer = bulk(world, path, {"contact_ids": [theirs, mine], **more}, token=world.t1.user)
        assert statuses(answer) == [403, good]
        assert "required" in answer.json["items"][0]["error"]["detail"]
    assert shown(world, theirs)["version"] == 1


def test_hidden_contacts_are_missing_ones(world: World) -> None:
    """check 52: for a caller who reads only their own contacts."""
    with as_operator():
        key = onboarding_service().add_api_client(
            "T1", "own", "contacts:read:own,contacts:write:own,contacts:delete:own"
        )
    hidden = world.create()["id"]
    for path, more in ((UPDATE, {"add_tags": ["a"]}), (DELETE, {})):
        answer = bulk(world, path, {"contact_ids": [hidden, new_id()], **more}, token=key)
        assert statuses(answer) == [404, 404]
    world.catch_up()
    assert statuses(bulk(world, DELETE, {"filter": {"is_active": True}}, token=key)) == []


def test_to_give_contacts_an_owner_takes_the_right_to_all(world: World) -> None:
    mine = world.create(token=world.t1.user)["id"]
    owner = {"set": {"owner_id": "other-of-T1"}}
    bulk(world, UPDATE, {"contact_ids": [mine], **owner}, token=world.t1.user, status=403)
    assert statuses(bulk(world, UPDATE, {"contact_ids": [mine], **owner})) == [200]
    given = bulk(
        world, CREATE, {"contacts": [person(1, owner_id="other-of-T1"), person(2)]}, token=world.t1.user
    )
    assert statuses(given) == [403, 201]


# By a filter


def test_a_filter_acts_on_all_that_match(world: World) -> None:
    ids = made(world, 5, tags=["x"])
    other = world.create("other@example.com", tags=["y"])["id"]
    world.catch_up()
    answer = bulk(world, UPDATE, {"filter": {"tags": "X", "is_active": True}, "set": {"company": "E"}})
    assert answer.json["items"] == [{"status": 200, "id": one} for one in ids]
    for wanted in (
        {"search": "p1"},
        {"email": "P2@example.com"},
        {"created_from": "2020-01-01T00:00:00Z", "tags": "y"},
    ):
        assert statuses(bulk(world, UPDATE, {"filter": wanted, "add_tags": ["z"]})) == [200]
    assert shown(world, other)["tags"] == ["y", "z"]
    assert statuses(bulk(world, DELETE, {"filter": {"tags": "x"}})) == [204] * 5
    assert [item["id"]["S"] for item in world.content.live] == [other]
    assert statuses(bulk(world, DELETE, {"filter": {"tags": "nothing"}})) == []
    world.content.assert_whole()


def test_what_matches_no_longer_is_not_touched_though_lists_still_show_it(world: World) -> None:
    ids = made(world, 3, tags=["x"])
    world.catch_up()
    world.send("PATCH", f"/contacts/{ids[0]}", {"tags": ["y"]})
    world.send("DELETE", f"/contacts/{ids[1]}")
    answer = bulk(world, DELETE, {"filter": {"tags": "x"}})
    assert answer.json["items"] == [{"status": 204, "id": ids[2]}]
    assert shown(world, ids[0])["tags"] == ["y"]


def test_a_filter_of_a_user_means_his_own_contacts(world: World) -> None:
    """check 52: others are left out, and a filter for another's matches nothing."""
    made(world, 2, tags=["x"])
    mine = world.create(token=world.t1.user, tags=["x"])
    world.catch_up()
    answer = bulk(world, UPDATE, {"filter": {"tags": "x"}, "add_tags": ["z"]}, token=world.t1.user)
    assert answer.json["items"] == [{"status": 200, "id": mine["id"]}]
    theirs = {"filter": {"tags": "x", "owner_id": "admin-of-T1"}}
    assert statuses(bulk(world, DELETE, theirs, token=world.t1.user)) == []


# Races


def test_two_calls_over_the_same_contacts_lose_nothing(world: World, waits: list[float]) -> None:
    """check 25"""
    ids = made(world, 60)

    def add(tag: str) -> Response:
        body = {"contact_ids": ids, "add_tags": [tag]}
        return world.racing.request("POST", UPDATE, json=body, token=world.t1.admin)

    answers = world.racing.together([lambda: add("a"), lambda: add("b")], in_step=False)
    assert [statuses(answer) for answer in answers] == [[200] * 60] * 2
    assert all(sorted(shown(world, one)["tags"]) == ["a", "b"] for one in ids)
    world.content.assert_whole()


def test_a_call_and_single_changes_at_once_lose_nothing(world: World, waits: list[float]) -> None:
    """check 28"""
    ids = made(world, 40)

    def delete() -> Response:
        return world.racing.request("POST", DELETE, json={"contact_ids": ids}, token=world.t1.admin)

    def change(one: str) -> Response:
        return world.racing.request("PATCH", f"/contacts/{one}", json={"about": "x"}, token=world.t1.admin)

    answers = world.racing.together(
        [delete, *(lambda one=one: change(one) for one in ids[:8])],  # type: ignore[misc]
        in_step=False,
    )
    assert statuses(answers[0]) == [204] * 40
    assert {answer.status for answer in answers[1:]} <= {200, 404}
    assert world.content.live == []
    world.content.assert_whole()


def test_racing_creations_of_the_same_people_make_each_once(world: World, waits: list[float]) -> None:
    """check 22"""
    body = {"contacts": [person(number) for number in range(40)]}

    def create() -> Response:
        return world.racing.request("POST", CREATE, json=body, token=world.t1.admin)

    answers = world.racing.together([create] * 3, in_step=False)
    assert sorted(status for answer in answers for status in statuses(answer)) == [201] * 40 + [409] * 80
    assert len(world.content.contacts) == 40
    world.content.assert_whole()


def test_what_is_changed_between_reading_and_writing_is_done_again(
    world: World, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = made(world, 10)
    read = ContactTable.get_many
    raced: list[int] = []

    def get_many(self: ContactTable, wanted: Any) -> Any:
        found = read(self, wanted)
        if len(raced) < 3:
            raced.append(len(found))
            world.send("PATCH", f"/contacts/{ids[4]}", {"about": f"round {len(raced)}"})
        return found

    monkeypatch.setattr(ContactTable, "get_many", get_many)
    assert statuses(bulk(world, UPDATE, {"contact_ids": ids, "add_tags": ["a"]})) == [200] * 10
    assert raced == [10, 10, 10], "together twice, then one by one"
    assert (shown(world, ids[4])["about"], shown(world, ids[4])["tags"]) == ("round 3", ["a"])
    assert shown(world, ids[3])["version"] == 2
    world.content.assert_whole()


# Faults


def test_unprocessed_keys_of_a_batch_are_read_again(world: World, waits: list[float]) -> None:
    """check 16"""
    gets = call("dynamodb", "BatchGetItem")
    with injecting(unprocessed(gets, times=4, done=2)):
        ids = made(world, 12)
    with injecting(unprocessed(gets, times=4, done=2)):
        assert statuses(bulk(world, UPDATE, {"contact_ids": ids, "add_tags": ["a"]})) == [200] * 12
    world.content.assert_whole()


def test_throttles_and_conflicts_are_waited_out(world: World, waits: list[float]) -> None:
    """check 10, check 17"""
    with injecting(throttle(WRITES, times=2), transaction_conflict(at=2, times=2)):
        ids = made(world, 40)
    with injecting(transaction_conflict(times=2)):
        assert statuses(bulk(world, DELETE, {"contact_ids": ids})) == [204] * 40
    world.content.assert_whole()


def test_without_the_table_a_call_is_503_and_nothing_is_written(world: World, waits: list[float]) -> None:
    """check 15"""
    ids = made(world, 3)
    before = world.content.picture()
    for path, body in (
        (CREATE, {"contacts": [person(9)]}),
        (UPDATE, {"contact_ids": ids, "add_tags": ["a"]}),
        (DELETE, {"contact_ids": ids}),
    ):
        with injecting(unreachable(WRITES)):
            bulk(world, path, body, status=503)
    assert world.content.picture() == before


def test_when_the_table_goes_away_in_mid_call_each_entry_says_what_became_of_it(
    world: World, waits: list[float]
) -> None:
    """check 15: without a key there is no other way to learn it."""
    ids = made(world, 120)
    world.create(tags=["a"])  # the tag is there: it is made before all else
    for path, more, good, together in ((UPDATE, {"add_tags": ["a"]}, 200, 49), (DELETE, {}, 204, 33)):
        with injecting(unreachable(WRITES, at=2)):
            answer = bulk(world, path, {"contact_ids": ids, **more})
        assert statuses(answer) == [good] * together + [503] * (120 - together)
        ids = ids[together:] if path == DELETE else ids
    with injecting(unreachable(WRITES, at=2)):
        answer = bulk(world, CREATE, {"contacts": [person(n + 1000) for n in range(40)]})
    assert statuses(answer) == [201] * 33 + [503] * 7
    world.content.assert_whole()


def test_a_call_that_runs_out_of_time_says_what_it_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = made(world, 60)
    monkeypatch.setattr("shared.wiring.contacts.BULK_SECONDS", 0.0)
    assert statuses(bulk(world, UPDATE, {"contact_ids": ids, "add_tags": ["a"]})) == [200] * 49 + [503] * 11
    world.content.assert_whole()


def test_an_entry_too_large_for_a_record_costs_no_other(world: World, waits: list[float]) -> None:
    """check 41: as DynamoDB refuses it, for the whole of a transaction."""
    ids = made(world, 4)
    commit = store().commit

    def refusing(transaction: Any) -> None:
        if ids[2] in json.dumps(transaction.steps):
            raise TooLarge("too large")
        commit(transaction)

    store().commit = refusing  # type: ignore[method-assign]
    answer = bulk(world, UPDATE, {"contact_ids": ids, "add_tags": ["a"]})
    assert statuses(answer) == [200, 200, 413, 200]


def test_long_texts_do_not_make_a_transaction_longer_than_dynamodb_takes(world: World) -> None:
    """check 41: four megabytes; the event tells the old text and the new one."""
    ids = made(world, 60)
    for text, transactions in (("𝔸" * 10_000, 2), ("𝔹" * 10_000, 3)):
        body = {"contact_ids": ids, "set": {"about": text}}
        sent = calls_of(lambda body=body: bulk(world, UPDATE, body), WRITES)  # type: ignore[misc]
        assert len(sent) == transactions
    world.content.assert_whole()


# What it takes


def test_logs_contain_no_names(world: World, logs: Any) -> None:
    """check 95"""
    bulk(world, CREATE, {"contacts": [person(1, first_name="canary"), {"first_name": "canary", "canary": 1}]})
    bulk(world, UPDATE, {"filter": {"search": "canary"}, "set": {"company": "canary"}})
    assert "canary" not in logs.getvalue()
