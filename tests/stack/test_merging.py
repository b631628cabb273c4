"""Duplicates through the real gateway: suggested, merged, answering by their old ids, and undone."""

from __future__ import annotations

from typing import Any

import pytest

from local.projections import compare
from tests.stack.conftest import LiveStack, eventually
from tests.stack.test_four_doors import book, booking
from tests.stack.test_webhooks_and_feed import Caller
from tests.support.tenant_guard import as_operator

PHONE = "+14155552671"


class Pair(Caller):
    """Two contacts of one person, the older one first, and the admin of their tenant."""

    ada: str
    twin: str


@pytest.fixture(scope="module")
def pair(live: LiveStack) -> Pair:
    """A tenant with two contacts of one person. A test that merges them undoes that."""
    pair = Pair(live, live.open_tenant())
    given = {"first_name": "Ada", "last_name": "Lovelace", "phone": PHONE}
    pair.ada = pair.call("POST", "/contacts", given | {"email": "ada@example.com"}, 201)["id"]
    twin = given | {"first_name": "A.", "email": "a@home.example", "company": "Engines Ltd"}
    pair.twin = pair.call("POST", "/contacts", twin, 201)["id"]
    for contact_id, text in ((pair.ada, "first"), (pair.twin, "second")):
        pair.call("POST", f"/contacts/{contact_id}/interactions", {"type": "call", "description": text}, 201)
    return pair


def values(contact: dict[str, Any]) -> dict[str, Any]:
    """Return what a merge and its undo must leave as it was: all but the version and its time and actor."""
    return {
        name: value
        for name, value in contact.items()
        if name not in ("version", "updated_at", "updated_by", "updated_by_id")
    }


def test_alike_contacts_are_suggested_in_the_list_and_at_the_creation_of_a_third(pair: Pair) -> None:
    def suggested() -> list[Any]:
        pairs = pair.call("GET", "/contacts/duplicates")["items"]
        return [one for one in pairs if one["contact_ids"] == [pair.ada, pair.twin]]

    [found] = eventually(suggested)
    assert [(one["code"], one["detail"]) for one in found["reasons"]] == [
        ("same_phone", PHONE),
        ("like_name", "initial"),
    ]
    third = {"first_name": "Ada", "last_name": "Lovelace", "email": "third@example.com", "phone": PHONE}
    made = pair.call("POST", "/contacts?check_duplicates=true", third, 201)
    assert sorted(one["contact_ids"] for one in made["possible_duplicates"]) == [
        [made["id"], pair.ada],
        [made["id"], pair.twin],
    ]
    pair.call("DELETE", f"/contacts/{made['id']}", status=204)


def test_a_merged_contact_is_its_survivor_by_every_door_until_the_undo(pair: Pair) -> None:
    """Checks 28 and 107 through the gateway: what is merged answers as the survivor, and the undo brings all back."""
    paths = f"/contacts/{pair.ada}", f"/contacts/{pair.twin}"
    before = [values(pair.call("GET", path)) for path in paths]
    merge = {"survivor_id": pair.ada, "merged_ids": [pair.twin], "choices": {"company": pair.twin}}
    shown = pair.call("POST", "/contacts/merge", merge | {"dry_run": True})
    done = pair.call("POST", "/contacts/merge", merge)
    assert shown["id"] is None and done["changes"] == shown["changes"]
    assert values(done["contact"]) == values(shown["contact"])
    assert (done["contact"]["company"], done["contact"]["interaction_count"]) == ("Engines Ltd", 2)

    read = pair.live.api("GET", paths[1], token=pair.tenant.admin_token)
    assert (read.status, read.body["id"], read.headers["Content-Location"]) == (
        200,
        pair.ada,
        f"/v1{paths[0]}",
    )
    refused = pair.call("PATCH", paths[1], {"last_name": "King"}, 409)
    assert (refused["code"], refused["survivor_id"]) == ("merged", pair.ada)
    [listed] = pair.call("GET", f"/merges?contact_id={pair.twin}")["items"]
    assert (listed["id"], listed["state"]) == (done["id"], "done")

    book(pair.live, booking(pair.tenant.id, email="a@home.example"))
    eventually(lambda: pair.call("GET", paths[0])["total_bookings"] == 1)
    timeline = pair.call("GET", f"{paths[1]}/timeline?limit=100")["items"]
    described = {one["interaction"]["description"] for one in timeline if one["kind"] == "interaction"}
    assert {"first", "second"} < described and sum(one["kind"] == "booking" for one in timeline) == 1

    pair.call("POST", f"/merges/{done['id']}/undo")
    after = [values(pair.call("GET", path)) for path in paths]
    assert after[1] == before[1]
    changed = {name for name, value in after[0].items() if value != before[0][name]}
    assert after[0]["total_bookings"] == 1, "a booking after the merge stays with the survivor"
    assert changed <= {"total_bookings", "interaction_count", "last_booking_at", "last_contacted_at"}, changed
    twins = pair.wait_for_entries(
        f"&entity_id={pair.twin}",
        "contact.created", "interaction.created", "contact.merged", "contact.unmerged",
    )  # fmt: skip
    assert {one["data"]["survivor_id"] for one in twins[2:]} == {pair.ada}

    def agree() -> bool:
        with as_operator():
            differences = compare(
                pair.live.client("dynamodb"), pair.live.outputs["TableName"], pair.tenant.id
            )
        return differences == ({}, [])

    eventually(agree)
