"""Booking events from the queue: each is processed once, however often, late or malformed it arrives."""

from __future__ import annotations

import copy
import io
import itertools
import json
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from functions.bookings.on_booking import handler
from shared.domain.bookings.event import BookingEvent
from shared.domain.tenant import TenantSettings
from shared.wiring import tenants
from tests.integration.table_content import Item
from tests.integration.world import World, booking
from tests.support.aws import Stack
from tests.support.faults import (
    Killed,
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    injecting,
    kill_after,
    lost_answer,
    transaction_conflict,
    unprocessed,
    unreachable,
)
from tests.support.lambda_context import lambda_context
from tests.support.tenant_guard import acting_for, inferring_tenant
from tests.support.tokens import TokenIssuer
from tests.support.transport import Attempt, Layer, Send, intercepting
from tests.tenants import suspend

Worlds = Callable[[], AbstractContextManager[World]]


def record_of(body: Any, number: int = 1) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    message = f"message-{number}"
    return {
        "messageId": message,
        "receiptHandle": message,
        "body": text,
        "attributes": {},
        "messageAttributes": {},
    }


def take(*bodies: Any) -> list[str]:
    """Pass a batch to the function itself; return which of its messages failed."""
    event = {"Records": [record_of(body, number) for number, body in enumerate(bodies)]}
    with acting_for("T1"):
        answer = handler(event, lambda_context("BookingsFunction"))
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def only_contact(world: World) -> Item:
    (contact,) = world.content.contacts
    return contact


def figures(contact: Item) -> tuple[int, int, str]:
    """Bookings, interactions, last booking; bookings do not move the last contact."""
    assert "last_contacted_at" not in contact
    return (
        int(contact["total_bookings"]["N"]),
        int(contact["interaction_count"]["N"]),
        contact["last_booking_at"]["S"],
    )


def whole_picture(world: World) -> list[str]:
    content = world.content
    content.assert_whole()
    return content.picture()


def test_a_booking_of_a_stranger_becomes_a_contact_with_one_interaction(world: World) -> None:
    world.post_booking(booking(invitee_email="<Grace@Example.com>", booking_id="b-1", event_id="e-1"))
    assert world.bookings.pump() == 1
    contact_id = only_contact(world)["id"]["S"]
    contact = world.send("GET", f"/contacts/{contact_id}").json
    shown = {
        "first_name": "Grace",
        "last_name": "Hopper",
        "full_name": "Grace Hopper",
        "email": "grace@example.com",
        "phone": "+14155552671",
        "source": "booking",
        "owner_id": None,
        "total_bookings": 1,
        "interaction_count": 1,
        "last_booking_at": "2031-03-08T15:00:00.000Z",
        "last_contacted_at": None,
        "created_by": "system:booking",
    }
    assert {name: contact[name] for name in shown} == shown
    timeline = world.send("GET", f"/contacts/{contact_id}/interactions").json
    (interaction,) = timeline["items"]
    assert timeline["next_cursor"] is None
    assert (interaction["type"], interaction["booking_id"]) == ("booking_created", "b-1")
    assert interaction["occurred_at"] == "2031-03-01T09:00:00.000Z"
    assert "First talk" in interaction["description"]
    content = world.content
    assert sorted(event["type"]["S"] for event in content.events) == [
        "contact.created",
        "interaction.created",
    ]
    assert {event["origin"]["S"] for event in content.events} == {"booking"}
    content.assert_whole()
    assert world.dead_bookings() == []


@pytest.mark.parametrize("email", ["ADA@example.com", " <ada@EXAMPLE.com> ", "ada@example.com"])
def test_a_booking_finds_the_contact_by_its_address(world: World, email: str) -> None:
    made = world.create("ada@example.com", company="Engines", last_name="Lovelace")
    world.post_booking(booking(invitee_email=email))
    assert world.bookings.pump() == 1
    contact = world.send("GET", f"/contacts/{made['id']}").json
    assert contact["total_bookings"] == 1
    kept = ("first_name", "last_name", "email", "company", "owner_id", "source", "created_by")
    assert {name: contact[name] for name in kept} == {name: made[name] for name in kept}
    assert len(world.content.contacts) == 1
    world.content.assert_whole()


def test_a_telephone_number_fills_an_empty_field_and_no_other(world: World) -> None:
    empty = world.create("empty@example.com")
    filled = world.create("filled@example.com", phone="+442079460958")
    world.post_booking(*(booking(invitee_email=one["email"]) for one in (empty, filled)))
    # A later number does not replace the first one, and a mistyped number does not cost the booking.
    later = booking(
        invitee_email=empty["email"], invitee_phone="+442079460958", occurred_at="2031-03-02T09:00:00Z"
    )
    world.post_booking(later)
    world.post_booking(booking(invitee_email="new@example.com", invitee_phone="not a number"))
    assert world.bookings.pump() == 4
    phones = {item["email"]["S"]: item.get("phone", {}).get("S") for item in world.content.contacts}
    assert phones == {
        "empty@example.com": "+14155552671",
        "filled@example.com": "+442079460958",
        "new@example.com": None,
    }


def test_a_number_without_a_country_is_the_tenant_s_country_s(
    aws_stack: Stack, token_issuer: TokenIssuer
) -> None:
    world = World(aws_stack, token_issuer, TenantSettings(default_country="GB"))
    world.post_booking(booking(invitee_phone="020 7946 0958"))
    world.bookings.pump()
    assert only_contact(world)["phone"]["S"] == "+442079460958"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada", ("Ada", "")),
        ("  Ada   King  Lovelace ", ("Ada", "King Lovelace")),
        ("Lovelace, Ada", ("Ada", "Lovelace")),
        ("", ("grace", "")),
        ("\x00\u200b \n", ("grace", "")),
        ("x" * 1000, ("x" * 100, "")),
        ("," * 5, ("grace", "")),
        (None, ("grace", "")),
    ],
)
def test_a_name_is_split_and_a_missing_one_taken_from_the_address(
    world: World, name: str | None, expected: tuple[str, str]
) -> None:
    assert take(booking(invitee_name=name)) == []
    contact = world.send("GET", f"/contacts/{only_contact(world)['id']['S']}").json
    assert (contact["first_name"], contact["last_name"]) == expected


def test_the_same_event_again_changes_nothing(world: World) -> None:
    event = booking()
    world.post_booking(event)
    world.bookings.pump()
    before = whole_picture(world)
    world.post_booking(*[event] * 5)
    assert world.bookings.pump() == 5
    assert whole_picture(world) == before
    # A repeated delivery of EventBridge has another envelope id.
    world.post_booking({**event, "id": "another", "time": "2031-05-05T05:05:05Z"})
    assert world.bookings.pump() == 1
    assert whole_picture(world) == before


def test_another_event_of_a_booking_counts_the_booking_once(world: World) -> None:
    for number in range(3):
        world.post_booking(booking(booking_id="b-1", occurred_at=f"2031-03-0{number + 1}T09:00:00Z"))
    assert world.bookings.pump() == 3
    assert figures(only_contact(world))[:2] == (1, 3)
    world.content.assert_whole()


def test_events_of_two_bookings_may_carry_one_event_id_of_their_sender_s_making(world: World) -> None:
    world.post_booking(*(booking(event_id="e-1", booking_id=f"b-{number}") for number in range(2)))
    assert world.bookings.pump() == 2
    world.content.assert_whole()


def race(copies: list[dict[str, Any]], threads: int) -> list[list[str]]:
    """Process each message in its own invocation, so many at once, with the first of them all writing at one moment.

    Failed messages are delivered again, as the queue would do. Returns those that failed even so.
    """
    all_have_looked = threading.Barrier(threads)
    come = itertools.count()

    def gather(attempt: Attempt, send: Send) -> AWSResponse:
        if attempt.operation == "TransactWriteItems" and next(come) < threads:
            all_have_looked.wait(timeout=300)
        return send(attempt)

    def deliver(event: dict[str, Any]) -> list[str]:
        failed = take(event)
        for _ in range(4):
            failed = failed and take(event)
        return failed

    with intercepting(Layer.SCHEDULER, gather), ThreadPoolExecutor(threads) as pool:
        return list(pool.map(deliver, copies))


@pytest.mark.parametrize("known", [True, False])
def test_a_hundred_parallel_copies_of_a_booking_are_one(world: World, known: bool) -> None:
    """check 26"""
    if known:
        world.create("grace@example.com")
    event = booking()
    outcomes = race([event] * 100, threads=25)
    assert outcomes == [[]] * 100
    content = world.content
    assert figures(content.contacts[0])[:2] == (1, 1)
    assert len(content.contacts) == 1 and len(content.events) == 2
    content.assert_whole()


def test_parallel_bookings_of_one_stranger_are_one_contact_and_all_counted(world: World) -> None:
    """check 26: different bookings at once, each in five copies."""
    events = [booking(invitee_email="same@example.com") for _ in range(8)]
    copies = [copy.deepcopy(event) for event in events for _ in range(5)]
    random.Random(26).shuffle(copies)
    assert race(copies, threads=10) == [[]] * 40
    contact = only_contact(world)
    assert figures(contact)[:2] == (8, 8)
    world.content.assert_whole()


def test_a_booking_beside_changes_by_people_loses_neither(world: World) -> None:
    made = world.create("grace@example.com")
    events = [booking() for _ in range(6)]

    def patch(number: int) -> int:
        return world.send("PATCH", f"/contacts/{made['id']}", {"company": f"Company {number}"}).status

    with ThreadPoolExecutor(12) as pool:
        changes = pool.map(patch, range(6))
        bookings = pool.map(take, events)
        assert list(changes) == [200] * 6
        assert list(bookings) == [[]] * 6
    contact = world.send("GET", f"/contacts/{made['id']}").json
    assert (contact["total_bookings"], contact["version"]) == (6, 13)
    world.content.assert_whole()


def test_a_copy_that_looked_too_early_and_writes_too_late_changes_nothing(world: World) -> None:
    """check 26: between its read and its write, its duplicate is processed, and the address moves away."""
    world.create("grace@example.com")
    assert take(booking(booking_id="b-1")) == []
    made = only_contact(world)["id"]["S"]
    event = booking(booking_id="b-1")
    before: list[list[str]] = []

    def overtake(attempt: Attempt, send: Send) -> AWSResponse:
        if attempt.operation == "Query" and not before:
            before.append([])
            assert take(event) == []
            assert world.send("PATCH", f"/contacts/{made}", {"email": "moved@example.com"}).status == 200
            before[0] = whole_picture(world)
        return send(attempt)

    with intercepting(Layer.SCHEDULER, overtake):
        assert take(event) == []
    assert whole_picture(world) == before[0]
    assert figures(only_contact(world))[:2] == (1, 2)


def overtaken(world: World, event: dict[str, Any], act: Callable[[], Any]) -> None:
    """Process a booking while another caller acts just before its first write."""
    acted: list[Any] = []

    def overtake(attempt: Attempt, send: Send) -> AWSResponse:
        if attempt.operation == "TransactWriteItems" and not acted:
            acted.append(True)
            act()
        return send(attempt)

    with intercepting(Layer.SCHEDULER, overtake):
        assert take(event) == []
    assert acted
    world.content.assert_whole()


def test_a_booking_overtaken_by_changes_of_its_contact_finds_its_way(world: World) -> None:
    """check 28, for bookings: deleted, moved, taken over, created, or changed between read and write."""
    deleted = world.create("deleted@example.com")
    overtaken(
        world,
        booking(invitee_email="deleted@example.com"),
        lambda: world.send("DELETE", f"/contacts/{deleted['id']}"),
    )
    moved = world.create("moving@example.com")
    overtaken(
        world,
        booking(invitee_email="moving@example.com"),
        lambda: world.send("PATCH", f"/contacts/{moved['id']}", {"email": "moved@example.com"}),
    )
    overtaken(
        world,
        booking(invitee_email="made@example.com"),
        lambda: world.create("made@example.com", company="C"),
    )
    changed = world.create("changed@example.com")
    overtaken(
        world,
        booking(invitee_email="changed@example.com"),
        lambda: world.send("PATCH", f"/contacts/{changed['id']}", {"company": "C", "phone": "+442079460958"}),
    )
    found = {
        contact["email"]["S"]: (
            int(contact.get("total_bookings", {"N": "0"})["N"]),
            contact["source"]["S"],
            contact.get("company", {}).get("S"),
            contact.get("phone", {}).get("S"),
        )
        for contact in world.content.live
    }
    number = "+14155552671"
    assert found == {
        "deleted@example.com": (1, "booking", None, number),
        "moved@example.com": (0, "api", None, None),
        "moving@example.com": (1, "booking", None, number),
        "made@example.com": (1, "api", "C", number),
        "changed@example.com": (1, "api", "C", "+442079460958"),
    }


def test_out_of_order_bookings_end_with_the_latest_date(world: World) -> None:
    """check 27"""
    expected = None
    for seed in range(4):
        events = [
            booking(
                invitee_email=f"guest{seed}@example.com",
                event_id=f"event-{seed}-{number}",
                booking_id=f"booking-{seed}-{number % 4}",
                occurred_at=f"2031-01-{number + 1:02}T09:00:00Z",
                # Each booking's events have one start, in various zones.
                starts_at=f"2031-02-{number % 4 + 1:02}T0{number % 3 + 1}:00:00+0{number % 3 + 1}:00",
            )
            for number in range(8)
        ]
        random.Random(seed).shuffle(events)
        world.post_booking(*events)
        assert world.bookings.pump() == 8
        (contact,) = (
            one for one in world.content.contacts if one["email"]["S"] == f"guest{seed}@example.com"
        )
        expected = expected or figures(contact)
        assert (
            figures(contact)
            == expected
            == (
                4,
                8,
                "2031-02-04T00:00:00.000Z",
            )
        )
        timeline = world.send("GET", f"/contacts/{contact['id']['S']}/interactions").json["items"]
        times = [interaction["occurred_at"] for interaction in timeline]
        assert times == sorted(times, reverse=True) and len(times) == 8
    world.content.assert_whole()


def test_a_booking_for_a_deleted_contact_s_address_makes_a_new_contact(world: World) -> None:
    made = world.create("grace@example.com")
    world.send("DELETE", f"/contacts/{made['id']}")
    world.post_booking(booking())
    world.bookings.pump()
    (contact,) = world.content.live
    assert contact["id"]["S"] != made["id"]
    world.content.assert_whole()


def test_a_replay_of_many_events_changes_nothing(world: World) -> None:
    """check 89"""
    chosen = random.Random(89)
    events = [
        booking(
            invitee_email=f"guest{chosen.randrange(20)}@example.com",
            booking_id=f"booking-{chosen.randrange(60)}",
            occurred_at=f"2031-01-{chosen.randrange(1, 29):02}T09:00:00Z",
        )
        for _ in range(150)
    ]
    for start in range(0, 150, 10):
        assert take(*events[start : start + 10]) == []
    before = whole_picture(world)
    chosen.shuffle(events)
    for start in range(0, 150, 10):
        assert take(*events[start : start + 10]) == []
    assert whole_picture(world) == before


# Events that cannot be processed


def without(member: str) -> dict[str, Any]:
    event = booking()
    del event["detail"][member]
    return event


def deep(levels: int) -> str:
    return json.dumps(booking(metadata={"x": "DEEP"})).replace('"DEEP"', "[" * levels + "]" * levels)


UNDELIVERABLE: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "malformed"),
    "a word": ("hello", "malformed"),
    "nothing but a space": (" ", "malformed"),
    "a list": ([1], "unknown_detail_type"),
    "null": ("null", "unknown_detail_type"),
    "a number of five thousand digits": ("1" * 5000, "malformed"),
    "ten thousand brackets": ("[" * 10_000, "malformed"),
    "ten thousand levels of metadata": (deep(10_000), "malformed"),
    "another detail-type": ({**booking(), "detail-type": "BookingForgotten"}, "unknown_detail_type"),
    "no detail-type": ({"detail": booking()["detail"]}, "unknown_detail_type"),
    "no detail": ({"detail-type": "BookingCreated"}, "malformed"),
    "detail as text": (
        {"detail-type": "BookingCreated", "detail": json.dumps(booking()["detail"])},
        "malformed",
    ),
    "detail as list": ({"detail-type": "BookingCreated", "detail": [booking()["detail"]]}, "malformed"),
    **{
        f"no {member}": (without(member), "malformed")
        for member in ("event_id", "occurred_at", "tenant_id", "booking_id", "invitee_email", "starts_at")
    },
    "tenant as number": (booking(tenant_id=1), "unknown_tenant"),
    "tenant as truth": (booking(tenant_id=True), "malformed"),
    "tenant as list": (booking(tenant_id=["T1"]), "malformed"),
    "empty tenant": (booking(tenant_id=""), "malformed"),
    "tenant of two words": (booking(tenant_id="T1 T10"), "malformed"),
    "unknown tenant": (booking(tenant_id="T2"), "unknown_tenant"),
    "tenant whose name begins like one": (booking(tenant_id="T"), "unknown_tenant"),
    "tenant of another case": (booking(tenant_id="t1"), "unknown_tenant"),
    "tenant with a separator": (booking(tenant_id="T1#C"), "unknown_tenant"),
    "tenant with a key": (booking(tenant_id="T1#TENANT"), "unknown_tenant"),
    "empty event id": (booking(event_id=""), "malformed"),
    "event id as truth": (booking(event_id=True), "malformed"),
    "event id of nothing visible": (booking(event_id="\u200b"), "malformed"),
    "long booking id": (booking(booking_id="x" * 129), "malformed"),
    "booking id with NUL": (booking(booking_id="a\x00b"), "malformed"),
    "address as list": (booking(invitee_email=["a@example.com"]), "malformed"),
    "empty address": (booking(invitee_email=""), "invalid_email"),
    "no address at all": (booking(invitee_email="grace"), "invalid_email"),
    "address of two": (booking(invitee_email="a@example.com,b@example.com"), "invalid_email"),
    "address with a line break": (booking(invitee_email="a@example.com\nb"), "invalid_email"),
    "address with a lone surrogate": (booking(invitee_email="\ud800@example.com"), "malformed"),
    "date in digits alone": (booking(starts_at="20310308"), "malformed"),
    "time without offset": (booking(starts_at="2031-03-08T15:00:00"), "malformed"),
    "time that is none": (booking(occurred_at="soon"), "malformed"),
    "time before 1970": (booking(starts_at="1969-12-31T23:59:59Z"), "malformed"),
    "time of the thirtieth of February": (booking(starts_at="2031-02-30T00:00:00Z"), "malformed"),
    "time at infinity": (json.dumps(booking(starts_at="X")).replace('"X"', "Infinity"), "malformed"),
    "time beyond all years": (booking(starts_at=10**30), "malformed"),
}


OPTIONAL = (
    "organizer_id", "organizer_email", "invitee_name", "invitee_phone", "ends_at", "title", "metadata", "version"
)  # fmt: skip
TRIFLES: dict[str, dict[str, Any]] = {
    **{f"no {name}": {name: ...} for name in OPTIONAL},
    **{f"{name} null": {name: None} for name in OPTIONAL},
    "all of them null": dict.fromkeys(OPTIONAL),
    **{f"{name} a number": {name: 7} for name in OPTIONAL},
    **{f"{name} a fraction": {name: 1.5} for name in OPTIONAL},
    **{f"{name} true": {name: True} for name in OPTIONAL},
    **{f"{name} a list": {name: [1, {"a": "b"}]} for name in OPTIONAL},
    **{f"{name} an object": {name: {"first": "Grace"}} for name in OPTIONAL},
    **{f"{name} empty": {name: ""} for name in OPTIONAL},
    **{f"{name} long": {name: "x" * 100_000} for name in OPTIONAL},
    **{f"{name} of nothing visible": {name: "\u200b\u3164\0"} for name in OPTIONAL},
    **{f"{name} a lone surrogate": {name: "\ud800"} for name in OPTIONAL},
    "a version below nought": {"version": -1},
    "a version beyond all numbers": {"version": 10**30},
    "a version as text": {"version": "3"},
    "ids as numbers": {"event_id": 7, "booking_id": 8.0, "organizer_id": 9},
    "ids with spaces and marks around them": {"event_id": " e-1\n", "booking_id": "\ufeffb-1\u200b"},
    "an end that is none": {"ends_at": "soon"},
    "an end without offset": {"ends_at": "2031-03-08T16:00:00"},
    "metadata of any kind": {"metadata": {"a": [None, 1e308, {"b": "\u0001"}]}},
    "an address with a name": {"invitee_email": "Grace Hopper <Grace@Example.com>"},
    "an address as mailto": {"invitee_email": "mailto:grace@example.com?subject=x"},
    "an address among marks": {"invitee_email": "\u202agrace@example.com\u202c\u200b"},
    "an address in full width": {"invitee_email": "ｇｒａｃｅ@example.com"},
    "an address with a line break": {"invitee_email": "grace@example.com\r\n"},
    **{
        f"the start {moment}": {"starts_at": moment}
        for moment in (
            "2031-03-08t15:00:00z", "2031-03-08T15:00:00.123456789Z", "2031-03-08 15:00:00+00:00",
            "20310308T150000Z", "2031-03-08T17:00:00+02", "2031-03-08T17:00:00+0200", " 2031-03-08T15:00Z\n",
            1930748400,
        )
    },
}  # fmt: skip


def test_a_trifle_never_costs_a_booking(world: World) -> None:
    lost = {}
    for number, (what, given) in enumerate(TRIFLES.items()):
        event = booking(**{"event_id": f"t-{number}", "booking_id": f"t-{number}"} | given)
        event["detail"] = {name: value for name, value in event["detail"].items() if value is not ...}
        world.post_booking(event)
        world.bookings.pump()
        if dead := world.dead_bookings():
            lost[what] = [one["detail"] for one in dead]
    assert lost == {}
    contact = only_contact(world)
    assert contact["email"]["S"] == "grace@example.com"
    assert figures(contact)[0] == len(TRIFLES)
    world.content.assert_whole()


def test_the_starts_of_trifles_are_the_times_that_they_say() -> None:
    starts = {
        str(BookingEvent.parse("created", booking(**given)["detail"]).starts_at)
        for given in TRIFLES.values()
        if "starts_at" in given
    }
    assert starts == {"2031-03-08T15:00:00.000Z", "2031-03-08T15:00:00.123Z"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Martin Luther King, Jr.", ("Martin", "Luther King, Jr.")),
        ("Acme, Inc.", ("Acme, Inc.", "")),
        ("علی\u200cرضا محمدی", ("علی\u200cرضا", "محمدی")),
        ("\u200bGrace\u2060\nHopper\ufeff", ("Grace", "Hopper")),
        (12, ("12", "")),
        ("\u3164", ("grace", "")),
    ],
)
def test_names_of_invitees_are_read_as_people_write_them(
    world: World, name: Any, expected: tuple[str, str]
) -> None:
    assert take(booking(invitee_name=name)) == []
    contact = world.send("GET", f"/contacts/{only_contact(world)['id']['S']}").json
    assert (contact["first_name"], contact["last_name"]) == expected


@pytest.mark.parametrize(
    ("phone", "stored"),
    [("415-555-2671 (home)", "+14155552671"), ("415-555-XXXX", None), ("415-555-2671 x12", "+14155552671")],
)
def test_an_invitee_s_number_has_no_digit_that_was_not_typed(
    world: World, phone: str, stored: str | None
) -> None:
    """check 105"""
    assert take(booking(invitee_phone=phone)) == []
    contact = world.send("GET", f"/contacts/{only_contact(world)['id']['S']}").json
    assert (contact["phone"], contact["phone_raw"]) == (stored, phone if stored else None)


def test_what_can_never_be_processed_goes_to_the_dead_letters_with_a_reason_and_to_no_tenant(
    world: World, logs: io.StringIO
) -> None:
    """check 88"""
    world.create("ada@example.com")
    before = whole_picture(world)
    wrong = {}
    for what, (body, reason) in UNDELIVERABLE.items():
        text = body if isinstance(body, str) else json.dumps(body)
        event = {"Records": [record_of(text)]}
        with inferring_tenant():
            answer = handler(event, lambda_context("BookingsFunction"))
        found = [(dead["body"], dead["reason"]) for dead in world.dead_bookings()]
        if answer != {"batchItemFailures": []} or found != [(text, reason)]:
            wrong[what] = answer, [(dead[:100], why) for dead, why in found]
    assert wrong == {}
    assert whole_picture(world) == before
    for canary in ("grace", "Hopper", "4155552671", "example.com"):
        assert canary not in logs.getvalue(), "check 95"


def test_a_dead_letter_says_which_fields_were_wrong_and_not_what_they_held(world: World) -> None:
    world.post_booking(booking(invitee_email=None, starts_at="canary"))
    world.bookings.pump()
    (dead,) = world.dead_bookings()
    assert "invitee_email" in dead["detail"] and "starts_at" in dead["detail"]
    assert "canary" not in dead["detail"]


def test_a_suspended_tenant_s_bookings_are_dead_letters(world: World) -> None:
    """check 59, for bookings"""
    world.tenant("T10")
    suspend("T10")
    world.post_booking(booking(tenant_id="T10"))
    world.bookings.pump()
    assert [dead["reason"] for dead in world.dead_bookings()] == ["unknown_tenant"]
    assert world.content.contacts == []


def test_unknown_members_are_let_through(world: World) -> None:
    event = booking(colour="green", nested={"a": [1, 2, None]})
    event["new-member"] = {}
    assert take(event) == []
    assert figures(only_contact(world))[0] == 1


def test_a_poison_message_does_not_stop_its_neighbours(world: World) -> None:
    bodies = [booking(invitee_email=f"guest{number}@example.com") for number in range(6)]
    bodies[2] = "{"
    bodies[4] = booking(tenant_id="T2")
    event = {"Records": [record_of(body, number) for number, body in enumerate(bodies)]}
    with acting_for("T1", "T2"):
        assert handler(event, lambda_context("BookingsFunction")) == {"batchItemFailures": []}
    assert len(world.content.contacts) == 4
    assert len(world.dead_bookings()) == 2


def test_a_message_that_fails_for_now_comes_again_alone(world: World, waits: list[float]) -> None:
    bodies = [booking(invitee_email=f"guest{number}@example.com") for number in range(3)]
    world.post_booking(*bodies)

    def second_contact(attempt: Attempt) -> bool:
        return attempt.operation == "TransactWriteItems" and b"guest1@" in attempt.request.body

    with injecting(unreachable(second_contact, times=4)):
        assert world.bookings.pump() == 3
    assert [len(batch) for batch in world.bookings.invocations] == [3, 1]
    assert len(world.content.contacts) == 3
    world.content.assert_whole()


def test_a_message_that_keeps_failing_is_a_dead_letter_in_the_end(world: World, waits: list[float]) -> None:
    world.post_booking(booking())
    with injecting(unreachable(call("dynamodb", "TransactWriteItems"))):
        assert world.bookings.pump() == 0
    assert len(world.bookings.invocations) == 10
    (dead,) = world.dead_bookings()
    assert json.loads(dead["body"])["detail-type"] == "BookingCreated"
    assert world.content.contacts == []


def test_when_the_dead_letter_queue_is_away_the_message_comes_again(world: World) -> None:
    world.post_booking("{")
    with injecting(unreachable(call("sqs", "SendMessage"), times=4)):
        world.bookings.pump()
    assert [dead["reason"] for dead in world.dead_bookings()] == ["malformed"]
    assert len(world.bookings.invocations) == 2


# Faults


def with_a_contact(worlds: Worlds) -> Worlds:
    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            world.create("grace@example.com")
            yield world

    return make


@pytest.mark.parametrize("known", [True, False])
def test_killed_at_any_call_and_delivered_again_a_booking_ends_as_without(
    worlds: Worlds, known: bool
) -> None:
    """check 13"""

    def deliver(world: World) -> None:
        bodies = [
            record_of(booking(event_id="e-1", booking_id="b-1"), 1),
            record_of(booking(event_id="e-2", booking_id="b-2", occurred_at="2031-03-02T09:00:00Z"), 2),
        ]
        with acting_for("T1"):
            answer = handler({"Records": bodies}, lambda_context("BookingsFunction"))
        assert answer == {"batchItemFailures": []}

    make = with_a_contact(worlds) if known else worlds
    tried = assert_same_after_kills(make, deliver, whole_picture)
    assert tried >= 7


def test_killed_in_the_driver_the_queue_delivers_again(world: World) -> None:
    """check 13, with the queue itself"""
    world.post_booking(booking())
    with injecting(kill_after(call("dynamodb", "TransactWriteItems"), at=1)):
        world.bookings.pump()
    assert isinstance(world.bookings.errors[0], Killed)
    assert figures(only_contact(world))[:2] == (1, 1)
    assert world.stack.messages_in("BookingsQueue") == 0
    world.content.assert_whole()


def test_throttled_at_any_call_a_booking_ends_as_without(worlds: Worlds) -> None:
    """check 10"""

    def deliver(world: World) -> None:
        assert take(booking(event_id="e-1", booking_id="b-1")) == []

    assert assert_same_under_throttling(with_a_contact(worlds), deliver, whole_picture) == 5


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("losses", [1, 3, 4])
def test_a_lost_answer_does_not_count_a_booking_twice(
    world: World, waits: list[float], known: bool, losses: int
) -> None:
    """check 12: after four losses botocore gives up and the message arrives again."""
    if known:
        world.create("grace@example.com")
    world.post_booking(booking())
    with injecting(lost_answer(call("dynamodb", "TransactWriteItems"), times=losses)):
        assert world.bookings.pump() == 1
    assert figures(only_contact(world))[:2] == (1, 1)
    world.content.assert_whole()


def test_transaction_conflicts_are_tried_again_and_then_left_to_the_queue(
    world: World, waits: list[float]
) -> None:
    """check 17: the pauses and calls of one attempt at a message fit into the function's timeout."""
    world.post_booking(booking())
    with injecting(transaction_conflict(times=6)):
        assert world.bookings.pump() == 1
    world.post_booking(booking())
    waits.clear()
    with injecting(transaction_conflict(times=None)) as injector:
        assert take(booking()) == ["message-0"]
    timeout = int(world.stack.template.function("BookingsFunction")["Timeout"])
    assert sum(waits) + 0.05 * len(injector.calls) < timeout * 2 / 3, f"{len(injector.calls)} calls"
    world.content.assert_whole()


def test_keys_handed_back_unread_are_read_again(world: World, waits: list[float]) -> None:
    """check 16: a known event must not look unknown."""
    event = booking()
    assert take(event) == []
    before = whole_picture(world)
    for done in (0, 1):
        with injecting(unprocessed(call("dynamodb", "BatchGetItem"), done=done, times=2)):
            assert take(event) == []
        assert whole_picture(world) == before


def test_a_tenant_opened_since_is_known_within_two_seconds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that has met an unknown tenant once must not send its bookings to the dead letters for good."""
    moment = [1000.0]
    monkeypatch.setattr(tenants, "TENANT_SECONDS", 2.0)
    monkeypatch.setattr(tenants.time, "monotonic", lambda: moment[0])
    event = booking(tenant_id="T10")
    world.post_booking(event)
    world.bookings.pump()
    assert [dead["reason"] for dead in world.dead_bookings()] == ["unknown_tenant"]
    world.tenant("T10")
    moment[0] += 2.01
    world.post_booking(event)
    world.bookings.pump()
    assert len(world.content.contacts) == 1
