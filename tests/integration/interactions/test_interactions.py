"""Interactions: recorded, listed, changed and deleted over HTTP, with exact figures on the contact."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.projections.leftover_rows import LeftoverRows
from shared.services import performers
from shared.services.contacts.purge import Purge
from shared.table.interactions.repository import InteractionTable
from shared.wiring.base import store
from shared.wiring.contacts import purge_table
from shared.wiring.interactions import due_interactions, interaction_service
from tests.integration.world import World, booking
from tests.support.faults import assert_same_after_kills, assert_same_under_throttling
from tests.support.gateway import Response
from tests.support.tenant_guard import acting_for
from tests.tenants import program

Worlds = Callable[[], AbstractContextManager[World]]
CALL = {"type": "call", "description": "Talked about the offer."}
JANUARY, FEBRUARY, MARCH = (f"2026-0{month}-10T09:30:00.000Z" for month in (1, 2, 3))
FUTURE = "2099-01-01T00:00:00.000Z"
SOON, AFTER = "2040-01-01T00:00:00.000Z", "2040-01-01T00:00:05.000Z"


class Timeline:
    """A contact and its interactions."""

    def __init__(self, world: World, email: str = "ada@example.com") -> None:
        self.world = world
        self.id: str = world.create(email)["id"]
        self.email = email

    def ask(self, method: str, path: str = "", json: Any = None, **how: Any) -> Response:
        return self.world.send(method, f"/contacts/{self.id}/interactions{path}", json, **how)

    def record(self, occurred_at: str | None = None, type: str = "call", **how: Any) -> dict[str, Any]:
        given = {**CALL, "type": type} | ({"occurred_at": occurred_at} if occurred_at else {})
        answer = self.ask("POST", json=given, **how)
        assert answer.status == 201, answer.text
        made: dict[str, Any] = answer.json
        return made

    def book(self, number: int, occurred_at: str = "2031-03-01T09:00:00Z") -> None:
        event = booking(invitee_email=self.email, booking_id=f"b-{number}", occurred_at=occurred_at)
        self.world.post_booking(event)
        assert self.world.bookings.pump() == 1

    def list(self, **query: Any) -> list[str]:
        """The ids of a list, walked to its end."""
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.ask("GET", query={**query, **cursor})
            assert answer.status == 200, answer.text
            found += [one["id"] for one in answer.json["items"]]
            if answer.json["next_cursor"] is None:
                return found
            cursor = {"cursor": answer.json["next_cursor"]}

    @property
    def contact(self) -> dict[str, Any]:
        return dict(self.world.send("GET", f"/contacts/{self.id}").json)

    @property
    def figures(self) -> tuple[int, str | None]:
        """How many interactions there are, and the last contact, both checked against the items."""
        self.world.content.assert_whole()
        contact = self.contact
        return contact["interaction_count"], contact["last_contacted_at"]

    def events(self, type: str) -> list[dict[str, Any]]:
        """The contact's events of a type, in the order of its versions."""
        found = [
            item
            for item in self.world.content.events
            if item["type"]["S"] == type and item["entity_id"]["S"] == self.id
        ]
        return sorted(found, key=lambda item: int(item["version"]["N"]))


@pytest.fixture
def timeline(world: World) -> Timeline:
    return Timeline(world)


# Recording


def test_an_interaction_is_recorded_as_given_and_moves_the_figures(timeline: Timeline) -> None:
    given = {
        **CALL,
        "occurred_at": "2026-01-10T11:30:00+02:00",
        "outcome": "interested",
        "next_action": "send the contract",
        "scheduled_follow_up": MARCH,
        "booking_id": "b-1",
        "metadata": {"minutes": 12, "nothing": None, "who": ["Ada", None]},
    }
    answer = timeline.ask("POST", json=given)
    made = answer.json
    assert (answer.status, answer.headers["ETag"]) == (201, '"1"')
    assert answer.headers["Location"] == f"/v1/contacts/{timeline.id}/interactions/{made['id']}"
    assert {name: made[name] for name in given} == {
        **given,
        "occurred_at": JANUARY,
        "metadata": {"minutes": 12, "who": ["Ada", None]},
    }
    assert made["created_by"] == made["updated_by"] == "user:admin-of-T1"
    assert timeline.ask("GET", f"/{made['id']}").json == made
    assert timeline.figures == (1, JANUARY)
    (event,) = timeline.events("interaction.created")
    assert json.loads(event["data"]["S"]) == {
        "interaction_id": made["id"],
        "interaction_type": "call",
        "follow_up_id": made["follow_up_id"],
    }
    changes = {
        "interaction_count": [None, 1],
        "last_contacted_at": [None, JANUARY],
        "next_follow_up_at": [None, MARCH],
    }
    assert json.loads(event["changes"]["S"]) == changes
    assert timeline.contact["version"] == 2


def test_without_a_time_an_interaction_occurs_now(timeline: Timeline) -> None:
    before = timestamps.now()
    made = timeline.record()
    assert before <= made["occurred_at"] <= timestamps.now()
    assert timeline.figures == (1, made["occurred_at"])


@pytest.fixture
def names_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performers, "KEPT_SECONDS", 0.0)


@pytest.mark.usefixtures("names_read_again")
def test_who_performed_it_is_a_name_as_it_was_then(timeline: Timeline) -> None:
    world = timeline.world
    me = world.send("GET", "/me").json["id"]
    assert world.send("PATCH", f"/users/{me}", {"first_name": "Ann", "last_name": "Admin"}).status == 200
    by_user = timeline.record(JANUARY)
    assert world.send("PATCH", f"/users/{me}", {"last_name": "Married"}).status == 200
    client = world.send(
        "POST",
        "/api-clients",
        {"name": "Dialler", "permissions": {"contacts:read": "all", "interactions:write": "all"}},
    ).json
    by_client = timeline.record(FEBRUARY, token=client["key"])
    later = timeline.record(MARCH)
    of_nobody = timeline.record(token=program("T1", "contacts:read:all,interactions:write:all"))
    assert (by_user["performed_by"], by_user["performed_by_id"]) == ("Ann Admin", me)
    assert (by_client["performed_by"], by_client["performed_by_id"]) == ("Dialler", client["id"])
    assert later["performed_by"] == "Ann Married"
    assert of_nobody["performed_by"] == of_nobody["created_by"] and of_nobody["created_by"].startswith(
        "client:"
    )
    shown = timeline.ask("GET").json["items"]
    assert [one["performed_by"] for one in shown[1:]] == ["Ann Married", "Dialler", "Ann Admin"]
    assert timeline.list(performed_by_id=client["id"]) == [by_client["id"]]


def test_the_name_of_who_performed_it_is_read_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performers, "KEPT_SECONDS", 60.0)
    seen = []

    class Names:
        def read_caller(self, kind: str, caller_id: str) -> str:
            seen.append(caller_id)
            return f"{kind} {len(seen)}"

    clock = itertools.count(0, 20)
    memory = performers.PerformerMemory(lambda: float(next(clock)))
    caller = Caller("t1", "user", "u1", "admin")
    assert [memory.name_of(caller, Names()) for _ in range(4)] == ["user 1", "user 1", "user 1", "user 2"]
    assert memory.name_of(Caller("t2", "user", "u1", "admin"), Names()) == "user 3"


# Changing and deleting


def test_a_changed_time_moves_the_interaction_and_the_last_contact(timeline: Timeline) -> None:
    first, second = timeline.record(JANUARY), timeline.record(FEBRUARY)
    assert timeline.figures == (2, FEBRUARY)
    path = f"/{second['id']}"
    for occurred_at, last, order in (
        ("2026-01-01T00:00:00.000Z", JANUARY, [first, second]),
        (MARCH, MARCH, [second, first]),
        (FUTURE, JANUARY, [second, first]),
        (FEBRUARY, FEBRUARY, [second, first]),
    ):
        answer = timeline.ask("PATCH", path, {"occurred_at": occurred_at})
        assert (answer.status, answer.json["occurred_at"]) == (200, occurred_at)
        assert timeline.ask("GET", path).json == answer.json
        assert timeline.list() == [one["id"] for one in order]
        assert timeline.figures == (2, last)
    assert answer.json["version"] == 5


def test_a_change_counts_by_type_and_tells_the_fields_of_the_interaction(timeline: Timeline) -> None:
    made = timeline.record(JANUARY)
    answer = timeline.ask("PATCH", f"/{made['id']}", {"type": "meeting", "outcome": "signed"})
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json["type"], answer.json["updated_by"]) == ("meeting", "user:admin-of-T1")
    assert timeline.figures == (1, JANUARY)
    (event,) = timeline.events("interaction.updated")
    assert json.loads(event["data"]["S"]) == {
        "interaction_id": made["id"],
        "interaction_type": "meeting",
        "interaction_changes": {
            "type": {"old": "call", "new": "meeting"},
            "outcome": {"old": None, "new": "signed"},
        },
    }
    assert json.loads(event["changes"]["S"]) == {}
    totals = [timeline.ask("GET", query={"type": one}).json["total"] for one in ("call", "meeting")]
    assert totals == [0, 1]
    before = timeline.world.content.picture()
    assert timeline.ask("PATCH", f"/{made['id']}", {"type": "meeting"}).json == answer.json
    assert timeline.world.content.picture() == before


def test_a_deleted_interaction_is_gone_and_the_one_before_it_is_the_last_contact(timeline: Timeline) -> None:
    made = [timeline.record(one) for one in (JANUARY, FEBRUARY, FEBRUARY, FUTURE)]
    timeline.book(1)
    for one, figures in zip(
        (made[1], made[2], made[3], made[0]),
        ((4, FEBRUARY), (3, JANUARY), (2, JANUARY), (1, None)),
        strict=True,
    ):
        assert timeline.ask("DELETE", f"/{one['id']}").status == 204
        assert timeline.figures == figures
        for method in ("GET", "PATCH", "DELETE"):
            answer = timeline.ask(method, f"/{one['id']}", {"outcome": "x"} if method == "PATCH" else None)
            assert (answer.status, answer.json["detail"]) == (404, "Interaction not found.")
    event = timeline.events("interaction.deleted")[-1]
    told = json.loads(event["data"]["S"])
    assert told["interaction_changes"]["description"] == {"old": CALL["description"], "new": None}
    assert json.loads(event["changes"]["S"]) == {
        "interaction_count": [2, 1],
        "last_contacted_at": [JANUARY, None],
    }


def test_a_stale_version_is_refused_and_nothing_changes(timeline: Timeline) -> None:
    made = timeline.record(JANUARY)
    path, stale = f"/{made['id']}", {"If-Match": '"1"'}
    assert timeline.ask("PATCH", path, {"outcome": "x"}, headers=stale).status == 200
    before = timeline.world.content.picture()
    for method, body in (("PATCH", {"outcome": "y"}), ("DELETE", None)):
        answer = timeline.ask(method, path, body, headers=stale)
        assert (answer.status, answer.json["code"]) == (412, "version_mismatch")
    assert timeline.world.content.picture() == before
    assert timeline.ask("DELETE", path, headers={"If-Match": '"2"'}).status == 204


def test_the_events_of_a_booking_are_kept_by_the_system(timeline: Timeline) -> None:
    timeline.book(1)
    (booked,) = timeline.list()
    assert timeline.ask("GET", f"/{booked}").json["booking_id"] == "b-1"
    before = timeline.world.content.picture()
    for method, body in (("PATCH", {"outcome": "x"}), ("DELETE", None)):
        answer = timeline.ask(method, f"/{booked}", body)
        assert (answer.status, answer.json["code"]) == (409, "kept_by_system")
    assert timeline.world.content.picture() == before
    assert timeline.figures == (1, None)


def test_an_interaction_is_found_on_its_own_contact_only(timeline: Timeline) -> None:
    made, other = timeline.record(JANUARY), Timeline(timeline.world, "grace@example.com")
    for method, body in (("GET", None), ("PATCH", {"outcome": "x"}), ("DELETE", None)):
        answer = other.ask(method, f"/{made['id']}", body)
        assert (answer.status, answer.json["detail"]) == (404, "Interaction not found.")
    assert timeline.world.send("DELETE", f"/contacts/{timeline.id}").status == 204
    for method, path, body in (
        ("GET", "", None),
        ("POST", "", CALL),
        ("GET", f"/{made['id']}", None),
        ("PATCH", f"/{made['id']}", {"outcome": "x"}),
        ("DELETE", f"/{made['id']}", None),
    ):
        answer = timeline.ask(method, path, body)
        assert (answer.status, answer.json["detail"]) == (404, "Contact not found."), method
    assert timeline.world.send("POST", f"/contacts/{timeline.id}/restore").status == 200
    assert timeline.figures == (1, JANUARY)


# The future


@pytest.mark.parametrize("deleted", [False, True])
def test_an_interaction_in_the_future_becomes_the_last_contact_in_its_time(
    timeline: Timeline, monkeypatch: pytest.MonkeyPatch, deleted: bool
) -> None:
    timeline.record(JANUARY)
    made = timeline.record(FUTURE)
    assert timeline.figures == (2, JANUARY)
    with acting_for("T1"):
        assert due_interactions("T1").settle(timeline.id, made["id"]) is False  # too early
        assert timeline.figures == (2, JANUARY)
        if deleted:
            assert timeline.world.send("DELETE", f"/contacts/{timeline.id}").status == 204
        monkeypatch.setattr(timestamps, "now", lambda: FUTURE)
        assert due_interactions("T1").settle(timeline.id, made["id"]) is True
        settled = timeline.world.content.picture()
        assert due_interactions("T1").settle(timeline.id, made["id"]) is True  # again: it changes nothing
        assert timeline.world.content.picture() == settled
        monkeypatch.undo()
    if deleted:
        assert timeline.world.send("POST", f"/contacts/{timeline.id}/restore").status == 200
    assert timeline.figures == (2, FUTURE)
    event = timeline.events("contact.updated")[-1]
    assert (event["actor"]["S"], json.loads(event["changes"]["S"])) == (
        "system:timeline",
        {"last_contacted_at": [JANUARY, FUTURE]},
    )
    assert timeline.world.content.of("T#T1#C#", "INT#")[-1].keys().isdisjoint({"WPK", "WSK"})


def test_a_change_after_its_time_makes_an_interaction_the_last_contact(
    timeline: Timeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change also takes it out of the index of work, so nothing would settle it later."""
    timeline.record(JANUARY)
    made = timeline.record(SOON)
    monkeypatch.setattr(timestamps, "now", lambda: AFTER)
    answer = timeline.ask("PATCH", f"/{made['id']}", {"description": "Talked about the contract."})
    monkeypatch.undo()
    assert answer.status == 200
    assert timeline.contact["last_contacted_at"] == SOON


@pytest.mark.parametrize("how", ["DELETE", "PATCH"])
def test_an_interaction_that_was_read_before_another_call_deleted_it_is_neither_counted_down_twice_nor_written_again(
    timeline: Timeline, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """DynamoDB may read an interaction before another call's transaction and its contact after it."""
    timeline.record(JANUARY)
    made = timeline.record(FEBRUARY)
    find = InteractionTable.find
    reads: list[str] = []

    def find_torn(self: InteractionTable, contact_id: str, interaction_id: str, **how: bool) -> Any:
        contact, interaction = find(self, contact_id, interaction_id, **how)
        reads.append(contact_id)
        if len(reads) == 1:
            interaction_service(Caller("T1", "user", "admin-of-T1", "admin")).delete(
                contact_id, interaction_id, None
            )
            contact, _ = find(self, contact_id, interaction_id, **how)
        return contact, interaction

    monkeypatch.setattr(InteractionTable, "find", find_torn)
    given = {"description": "Talked about the contract."} if how == "PATCH" else None
    assert timeline.ask(how, f"/{made['id']}", given).status == 404
    assert len(reads) == 3
    assert timeline.figures == (1, JANUARY)


def test_an_interaction_that_was_postponed_or_deleted_is_not_settled(
    timeline: Timeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    postponed, deleted = timeline.record("2098-01-01T00:00:00Z"), timeline.record("2098-01-01T00:00:00Z")
    assert timeline.ask("PATCH", f"/{postponed['id']}", {"occurred_at": FUTURE}).status == 200
    assert timeline.ask("DELETE", f"/{deleted['id']}").status == 204
    monkeypatch.setattr(timestamps, "now", lambda: "2098-06-01T00:00:00.000Z")
    with acting_for("T1"):
        for one in (postponed, deleted):
            assert due_interactions("T1").settle(timeline.id, one["id"]) is False
    monkeypatch.undo()
    (left,) = timeline.world.content.of("T#T1#C#", "INT#")
    assert left["WSK"]["S"] == f"{FUTURE}#{timeline.id}#{postponed['id']}"
    assert timeline.figures == (1, None)


# Lists


@pytest.fixture
def busy(timeline: Timeline) -> tuple[Timeline, list[dict[str, Any]]]:
    """A contact with thirty interactions of people and of bookings, and what they are, newest first."""
    chosen = random.Random(13)
    moved = []
    for number in range(24):
        occurred_at = f"2026-0{chosen.randint(1, 6)}-0{chosen.randint(1, 9)}T09:30:00.000Z"
        token = chosen.choice([timeline.world.t1.admin, timeline.world.t1.program])
        given = {**CALL, "occurred_at": occurred_at, "booking_id": chosen.choice([None, "b-1"])}
        type = chosen.choice(["call", "email", "meeting"])
        made = timeline.ask("POST", json={**given, "type": type}, token=token)
        assert made.status == 201
        if number % 5 == 0:
            moved.append(made.json["id"])
    for number in range(6):
        timeline.book(number % 3, f"2026-0{number + 1}-05T09:30:00Z")
    for one in moved:
        assert timeline.ask("PATCH", f"/{one}", {"occurred_at": "2026-03-03T03:03:03Z"}).status == 200
    content = timeline.world.content
    content.assert_whole()
    items = sorted(content.interactions, key=lambda one: one["SK"]["S"].partition("#")[2], reverse=True)
    assert len(items) == 30
    return timeline, [{name: next(iter(one[name].values())) for name in one} for one in items]


QUERIES: list[dict[str, str]] = [
    {},
    {"type": "call"},
    {"type": "booking_created"},
    {"type": "quote"},
    {"booking_id": "b-1"},
    {"type": "meeting", "booking_id": "b-1"},
    {"date_from": "2026-02-05"},
    {"date_to": "2026-03-03T03:03:03Z"},
    {"date_from": "2026-03-03T03:03:03Z", "date_to": "2026-05-05"},
    {"date_from": "2026-05-05", "date_to": "2026-02-05"},
    {"date_from": "2026-02-05", "type": "booking_created"},
    {"performed_by_id": "admin-of-T1"},
    {"performed_by_id": "nobody"},
]


def matches(one: dict[str, Any], query: dict[str, str]) -> bool:
    first, last = query.get("date_from", ""), query.get("date_to", "~")
    last = last if "T" in last or last == "~" else f"{last}~"
    return (
        all(query.get(name) in (None, one.get(name)) for name in ("type", "booking_id", "performed_by_id"))
        and first.replace("Z", "") <= one["occurred_at"]
        and one["occurred_at"].replace(".000Z", "") <= last.replace("Z", "")
    )


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_list_has_what_matches_in_the_order_of_time_however_it_is_walked(
    busy: tuple[Timeline, list[dict[str, Any]]], query: dict[str, str]
) -> None:
    timeline, everything = busy
    wanted = [one["id"] for one in everything if matches(one, query)]
    for limit in (1, 4, 100):
        assert timeline.list(**query, limit=limit) == wanted
    pages: list[str] = []
    for page in range(1, 9):
        answer = timeline.ask("GET", query={**query, "page": page, "page_size": 4}).json
        assert (answer["next_cursor"] is None) == (page * 4 >= len(wanted))
        if answer["next_cursor"] is not None and page in (1, 6):
            after = timeline.ask("GET", query={**query, "limit": 4, "cursor": answer["next_cursor"]}).json
            assert [one["id"] for one in after["items"]] == wanted[page * 4 :][:4]
        pages += [one["id"] for one in answer["items"]]
        known = not query or list(query) == ["type"]
        assert answer["total"] == (len(wanted) if known else None)
    assert pages == wanted
    for skip in (0, 3, 11, len(wanted), 10_000 - 5):
        answer = timeline.ask("GET", query={**query, "skip": skip, "limit": 5, "include_total": True}).json
        assert [one["id"] for one in answer["items"]] == wanted[skip : skip + 5]
        assert answer["total"] == len(wanted)


def test_a_page_that_is_too_deep_is_refused_and_one_near_the_end_is_not(timeline: Timeline) -> None:
    timeline.record(JANUARY)
    answer = timeline.ask("GET", query={"date_from": "2026-01-01", "skip": 10_000})
    assert (answer.status, answer.json["code"]) == (400, "too_deep")
    assert timeline.ask("GET", query={"skip": 10_000}).json["items"] == []
    cursor = timeline.ask("GET", query={"type": "call", "limit": 1}).json["next_cursor"]
    assert cursor is None
    for query in ({"cursor": "x"}, {"type": "fax"}, {"date_from": "soon"}):
        assert timeline.ask("GET", query=query).status in (400, 422)


# Faults and races


def test_parallel_writers_of_one_timeline_lose_nothing(timeline: Timeline) -> None:
    """check 25, for interactions: created, changed and deleted at once; all have read before the first one writes."""
    changed, deleted = timeline.record(FEBRUARY), timeline.record(MARCH)
    path = f"/contacts/{timeline.id}/interactions"
    racing, token = timeline.world.racing, timeline.world.t1.admin

    def send(method: str, path: str, json: Any = None) -> Callable[[], Response]:
        return lambda: racing.request(method, path, json=json, token=token)

    answers = racing.together(
        [
            send("POST", path, {**CALL, "occurred_at": JANUARY}),
            send("POST", path, {**CALL, "occurred_at": JANUARY}),
            send("PATCH", f"{path}/{changed['id']}", {"occurred_at": "2026-01-01T00:00:00Z"}),
            send("DELETE", f"{path}/{deleted['id']}"),
            send("PATCH", f"/contacts/{timeline.id}", {"company": "Engines"}),
        ]
    )
    assert [answer.status for answer in answers] == [201, 201, 200, 204, 200]
    assert racing.failures == []
    assert timeline.figures == (3, JANUARY)
    assert timeline.contact["version"] == 8


def test_of_two_deletions_at_once_one_counts(timeline: Timeline) -> None:
    timeline.record(JANUARY)
    path = f"/contacts/{timeline.id}/interactions/{timeline.record(FEBRUARY)['id']}"
    racing, token = timeline.world.racing, timeline.world.t1.admin
    answers = racing.together([lambda: racing.request("DELETE", path, token=token)] * 2)
    assert sorted(answer.status for answer in answers) == [204, 404]
    assert timeline.figures == (1, JANUARY)


def prepared(worlds: Worlds) -> Worlds:
    """Make worlds with a contact with two interactions and a warm process."""

    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            timeline = Timeline(world)
            timeline.record(JANUARY)
            timeline.record(FEBRUARY)
            yield world

    return make


def of_world(world: World) -> Timeline:
    """The timeline of a prepared world."""
    timeline = object.__new__(Timeline)
    (contact,) = world.content.contacts
    timeline.world, timeline.id, timeline.email = world, contact["id"]["S"], contact["email"]["S"]
    return timeline


def newest(world: World) -> str:
    """The path of the interaction that was recorded last, though it may be deleted by now."""
    events = of_world(world).events("interaction.created")
    return f"/{json.loads(events[1]['data']['S'])['interaction_id']}"


WRITES: dict[str, Callable[[World], Response]] = {
    "record": lambda world: of_world(world).ask(
        "POST", json={**CALL, "occurred_at": MARCH}, headers={"Idempotency-Key": "k"}
    ),
    "move": lambda world: of_world(world).ask(
        "PATCH", newest(world), {"occurred_at": "2026-01-01T00:00:00Z"}
    ),
    "delete": lambda world: of_world(world).ask("DELETE", newest(world)),
}


def picture(world: World) -> list[str]:
    content = world.content
    content.assert_whole()
    content.items = [item for item in content.items if "#IDEMPOTENCY#" not in item["PK"]["S"]]
    return content.picture()


@pytest.mark.parametrize("write", WRITES)
def test_killed_at_any_call_and_sent_again_a_write_ends_as_without(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    """check 13, for interactions"""
    monkeypatch.setattr("shared.table.idempotency.LEASE_SECONDS", -1)
    tried = assert_same_after_kills(prepared(worlds), WRITES[write], picture)
    assert tried >= 3


@pytest.mark.parametrize("write", WRITES)
def test_throttled_at_any_call_a_write_ends_as_without(worlds: Worlds, write: str) -> None:
    """check 10, for interactions"""
    assert assert_same_under_throttling(prepared(worlds), WRITES[write], picture) >= 2


def test_a_purged_contact_leaves_no_interaction_and_no_pointer(timeline: Timeline) -> None:
    made = timeline.record(JANUARY)
    timeline.record(FUTURE)
    timeline.book(1)
    assert timeline.ask("PATCH", f"/{made['id']}", {"occurred_at": FEBRUARY}).status == 200
    assert timeline.world.send("DELETE", f"/contacts/{timeline.id}").status == 204
    with acting_for("T1", prefixes=("DUE#",)):
        long_after = timestamps.plus(timestamps.now(), 31 * 86_400)
        Purge(purge_table(), leftover_rows=LeftoverRows(store()), now=lambda: long_after).run()
    left = {item["SK"]["S"].partition("#")[0] for item in timeline.world.content.of("T#T1#C#")}
    assert left <= {"EVENT", "GONE"}
