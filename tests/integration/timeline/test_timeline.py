"""The timeline of a contact over HTTP: entries of all kinds, each change as one entry."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.timeline.entry import KINDS
from shared.table.budgeted_reads import BudgetedReads
from shared.table.item import Item
from tests.integration.world import World, booking
from tests.tenants import program


def walk(world: World, contact_id: str, limit: int = 100, **query: Any) -> list[dict[str, Any]]:
    """Return a timeline, walked to its end."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = world.send(
            "GET", f"/contacts/{contact_id}/timeline", query={**query, "limit": limit, **cursor}
        )
        assert answer.status == 200, answer.text
        found += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json["next_cursor"]}


@pytest.fixture
def contact(world: World) -> str:
    """A contact with an entry of each kind, and with changes that these entries show."""
    contact_id: str = world.create("ada@example.com")["id"]
    path = f"/contacts/{contact_id}"
    sent = [
        ("PATCH", "", {"company": "Analytical Engines"}),
        (
            "POST",
            "/interactions",
            {"type": "call", "description": "x", "occurred_at": "2020-01-01T00:00:00Z"},
        ),
        ("POST", "/notes", {"body": "a note"}),
        ("PUT", "/status", {"relationship_status": "qualified_lead", "reason": "asked"}),
        ("POST", "/consent", {"channel": "sms", "opted_out": True, "source": "a call"}),
    ]
    for method, rest, body in sent:
        answer = world.send(method, path + rest, body)
        assert answer.status in (200, 201), answer.text
    world.post_booking(
        booking(
            invitee_email="ada@example.com",
            booking_id="b-1",
            occurred_at="2021-01-01T00:00:00Z",
            starts_at="2090-01-01T00:00:00Z",
            ends_at=None,
        )
    )
    world.bookings.pump()
    return contact_id


def test_a_timeline_joins_entries_of_all_kinds_by_their_times_and_tells_each_once(
    world: World, contact: str
) -> None:
    entries = walk(world, contact)
    assert [one["kind"] for one in entries] == [
        "booking",  # which is to come
        "change",  # of the telephone number, by the booking
        "consent",
        "status",
        "note",
        "change",
        "change",
        "interaction",  # of the booking
        "interaction",
    ]
    assert all(set(one) == {"kind", "id", "at", one["kind"]} for one in entries)
    assert [one["at"] for one in entries] == sorted((one["at"] for one in entries), reverse=True)
    by_kind = {one["kind"]: one[one["kind"]] for one in entries}
    assert by_kind["booking"]["id"] == "b-1" and by_kind["note"]["body"] == "a note"
    assert by_kind["status"]["new_status"] == "qualified_lead" and by_kind["consent"]["channel"] == "sms"
    changes = [one["change"] for one in entries if one["kind"] == "change"]
    assert [one["type"] for one in changes] == ["interaction.created", "contact.updated", "contact.created"]
    assert changes[1]["changes"] == {"company": {"old": None, "new": "Analytical Engines"}}
    assert changes[1]["actor_name"]


def test_fields_that_a_booking_or_a_tag_rule_changes_are_changes_and_plain_interactions_are_not(
    world: World,
) -> None:
    rules = [
        {"on": {"interaction": "quote"}, "add": ["hot"]},
        {"on": {"booking": "created"}, "add": ["booked"]},
    ]
    assert world.send("PATCH", "/settings", {"tag_rules": rules}).status == 200
    contact_id = world.create("ada@example.com")["id"]
    for type in ("call", "quote", "quote"):
        given = {"type": type, "description": "x"}
        assert world.send("POST", f"/contacts/{contact_id}/interactions", given).status == 201
    assert world.send("POST", f"/contacts/{contact_id}/notes", {"body": "x"}).status == 201
    for number in range(2):
        detail = {"booking_id": f"b-{number}", "invitee_phone": "+14155552671"}
        world.post_booking(booking(invitee_email="ada@example.com", **detail))
    world.bookings.pump()
    changes = [one["change"] for one in walk(world, contact_id, kind="change")]
    figures = {"interaction_count", "last_contacted_at", "total_bookings", "last_booking_at"}
    assert [(one["type"], set(one["changes"]) - figures) for one in changes[:-1]] == [
        ("interaction.created", {"tags", "phone"}),
        ("interaction.created", {"tags"}),
    ]
    assert changes[0]["changes"]["phone"] == {"old": None, "new": "+14155552671"}
    assert changes[1]["changes"]["tags"] == {"old": None, "new": ["hot"]}
    answer = world.send("GET", f"/contacts/{contact_id}/history", query={"limit": 100})
    assert [one["version"] for one in answer.json["items"]] == list(range(7, 0, -1))


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_any_size_walk_the_same_timeline(world: World, contact: str, limit: int) -> None:
    entries = walk(world, contact)
    assert walk(world, contact, limit) == entries
    for kind in KINDS:
        assert walk(world, contact, limit, kind=kind) == [one for one in entries if one["kind"] == kind]
    two = walk(world, contact, limit, kind="note,change")
    assert two == [one for one in entries if one["kind"] in ("note", "change")]


def test_deleted_and_moved_entries_leave_their_places(world: World, contact: str) -> None:
    path = f"/contacts/{contact}"
    (note,) = walk(world, contact, kind="note")
    assert world.send("DELETE", f"{path}/notes/{note['id']}").status == 204
    *_, call = walk(world, contact, kind="interaction")
    moved = {"occurred_at": "2022-01-01T00:00:00Z"}
    assert world.send("PATCH", f"{path}/interactions/{call['id']}", moved).status == 200
    entries = walk(world, contact, kind="note,interaction")
    assert [(one["kind"], one["at"][:4]) for one in entries] == [
        ("interaction", "2022"),
        ("interaction", "2021"),
    ]


@pytest.mark.parametrize("kind", ["", "x", "note,", "note,x", "Note", ",note"])
def test_unknown_kinds_are_refused(world: World, contact: str, kind: str) -> None:
    assert world.send("GET", f"/contacts/{contact}/timeline", query={"kind": kind}).status == 422


def test_a_timeline_follows_the_visibility_of_its_contact(world: World, contact: str) -> None:
    path = f"/contacts/{contact}/timeline"
    own = program("T1", "contacts:read:own")
    assert world.send("GET", path, token=own).status == 404
    cursor = world.send("GET", path, query={"limit": 1}).json["next_cursor"]
    for query in ({"kind": "note"}, {}):
        other = world.send("GET", path, query={"cursor": cursor, **query}, token=world.t1.user)
        assert (other.status, other.json["code"]) == (400, "invalid_cursor")
    assert world.send("GET", path, query={"cursor": cursor, "kind": "note"}).status == 400
    world.send("DELETE", f"/contacts/{contact}")
    assert world.send("GET", path).status == 404


def test_a_short_page_of_changes_finds_one_before_many_moves_in_few_queries(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact_id = world.create()["id"]
    for number in range(120):
        stage = ["interest", "decision"][number % 2]
        path = f"/contacts/{contact_id}/status"
        assert world.send("PUT", path, {"lifecycle_stage": stage}).status == 200
    queries: list[str] = []
    query = BudgetedReads.query

    def counted(reads: BudgetedReads, partition: str, **options: Any) -> list[Item]:
        queries.append(partition)
        return query(reads, partition, **options)

    monkeypatch.setattr(BudgetedReads, "query", counted)
    answer = world.send("GET", f"/contacts/{contact_id}/timeline", query={"kind": "change", "limit": 1})
    assert [one["change"]["type"] for one in answer.json["items"]] == ["contact.created"]
    assert len(queries) <= 8
