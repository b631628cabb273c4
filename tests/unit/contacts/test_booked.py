"""The fields of a contact that bookings fill: the earliest event counts, and values that people set stay."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from shared.domain.callers import Caller, system_caller
from shared.domain.contacts.booked import MAX_ORGANIZERS, BookingFigures, Invitee
from shared.domain.contacts.record import Contact
from shared.domain.ids import derived_id
from shared.domain.stamp import Stamp
from shared.domain.timestamps import to_milliseconds
from tests.unit.contacts.test_contact import AT

NUMBER = "+14155552671"
OTHER_NUMBER = "+14155552672"


def source(number: int) -> str:
    """Return the id of the interaction of an event, the later the greater the number is."""
    return derived_id(to_milliseconds(AT) + number, "event")


def stamp() -> Stamp:
    return Stamp("e", AT, system_caller("t1", "booking", "booking"))


def contact(**fields: Any) -> Contact:
    given = {"first_name": "grace", "email": "grace@example.com", "owner_id": None, **fields}
    return Contact.create(
        given, contact_id="01960a7d-3560-7d5c-b0a4-6e2f8c1d9b35", stamp=stamp(), source="api"
    )[0]  # type: ignore[arg-type]


def booked(known: Contact, *invitees: Invitee) -> Contact:
    for one in invitees:
        known, _ = known.record_booking_event(
            type="booking_created",
            booking_id="b",
            invitee=one,
            figures=BookingFigures({}, None),
            stamp=stamp(),
        )
    return known


def changed(known: Contact, **fields: Any) -> Contact:
    result = known.change(fields, stamp=Stamp("p", AT, Caller("t1", "user", "u1", "admin")))  # type: ignore[arg-type]
    assert result is not None
    return result[0]


FIRST = Invitee(
    interaction_id=source(1), first_name="Grace", phone=NUMBER, phone_raw="415 555 2671", owner_id="u-1"
)
SECOND = Invitee(
    interaction_id=source(2), first_name="Grace", last_name="Hopper", phone=OTHER_NUMBER, owner_id="u-2"
)
NOTHING = Invitee(interaction_id=source(0))
LOCAL_PART = Invitee(interaction_id=source(0), first_name="grace")


def test_the_earliest_event_that_has_a_value_gives_it_in_whatever_order_they_arrive() -> None:
    """check 27"""
    for order in permutations((FIRST, SECOND, NOTHING, LOCAL_PART)):
        after = booked(contact(), *order)
        assert (after.full_name, after.phone, after.phone_raw, after.owner_id) == (
            "Grace",
            NUMBER,
            "415 555 2671",
            "u-1",
        )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"first_name": "Augusta"}, ("Augusta", NUMBER, "u-1")),
        ({"phone": "+442079460958"}, ("Grace", "+442079460958", "u-1")),
        ({"owner_id": "u-9"}, ("Grace", NUMBER, "u-9")),
        ({"company": "Navy"}, ("Grace", NUMBER, "u-1")),
    ],
)
def test_what_anybody_else_changed_stays_and_the_rest_still_follows_the_bookings(
    fields: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    after = booked(changed(booked(contact(), SECOND), **fields), FIRST)
    assert (after.first_name, after.phone, after.owner_id) == expected


def test_a_field_that_was_emptied_is_filled_again() -> None:
    emptied = changed(booked(contact(), SECOND), phone=None)
    assert booked(emptied, FIRST).phone == NUMBER


@pytest.mark.parametrize(
    ("fields", "is_replaced"),
    [
        ({"first_name": "grace"}, True),
        ({"first_name": "amazing", "other_emails": ["amazing@example.com"]}, True),
        ({"first_name": "Grace"}, False),
        ({"first_name": "grace", "last_name": "h"}, False),
        ({"first_name": "hopper"}, False),
    ],
)
def test_a_name_that_is_only_the_local_part_of_an_address_yields_to_a_real_one(
    fields: dict[str, Any], is_replaced: bool
) -> None:
    known = contact(**fields)
    after = booked(known, SECOND)
    assert after.full_name == ("Grace Hopper" if is_replaced else known.full_name)


def test_what_a_field_came_from_is_neither_shown_nor_in_events() -> None:
    known = contact()
    after, happened = known.record_booking_event(
        type="booking_created", booking_id="b", invitee=FIRST, figures=BookingFigures({}, None), stamp=stamp()
    )
    assert after.booked == dict.fromkeys(("name", "phone", "owner_id"), source(1))
    assert "booked" not in after.model_dump()
    assert set(happened.changes) == {
        "first_name", "full_name", "phone", "phone_raw", "owner_id", "interaction_count"
    }  # fmt: skip
    assert happened.data == {
        "interaction_id": source(1),
        "interaction_type": "booking_created",
        "booking_id": "b",
    }


def test_organizers_are_sorted_and_at_most_a_hundred() -> None:
    invitees = [
        Invitee(interaction_id=source(number), organizer_id=f"u-{number:03}")
        for number in reversed(range(MAX_ORGANIZERS + 1))
    ]
    after = booked(contact(), *invitees)
    assert after.organizer_ids == [f"u-{number:03}" for number in range(1, MAX_ORGANIZERS + 1)]
