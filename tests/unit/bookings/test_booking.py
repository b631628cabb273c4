"""A booking is what its events say, in whatever order they are applied."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.bookings.booking import MAX_EVENTS, Booking
from shared.domain.bookings.event import STATES, BookingEvent, BookingState
from shared.domain.ids import is_id

DETAIL = {
    "event_id": "e-1",
    "occurred_at": "2031-03-01T09:00:00Z",
    "tenant_id": "t1",
    "booking_id": "b-1",
    "invitee_email": "grace@example.com",
    "starts_at": "2031-03-08T15:00:00Z",
}


def event(state: BookingState = "created", **detail: Any) -> BookingEvent:
    return BookingEvent.parse(state, DETAIL | detail)


def applied(*events: BookingEvent) -> Booking:
    """Return the booking after events, each of which names its contact and organizer in its metadata."""
    booking = Booking.blank("b-1")
    for one in events:
        booking = booking.apply(
            one,
            contact_id=one.metadata.get("contact", "c-1"),
            organizer_id=one.metadata.get("organizer"),
        )
    return booking


def test_a_booking_is_as_its_first_event_says() -> None:
    booking = applied(
        event(title="First talk", ends_at="2031-03-08T15:30:00Z", organizer_email="o@example.com")
    )
    assert (booking.id, booking.contact_id, booking.state, booking.is_counted) == (
        "b-1",
        "c-1",
        "created",
        True,
    )
    assert (booking.starts_at, booking.ends_at) == ("2031-03-08T15:00:00.000Z", "2031-03-08T15:30:00.000Z")
    assert (booking.title, booking.organizer_id, booking.organizer_email) == (
        "First talk",
        None,
        "o@example.com",
    )
    (entry,) = booking.events
    assert (entry.event_id, entry.state, entry.version) == ("e-1", "created", 1)
    assert is_id(entry.interaction_id)


@pytest.mark.parametrize(
    ("higher", "lower"),
    [
        ({"version": 2, "occurred_at": "2031-03-01T08:00:00Z"}, {"version": 1}),
        ({"occurred_at": "2031-03-01T10:00:00+00:00"}, {"occurred_at": "2031-03-01T10:30:00+01:00"}),
        ({"event_id": "e-2"}, {"event_id": "e-1"}),
        ({"version": 10}, {"version": 9}),
    ],
    ids=["version", "time", "id", "version as a number"],
)
def test_the_event_with_the_highest_version_then_time_then_id_says_how_the_booking_is(
    higher: dict[str, Any], lower: dict[str, Any]
) -> None:
    """check 89"""
    last = event("cancelled", **{"event_id": "z", "starts_at": "2031-04-01T15:00:00Z"} | higher)
    first = event("rescheduled", **{"event_id": "a", "ends_at": "2031-03-08T16:00:00Z"} | lower)
    for booking in (applied(first, last), applied(last, first)):
        assert (booking.state, booking.starts_at, booking.ends_at, booking.is_counted) == (
            "cancelled",
            "2031-04-01T15:00:00.000Z",
            None,
            False,
        )
        assert [entry.state for entry in booking.events] == ["rescheduled", "cancelled"]


def test_title_and_organizer_stay_when_a_later_event_does_not_name_them() -> None:
    first = event(version=1, title="First talk", metadata={"organizer": "u-1"})
    second = event("rescheduled", event_id="e-2", version=2, title="Second talk")
    third = event("cancelled", event_id="e-3", version=3)
    for order in ((first, second, third), (third, second, first), (second, third, first)):
        booking = applied(*order)
        assert (booking.title, booking.organizer_id) == ("Second talk", "u-1")


def test_events_of_one_booking_in_any_order_end_in_the_same_booking() -> None:
    """check 27: with more events than a booking lists."""
    chosen = random.Random(27)
    events = [
        event(
            chosen.choice(tuple(STATES.values())),
            event_id=f"e-{number}",
            version=chosen.randrange(4),
            occurred_at=f"2031-03-{chosen.randrange(1, 5):02}T09:00:00Z",
            starts_at=f"2031-04-{chosen.randrange(1, 29):02}T09:00:00Z",
            title=chosen.choice(("", "", "One", "Two")),
            organizer_email=chosen.choice(("", "", "o@example.com")),
            metadata={"contact": f"c-{chosen.randrange(3)}", "organizer": chosen.choice((None, None, "u-1"))},
        )
        for number in range(MAX_EVENTS + 20)
    ]
    expected = applied(*sorted(events, key=lambda one: one.order))
    assert len(expected.events) == MAX_EVENTS
    for _ in range(20):
        chosen.shuffle(events)
        assert applied(*events) == expected


def test_an_event_that_comes_again_is_listed_once() -> None:
    first, second = event(version=1), event("completed", event_id="e-2", version=2)
    again = applied(first, second, first)
    assert (again.state, [entry.event_id for entry in again.events]) == ("completed", ["e-1", "e-2"])


def test_an_event_of_another_tenant_or_booking_has_another_interaction() -> None:
    same = event(title="other", version=7, starts_at="2031-05-01T09:00:00Z").interaction_id
    assert same == event().interaction_id
    others = [event(**{name: "x"}).interaction_id for name in ("tenant_id", "booking_id", "event_id")]
    later = event(occurred_at="2031-03-01T09:00:00.001Z").interaction_id
    assert len({same, later, *others}) == 5
    assert later > max(same, *others)


def test_a_detail_cannot_choose_its_state() -> None:
    assert BookingEvent.parse("cancelled", DETAIL | {"state": "created"}).state == "cancelled"
    with pytest.raises(ValidationError):
        BookingEvent.parse("created", [DETAIL])
