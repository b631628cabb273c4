"""Merging contacts and undoing that: the records, the locks, the customers."""

from __future__ import annotations

from typing import Any

from tests.integration.world import World


def merge(world: World, survivor: str, *merged: str, **given: Any) -> dict[str, Any]:
    """The answer to a merge that succeeds."""
    answer = world.send(
        "POST", "/contacts/merge", {"survivor_id": survivor, "merged_ids": [*merged], **given}
    )
    assert answer.status == 200, answer.text
    result: dict[str, Any] = answer.json
    return result


def undo(world: World, merge_id: str) -> dict[str, Any]:
    """The answer to an undo that succeeds."""
    answer = world.send("POST", f"/merges/{merge_id}/undo")
    assert answer.status == 200, answer.text
    result: dict[str, Any] = answer.json
    return result


def test_a_survivor_has_the_addresses_of_all_and_gives_them_back(world: World) -> None:
    one, two = world.create("one@example.com"), world.create("two@example.com", phone="+14155550132")
    before = world.content
    made = merge(world, one["id"], two["id"])
    assert made["contact"]["other_emails"] == ["two@example.com"]
    assert made["contact"]["merged_from"] == [two["id"]]
    assert world.content.locks == before.locks
    answer = world.send("POST", "/contacts", {"first_name": "Eve", "email": "two@example.com"})
    assert (answer.status, answer.json["errors"][0]["contact_id"]) == (409, one["id"])
    back = undo(world, made["id"])
    assert (back["state"], back["undo"]["kept"]) == ("undone", [])
    assert world.send("GET", f"/contacts/{two['id']}").json["email"] == "two@example.com"
    assert world.send("GET", f"/contacts/{one['id']}").json["other_emails"] == []
    assert world.content.locks == before.locks
