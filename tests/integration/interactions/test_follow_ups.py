"""Follow-ups: scheduled, moved, completed and cancelled over HTTP, with an exact figure on the contact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from shared.domain import timestamps
from shared.projections.leftover_rows import LeftoverRows
from shared.services.contacts.purge import Purge
from shared.wiring.base import store
from shared.wiring.contacts import purge_table
from tests.integration.interactions.follow_ups import (
    CALL,
    EARLIER,
    FUTURE,
    LATER,
    PAST,
    FollowUps,
    run_schedule,
)
from tests.integration.world import World
from tests.support.faults import assert_same_after_kills, assert_same_under_throttling
from tests.support.gateway import Response
from tests.support.tenant_guard import acting_for
from tests.tenants import caller_of, program

Worlds = Callable[[], AbstractContextManager[World]]


@pytest.fixture
def contact(world: World) -> FollowUps:
    return FollowUps(world)


# Scheduling


def test_an_interaction_with_a_scheduled_follow_up_makes_one(contact: FollowUps) -> None:
    made = contact.record(FUTURE, next_action="send the\ncontract")
    found = contact.read(made["follow_up_id"])
    assert {name: found[name] for name in found if not name.startswith(("created", "updated"))} == {
        "id": made["follow_up_id"],
        "contact_id": contact.id,
        "interaction_id": made["id"],
        "title": "send the contract",
        "state": "open",
        "due_at": FUTURE,
        "assignee_id": "admin-of-T1",
        "notified_at": None,
        "done_at": None,
        "cancelled_at": None,
        "outcome": "",
        "outcome_interaction_id": None,
        "version": 1,
    }
    assert contact.next_at == FUTURE
    assert contact.events("interaction.created")[0]["follow_up_id"] == found["id"]


def test_the_title_is_the_beginning_of_the_description_if_there_is_no_next_action(contact: FollowUps) -> None:
    long = contact.record(description="word " * 100)
    short = contact.record(description="Call\nback")
    without_spaces = contact.record(description="x" * 300)
    titles = [contact.read(one["follow_up_id"])["title"] for one in (long, short, without_spaces)]
    assert titles == ["word " * 38 + "word…", "Call back", "x" * 199 + "…"]
    assert all(len(title) <= 200 for title in titles)


def test_a_program_s_follow_up_is_for_the_owner(contact: FollowUps) -> None:
    owner = contact.world.send("GET", f"/contacts/{contact.id}").json["owner_id"]
    client = program("T1", "contacts:read:all,interactions:write:all")
    body = {"title": "call", "due_at": FUTURE}
    path = f"/contacts/{contact.id}"
    made = contact.world.send("POST", f"{path}/follow-ups", body, token=client).json
    recorded = contact.world.send(
        "POST", f"{path}/interactions", {**CALL, "scheduled_follow_up": LATER}, token=client
    ).json
    assert made["assignee_id"] == contact.read(recorded["follow_up_id"])["assignee_id"] == owner
    of_itself = {**body, "assignee_id": caller_of(client)[1]}  # a program is not a user
    refused = contact.world.send("POST", f"{path}/follow-ups", of_itself, token=client)
    assert (refused.status, refused.json["errors"][0]["code"]) == (422, "unknown_user")


def test_an_assignee_is_an_active_user(contact: FollowUps) -> None:
    made = contact.schedule(assignee_id="user-of-T1")
    assert made["assignee_id"] == "user-of-T1"
    for unknown in ("nobody", "user-of-T10"):
        refused = contact.ask("PATCH", made["id"], body={"assignee_id": unknown})
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, "assignee_id")
    assert contact.ask("PATCH", made["id"], body={"assignee_id": None}).json["assignee_id"] is None


# The interaction that scheduled it


def test_an_interaction_s_other_time_moves_its_follow_up(contact: FollowUps) -> None:
    made = contact.record(FUTURE)
    changed = contact.interaction("PATCH", made["id"], {"scheduled_follow_up": LATER}).json
    assert changed["follow_up_id"] == made["follow_up_id"]
    found = contact.read(made["follow_up_id"])
    assert (found["due_at"], found["version"], found["state"]) == (LATER, 2, "open")
    assert contact.next_at == LATER
    (event,) = contact.events("interaction.updated")
    assert event["follow_up_id"] == made["follow_up_id"]
    assert event["interaction_changes"] == {"scheduled_follow_up": {"old": FUTURE, "new": LATER}}


@pytest.mark.parametrize("how", ["null", "deletion"])
def test_without_its_time_or_its_interaction_a_follow_up_is_cancelled(contact: FollowUps, how: str) -> None:
    made = contact.record(FUTURE)
    other = contact.record(LATER)
    if how == "null":
        assert contact.interaction("PATCH", made["id"], {"scheduled_follow_up": None}).status == 200
    else:
        assert contact.interaction("DELETE", made["id"]).status == 204
    found = contact.read(made["follow_up_id"])
    assert (found["state"], found["cancelled_at"]) == ("cancelled", found["updated_at"])
    assert contact.next_at == LATER
    assert contact.list() == [other["follow_up_id"]]
    assert contact.list(state="cancelled") == [made["follow_up_id"]]


def test_a_time_given_again_makes_another_follow_up(contact: FollowUps) -> None:
    made = contact.record(FUTURE)
    contact.interaction("PATCH", made["id"], {"scheduled_follow_up": None})
    again = contact.interaction("PATCH", made["id"], {"scheduled_follow_up": LATER}).json
    assert again["follow_up_id"] != made["follow_up_id"]
    assert contact.read(again["follow_up_id"])["due_at"] == contact.next_at == LATER
    assert contact.read(made["follow_up_id"])["state"] == "cancelled"


@pytest.mark.parametrize("then", ["moved", "null", "deleted"])
def test_a_follow_up_that_is_done_stays_done(contact: FollowUps, then: str) -> None:
    made = contact.record(FUTURE)
    done = contact.ask("POST", made["follow_up_id"], "/complete", {"outcome": "signed"}).json
    if then == "deleted":
        assert contact.interaction("DELETE", made["id"]).status == 204
    else:
        at = LATER if then == "moved" else None
        changed = contact.interaction("PATCH", made["id"], {"scheduled_follow_up": at}).json
        assert (changed["follow_up_id"] == made["follow_up_id"]) == (at is None)
    assert contact.read(made["follow_up_id"]) == done
    assert contact.next_at == (LATER if then == "moved" else None)


def test_a_change_of_other_fields_leaves_the_follow_up_alone(contact: FollowUps) -> None:
    made = contact.record(FUTURE)
    assert contact.interaction("PATCH", made["id"], {"outcome": "x", "next_action": "y"}).status == 200
    assert contact.interaction("PATCH", made["id"], {"occurred_at": EARLIER}).status == 200
    assert contact.read(made["follow_up_id"])["version"] == 1
    assert contact.next_at == FUTURE


# Changing, completing and cancelling


def test_a_follow_up_is_moved_and_renamed_without_its_interaction(contact: FollowUps) -> None:
    made = contact.record(FUTURE)
    answer = contact.ask("PATCH", made["follow_up_id"], body={"due_at": LATER, "title": "write"})
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json["due_at"], answer.json["title"]) == (LATER, "write")
    assert contact.interaction("GET", made["id"]).json == made
    assert contact.next_at == LATER
    (event,) = contact.events("follow_up.updated")
    assert event["follow_up_changes"] == {
        "title": {"old": "Talked about the offer.", "new": "write"},
        "due_at": {"old": FUTURE, "new": LATER},
    }
    same = contact.ask("PATCH", made["follow_up_id"], body={"title": "write"})
    assert same.headers["ETag"] == '"2"' and len(contact.events("follow_up.updated")) == 1


def test_the_next_follow_up_is_the_first_open_one(contact: FollowUps) -> None:
    first, second, third = (contact.schedule(f"2031-0{month}-01T00:00:00.000Z")["id"] for month in (1, 2, 3))
    assert contact.next_at == "2031-01-01T00:00:00.000Z"
    contact.ask("POST", first, "/complete", {})
    assert contact.next_at == "2031-02-01T00:00:00.000Z"
    contact.ask("PATCH", third, body={"due_at": "2031-01-15T00:00:00Z"})
    assert contact.next_at == "2031-01-15T00:00:00.000Z"
    contact.ask("PATCH", third, body={"due_at": "2031-04-01T00:00:00Z"})
    contact.ask("POST", second, "/cancel")
    assert contact.next_at == "2031-04-01T00:00:00.000Z"
    contact.ask("POST", third, "/cancel")
    assert contact.next_at is None


def test_a_completion_records_an_interaction_that_schedules_the_next_one(contact: FollowUps) -> None:
    made = contact.schedule(PAST)
    call = {**CALL, "description": "Called.", "scheduled_follow_up": LATER}
    before = contact.world.send("GET", f"/contacts/{contact.id}").json
    done = contact.ask("POST", made["id"], "/complete", {"outcome": "reached", "interaction": call}).json
    assert (done["state"], done["outcome"], done["version"]) == ("done", "reached", 2)
    assert done["done_at"] == done["updated_at"]
    recorded = contact.interaction("GET", done["outcome_interaction_id"]).json
    assert recorded["description"] == "Called."
    following = contact.read(recorded["follow_up_id"])
    assert (following["interaction_id"], following["due_at"]) == (recorded["id"], LATER)
    assert contact.next_at == LATER
    after = contact.world.send("GET", f"/contacts/{contact.id}").json
    assert (after["version"], after["interaction_count"]) == (before["version"] + 2, 1)
    (completed,) = contact.events("follow_up.completed")
    assert (completed["follow_up_id"], completed["outcome"]) == (made["id"], "reached")
    (created,) = contact.events("interaction.created")
    assert (created["interaction_id"], created["follow_up_id"]) == (recorded["id"], following["id"])
    events = sorted(contact.world.content.events, key=lambda item: item["SK"]["S"])
    versions = [int(item["version"]["N"]) for item in events if item["entity_id"]["S"] == contact.id]
    assert versions == list(range(1, after["version"] + 1)), "events sort as the versions do"


def test_a_closed_follow_up_takes_no_change(contact: FollowUps) -> None:
    done, cancelled = contact.schedule()["id"], contact.schedule()["id"]
    assert contact.ask("POST", done, "/complete", {}).status == 200
    assert contact.ask("POST", cancelled, "/cancel").json["state"] == "cancelled"
    before = contact.world.content.picture()
    for one in (done, cancelled):
        for answer in (
            contact.ask("PATCH", one, body={"title": "x"}),
            contact.ask("POST", one, "/complete", {"interaction": CALL}),
            contact.ask("POST", one, "/cancel"),
        ):
            assert (answer.status, answer.json["code"]) == (409, "follow_up_closed")
    assert contact.world.content.picture() == before


def test_a_stale_version_is_refused_and_nothing_changes(contact: FollowUps) -> None:
    made = contact.schedule()["id"]
    contact.ask("PATCH", made, body={"title": "x"})
    before = contact.world.content.picture()
    for method, rest, body in (
        ("PATCH", "", {"title": "y"}),
        ("POST", "/complete", {}),
        ("POST", "/cancel", None),
    ):
        assert contact.ask(method, made, rest, body, headers={"If-Match": '"1"'}).status == 412
    assert contact.world.content.picture() == before
    assert contact.ask("POST", made, "/cancel", headers={"If-Match": '"2"'}).status == 200


# Lists


def test_a_contact_s_list_has_what_matches(contact: FollowUps) -> None:
    made = [contact.schedule(f"2031-01-0{day}T12:00:00.000Z", f"f{day}")["id"] for day in (3, 1, 4, 2, 5)]
    third, first, fourth, second, fifth = made
    assert contact.list() == [first, second, third, fourth, fifth]
    assert contact.list(due_from="2031-01-02", due_before="2031-01-04") == [second, third]
    assert contact.list(due_before="2031-01-02T12:00:00.000Z") == [first]
    assert contact.list(due_from="2031-01-02T12:00:00Z", due_before="2031-01-02T12:00:00.001Z") == [second]
    assert contact.list(due_from="2031-01-09", due_before="2031-01-01") == []
    contact.ask("PATCH", fifth, body={"assignee_id": "user-of-T1"})
    assert contact.list(assignee_id="user-of-T1") == [fifth]
    for one in (second, first):
        contact.ask("POST", one, "/complete", {})
    contact.ask("POST", third, "/cancel")
    assert contact.list(done="true") == contact.list(state="done") == [first, second]
    assert contact.list(done="true", due_from="2031-01-02") == [second]
    assert contact.list(done="false") == contact.list(state="open") == [fourth, fifth]
    assert contact.list(state="cancelled") == [third]


# Deleted and purged contacts


def test_a_deleted_contact_s_follow_ups_do_not_exist_and_are_back_when_it_is_restored(
    contact: FollowUps,
) -> None:
    made = contact.schedule()
    assert contact.world.send("DELETE", f"/contacts/{contact.id}").status == 204
    for answer in (
        contact.ask("GET", made["id"]),
        contact.ask("PATCH", made["id"], body={"title": "x"}),
        contact.ask("POST", made["id"], "/cancel"),
        contact.world.send("GET", f"/contacts/{contact.id}/follow-ups"),
    ):
        assert answer.status == 404
    assert contact.world.send("POST", f"/contacts/{contact.id}/restore").status == 200
    assert contact.read(made["id"]) == made
    assert contact.next_at == made["due_at"]


def test_a_purged_contact_leaves_no_follow_up_and_no_locator(contact: FollowUps) -> None:
    contact.record(FUTURE)
    contact.ask("POST", contact.schedule(PAST)["id"], "/complete", {})
    other = FollowUps(contact.world)
    kept = other.schedule()
    contact.world.catch_up()
    assert contact.world.send("DELETE", f"/contacts/{contact.id}").status == 204
    with acting_for("T1", prefixes=("DUE#",)):
        long_after = timestamps.plus(timestamps.now(), 31 * 86_400)
        Purge(purge_table(), leftover_rows=LeftoverRows(store()), now=lambda: long_after).run()
    contact.world.catch_up()
    content = contact.world.content
    assert [one["id"]["S"] for one in content.follow_ups] == [kept["id"]]
    assert [one["PK"]["S"] for one in content.of(r"T#T1#FOLLOWUP#")] == [f"T#T1#FOLLOWUP#{kept['id']}"]
    assert contact.ask("GET", kept["id"]).status == 200
    assert run_schedule("2040-01-01T00:00:00.000Z") == {"announced": 1}


# Races, kills and throttling


def test_of_two_completions_at_once_one_counts(contact: FollowUps) -> None:
    path = f"/follow-ups/{contact.schedule()['id']}/complete"
    racing, token = contact.world.racing, contact.world.t1.admin
    one = {"interaction": {**CALL, "scheduled_follow_up": LATER}}
    answers = racing.together([lambda: racing.request("POST", path, json=one, token=token)] * 2)
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert contact.next_at == LATER
    assert len(contact.world.content.follow_ups) == 2 and len(contact.world.content.interactions) == 1


def prepared(worlds: Worlds) -> Worlds:
    """Make worlds with a contact with two follow-ups, one of an interaction, and a warm process."""

    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            contact = FollowUps(world, world.create("ada@example.com")["id"])
            contact.record("2031-01-01T00:00:00.000Z")
            contact.schedule("2031-01-02T00:00:00.000Z")
            yield world

    return make


def write(world: World, method: str, path: str, body: Any = None) -> Response:
    """Send a call with an Idempotency-Key; {c}, {i} and {f} stand for the contact, its interaction and its first
    follow-up.
    """
    content = world.content
    (record,), (interaction,) = content.contacts, content.interactions[:1]
    first = next(one for one in content.follow_ups if "interaction_id" in one)
    names = {"c": record["id"]["S"], "i": interaction["id"]["S"], "f": first["id"]["S"]}
    how = {"headers": {"Idempotency-Key": "k"}} if method == "POST" else {}
    return world.send(method, path.format(**names), body, **how)


WRITES: dict[str, Callable[[World], Response]] = {
    "record": lambda world: write(
        world, "POST", "/contacts/{c}/interactions", {**CALL, "scheduled_follow_up": LATER}
    ),
    "move by the interaction": lambda world: write(
        world, "PATCH", "/contacts/{c}/interactions/{i}", {"scheduled_follow_up": LATER}
    ),
    "schedule": lambda world: write(
        world, "POST", "/contacts/{c}/follow-ups", {"title": "x", "due_at": LATER}
    ),
    "move": lambda world: write(world, "PATCH", "/follow-ups/{f}", {"due_at": LATER}),
    "complete": lambda world: write(
        world,
        "POST",
        "/follow-ups/{f}/complete",
        {"outcome": "x", "interaction": {**CALL, "scheduled_follow_up": LATER}},
    ),
    "cancel": lambda world: write(world, "POST", "/follow-ups/{f}/cancel"),
}


def picture(world: World) -> list[str]:
    content = world.content
    content.assert_whole()
    content.items = [item for item in content.items if "#IDEMPOTENCY#" not in item["PK"]["S"]]
    return content.picture()


@pytest.mark.parametrize("name", WRITES)
def test_killed_at_any_call_and_sent_again_a_write_ends_as_without(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """check 13, for follow-ups"""
    monkeypatch.setattr("shared.table.idempotency.LEASE_SECONDS", -1)
    tried = assert_same_after_kills(prepared(worlds), WRITES[name], picture)
    assert tried >= 3


@pytest.mark.parametrize("name", WRITES)
def test_throttled_at_any_call_a_write_ends_as_without(worlds: Worlds, name: str) -> None:
    """check 10, for follow-ups"""
    assert assert_same_under_throttling(prepared(worlds), WRITES[name], picture) >= 2
