"""What is read of a contact into which others were merged: the entries of all, by one cursor."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.merges.test_merging import merge, undo
from tests.integration.world import World, booking

ORDERS: dict[str, Any] = {
    "interactions": lambda one: (one["occurred_at"], one["id"]),
    "notes": lambda one: (one["is_pinned"], one["id"]),
    "bookings": lambda one: (one["starts_at"], one["id"]),
    "consent": lambda one: one["id"],
    "history": lambda one: one["id"],
    "timeline": lambda one: (one["at"], one["id"]),
}
"""The lists of a contact, each with what it sorts by, in descending order."""


def filled(world: World, email: str, day: int) -> str:
    """A contact with entries of each kind. `day`: of its interactions and bookings."""
    contact_id: str = world.create(email)["id"]
    path = f"/contacts/{contact_id}"
    occurred_at = f"2020-01-{day:02d}T00:00:00Z"
    sent: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/interactions", {"type": "call", "description": "x", "occurred_at": occurred_at}),
        ("POST", "/interactions", {"type": "meeting", "description": "y"}),
        ("POST", "/notes", {"body": "a note"}),
        ("POST", "/notes", {"body": "pinned", "is_pinned": True}),
        ("PUT", "/status", {"relationship_status": "qualified_lead", "reason": "asked"}),
        ("POST", "/consent", {"channel": "sms", "opted_out": True, "source": "a call"}),
        ("POST", "/follow-ups", {"title": "Call", "due_at": f"2090-01-{day:02d}T00:00:00Z"}),
    ]
    for method, rest, body in sent:
        answer = world.send(method, path + rest, body)
        assert answer.status in (200, 201), answer.text
    for number, state in enumerate(("BookingCreated", "BookingCancelled")):
        world.post_booking(
            booking(
                state,
                invitee_email=email,
                booking_id=f"{email}-{number}",
                occurred_at=f"2021-01-{day:02d}T00:00:00Z",
                starts_at=f"2089-01-{day:02d}T00:00:00Z",
            )
        )
        world.bookings.pump()
    return contact_id


def walked(world: World, contact_id: str, name: str, limit: int = 100, **query: Any) -> list[dict[str, Any]]:
    """A list of a contact, walked to its end, without the ids of contacts."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = world.send(
            "GET", f"/contacts/{contact_id}/{name}", query={**query, "limit": limit, **cursor}
        )
        assert answer.status == 200, answer.text
        found += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json["next_cursor"]}


def without_contact(entry: dict[str, Any]) -> dict[str, Any]:
    inner = {name: without_contact(one) for name, one in entry.items() if isinstance(one, dict)}
    return {name: one for name, one in {**entry, **inner}.items() if name != "contact_id"}


@pytest.fixture
def parts(world: World) -> list[str]:
    return [filled(world, f"{name}@example.com", day) for day, name in enumerate(("one", "two", "six"), 3)]


def test_the_lists_of_a_survivor_have_the_entries_of_all_in_one_order(world: World, parts: list[str]) -> None:
    names = [*ORDERS, "status-history", "follow-ups"]
    before = {name: [walked(world, one, name) for one in parts] for name in names}
    merges = [merge(world, parts[1], parts[2])["id"], merge(world, parts[0], parts[1])["id"]]
    for name in names:
        every = [without_contact(one) for entries in before[name] for one in entries]
        found = walked(world, parts[0], name, limit=2)
        assert found == walked(world, parts[0], name)
        new = [one for one in found if without_contact(one) not in every]
        assert len(found) - len(new) == len(every), name
        if name == "history":
            types = sorted(one["type"] for one in new)
            assert types == ["contact.merged"] * 2 + ["contact.updated"] * 2
        elif name == "timeline":
            assert {one["kind"] for one in new} == {"change"}
        else:
            assert new == []
        if name not in ("history", "timeline", "consent", "status-history"):
            assert {one["contact_id"] for one in found} == {parts[0]}
        if name in ORDERS:
            assert found == sorted(found, key=ORDERS[name], reverse=True)
    changed = walked(world, parts[0], "history")
    assert {one["contact_id"] for one in changed} == {None, parts[1], parts[2]}
    due = walked(world, parts[0], "follow-ups")
    assert [one["due_at"] for one in due] == sorted(one["due_at"] for one in due)
    total = world.send("GET", f"/contacts/{parts[0]}/interactions", query={"page_size": 2, "page": 4}).json
    assert total["total"] == len(walked(world, parts[0], "interactions"))
    for merge_id in reversed(merges):
        undo(world, merge_id)
    for number, contact_id in enumerate(parts):
        for name in set(names) - {"history", "timeline"}:
            assert walked(world, contact_id, name) == before[name][number]


@pytest.mark.parametrize("name", ["interactions", "notes"])
def test_pages_by_number_count_the_entries_of_all(world: World, parts: list[str], name: str) -> None:
    merge(world, parts[0], *parts[1:])
    every = walked(world, parts[0], name)
    for limit in (1, 2, 4):
        pages = -(-len(every) // limit)
        found = []
        for page in range(1, pages + 1):
            answer = world.send(
                "GET", f"/contacts/{parts[0]}/{name}", query={"page_size": limit, "page": page}
            ).json
            assert answer["total"] == len(every)
            found += answer["items"]
        assert found == every
