"""A tenant's tag rules: interactions and booking events add tags to their contact and remove tags from it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from functions.bookings.on_booking import handler as on_booking
from shared.domain.labels.record import MAX_LABELS
from tests.integration.bookings.test_bookings import record_of, whole_picture
from tests.integration.world import World, booking
from tests.support.faults import assert_same_after_kills
from tests.support.lambda_context import lambda_context
from tests.support.meter import meter
from tests.support.tenant_guard import acting_for
from tests.tenants import program

Worlds = Callable[[], AbstractContextManager[World]]
CALL, MEETING = {"interaction": "call"}, {"interaction": "meeting"}


def rules(world: World, *given: tuple[dict[str, str], list[str], list[str]], **settings: Any) -> None:
    body = [{"on": on, "add": add, "remove": remove} for on, add, remove in given]
    answer = world.send("PATCH", "/settings", {"tag_rules": body, **settings})
    assert answer.status == 200, answer.text


def record(world: World, contact: dict[str, Any], type: str = "call", **how: Any) -> dict[str, Any]:
    given = {"type": type, "description": "Talked about the offer."}
    answer = world.send("POST", f"/contacts/{contact['id']}/interactions", given, **how)
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def tags(world: World, contact: dict[str, Any]) -> list[str]:
    found: list[str] = world.send("GET", f"/contacts/{contact['id']}").json["tags"]
    return found


def known_tags(world: World) -> dict[str, int]:
    """The tenant's tags, and the contacts that have each."""
    return {one["name"]: one["usage_count"] for one in world.send("GET", "/tags").json["items"]}


def events(world: World, contact: dict[str, Any], type: str) -> list[dict[str, Any]]:
    """The changes of the contact's events of a type, in the order of its versions."""
    found = [one for one in world.content.events if one["PK"]["S"].endswith(contact["id"])]
    found.sort(key=lambda one: int(one["version"]["N"]))
    return [json.loads(one["changes"]["S"]) for one in found if one["type"]["S"] == type]


def book(world: World, kind: str = "BookingCreated", **detail: Any) -> None:
    world.post_booking(booking(kind, **detail))
    assert world.bookings.pump() == 1
    assert world.dead_bookings() == []


def test_an_interaction_of_the_type_adds_and_removes_tags_in_its_own_change(world: World) -> None:
    contact = world.create(tags=["to call", "vip"])
    rules(world, (CALL, ["Called"], ["to call", "no such tag"]))
    record(world, contact, "email")
    assert tags(world, contact) == ["to call", "vip"]
    record(world, contact)
    assert tags(world, contact) == ["vip", "Called"]
    assert events(world, contact, "interaction.created")[-1]["tags"] == [
        ["to call", "vip"],
        ["vip", "Called"],
    ]
    world.content.assert_whole()
    record(world, contact)
    assert "tags" not in events(world, contact, "interaction.created")[-1]
    world.catch_up()
    assert known_tags(world) == {"Called": 1, "to call": 0, "vip": 1}
    assert [one["id"] for one in world.listed(tags="called")] == [contact["id"]]
    assert world.listed(tags="to call") == []


def test_rules_are_applied_in_their_order_removing_before_adding(world: World) -> None:
    contact = world.create(tags=["a"])
    rules(
        world,
        (CALL, ["b"], []),
        (CALL, ["c"], ["b", "a"]),
        (MEETING, ["d"], []),
        (CALL, ["a"], ["c"]),
    )
    record(world, contact)
    assert tags(world, contact) == ["a"]


def test_tags_that_do_not_fit_are_left_out_and_not_created(world: World) -> None:
    contact = world.create(tags=["a"])
    full = world.create(tags=["x", "y", "z"])
    rules(world, (CALL, ["b", "c", "A"], []), (MEETING, ["d"], ["a"]), max_tags_per_contact=2)
    record(world, contact)
    assert tags(world, contact) == ["a", "b"]
    record(world, contact, "meeting")
    assert tags(world, contact) == ["b", "d"]
    record(world, full)
    assert tags(world, full) == ["x", "y", "z"], "a contact that has more keeps them"
    assert set(known_tags(world)) == {"a", "b", "d", "x", "y", "z"}


def test_a_tenant_that_has_as_many_tags_as_it_may_gets_no_further_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = world.create(tags=["a"])
    other = world.create(tags=["b"])
    monkeypatch.setitem(MAX_LABELS, "tag", 2)  # type: ignore[attr-defined]
    rules(world, (CALL, ["new", "b"], []))
    record(world, contact)
    assert tags(world, contact) == ["a", "b"]
    assert set(known_tags(world)) == {"a", "b"} and other["tags"] == ["b"]


def test_at_the_tenant_s_maximum_of_tags_many_new_names_cost_as_much_as_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = world.create(tags=["a"])
    monkeypatch.setitem(MAX_LABELS, "tag", 1)  # type: ignore[attr-defined]
    costs = []
    for given in (
        [(CALL, ["new", "a"], [])],
        [(CALL, [f"new {rule} {name}" for name in range(10)], []) for rule in range(5)],
    ):
        rules(world, *given)
        for _ in range(2):  # the first one reads the settings
            with meter() as measured:
                record(world, contact)
        costs.append((measured.calls, measured.read, measured.write))
        with meter() as measured:
            world.send("GET", "/tags", query={"limit": "1"})
        costs.append((measured.calls, measured.read, measured.write))
    assert costs[:2] == costs[2:], costs
    assert costs[0][0] <= 5, "the contact, the stamp, one refused transaction, and the change"
    assert tags(world, contact) == ["a"]


def test_a_deleted_tag_is_made_again_by_its_name_and_not_by_its_id(world: World) -> None:
    contact = world.create(tags=["by name", "by id"])
    ids = {one["name"]: one["id"] for one in world.send("GET", "/tags").json["items"]}
    rules(world, (CALL, ["by name", ids["by id"]], []))
    assert world.send("PATCH", f"/tags/{ids['by id']}", {"name": "renamed"}).status == 200
    other = world.create()
    record(world, other)
    assert tags(world, other) == ["by name", "renamed"]
    for tag_id in ids.values():
        assert world.send("DELETE", f"/tags/{tag_id}").status == 204
    assert tags(world, contact) == []
    record(world, contact)
    assert tags(world, contact) == ["by name"]
    assert list(known_tags(world)) == ["by name"]


def test_changing_or_deleting_an_interaction_leaves_the_tags(world: World) -> None:
    contact = world.create()
    rules(world, (CALL, ["called"], []), (MEETING, ["met"], []))
    made = record(world, contact)
    path = f"/contacts/{contact['id']}/interactions/{made['id']}"
    assert world.send("PATCH", path, {"type": "meeting"}).status == 200
    assert tags(world, contact) == ["called"]
    assert world.send("DELETE", path).status == 204
    assert tags(world, contact) == ["called"]


def test_an_interaction_that_completes_a_follow_up_applies_rules_too(world: World) -> None:
    contact = world.create()
    rules(world, (CALL, ["called"], []))
    given = {"title": "call", "due_at": "2031-05-04T09:30:00Z"}
    made = world.send("POST", f"/contacts/{contact['id']}/follow-ups", given)
    assert made.status == 201, made.text
    done = {"interaction": {"type": "call", "description": "Talked about the offer."}}
    answer = world.send("POST", f"/follow-ups/{made.json['id']}/complete", done)
    assert answer.status == 200, answer.text
    assert tags(world, contact) == ["called"]


def test_a_user_who_may_only_record_interactions_tags_by_rule(world: World) -> None:
    """A rule is the admin's: it needs no right to change contacts."""
    contact = world.create()
    rules(world, (CALL, ["called"], []))
    token = program("T1", "contacts:read:all,interactions:write:all")
    assert world.send("PATCH", f"/contacts/{contact['id']}", {"tags": ["x"]}, token=token).status == 403
    record(world, contact, token=token)
    assert tags(world, contact) == ["called"]


def test_interactions_at_once_leave_the_tags_of_all(world: World, waits: list[float]) -> None:
    """check 25"""
    contact = world.create()
    types = ["call", "meeting", "email", "quote"]
    rules(world, *(({"interaction": one}, [f"had {one}", "seen"], []) for one in types))

    def send(type: str) -> Callable[[], Any]:
        given = {"type": type, "description": "x"}
        return lambda: world.racing.request(
            "POST", f"/contacts/{contact['id']}/interactions", json=given, token=world.t1.admin
        )

    assert [one.status for one in world.racing.together([send(one) for one in types])] == [201] * 4
    assert set(tags(world, contact)) == {"seen", *(f"had {one}" for one in types)}
    assert len(known_tags(world)) == 5
    world.content.assert_whole()


def test_a_booking_event_tags_its_contact_by_the_state_it_leaves(world: World) -> None:
    rules(
        world,
        ({"booking": "created"}, ["coming", "new"], []),
        ({"booking": "cancelled"}, ["cancelled"], ["coming"]),
        ({"interaction": "call"}, ["called"], []),
    )
    detail = {"booking_id": "b", "invitee_email": "grace@example.com"}
    book(world, event_id="e-1", version=1, **detail)
    world.catch_up()
    (contact,) = world.listed()
    assert contact["tags"] == ["coming", "new"]
    assert events(world, contact, "interaction.created")[0]["tags"] == [None, ["coming", "new"]]
    book(world, "BookingCancelled", event_id="e-2", version=2, **detail)
    assert tags(world, contact) == ["new", "cancelled"]
    world.send("PATCH", f"/contacts/{contact['id']}", {"tags": []})
    for event_id, kind in (("e-1", "BookingCreated"), ("e-2", "BookingCancelled")):
        book(world, kind, event_id=event_id, **detail)
    assert tags(world, contact) == [], "an event that was processed before changes nothing"
    book(world, event_id="e-0", version=0, **detail)
    assert tags(world, contact) == [], "an event that was overtaken applies no rule"
    book(world, "BookingCancelled", event_id="e-3", version=3, **detail)
    assert tags(world, contact) == ["cancelled"]
    world.content.assert_whole()


def test_the_last_rule_that_a_booking_applies_is_that_of_its_state(worlds: Worlds) -> None:
    """check 27"""
    detail = {"booking_id": "b", "invitee_email": "grace@example.com"}
    kinds = ("BookingCreated", "BookingCompleted", "BookingCancelled")
    for order in itertools.permutations(range(3)):
        with worlds() as world:
            rules(
                world,
                ({"booking": "created"}, ["coming"], []),
                ({"booking": "completed"}, ["came"], ["coming"]),
                ({"booking": "cancelled"}, ["gone"], ["coming", "came"]),
            )
            for number in order:
                book(world, kinds[number], event_id=f"e-{number}", version=number + 1, **detail)
            world.catch_up()
            assert [one["tags"] for one in world.listed()] == [["gone"]]


def test_killed_at_any_call_a_booking_event_under_rules_ends_as_without(worlds: Worlds) -> None:
    """check 13: also between the creation of a tag and the change that uses it."""

    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            world.create("grace@example.com", tags=["old"])
            rules(world, ({"booking": "created"}, ["coming", "new"], ["old"]))
            yield world

    def deliver(world: World) -> None:
        event = booking(event_id="e-1", booking_id="b", invitee_email="grace@example.com")
        with acting_for("T1"):
            answer = on_booking({"Records": [record_of(event)]}, lambda_context("BookingsFunction"))
        assert answer == {"batchItemFailures": []}

    assert assert_same_after_kills(make, deliver, whole_picture) >= 8


def test_an_interaction_costs_no_more_while_no_rule_is_for_its_type(world: World) -> None:
    contact = world.create()
    record(world, contact)
    costs = []
    for given in ([], [(MEETING, ["met"], [])]):
        rules(world, *given)
        record(world, contact, "email")  # reads the settings
        with meter() as measured:
            record(world, contact)
        costs.append((measured.calls, measured.read, measured.write))
    assert costs[0] == costs[1]


def test_rules_of_one_tenant_are_not_another_s(world: World) -> None:
    t10 = world.tenant("T10")
    rules(world, (CALL, ["called"], []))
    contact = world.create(token=t10.admin)
    record(world, contact, token=t10.admin)
    assert world.send("GET", f"/contacts/{contact['id']}", token=t10.admin).json["tags"] == []


def test_random_rules_keep_to_the_limit_and_to_known_tags(world: World) -> None:
    names = ["a", "b", "c", "d"]
    cases = list(itertools.permutations(names, 3))[::5]
    for number, (first, second, third) in enumerate(cases):
        contact = world.create(tags=[first, second])
        rules(
            world,
            (CALL, [third, first], [second]),
            (CALL, [second, third], []),
            max_tags_per_contact=2 + number % 2,
        )
        record(world, contact)
        kept = [first, third] if number % 2 == 0 else [first, third, second]
        assert tags(world, contact) == kept


@pytest.mark.parametrize(("character", "status"), [("x", 200), ("\N{GRINNING FACE}", 422)])
def test_names_in_rules_are_bounded_in_bytes(world: World, character: str, status: int) -> None:
    names = [f"{number:03}" + character * 47 for number in range(200)]
    body = [{"on": CALL, "add": names[start : start + 10]} for start in range(0, 200, 10)]
    answer = world.send("PATCH", "/settings", {"tag_rules": body})
    assert answer.status == status
    if status == 422:
        assert [one["code"] for one in answer.json["errors"]] == ["names_too_long"]
