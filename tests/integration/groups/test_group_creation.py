"""Groups that are made with contacts in them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from shared.services.idempotency import LEASE_SECONDS
from shared.table import idempotency
from tests.integration.world import World
from tests.support.faults import assert_same_after_kills, call

Worlds = Callable[[], AbstractContextManager[World]]


def members(world: World, group: dict[str, Any]) -> set[str]:
    world.catch_up()
    return {one["id"] for one in world.send("GET", f"/groups/{group['id']}/contacts").json["items"]}


def test_a_group_is_made_with_its_contacts(world: World) -> None:
    """check 31"""
    ids = [world.create()["id"] for _ in range(3)]
    answer = world.send("POST", "/groups", {"name": "spring", "contact_ids": [*ids, ids[0]]})
    assert (answer.status, answer.json["contact_count"]) == (201, 3), answer.text
    assert members(world, answer.json) == set(ids)
    assert world.send("GET", f"/groups/{answer.json['id']}").json["contact_count"] == 3


def test_contacts_that_cannot_join_refuse_the_whole_and_are_named(world: World) -> None:
    made = world.create()
    foreign = world.create(token=world.tenant("T10").admin)
    answer = world.send(
        "POST", "/groups", {"name": "spring", "contact_ids": [made["id"], foreign["id"], "x"]}
    )
    assert answer.status == 422
    assert [(one["field"], one["code"]) for one in answer.json["errors"]] == [
        ("contact_ids.1", "unknown_contact"),
        ("contact_ids.2", "unknown_contact"),
    ]
    assert world.send("GET", "/groups").json["items"] == []


def test_a_dynamic_group_takes_no_contacts(world: World) -> None:
    body = {
        "name": "g",
        "kind": "dynamic",
        "filter": {"is_active": True},
        "contact_ids": [world.create()["id"]],
    }
    answer = world.send("POST", "/groups", body)
    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "dynamic_group")


def test_a_user_puts_their_own_contacts_in_and_no_others(world: World) -> None:
    """check 52"""
    own, others = world.create(token=world.t1.user), world.create()
    body = {"name": "g", "contact_ids": [own["id"]]}
    assert world.send("POST", "/groups", body, token=world.t1.user).status == 201
    body = {"name": "h", "contact_ids": [own["id"], others["id"]]}
    answer = world.send("POST", "/groups", body, token=world.t1.user)
    assert (answer.status, answer.json["code"]) == (403, "permission_denied")


def test_a_name_that_is_taken_puts_nobody_in_a_group(world: World) -> None:
    made = world.create()
    assert world.send("POST", "/groups", {"name": "g"}).status == 201
    answer = world.send("POST", "/groups", {"name": "G", "contact_ids": [made["id"]]})
    assert answer.status == 409
    assert world.send("GET", f"/contacts/{made['id']}").json["groups"] == []


def test_a_call_without_a_key_that_ran_out_of_time_can_be_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 15: its group is deleted again, also when some contacts are in it already."""
    monkeypatch.setattr("shared.table.contacts.repository._MOST", 6)  # three contacts in a transaction
    ids = [world.create()["id"] for _ in range(5)]
    body = {"name": "spring", "contact_ids": ids}
    with monkeypatch.context() as patch:
        patch.setattr("shared.wiring.contacts.BULK_SECONDS", -1.0)
        assert world.send("POST", "/groups", body).status == 503
    assert world.send("GET", "/groups").json["items"] == []
    answer = world.send("POST", "/groups", body)
    assert (answer.status, answer.json["contact_count"]) == (201, 5), answer.text
    assert members(world, answer.json) == set(ids)


def test_killed_anywhere_and_sent_again_it_ends_with_one_group_and_all_contacts(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 13, check 33"""
    looks, ahead = itertools.count(time.time(), 0.001), [0.0]
    monkeypatch.setattr(idempotency, "time", SimpleNamespace(time=lambda: next(looks) + ahead[0]))

    @contextmanager
    def with_contacts() -> Iterator[tuple[World, list[str]]]:
        with worlds() as world:
            yield world, [world.create(f"p{n}@example.com")["id"] for n in range(3)]

    def deliver(prepared: tuple[World, list[str]]) -> None:
        world, ids = prepared
        body = {"name": "g", "contact_ids": ids}
        answer = world.send("POST", "/groups", body, headers={"Idempotency-Key": "k"})
        if answer.status == 409 and answer.json["code"] == "idempotency_in_flight":
            ahead[0] += LEASE_SECONDS + 1
            answer = world.send("POST", "/groups", body, headers={"Idempotency-Key": "k"})
        assert (answer.status, answer.json["contact_count"]) == (201, 3), answer.text

    def state(prepared: tuple[World, list[str]]) -> tuple[int, bool, list[int]]:
        world, ids = prepared
        world.content.assert_whole()
        [group] = world.send("GET", "/groups").json["items"]
        versions = [world.send("GET", f"/contacts/{one}").json["version"] for one in ids]
        return group["version"], members(world, group) == set(ids), versions

    tried = assert_same_after_kills(
        with_contacts,
        deliver,
        state,
        both_sides=True,
        matching=call("dynamodb", "TransactWriteItems", "PutItem"),
    )
    assert tried >= 6
