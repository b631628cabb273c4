"""The organizers that the changes of a contact keep are those that the recount derives, also beyond the maximum."""

from __future__ import annotations

import random

import pytest

from shared.domain.callers import system_caller
from shared.domain.contacts import booked
from shared.domain.contacts.booked import BookingFigures, Invitee
from shared.domain.contacts.record import Contact
from shared.domain.ids import new_id
from shared.domain.stamp import Stamp
from shared.table.item import Item
from shared.table.recount.tally import Tally

STARTS_AT = "2031-01-01T00:00:00.000Z"


def stamp() -> Stamp:
    return Stamp.now(system_caller("t1", "booking", "booking"))


class Organized:
    """A contact with bookings, each organized by a user or by none."""

    def __init__(self) -> None:
        self.contact, _ = Contact.create(
            {"first_name": "Ada"}, contact_id=new_id(), stamp=stamp(), source="api"
        )
        self._organizers: dict[str, str | None] = {}

    def move(self, booking_id: str, user_id: str | None, *, is_named: bool = False) -> None:
        """Give a booking another organizer; `is_named`: by an event with an address of the contact."""
        before = self._organizers.get(booking_id)
        self._organizers[booking_id] = user_id
        figures = BookingFigures({"created": len(self._organizers)}, STARTS_AT, before, user_id)
        if is_named:
            self.contact, _ = self.contact.record_booking_event(
                type="booking_created",
                booking_id=booking_id,
                invitee=Invitee(interaction_id=new_id(), organizer_id=user_id),
                figures=figures,
                stamp=stamp(),
            )
        else:
            self.contact, _ = self.contact.recount_bookings(figures, booking_id=booking_id, stamp=stamp())

    def recounted(self) -> dict[str, object]:
        """Return the fields of organizers that the recount derives."""
        tally = Tally(STARTS_AT)
        for booking_id, user_id in self._organizers.items():
            item: Item = {"SK": {"S": f"BOOKING#{STARTS_AT}#{booking_id}"}, "state": {"S": "created"}}
            tally.add(item | ({"organizer_id": {"S": user_id}} if user_id is not None else {}))
        figures = tally.figures(self.contact)
        return {name: figures[name] for name in ("organizer_ids", "unnamed_organizers")}

    def kept(self) -> dict[str, object]:
        """Return the fields of organizers as the contact has them."""
        return {
            "organizer_ids": self.contact.organizer_ids,
            "unnamed_organizers": self.contact.unnamed_organizers,
        }


def test_a_hundred_organizers_stay_when_a_further_one_sorts_before_them() -> None:
    organized = Organized()
    for number in range(1, 101):
        organized.move(f"b{number}", f"u{number:03}")
    organized.move("b0", "u000")
    assert "u000" not in organized.contact.organizer_ids
    assert organized.kept() == organized.recounted()
    organized.move("b101", "u000")
    organized.move("b7", None)
    assert "u000" in organized.contact.organizer_ids, "there is room"
    organized.move("b0", None)
    assert "u000" in organized.contact.organizer_ids, "the user still organizes a booking"
    organized.move("b101", None)
    assert "u000" not in organized.contact.organizer_ids
    assert organized.kept() == organized.recounted()


@pytest.mark.parametrize("seed", range(20))
def test_random_changes_of_organizers_are_right_for_the_recount(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booked, "MAX_ORGANIZERS", 3)
    drawn = random.Random(seed)
    organized = Organized()
    users = [None, *(f"u{number}" for number in range(6))]
    for _ in range(40):
        organized.move(f"b{drawn.randrange(8)}", drawn.choice(users), is_named=drawn.random() < 0.1)
        assert organized.kept() == organized.recounted()
        assert len(organized.contact.organizer_ids) <= 3
