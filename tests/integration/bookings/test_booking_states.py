"""Bookings as they stand after their events: moved, held, cancelled, and between contacts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from functions.bookings.on_booking import handler
from shared.domain.tenant import TenantSettings
from tests.integration.bookings.test_bookings import race, record_of, take, whole_picture
from tests.integration.contacts.test_contact_record import purge
from tests.integration.world import World, booking
from tests.support.aws import Stack
from tests.support.faults import assert_same_after_kills
from tests.support.lambda_context import lambda_context
from tests.support.tenant_guard import acting_for, as_operator
from tests.support.tokens import TokenIssuer
from tests.support.transport import Attempt, Layer, Send, intercepting

Worlds = Callable[[], AbstractContextManager[World]]

CREATED, RESCHEDULED, COMPLETED, CANCELLED = KINDS = (
    "BookingCreated",
    "BookingRescheduled",
    "BookingCompleted",
    "BookingCancelled",
)
FIRST, SECOND, THIRD = (f"2031-04-0{day}T09:00:00.000Z" for day in (1, 2, 3))


def of(booking_id: str, kind: str, version: int, **detail: Any) -> dict[str, Any]:
    """An event of a booking, whose id follows from its version."""
    given = {
        "event_id": f"{booking_id}-{version}",
        "occurred_at": f"2031-03-0{version}T09:00:00Z",
        "starts_at": FIRST,
        **detail,
    }
    return booking(kind, booking_id=booking_id, version=version, **given)


def figures(world: World) -> dict[str, tuple[int, str | None, list[str]]]:
    """Bookings, last booking, and types of interactions in the order of the timeline, by address."""
    content = world.content
    content.assert_whole()
    timelines: dict[str, list[str]] = {}
    for one in sorted(content.interactions, key=lambda item: item["SK"]["S"]):
        timelines.setdefault(one["PK"]["S"], []).append(one["type"]["S"].removeprefix("booking_"))
    return {
        contact["email"]["S"] + (" deleted" if "deleted_at" in contact else ""): (
            int(contact.get("total_bookings", {"N": "0"})["N"]),
            contact.get("last_booking_at", {"S": None})["S"],
            timelines.get(contact["PK"]["S"], []),
        )
        for contact in content.contacts
    }


def states(world: World) -> dict[str, tuple[str, str]]:
    """State and start of each booking."""
    return {one["id"]["S"]: (one["state"]["S"], one["starts_at"]["S"]) for one in world.content.bookings}


def test_a_booking_is_made_moved_and_held_on_one_contact_s_timeline(world: World) -> None:
    """A reschedule is neither a cancellation nor a second booking."""
    assert take(of("b", CREATED, 1)) == []
    assert take(of("b", RESCHEDULED, 2, starts_at=SECOND)) == []
    assert figures(world) == {"grace@example.com": (1, SECOND, ["created", "rescheduled"])}
    assert take(of("b", COMPLETED, 3, starts_at=SECOND)) == []
    assert figures(world) == {"grace@example.com": (1, SECOND, ["created", "rescheduled", "completed"])}
    assert states(world) == {"b": ("completed", SECOND)}
    descriptions = {one["description"]["S"] for one in world.content.interactions}
    assert descriptions == {"Booked: First talk", "Rescheduled: First talk", "Completed: First talk"}


def test_a_cancelled_booking_does_not_count_and_the_last_one_is_the_latest_that_does(world: World) -> None:
    for name, start in (("a", FIRST), ("b", SECOND), ("c", THIRD)):
        assert take(of(name, CREATED, 1, starts_at=start)) == []
    expected = [(2, SECOND), (1, FIRST), (0, None)]
    for (name, start), (total, last) in zip(
        (("c", THIRD), ("b", SECOND), ("a", FIRST)), expected, strict=True
    ):
        assert take(of(name, CANCELLED, 2, starts_at=start)) == []
        assert figures(world)["grace@example.com"][:2] == (total, last)
    # A cancelled booking that is made again counts again.
    assert take(of("a", RESCHEDULED, 3, starts_at=SECOND)) == []
    assert figures(world)["grace@example.com"][:2] == (1, SECOND)


def test_a_booking_moved_to_an_earlier_time_leaves_the_latest_of_all(world: World) -> None:
    assert take(of("a", CREATED, 1, starts_at=THIRD)) == []
    assert take(of("b", CREATED, 1, starts_at=SECOND)) == []
    assert take(of("a", RESCHEDULED, 2, starts_at=FIRST)) == []
    assert figures(world)["grace@example.com"][:2] == (2, SECOND)
    assert take(of("b", RESCHEDULED, 2, starts_at=FIRST)) == []
    assert figures(world)["grace@example.com"][:2] == (2, FIRST)


def test_a_cancellation_that_comes_before_its_booking_holds(world: World) -> None:
    """check 89"""
    assert take(of("b", CANCELLED, 2)) == []
    assert take(of("b", CREATED, 1)) == []
    assert figures(world) == {"grace@example.com": (0, None, ["created", "cancelled"])}
    assert states(world) == {"b": ("cancelled", FIRST)}


def test_a_booking_whose_address_changes_moves_to_the_other_contact(world: World) -> None:
    known = world.create("ada@example.com")
    assert take(of("b", CREATED, 1)) == []
    assert take(of("c", CREATED, 1, starts_at=THIRD)) == []
    assert take(of("b", RESCHEDULED, 2, starts_at=SECOND, invitee_email="ada@example.com")) == []
    assert figures(world) == {
        "ada@example.com": (1, SECOND, ["rescheduled"]),
        "grace@example.com": (1, THIRD, ["created", "created"]),
    }
    # An earlier event is on the timeline of the address that it names, and moves nothing.
    assert take(of("b", RESCHEDULED, 1, event_id="late", invitee_email="late@example.com")) == []
    assert figures(world)["late@example.com"] == (0, None, ["rescheduled"])
    assert figures(world)["ada@example.com"][:2] == (1, SECOND)
    moved = [
        (event["type"]["S"], event["data"]["M"] if "M" in event["data"] else event["data"]["S"])
        for event in world.content.events
        if event["PK"]["S"].endswith(known["id"]) and event["type"]["S"] == "contact.updated"
    ]
    assert len(moved) == 1 and "b" in str(moved[0][1])


@pytest.mark.parametrize("email", ["ada.king@example.com", "ada@example.com"])
def test_an_event_with_any_address_of_a_contact_is_on_its_timeline(world: World, email: str) -> None:
    world.create("ada@example.com", other_emails=["ada.king@example.com"])
    assert take(of("b", CREATED, 1, invitee_email=email)) == []
    assert take(of("b", COMPLETED, 2, invitee_email="ada@example.com")) == []
    assert figures(world) == {"ada@example.com": (1, FIRST, ["created", "completed"])}


def test_a_booking_of_a_deleted_contact_goes_on_at_a_new_one(world: World) -> None:
    made = world.create("grace@example.com")
    assert take(of("b", CREATED, 1)) == []
    assert take(of("c", CREATED, 1)) == []
    world.send("DELETE", f"/contacts/{made['id']}")
    assert take(of("b", RESCHEDULED, 2, starts_at=SECOND)) == []
    assert figures(world) == {
        "grace@example.com deleted": (1, FIRST, ["created", "created"]),
        "grace@example.com": (1, SECOND, ["rescheduled"]),
    }
    refused = world.send("POST", f"/contacts/{made['id']}/restore")
    assert (refused.status, refused.json["code"]) == (409, "duplicate")
    (fresh,) = world.content.live
    world.send("DELETE", f"/contacts/{fresh['id']['S']}")
    restored = world.send("POST", f"/contacts/{made['id']}/restore")
    assert (restored.status, restored.json["total_bookings"]) == (200, 1)
    world.content.assert_whole()


def test_a_booking_of_a_purged_contact_goes_on_at_a_new_one(world: World) -> None:
    made = world.create("grace@example.com")
    assert take(of("b", CREATED, 1)) == []
    world.send("DELETE", f"/contacts/{made['id']}")
    assert purge().purged == 1
    assert take(of("b", COMPLETED, 2)) == []
    (contact,) = world.content.live
    assert (contact["total_bookings"]["N"], contact["last_booking_at"]["S"]) == ("1", FIRST)
    world.content.assert_whole()


def test_a_purge_removes_what_is_left_of_the_contact_s_bookings_and_of_no_other_s(world: World) -> None:
    """Also of a cancelled one, and of one that has moved to another contact."""
    made = world.create("grace@example.com")
    for name in ("a", "b", "c"):
        assert take(of(name, CREATED, 1)) == []
    assert take(of("b", CANCELLED, 2)) == []
    assert take(of("c", RESCHEDULED, 2, invitee_email="ada@example.com")) == []
    world.send("DELETE", f"/contacts/{made['id']}")
    assert purge().purged == 1
    left = {(one["PK"]["S"], one["SK"]["S"]) for one in world.content.of("T#T1#BOOKING#")}
    assert left == {("T#T1#BOOKING#c", "BOOKING"), ("T#T1#BOOKING#c", "TAKEN#c-2")}
    world.content.assert_whole()


def test_a_purge_leaves_a_booking_that_moves_to_another_contact_meanwhile(world: World) -> None:
    made = world.create("grace@example.com")
    assert take(of("b", CREATED, 1)) == []
    world.send("DELETE", f"/contacts/{made['id']}")
    moved: list[bool] = []

    def overtake(attempt: Attempt, send: Send) -> AWSResponse:
        if attempt.operation == "BatchWriteItem" and not moved:
            moved.append(True)
            with as_operator():
                assert take(of("b", RESCHEDULED, 2, starts_at=SECOND)) == []
        return send(attempt)

    with intercepting(Layer.SCHEDULER, overtake):
        report = purge()
    assert moved and (report.purged, report.passed_over) == (0, 1)
    assert purge().purged == 1
    assert figures(world) == {"grace@example.com": (1, SECOND, ["rescheduled"])}


def test_a_real_name_replaces_one_that_was_only_an_address_s_local_part(world: World) -> None:
    assert take(of("b", CREATED, 1, invitee_name=None)) == []
    (contact,) = world.content.contacts
    assert contact["full_name"]["S"] == "grace"
    assert take(of("b", RESCHEDULED, 2)) == []
    (contact,) = world.content.contacts
    assert (contact["first_name"]["S"], contact["last_name"]["S"], contact["full_name"]["S"]) == (
        "Grace", "Hopper", "Grace Hopper",
    )  # fmt: skip
    # The name that a person gave it stays.
    world.send("PATCH", f"/contacts/{contact['id']['S']}", {"first_name": "Amazing"})
    assert take(of("c", CREATED, 1, occurred_at="2031-01-01T09:00:00Z", invitee_name="Gracie")) == []
    (contact,) = world.content.contacts
    assert contact["full_name"]["S"] == "Amazing Hopper"


def test_a_number_that_another_contact_of_a_customer_has_costs_no_booking(
    aws_stack: Stack, token_issuer: TokenIssuer
) -> None:
    world = World(aws_stack, token_issuer, TenantSettings(unique_scope="customer"))
    world.create("other@example.com", phone="+14155552671")
    for kind, version in ((CREATED, 1), (COMPLETED, 2)):
        assert take(of("b", kind, version)) == []
    (contact,) = (one for one in world.content.live if one["email"]["S"] == "grace@example.com")
    assert "phone" not in contact and contact["total_bookings"]["N"] == "1"
    world.content.assert_whole()


def test_a_hundred_copies_of_the_events_of_a_booking_at_once_count_it_once(world: World) -> None:
    """check 26: of all kinds, for two addresses."""
    world.create("grace@example.com")
    events = [
        of("b", CREATED, 1),
        of("b", RESCHEDULED, 2, starts_at=SECOND, invitee_email="ada@example.com"),
        of("b", RESCHEDULED, 3, starts_at=THIRD),
        of("b", COMPLETED, 4, starts_at=THIRD),
    ]
    assert race(events * 25, threads=20) == [[]] * 100
    assert figures(world) == {
        "grace@example.com": (1, THIRD, ["created", "rescheduled", "completed"]),
        "ada@example.com": (0, None, ["rescheduled"]),
    }


def with_two_contacts(worlds: Worlds) -> Worlds:
    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            world.create("ada@example.com")
            assert take(of("a", CREATED, 1, starts_at=SECOND)) == []
            assert take(of("b", CREATED, 1, starts_at=THIRD)) == []
            yield world

    return make


@pytest.mark.parametrize("deleted", [False, True])
def test_killed_at_any_call_a_booking_that_moves_between_contacts_ends_as_without(
    worlds: Worlds, deleted: bool
) -> None:
    """check 13"""

    @contextmanager
    def make() -> Iterator[World]:
        with with_two_contacts(worlds)() as world:
            if deleted:
                (grace,) = (one for one in world.content.live if one["email"]["S"] == "grace@example.com")
                world.send("DELETE", f"/contacts/{grace['id']['S']}")
            yield world

    def deliver(world: World) -> None:
        event = of("b", RESCHEDULED, 2, starts_at=FIRST, invitee_email="ada@example.com")
        with acting_for("T1"):
            answer = handler({"Records": [record_of(event)]}, lambda_context("BookingsFunction"))
        assert answer == {"batchItemFailures": []}

    # The tenant, the booking, the address, both contacts, the next booking, the organizer, and the writing.
    assert assert_same_after_kills(make, deliver, whole_picture) >= 6


def test_every_order_of_a_booking_s_events_ends_in_the_same_figures(world: World) -> None:
    """check 27"""
    changes = (
        (CREATED, {}),
        (RESCHEDULED, {"starts_at": SECOND, "invitee_email": "ada@example.com"}),
        (CANCELLED, {}),
    )
    ends = []
    for number, order in enumerate(itertools.permutations(range(3))):
        for at in order:
            kind, detail = changes[at]
            email = detail.get("invitee_email", "grace@example.com").replace("@", f"{number}@")
            event = of(f"b{number}", kind, at + 1, **{**detail, "invitee_email": email})
            assert take(event) == []
        ends.append(
            {who.replace(str(number), ""): what for who, what in figures(world).items() if str(number) in who}
        )
    assert (
        ends
        == [
            {
                "grace@example.com": (0, None, ["created", "cancelled"]),
                "ada@example.com": (0, None, ["rescheduled"]),
            }
        ]
        * 6
    )
