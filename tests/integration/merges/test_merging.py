"""Merging contacts and undoing that: the records, the locks, the customers."""

from __future__ import annotations

from tests.integration.merges.merging import merge, undo
from tests.integration.world import World


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
