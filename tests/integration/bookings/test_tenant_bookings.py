"""The bookings of all contacts in one list, by their starts and states."""

from __future__ import annotations

import random
from typing import Any

import pytest

from shared.projections.comparison import find_discrepancies
from shared.services import reading_budget
from shared.services.contacts import entry_lists
from tests.integration.world import World, booking

KINDS = ("BookingCreated", "BookingRescheduled", "BookingCompleted", "BookingCancelled")


class Diary:
    """Contacts with bookings, and what is expected of the list of all bookings."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.contacts = [world.create(f"person{n}@example.com")["id"] for n in range(3)]
        self.deleted: set[str] = set()

    def send(self, kind: str, number: int, version: int, day: int, person: int = 0, **detail: Any) -> None:
        self.world.post_booking(
            booking(
                kind,
                booking_id=f"b-{number}",
                version=version,
                starts_at=f"2031-03-{day:02}T09:00:00Z",
                invitee_email=f"person{person}@example.com",
                **detail,
            )
        )
        self.world.bookings.pump()

    def fill(self) -> Diary:
        """Make twelve bookings, one in four of them cancelled."""
        for number in range(12):
            self.send(KINDS[number % 4], number, 1, 1 + number * 5 % 12, number % 3)
        self.world.catch_up()
        return self

    def expected(self, **wanted: Any) -> list[dict[str, Any]]:
        """The bookings of all contacts' own lists that match, latest start first."""
        found: list[dict[str, Any]] = []
        for one in self.contacts:
            if one not in self.deleted:
                answer = self.world.send("GET", f"/contacts/{one}/bookings", query={"limit": 100})
                found += answer.json["items"]
        matching = [one for one in found if all(one[name] == value for name, value in wanted.items())]
        return sorted(matching, key=lambda one: (one["starts_at"], one["id"]), reverse=True)

    def list(self, **query: Any) -> list[dict[str, Any]]:
        """The list, walked to its end by cursor."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.world.send("GET", "/bookings", query={**query, **cursor})
            assert answer.status == 200, answer.text
            found += answer.json["items"]
            if answer.json["next_cursor"] is None:
                return found
            cursor = {"cursor": answer.json["next_cursor"]}

    def total(self, **query: Any) -> int | None:
        total: int | None = self.world.send("GET", "/bookings", query={**query, "limit": 1}).json["total"]
        return total

    def assert_exact(self) -> None:
        """The list, its filters and its totals are what the contacts' own lists say."""
        self.world.catch_up()
        expected = self.expected()
        assert self.list(limit=5) == expected
        assert self.list(sort="starts_at", limit=5) == expected[::-1]
        counted = [one for one in expected if one["state"] != "cancelled"]
        assert self.list(cancelled="false") == counted
        assert self.list(cancelled="true") == self.expected(state="cancelled")
        assert self.list(state="created") == self.expected(state="created")
        assert self.total(cancelled="false") == len(counted)
        assert self.total() == len(expected)
        assert self.total(state="cancelled", cancelled="false") == 0
        for state in ("created", "rescheduled", "completed", "cancelled"):
            assert self.total(state=state) == len(self.expected(state=state))
        assert self.total(**{"from": "2031-03-01"}) is None
        assert self.total(**{"from": "2031-03-01"}, include_total="true") == len(expected)
        assert find_discrepancies("T1", self.world.content.of("T#T1#")) == ({}, [])


@pytest.fixture
def diary(world: World) -> Diary:
    return Diary(world).fill()


@pytest.mark.parametrize("limit", [1, 5, 100])
def test_all_bookings_are_listed_by_their_starts_each_once(diary: Diary, limit: int) -> None:
    assert diary.list(limit=limit) == diary.expected()
    assert diary.list(limit=limit, sort="starts_at") == diary.expected()[::-1]
    assert len(diary.expected()) == 12


def test_filters_can_be_combined(diary: Diary) -> None:
    for state in ("created", "rescheduled", "completed", "cancelled"):
        assert diary.list(state=state, limit=2) == diary.expected(state=state)
        assert len(diary.expected(state=state)) == 3
    inner = [one for one in diary.expected() if "2031-03-04" <= one["starts_at"][:10] <= "2031-03-08"]
    assert diary.list(**{"from": "2031-03-04", "to": "2031-03-08"}) == inner
    assert diary.list(**{"from": "2031-03-04T09:00:00Z", "to": "2031-03-08T09:00:00Z"}) == inner
    upcoming = [one for one in inner if one["state"] != "cancelled"][::-1]
    query = {"from": "2031-03-04", "to": "2031-03-08", "cancelled": "false", "sort": "starts_at"}
    assert diary.list(**query, limit=2) == upcoming
    assert diary.list(state="cancelled", cancelled="false") == []
    assert diary.list(organizer_id="nobody") == []
    assert diary.list(**{"from": "2031-03-08", "to": "2031-03-04"}) == []


def test_bookings_of_an_organizer_are_found(diary: Diary) -> None:
    organizer = diary.world.send("GET", "/users").json["items"][0]["id"]
    diary.send("BookingCreated", 50, 1, 20, organizer_id=organizer)
    diary.world.catch_up()
    (found,) = diary.list(organizer_id=organizer)
    assert found["id"] == "b-50"


def test_pages_by_number_are_those_of_the_list(diary: Diary) -> None:
    for skip in (0, 5, 11, 12):
        answer = diary.world.send("GET", "/bookings", query={"skip": skip, "limit": 4})
        assert answer.json["items"] == diary.expected()[skip : skip + 4]
    assert diary.world.send("GET", "/bookings", query={"skip": 10_000}).json["code"] == "too_deep"


def test_the_list_follows_bookings_that_move_and_contacts_that_are_deleted(diary: Diary) -> None:
    """check 26: a booking moves to another time, to the cancelled ones and back, and to another contact."""
    diary.assert_exact()
    diary.send("BookingRescheduled", 0, 2, 25)
    diary.assert_exact()
    diary.send("BookingCancelled", 0, 3, 25)
    diary.assert_exact()
    diary.send("BookingRescheduled", 0, 4, 25, person=1)
    diary.assert_exact()
    assert diary.world.send("DELETE", f"/contacts/{diary.contacts[1]}").status == 204
    diary.deleted.add(diary.contacts[1])
    diary.assert_exact()
    assert diary.world.send("POST", f"/contacts/{diary.contacts[1]}/restore").status == 200
    diary.deleted.clear()
    diary.assert_exact()


def test_a_spent_budget_makes_pages_shorter_and_loses_nothing(
    diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_budget, "MAX_ROWS", 4)
    monkeypatch.setattr(entry_lists, "_LEAST_PORTION", 2)
    assert diary.list(limit=3) == diary.expected()
    assert diary.list(state="completed", limit=3) == diary.expected(state="completed")


def test_random_events_leave_the_list_exact(world: World) -> None:
    diary = Diary(world)
    chosen = random.Random(1)
    for version in range(1, 40):
        diary.send(
            chosen.choice(KINDS), chosen.randrange(5), version, chosen.randint(1, 28), chosen.randrange(3)
        )
        if chosen.random() < 0.3:
            world.catch_up()
    diary.assert_exact()
