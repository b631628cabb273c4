"""The deeper contact record through the API: all addresses locked, consents, soft deletion, restoration, purge."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.contacts.on_schedule_purge import handler as on_schedule_purge
from shared.domain import timestamps
from shared.domain.contacts.presence import RESTORABLE_SECONDS
from shared.domain.errors import Unavailable
from shared.projections import leftover_rows as leftovers
from shared.projections.leftover_rows import LeftoverRows
from shared.services.contacts import purge as purging
from shared.services.contacts.purge import Purge, PurgeReport
from shared.table.contacts.purge import PurgeTable
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.table.keys.projections import is_tombstone
from shared.wiring.base import store
from shared.wiring.contacts import purge_table
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World, booking
from tests.integration.worlds import Worlds
from tests.support.aws import stack_in_moto
from tests.support.budgets import repetitions
from tests.support.faults import (
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    injecting,
    lost_answer,
    unreachable,
)
from tests.support.gateway import Response
from tests.support.lambda_context import lambda_context
from tests.support.roles import role_of, under_role
from tests.support.template import Template
from tests.support.tenant_guard import acting_for_system, as_operator, guarding
from tests.support.tokens import TokenIssuer
from tests.support.transport import Attempt

USER = "other-of-T1"
A, B, C, D = (f"{letter}@example.com" for letter in "abcd")
PURGE_PREFIXES = ("DUE#PURGE#", "T#")
OPT_OUT = {"channel": "email", "opted_out": True, "source": "a call"}


def of_the_product(attempt: Attempt) -> bool:
    return attempt.operation != "Scan"


def path_of(contact: dict[str, Any], action: str = "") -> str:
    return f"/contacts/{contact['id']}{action}"


def lock_holders(world: World) -> dict[str, str]:
    return {
        lock["PK"]["S"].rsplit("#", 1)[1]: lock["contact_id"]["S"]
        for lock in world.content.locks
        if lock["PK"]["S"].startswith("T#T1#")
    }


def refused_for(answer: Response) -> tuple[int, str, str]:
    (error,) = answer.json["errors"]
    return answer.status, error["field"], error.get("contact_id", "")


# Fields


def test_a_full_contact_is_kept_listed_and_told_as_it_was_given(world: World) -> None:
    made = world.create(
        A,
        other_emails=[" <B@example.com>", "b@example.com", A],
        phone="(415) 555-2671",
        other_phones=[{"label": "home", "number": "(202) 555-0143"}],
        owner_id=USER,
        communication={"preferred": "whatsapp"},
        custom_fields={"tier": "gold", "visits": 3, "score": 1.5, "vip": True},
    )
    assert made["other_emails"] == [B]
    assert made["phone_raw"] == "(415) 555-2671"
    assert made["other_phones"] == [{"label": "home", "number": "+12025550143", "raw": "(202) 555-0143"}]
    assert made["owner_id"] == USER
    assert made["communication"] == {"preferred": "whatsapp", "opt_outs": {}}
    assert made["custom_fields"] == {"tier": "gold", "visits": 3, "score": 1.5, "vip": True}
    assert world.send("GET", path_of(made)).json == made
    world.catch_up()
    assert world.listed() == [made]
    (event,) = world.content.events
    changes = json.loads(event["changes"]["S"])
    assert changes["other_emails"] == [None, [B]]
    assert changes["custom_fields.visits"] == [None, 3]
    assert changes["communication.preferred"] == [None, "whatsapp"]
    assert changes["owner_id"] == [None, USER]
    world.content.assert_whole()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"other_emails": ["b@example.com", "nobody"]}, "other_emails.1"),
        ({"other_emails": "b@example.com"}, "other_emails"),
        ({"other_emails": [f"x{n}@example.com" for n in range(21)]}, "other_emails"),
        ({"other_emails": ["x" * 300]}, "other_emails.0"),
        ({"other_phones": [{"label": "home", "number": "12"}]}, "other_phones.0.number"),
        ({"other_phones": [{"label": "home"}]}, "other_phones.0.number"),
        ({"other_phones": [{"number": "+14155552671", "raw": "x"}]}, "other_phones.0.raw"),
        ({"other_phones": [{"number": "+14155552671", "label": "x" * 101}]}, "other_phones.0.label"),
        ({"owner_id": "somebody"}, "owner_id"),
        ({"owner_id": ""}, "owner_id"),
        ({"owner_id": "é\u0000#"}, "owner_id"),
        ({"owner_id": "x" * 65}, "owner_id"),
        ({"communication": {"preferred": "fax"}}, "communication.preferred"),
        ({"communication": {"opt_outs": {"email": {"opted_out": False}}}}, "communication.opt_outs"),
        ({"custom_fields": {"Bad Name": 1}}, "custom_fields.Bad Name"),
        ({"custom_fields": {"a": "x" * 1001}}, "custom_fields.a"),
        ({"custom_fields": {"a": [1]}}, "custom_fields.a"),
        ({"custom_fields": {"a": 10**30}}, "custom_fields.a"),
        ({"custom_fields": [1]}, "custom_fields"),
        ({"custom_fields": {f"f{n}": 1 for n in range(51)}}, "custom_fields"),
    ],
)
def test_a_refused_field_is_named_and_nothing_is_written(
    world: World, given: dict[str, Any], field: str
) -> None:
    made = world.create(A)
    body = {"first_name": "Ada", "email": D, **given}
    for method, path in (("POST", "/contacts"), ("PUT", path_of(made)), ("PATCH", path_of(made))):
        answer = world.send(method, path, body)
        assert answer.status == 422, answer.text
        assert [error["field"] for error in answer.json["errors"]] == [field]
    assert world.send("GET", path_of(made)).json == made
    world.content.assert_whole()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999"])
def test_a_custom_number_that_is_none_is_refused(world: World, number: str) -> None:
    """check 40"""
    body = f'{{"first_name": "Ada", "email": "a@example.com", "custom_fields": {{"a": {number}}}}}'
    answer = world.send("POST", "/contacts", body=body, headers={"Content-Type": "application/json"})
    assert answer.status in (400, 422), answer.text


def test_an_owner_is_given_by_those_who_may_write_all_contacts(world: World) -> None:
    """check 52"""
    assert world.create(owner_id=USER, token=world.t1.program)["owner_id"] == USER
    own = world.create(token=world.t1.user)
    body = {"first_name": "Ada", "email": own["email"], "owner_id": "0190a8b0-0000-7000-8000-00000000000b"}
    for method, path in (("POST", "/contacts"), ("PUT", path_of(own)), ("PATCH", path_of(own))):
        answer = world.send(method, path, body, token=world.t1.user)
        assert (answer.status, answer.json["detail"]) == (
            403,
            "Insufficient permissions: contacts:write:all required",
        )
    del body["owner_id"]
    answer = world.send("PUT", path_of(own), body, token=world.t1.user)
    assert (answer.status, answer.json["owner_id"]) == (200, own["owner_id"])
    given_away = world.send("PATCH", path_of(own), {"owner_id": USER})
    assert (given_away.status, given_away.json["owner_id"]) == (200, USER)
    assert world.send("PATCH", path_of(own), {"company": "x"}, token=world.t1.user).status == 403


# Addresses


def test_no_address_of_a_contact_may_be_another_s(world: World) -> None:
    made = world.create(A, other_emails=[B, C])
    other = world.create(D)
    for body, field in (
        ({"email": C}, "email"),
        ({"other_emails": ["x@example.com", B]}, "other_emails.1"),
        ({"email": "y@example.com", "other_emails": [A]}, "other_emails.0"),
    ):
        full = {"first_name": "X", "email": "x1@example.com", **body}
        assert refused_for(world.send("POST", "/contacts", full)) == (409, field, made["id"])
        assert refused_for(world.send("PATCH", path_of(other), body)) == (409, field, made["id"])
    detail = world.send("POST", "/contacts", {"first_name": "X", "email": C}).json["detail"]
    assert detail == "Another contact has this e-mail address."
    assert lock_holders(world) == {A: made["id"], B: made["id"], C: made["id"], D: other["id"]}


def test_primary_and_other_address_are_swapped_in_one_change(world: World) -> None:
    made = world.create(A, other_emails=[B])
    answer = world.send("PATCH", path_of(made), {"email": B, "other_emails": [A]})
    assert (answer.status, answer.json["email"], answer.json["other_emails"]) == (200, B, [A])
    assert lock_holders(world) == {A: made["id"], B: made["id"]}
    answer = world.send("PATCH", path_of(made), {"email": A})
    assert (answer.json["email"], answer.json["other_emails"]) == (A, [])
    assert lock_holders(world) == {A: made["id"]}
    world.content.assert_whole()


def test_an_import_and_a_booking_find_a_contact_by_any_address(world: World) -> None:
    made = world.create(A, other_emails=[B])
    world.post_booking(booking(invitee_email="B@Example.com", invitee_phone="(415) 555-2671"))
    world.bookings.pump()
    now = world.send("GET", path_of(made)).json
    assert (now["total_bookings"], now["phone"], now["phone_raw"]) == (1, "+14155552671", "(415) 555-2671")
    folder = DropFolder(world, "T1")
    folder.deliver(folder.put("email,phone\nB@example.com,\nnew@example.com,(202) 555-0143\n"))
    folder.work()
    assert len(world.content.live) == 2
    [imported] = [one for one in world.content.live if one["email"]["S"] == "new@example.com"]
    assert (imported["phone"]["S"], imported["phone_raw"]["S"]) == ("+12025550143", "(202) 555-0143")
    world.content.assert_whole()


@pytest.mark.parametrize("in_step", [True, False])
def test_racing_changes_to_the_same_other_addresses_leave_each_to_one(world: World, in_step: bool) -> None:
    """check 23, for the other addresses"""
    made = [world.create() for _ in range(8)]
    wanted = [B, C, D]

    def change(contact: dict[str, Any], number: int) -> Callable[[], Response]:
        others = wanted[number % 3 :] + wanted[: number % 3]
        return lambda: world.racing.request(
            "PATCH", path_of(contact), json={"other_emails": others[:2]}, token=world.t1.admin
        )

    answers = world.racing.together(
        [change(contact, number) for number, contact in enumerate(made)], in_step=in_step
    )
    outcomes = Counter(answer.status for answer in answers)
    assert set(outcomes) == {200, 409} and outcomes[200] == 1
    world.content.assert_whole()


# Status and consent


def test_toggling_the_status_answers_the_contact_and_is_told(world: World) -> None:
    made = world.create()
    for version, active in ((2, False), (3, True)):
        answer = world.send("POST", path_of(made, "/toggle-status"))
        assert (answer.status, answer.json["is_active"]) == (200, active)
        assert answer.headers["ETag"] == f'"{version}"'
    answer = world.send("POST", path_of(made, "/toggle-status"), headers={"If-Match": '"1"'})
    assert answer.status == 412
    changes = {event["version"]["N"]: event["changes"]["S"] for event in world.content.events}
    assert json.loads(changes["3"]) == {"is_active": [False, True]}
    world.content.assert_whole()


def test_a_consent_is_kept_with_its_ground_and_its_history_is_read_newest_first(world: World) -> None:
    made = world.create()
    path = path_of(made, "/consent")
    for number in range(5):
        given = {"channel": "sms", "opted_out": number % 2 == 0, "source": f"call {number}"}
        answer = world.send("POST", path, given | ({"reason": "why"} if number == 4 else {}))
        assert (answer.status, answer.headers["ETag"]) == (200, f'"{number + 2}"')
    settled = answer.json["communication"]["opt_outs"]["sms"]
    assert settled == {
        "opted_out": True,
        "at": answer.json["updated_at"],
        "by": "user:admin-of-T1",
        "source": "call 4",
        "reason": "why",
    }
    first = world.send("GET", path, query={"limit": 3}).json
    rest = world.send("GET", path, query={"limit": 3, "cursor": first["next_cursor"]}).json
    entries = first["items"] + rest["items"]
    assert rest["next_cursor"] is None
    assert [entry["source"] for entry in entries] == [f"call {number}" for number in (4, 3, 2, 1, 0)]
    assert {name: entries[0][name] for name in settled} == settled
    assert world.send("POST", path, OPT_OUT, headers={"If-Match": '"1"'}).status == 412
    assert len(world.send("GET", path).json["items"]) == 5
    world.catch_up()
    assert Counter(one["type"] for one in world.published())["contact.consent_changed"] == 5
    world.content.assert_whole()


def test_an_opt_out_wins_over_everything_but_a_consent(world: World) -> None:
    made = world.create(A, other_emails=[B])
    world.send("POST", path_of(made, "/consent"), OPT_OUT)
    opt_outs = world.send("GET", path_of(made)).json["communication"]["opt_outs"]

    def assert_opted_out() -> None:
        now = world.send("GET", path_of(made)).json["communication"]
        assert now["opt_outs"] == opt_outs and opt_outs["email"]["opted_out"] is True

    full = {"first_name": "Ada", "email": A}
    for method, body in (
        ("PUT", full),
        ("PUT", {**full, "communication": {"preferred": "email"}}),
        ("PUT", {**full, "communication": None}),
        ("PATCH", {"communication": {"preferred": "email"}}),
        ("PATCH", {"communication": None}),
        ("PATCH", {"email": C}),
        ("PATCH", {"email": A, "other_emails": [B]}),
    ):
        assert world.send(method, path_of(made), body).status == 200
        assert_opted_out()
    for communication in ({"opt_outs": None}, {"opt_outs": {}}, {"opt_outs": {"email": None}}):
        for method in ("PUT", "PATCH"):
            answer = world.send(method, path_of(made), {**full, "communication": communication})
            assert answer.status == 422
    world.post_booking(booking(invitee_email=A), booking(invitee_email=B))
    world.bookings.pump()
    assert_opted_out()
    folder = DropFolder(world, "T1")
    folder.deliver(folder.put(f"email,first_name\n{A},New\n{B},New\n"))
    folder.work()
    assert_opted_out()
    world.send("POST", path_of(made, "/toggle-status"))
    world.send("DELETE", path_of(made))
    assert world.send("POST", path_of(made, "/restore")).status == 200
    assert_opted_out()
    answer = world.send("POST", path_of(made, "/consent"), {**OPT_OUT, "opted_out": False})
    assert answer.json["communication"]["opt_outs"]["email"]["opted_out"] is False
    world.content.assert_whole()


def test_consents_at_once_are_all_in_the_history(world: World, waits: list[float]) -> None:
    made = world.create()
    channels = ["email", "phone", "sms", "whatsapp"] * 2

    def consent(number: int) -> Callable[[], Response]:
        body = {"channel": channels[number], "opted_out": True, "source": f"call {number}"}
        return lambda: world.racing.request(
            "POST", path_of(made, "/consent"), json=body, token=world.t1.admin
        )

    answers = world.racing.together([consent(number) for number in range(8)])
    assert {answer.status for answer in answers} == {200}
    history = world.send("GET", path_of(made, "/consent")).json["items"]
    assert {entry["source"] for entry in history} == {f"call {number}" for number in range(8)}
    now = world.send("GET", path_of(made)).json
    assert set(now["communication"]["opt_outs"]) == set(channels)
    for channel, settled in now["communication"]["opt_outs"].items():
        latest = next(entry for entry in history if entry["channel"] == channel)
        assert latest["source"] == settled["source"]
    world.content.assert_whole()


# Deletion and restoration


def test_a_restored_contact_is_as_it_was_and_listed_again(world: World) -> None:
    made = world.create(A, other_emails=[B], custom_fields={"a": 1}, tags=["x"])
    world.send("POST", path_of(made, "/consent"), OPT_OUT)
    before = world.send("GET", path_of(made)).json
    world.send("DELETE", path_of(made))
    world.catch_up()
    assert world.listed() == [] and lock_holders(world) == {}
    for method, action in (
        ("GET", ""),
        ("GET", "/consent"),
        ("POST", "/toggle-status"),
        ("GET", "/interactions"),
    ):
        assert world.send(method, path_of(made, action)).status == 404
    answer = world.send("POST", path_of(made, "/restore"))
    changed = {"version": 4, "updated_at": answer.json["updated_at"]}
    assert (answer.status, answer.json, answer.headers["ETag"]) == (200, before | changed, '"4"')
    again = world.send("POST", path_of(made, "/restore"))
    assert (again.status, again.json) == (200, answer.json)
    world.catch_up()
    assert world.listed() == [answer.json]
    assert lock_holders(world) == {A: made["id"], B: made["id"]}
    assert "contact.restored" in {one["type"] for one in world.published()}
    world.content.assert_whole()


@pytest.mark.parametrize(("taken", "field"), [(A, "email"), (C, "other_emails.1")])
def test_a_contact_whose_address_was_taken_meanwhile_is_not_half_restored(
    world: World, taken: str, field: str
) -> None:
    made = world.create(A, other_emails=[B, C])
    world.send("DELETE", path_of(made))
    taker = world.create(taken)
    before = world.content.picture()
    answer = world.send("POST", path_of(made, "/restore"))
    assert refused_for(answer) == (409, field, taker["id"])
    assert answer.json["code"] == "duplicate"
    assert world.content.picture() == before
    assert world.send("GET", path_of(made)).status == 404
    world.send("DELETE", path_of(taker))
    assert world.send("POST", path_of(made, "/restore")).status == 200
    world.content.assert_whole()


def test_restoring_takes_what_deleting_takes(world: World) -> None:
    """check 52"""
    own, other = world.create(token=world.t1.user), world.create()
    for contact in (own, other):
        world.send("DELETE", path_of(contact))
    for token, contact, status in (
        (world.t1.powerless, own, 403),
        (world.t1.other_user, own, 403),
        (world.t1.user, other, 403),
        (world.t1.user, own, 200),
        (world.t1.program, other, 200),
    ):
        assert world.send("POST", path_of(contact, "/restore"), token=token).status == status


def test_a_restore_under_if_match_is_for_the_deleted_state(world: World) -> None:
    made = world.create()
    world.send("DELETE", path_of(made))
    for etag, status in (('"1"', 412), ('"3"', 412), ('"2"', 200), ('"2"', 412)):
        assert world.send("POST", path_of(made, "/restore"), headers={"If-Match": etag}).status == status


def test_restores_and_a_create_of_the_address_at_once_leave_one_with_it(world: World) -> None:
    made = world.create(A, other_emails=[B])
    world.send("DELETE", path_of(made))
    body = {"first_name": "New", "email": B}

    def restore() -> Response:
        return world.racing.request("POST", path_of(made, "/restore"), token=world.t1.admin)

    def create() -> Response:
        return world.racing.request("POST", "/contacts", json=body, token=world.t1.admin)

    restored, again, created = world.racing.together([restore, restore, create])
    assert {restored.status, again.status} <= {200, 409}
    assert (created.status == 201) == (409 in (restored.status, again.status))
    world.content.assert_whole()


def delete_first(world: World) -> dict[str, Any]:
    made = world.create(A, other_emails=[B])
    assert world.send("DELETE", path_of(made)).status == 204
    return made


def with_contact(
    worlds: Worlds, make: Callable[[World], object]
) -> Callable[[], AbstractContextManager[World]]:
    @contextmanager
    def prepared() -> Iterator[World]:
        with worlds() as world:
            make(world)
            yield world

    return prepared


def only_contact(world: World) -> dict[str, Any]:
    (contact,) = world.content.contacts
    return {"id": contact["id"]["S"]}


def restore(world: World) -> None:
    assert world.send("POST", path_of(only_contact(world), "/restore")).status == 200


def swap(world: World) -> None:
    body = {"email": B, "other_emails": [A, C]}
    assert world.send("PATCH", path_of(only_contact(world)), body).status == 200


def toggle(world: World) -> None:
    headers = {"If-Match": '"1"'}
    answer = world.send("POST", path_of(only_contact(world), "/toggle-status"), headers=headers)
    assert answer.status in (200, 412)


def consent(world: World) -> None:
    headers = {"If-Match": '"1"'}
    answer = world.send("POST", path_of(only_contact(world), "/consent"), OPT_OUT, headers=headers)
    assert answer.status in (200, 412)


CHANGES: dict[str, tuple[Callable[[World], object], Callable[[World], None]]] = {
    "restore": (delete_first, restore),
    "swap": (lambda world: world.create(A, other_emails=[B]), swap),
    "toggle": (lambda world: world.create(A), toggle),
    "consent": (lambda world: world.create(A), consent),
}
"""What must be there, and a client that sends a change again until it knows that it is done."""
CALLS = {"restore": 3, "swap": 2, "toggle": 2, "consent": 2}
"""The calls of the table that a change takes; a restoration also looks up the owner."""


def whole_picture(world: World) -> list[str]:
    content = world.content
    content.assert_whole()
    return content.picture()


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_killed_anywhere_is_whole_or_not_there_and_sent_again_is_done_once(
    worlds: Worlds, change: str
) -> None:
    """check 13"""
    make, deliver = CHANGES[change]
    tried = assert_same_after_kills(
        with_contact(worlds, make),
        deliver,
        whole_picture,
        both_sides=True,
        is_atomic=True,
        matching=of_the_product,
    )
    assert tried >= 2 * CALLS[change]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_throttled_at_any_call_ends_the_same(worlds: Worlds, change: str) -> None:
    """check 10"""
    make, deliver = CHANGES[change]
    tried = assert_same_under_throttling(
        with_contact(worlds, make), deliver, whole_picture, matching=of_the_product
    )
    assert tried >= CALLS[change]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_whose_answer_is_lost_succeeds_once(world: World, change: str) -> None:
    """check 11"""
    make, deliver = CHANGES[change]
    make(world)
    before = len(world.content.events)
    with injecting(lost_answer(call("dynamodb", "TransactWriteItems"), times=2)):
        deliver(world)
    assert len(world.content.events) == before + 1
    world.content.assert_whole()


@pytest.mark.parametrize("change", CHANGES)
def test_with_dynamodb_away_a_change_is_503_and_not_there(world: World, change: str) -> None:
    """check 15"""
    CHANGES[change][0](world)
    before = whole_picture(world)
    path = path_of(only_contact(world))
    method, target, body = {
        "restore": ("POST", f"{path}/restore", None),
        "swap": ("PATCH", path, {"email": B, "other_emails": [A]}),
        "toggle": ("POST", f"{path}/toggle-status", None),
        "consent": ("POST", f"{path}/consent", OPT_OUT),
    }[change]
    with injecting(unreachable(call("dynamodb", "TransactWriteItems"))):
        assert world.send(method, target, body).status == 503
    assert whole_picture(world) == before


# The purge


def in_days(days: float) -> Callable[[], str]:
    moment = timestamps.plus(timestamps.now(), days * 86_400)
    return lambda: moment


def purge(
    days: float = 31, has_time: Callable[[], bool] = lambda: True, *, leftover_rows: bool = False
) -> PurgeReport:
    """Purge as of so many days from now; `leftover_rows`: with its check of the rows that searches find contacts by."""
    found = LeftoverRows(store()) if leftover_rows else None
    with acting_for_system(*PURGE_PREFIXES):
        return Purge(purge_table(), leftover_rows=found, now=in_days(days), has_time=has_time).run()


def expire(world: World, days: float = 31) -> None:
    """Make all deleted contacts look deleted so many days ago."""
    with as_operator():
        for item in world.content.contacts:
            if "deleted_at" in item:
                at = timestamps.plus(item["deleted_at"]["S"], -days * 86_400)
                due = contact_keys.purge_due(timestamps.plus(at, RESTORABLE_SECONDS), item["id"]["S"])
                world.stack.client("dynamodb").put_item(
                    TableName=world.stack.table_name, Item={**item, **due, "deleted_at": {"S": at}}
                )


def remains(world: World, contact: dict[str, Any]) -> list[dict[str, Any]]:
    return world.content.of(f"T#T1#C#{contact['id']}$")


def eventful(world: World, interactions: int = 3) -> dict[str, Any]:
    """A deleted contact with a timeline, consents and a past."""
    made = world.create(
        A, other_emails=[B], phone="+14155552671", about="Canary", custom_fields={"a": "canary"}
    )
    world.send("POST", path_of(made, "/consent"), OPT_OUT)
    for number in range(interactions):
        world.post_booking(
            booking(invitee_email=A, event_id=f"event-{number}", booking_id=f"booking-{number}")
        )
    world.bookings.pump()
    assert world.send("DELETE", path_of(made)).status == 204
    return made


def test_a_deleted_contact_is_purged_after_thirty_days_and_not_before(world: World) -> None:
    made, live = eventful(world), world.create(C)
    world.catch_up()
    world.published()
    early = purge(days=29.9)
    assert (early.purged, early.rows) == (0, 0)
    assert len(remains(world, made)) > 5
    done = purge()
    assert (done.purged, done.unfinished, done.passed_over) == (1, 0, 0)
    (left,) = [item for item in remains(world, made) if not is_tombstone(item)]
    assert (left["type"]["S"], left["actor"]["S"], left["changes"]["S"]) == (
        "contact.purged",
        "system:purge",
        "{}",
    )
    # Without ids, whose hexadecimal digits may spell a name.
    about_person = re.sub(r"[0-9a-f-]{36}", "<id>", json.dumps(remains(world, made)).lower())
    for value in ("canary", "example.com", "4155552671", "ada"):
        assert value not in about_person
    assert purge() == PurgeReport()
    world.catch_up()
    assert [one["id"] for one in world.listed()] == [live["id"]]
    (told,) = world.published()
    assert (told["type"], told["entity_id"], told["origin"]) == ("contact.purged", made["id"], "system")
    for action in ("/restore", "/toggle-status"):
        assert world.send("POST", path_of(made, action)).status == 404
    world.content.assert_whole()


def test_after_thirty_days_a_contact_cannot_be_restored_though_it_is_not_purged_yet(world: World) -> None:
    made = delete_first(world)
    expire(world, days=29.9)
    assert world.send("POST", path_of(made, "/restore")).status == 200
    world.send("DELETE", path_of(made))
    expire(world, days=30)
    assert world.send("POST", path_of(made, "/restore")).status == 404


def test_a_restored_contact_is_not_purged(world: World) -> None:
    made = delete_first(world)
    assert world.send("POST", path_of(made, "/restore")).status == 200
    assert purge() == PurgeReport()
    again = world.send("GET", path_of(made)).json
    assert (again["email"], again["version"]) == (A, 3)


def test_a_contact_restored_between_look_up_and_purge_lives(world: World) -> None:
    """Proven with two writers: whoever writes first, the other one notices."""
    made = delete_first(world)
    table = purge_table()

    class Restoring(PurgeTable):
        def empty(self, *args: Any) -> None:
            assert world.send("POST", path_of(made, "/restore")).status == 200
            super().empty(*args)

    with acting_for_system(*PURGE_PREFIXES):
        report = Purge(Restoring(store(), ()), now=in_days(31)).run()
        assert (report.purged, report.passed_over) == (0, 1)
        assert table.look_up("T1", made["id"]) is None
    assert world.send("GET", path_of(made)).status == 200
    world.content.assert_whole()


def test_a_contact_whose_purge_has_begun_cannot_be_restored(world: World) -> None:
    made = eventful(world)
    report = purge(has_time=iter([True, False, False]).__next__)
    assert (report.purged, report.unfinished) == (0, 1)
    assert world.send("POST", path_of(made, "/restore")).status == 404
    world.catch_up()
    assert world.listed() == []


def test_a_purge_that_runs_out_of_time_is_taken_up_again(world: World) -> None:
    made = eventful(world)
    for _ in range(120):
        world.send("POST", path_of(made, "/restore"))
        world.send("DELETE", path_of(made))
    first = purge(has_time=iter([True, False, False]).__next__)
    # A portion of 100, the record among it; and of three bookings the list rows, locators and processed events.
    assert (first.purged, first.unfinished, first.rows) == (0, 1, 99 + 3 * 3)
    second = purge()
    assert (second.purged, second.unfinished) == (1, 0)
    assert len([item for item in remains(world, made) if not is_tombstone(item)]) == 1
    world.content.assert_whole()


def test_a_purge_reads_a_long_history_to_its_end_over_several_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And finds a row of the first state as well as of the last, without reading twice what it has read."""
    monkeypatch.setattr(leftovers, "_PAGE", 5)
    made = world.create(A, last_name="Alpha")
    world.catch_up()
    rows = [one for one in world.content.of("T#T1#(TERM|LIST#name)") if made["id"] in one["SK"]["S"]]
    for number in range(20):
        assert world.send("PATCH", path_of(made), {"last_name": f"Beta{number}"}).status == 200
    world.send("DELETE", path_of(made))
    world.catch_up()
    with as_operator():
        store().write_many(put=rows)
    runs = 0
    while purge(has_time=iter([True, False, False]).__next__, leftover_rows=True).purged == 0:
        runs += 1
        assert runs < 40, "it makes no progress"
        places = world.content.of(f"T#T1#C#{made['id']}", "PURGE$")
        if runs == 2:
            assert [one["after"]["S"] for one in places] == [event_ids(world, made)[9]]
    assert runs >= 5
    assert len([item for item in remains(world, made) if not is_tombstone(item)]) == 1
    assert [one for one in world.content.items if made["id"] in one["SK"]["S"]] == []


def event_ids(world: World, contact: dict[str, Any]) -> list[str]:
    return sorted(event_keys.id_of(one) for one in world.content.of(f"T#T1#C#{contact['id']}", "EVENT#"))


def test_a_contact_with_a_long_history_holds_up_no_other_purge(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_PAGE", 2)
    monkeypatch.setattr(purging, "_STEPS_AT_ONCE", 2)
    made = world.create(A)
    for number in range(30):
        world.send("PATCH", path_of(made), {"last_name": f"Beta{number}"})
    world.send("DELETE", path_of(made))
    others = [world.create(f"{number}@example.com") for number in range(3)]
    for one in others:
        world.send("DELETE", path_of(one))
    turns = iter([True] * 24)
    report = purge(has_time=lambda: next(turns, False), leftover_rows=True)
    assert (report.purged, report.unfinished) == (3, 1)
    assert [one["id"]["S"] for one in world.content.contacts] == [made["id"]]
    assert purge(leftover_rows=True).purged == 1
    world.content.assert_whole()


@pytest.mark.parametrize("changes", ["{", "[]", '{"first_name": 1}', '{"first_name": [null, 1]}'])
def test_an_event_that_cannot_be_read_does_not_keep_its_contact_or_others_from_the_purge(
    world: World, changes: str
) -> None:
    for _ in range(2):
        assert world.send("DELETE", path_of(world.create())).status == 204
    world.catch_up()
    (event, *_) = world.content.events
    with as_operator():
        world.stack.client("dynamodb").put_item(
            TableName=world.stack.table_name, Item={**event, "changes": {"S": changes}}
        )
    report = purge(leftover_rows=True)
    assert (report.purged, report.failed, world.content.contacts) == (2, 0, [])


@pytest.mark.parametrize("missing", ["version", "last_event"])
def test_a_contact_that_is_not_a_record_does_not_keep_others_from_the_purge(
    world: World, missing: str
) -> None:
    made = [world.create() for _ in range(3)]
    for one in made:
        assert world.send("DELETE", path_of(one)).status == 204
    for item in world.content.contacts:
        if item["id"]["S"] == made[0]["id"]:
            broken = {**item, "emptied_at": item["deleted_at"]}
            del broken[missing]
            with as_operator():
                world.stack.client("dynamodb").put_item(TableName=world.stack.table_name, Item=broken)
    report = purge()
    assert (report.purged, report.failed, len(world.content.contacts)) == (2, 1, 1)


def test_a_purge_passes_over_a_contact_for_which_the_table_is_too_busy_and_ends_after_several(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        assert world.send("DELETE", path_of(world.create())).status == 204
    empty = PurgeTable.empty
    tries: list[str] = []

    def busy(self: PurgeTable, expired: Any, event: Any) -> None:
        tries.append(expired.contact_id)
        if len(tries) in fails:
            raise Unavailable()
        empty(self, expired, event)

    monkeypatch.setattr(PurgeTable, "empty", busy)
    monkeypatch.setattr(purging, "_MOST_UNAVAILABLE", 2)
    fails = {1, 2}
    with pytest.raises(Unavailable):
        purge()
    tries.clear()
    fails = {1, 3}
    report = purge()
    assert (report.purged, report.failed) == (1, 2)


def test_an_entry_that_is_projected_after_its_contact_was_purged_is_on_no_list(world: World) -> None:
    """Whether the stream comes late for the first time, or again."""
    eventful(world)
    late = world.telling()
    assert purge().purged == 1
    assert world.content.of("T#T1#LIST#") == []
    world.projector.deliver(late)
    world.catch_up()
    assert world.content.of("T#T1#LIST#") == []


def test_a_purge_killed_anywhere_and_run_again_leaves_what_one_run_leaves(worlds: Worlds) -> None:
    """check 13"""

    def deliver(world: World) -> None:
        purge()

    tried = assert_same_after_kills(
        worlds.prepared(eventful)[0], deliver, whole_picture, matching=of_the_product
    )
    # Sixteen shards; look-up, emptying, the rows' query and removal, the record's removal; what is left of three
    # bookings looked up, their processed events and their locators removed; the list rows of three interactions read
    # and removed; and after the last.
    assert tried == 16 + 5 + 5 + 2 + 1


def test_a_purge_throttled_at_any_call_ends_the_same(worlds: Worlds) -> None:
    """check 10, check 16"""
    assert_same_under_throttling(
        worlds.prepared(eventful)[0], lambda world: purge(), whole_picture, matching=of_the_product
    )


def test_two_purges_at_once_purge_once(world: World) -> None:
    made = eventful(world)

    class Twice(PurgeTable):
        def empty(self, *args: Any) -> None:
            assert Purge(purge_table(), now=in_days(31)).run().purged == 1
            super().empty(*args)

    with acting_for_system(*PURGE_PREFIXES):
        report = Purge(Twice(store(), ()), now=in_days(31)).run()
    assert (report.purged, report.passed_over) == (0, 1)
    assert Counter(event["type"]["S"] for event in world.content.events) == {"contact.purged": 1}
    assert len([item for item in remains(world, made) if not is_tombstone(item)]) == 1


def test_the_scheduled_function_purges_for_all_tenants_and_reports_in_figures(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under its role, which also lets it keep its place in a history."""
    monkeypatch.setattr(leftovers, "_PAGE", 1)
    t10 = world.tenant("T10")
    for token in (world.t1.admin, t10.admin):
        made = world.create(A, token=token)
        world.send("DELETE", path_of(made), token=token)
    expire(world)
    role = role_of(world.stack.template, "ContactsPurgeFunction")
    with acting_for_system(*PURGE_PREFIXES), under_role(role):
        report = on_schedule_purge({}, lambda_context("ContactsPurgeFunction", timeout_ms=60_000))
    # Of each contact two events, and the place in its history.
    assert report == {"purged": 2, "rows": 6, "passed_over": 0, "unfinished": 0, "failed": 0}
    assert world.content.contacts == []


# Everything together


class ContactMachine(RuleBasedStateMachine):
    """check 24: creates, changes of addresses, deletions, restorations and purges in any order, over few addresses.

    The model says which contact has which addresses; the table must agree after each step.
    """

    template: Template
    issuer: TokenIssuer

    def __init__(self) -> None:
        super().__init__()
        self._stack = stack_in_moto(self.template, self.issuer)
        self._guard = guarding()

    @initialize()
    def begin(self) -> None:
        self._guard.__enter__()
        self.world = World(self._stack.__enter__(), self.issuer)
        self.contacts: dict[str, tuple[str, list[str]]] = {}
        self.deleted: set[str] = set()

    def teardown(self) -> None:
        self._stack.__exit__(None, None, None)
        self._guard.__exit__(None, None, None)

    addresses = st.sampled_from([A, B, C, D, "e@example.com"])
    others = st.lists(addresses, max_size=3)

    def taken(self, by: str | None = None) -> set[str]:
        return {
            address
            for one, (primary, others) in self.contacts.items()
            if one not in self.deleted and one != by
            for address in (primary, *others)
        }

    @staticmethod
    def stored(primary: str, others: list[str]) -> list[str]:
        return [one for one in dict.fromkeys(others) if one != primary]

    @rule(primary=addresses, others=others)
    def create(self, primary: str, others: list[str]) -> None:
        body = {"first_name": "Ada", "email": primary, "other_emails": others}
        answer = self.world.send("POST", "/contacts", body)
        if {primary, *others} & self.taken():
            assert answer.status == 409, answer.text
        else:
            assert answer.status == 201, answer.text
            self.contacts[answer.json["id"]] = (primary, self.stored(primary, others))

    @precondition(lambda self: self.contacts)
    @rule(data=st.data(), primary=st.none() | addresses, others=st.none() | others, whole=st.booleans())
    def change(self, data: st.DataObject, primary: str | None, others: list[str] | None, whole: bool) -> None:
        one = data.draw(st.sampled_from(sorted(self.contacts)))
        had = self.contacts[one]
        body: dict[str, Any] = {}
        if primary is not None or whole:
            body["email"] = primary = primary or had[0]
        if others is not None:
            body["other_emails"] = others
        if whole:
            body["first_name"] = "Ada"
            others = others or []
        answer = self.world.send("PUT" if whole else "PATCH", f"/contacts/{one}", body)
        wanted = (primary or had[0], had[1] if others is None else others)
        if one in self.deleted:
            assert answer.status == 404
        elif {wanted[0], *self.stored(*wanted)} & self.taken(one):
            assert answer.status == 409, answer.text
        else:
            assert answer.status == 200, answer.text
            self.contacts[one] = (wanted[0], self.stored(*wanted))

    @precondition(lambda self: self.contacts)
    @rule(data=st.data())
    def swap(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(sorted(self.contacts)))
        primary, others = self.contacts[one]
        if one in self.deleted or not others:
            return
        new = data.draw(st.sampled_from(others))
        rest = [primary, *(other for other in others if other != new)]
        answer = self.world.send("PATCH", f"/contacts/{one}", {"email": new, "other_emails": rest})
        assert answer.status == 200, answer.text
        self.contacts[one] = (new, rest)

    @precondition(lambda self: self.contacts)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(sorted(self.contacts)))
        answer = self.world.send("DELETE", f"/contacts/{one}")
        assert answer.status == (404 if one in self.deleted else 204)
        self.deleted.add(one)

    @precondition(lambda self: self.deleted)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(sorted(self.deleted)))
        primary, others = self.contacts[one]
        answer = self.world.send("POST", f"/contacts/{one}/restore")
        if {primary, *others} & self.taken(one):
            assert answer.status == 409, answer.text
        else:
            assert answer.status == 200, answer.text
            assert (answer.json["email"], answer.json["other_emails"]) == (primary, others)
            self.deleted.discard(one)

    @precondition(lambda self: self.deleted)
    @rule()
    def purge(self) -> None:
        assert purge().purged == len(self.deleted)
        for one in self.deleted:
            del self.contacts[one]
        self.deleted.clear()

    @invariant()
    def locks_are_the_addresses_of_live_contacts(self) -> None:
        if not hasattr(self, "world"):
            return
        assert lock_holders(self.world) == {
            address: one
            for one, (primary, others) in self.contacts.items()
            if one not in self.deleted
            for address in (primary, *others)
        }
        self.world.content.assert_whole()


def test_locks_are_the_addresses_of_live_contacts_whatever_is_done(
    template: Template, token_issuer: TokenIssuer
) -> None:
    """check 24"""
    machine = type("Machine", (ContactMachine,), {"template": template, "issuer": token_issuer})
    machine.TestCase.settings = settings(
        max_examples=repetitions(6), stateful_step_count=20, suppress_health_check=list(HealthCheck)
    )
    machine.TestCase("runTest").runTest()
