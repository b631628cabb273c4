"""The bookings of a contact, listed as they stand."""

from __future__ import annotations

from typing import Any

import pytest

from shared.services import reading_budget
from tests.integration.bookings.test_booking_states import (
    CANCELLED,
    COMPLETED,
    CREATED,
    FIRST,
    RESCHEDULED,
    SECOND,
    THIRD,
    of,
)
from tests.integration.bookings.test_bookings import take
from tests.integration.world import World


@pytest.fixture
def contact_id(world: World) -> str:
    """A contact with five bookings, two of which are cancelled."""
    made = world.create("grace@example.com")
    for name, start, kind in (
        ("a", FIRST, None),
        ("b", FIRST, CANCELLED),
        ("c", SECOND, COMPLETED),
        ("d", THIRD, CANCELLED),
        ("e", THIRD, None),
    ):
        assert take(of(name, CREATED, 1, starts_at=start)) == []
        if kind is not None:
            assert take(of(name, kind, 2, starts_at=start)) == []
    made_id: str = made["id"]
    return made_id


def listed(world: World, contact_id: str, **query: str) -> list[str]:
    """Return the ids of bookings, walked page by page."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = world.send("GET", f"/contacts/{contact_id}/bookings", query={**query, **cursor})
        assert answer.status == 200, answer.text
        found += [one["id"] for one in answer.json["items"]]
        if answer.json["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json["next_cursor"]}


def test_a_booking_is_listed_as_it_stands_with_its_events(world: World) -> None:
    made = world.create("grace@example.com")
    assert take(of("b", CREATED, 1, organizer_id="user-of-T1", ends_at="2031-04-01T09:30:00Z")) == []
    assert take(of("b", RESCHEDULED, 2, starts_at=SECOND, organizer_id=None, title=None, ends_at=None)) == []
    timeline = world.send("GET", f"/contacts/{made['id']}/interactions").json["items"]
    page = world.send("GET", f"/contacts/{made['id']}/bookings").json
    assert page == {
        "items": [
            {
                "id": "b",
                "contact_id": made["id"],
                "state": "rescheduled",
                "starts_at": SECOND,
                "ends_at": None,
                "title": "First talk",
                "organizer_id": "user-of-T1",
                "organizer_email": None,
                "events": [
                    {
                        "event_id": f"b-{version}",
                        "state": state,
                        "occurred_at": f"2031-03-0{version}T09:00:00.000Z",
                        "starts_at": start,
                        "version": version,
                        "interaction_id": interaction["id"],
                    }
                    for (version, state, start), interaction in zip(
                        ((1, "created", FIRST), (2, "rescheduled", SECOND)), reversed(timeline), strict=True
                    )
                ],
            }
        ],
        "next_cursor": None,
        "total": None,
    }


@pytest.mark.parametrize("limit", ["1", "2", "3", "100"])
def test_bookings_that_count_and_cancelled_ones_are_one_list_of_any_page_size(
    world: World, contact_id: str, limit: str
) -> None:
    assert listed(world, contact_id, limit=limit) == ["e", "d", "c", "b", "a"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "cancelled"}, ["d", "b"]),
        ({"state": "created"}, ["e", "a"]),
        ({"state": "completed"}, ["c"]),
        ({"state": "rescheduled"}, []),
        ({"from": SECOND}, ["e", "d", "c"]),
        ({"to": SECOND}, ["c", "b", "a"]),
        ({"from": SECOND, "to": SECOND}, ["c"]),
        ({"from": "2031-04-03"}, ["e", "d"]),
        ({"to": "2031-04-01"}, ["b", "a"]),
        ({"from": "2031-04-02", "to": "2031-04-02", "state": "cancelled"}, []),
        ({"from": "2031-04-01T11:00:00+02:00", "to": FIRST, "state": "created"}, ["a"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("limit", ["1", "25"])
def test_bookings_are_found_by_state_and_start(
    world: World, contact_id: str, query: dict[str, str], expected: list[str], limit: str
) -> None:
    assert listed(world, contact_id, limit=limit, **query) == expected


def test_a_day_is_one_of_the_tenant_s_time_zone(world: World, contact_id: str) -> None:
    assert world.send("PATCH", "/settings", {"timezone": "Pacific/Kiritimati"}).status == 200  # UTC+14
    assert listed(world, contact_id, **{"from": "2031-04-02", "to": "2031-04-02"}) == ["c"]
    assert take(of("f", CREATED, 1, starts_at="2031-04-01T10:00:00Z")) == []
    assert listed(world, contact_id, **{"from": "2031-04-02", "to": "2031-04-02"}) == ["c", "f"]


@pytest.mark.parametrize(
    "query", [{"state": "lost"}, {"from": "soon"}, {"to": "2031-13-01"}, {"starts_from": FIRST}]
)
def test_a_wrong_condition_is_refused_and_named(world: World, contact_id: str, query: dict[str, Any]) -> None:
    answer = world.send("GET", f"/contacts/{contact_id}/bookings", query=query)
    assert answer.status == 422
    assert [one["field"] for one in answer.json["errors"]] == list(query)


def test_a_cursor_leads_on_in_its_own_list_only(world: World, contact_id: str) -> None:
    """check 44"""
    path = f"/contacts/{contact_id}/bookings"
    cursor = world.send("GET", path, query={"limit": "1"}).json["next_cursor"]
    for query in ({"state": "created"}, {"from": FIRST}, {"to": THIRD}):
        answer = world.send("GET", path, query={**query, "cursor": cursor})
        assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")
    other = world.create("ada@example.com")
    assert world.send("GET", f"/contacts/{other['id']}/bookings", query={"cursor": cursor}).status == 400


def test_a_state_that_few_bookings_have_is_read_within_the_budget(
    world: World, contact_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """checks 3 and 102: a page that finds nothing within its budget is empty and has a cursor."""
    for number in range(20):
        start = f"2031-05-{number + 1:02}T09:00:00Z"
        assert take(of(f"x{number}", CREATED, 1, starts_at=start)) == []
    monkeypatch.setattr(reading_budget, "MAX_ROWS", 5)
    first = world.send("GET", f"/contacts/{contact_id}/bookings", query={"state": "completed", "limit": "1"})
    assert (first.json["items"], first.json["next_cursor"] is None) == ([], False)
    assert listed(world, contact_id, state="completed", limit="1") == ["c"]


def test_only_who_may_see_the_contact_may_see_its_bookings(world: World, contact_id: str) -> None:
    """check 48"""
    path = f"/contacts/{contact_id}/bookings"
    assert world.send("GET", path, token=world.t1.user).status == 200
    assert world.send("GET", path, token=world.t1.powerless).status == 403
    assert world.send("PATCH", "/settings", {"visibility": "owner"}).status == 200
    assert take(of("a", COMPLETED, 2, organizer_id="user-of-T1")) == []
    tokens = {name: getattr(world.t1, name) for name in ("admin", "user", "other_user")}
    statuses = {name: world.send("GET", path, token=token).status for name, token in tokens.items()}
    assert statuses["admin"] == 200
    world.send("DELETE", f"/contacts/{contact_id}")
    assert world.send("GET", path).status == 404
