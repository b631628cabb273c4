"""Merged contacts lead to their survivors: in chains, lists, bulk jobs, bookings, imports, webhooks and the feed."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.tenant import TenantSettings
from shared.services.contacts import entry_lists
from tests.gateway.feed.test_feed import kinds, read
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.imports.test_undo import counts, on_duplicate, undone
from tests.integration.merges.merging import merge, undo
from tests.integration.webhooks.test_records_in_events import payloads, subscribe
from tests.integration.webhooks.test_webhook_rights import Hooks
from tests.integration.world import World, booking
from tests.support.receiver import Receiver
from tests.tenants import Tenancy, settle

CALL = {"type": "call", "description": "A", "scheduled_follow_up": "2090-01-01T00:00:00Z"}


def contacts(world: World, *names: str, **how: Any) -> list[str]:
    return [world.create(f"{name}@example.com", **how)["id"] for name in names]


def shown(world: World, contact_id: str) -> dict[str, Any]:
    answer = world.send("GET", f"/contacts/{contact_id}")
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


# Chains, and survivors that are gone


def test_a_chain_of_merges_leads_to_its_end_in_one_step(world: World) -> None:
    first, second, last = contacts(world, "first", "second", "last")
    merges = [merge(world, second, first)["id"], merge(world, last, second)["id"]]
    assert shown(world, first)["id"] == shown(world, second)["id"] == last
    for one in (first, second):
        refused = world.send("PATCH", f"/contacts/{one}", {"company": "Engines"})
        assert (refused.status, refused.json["survivor_id"]) == (409, last)
    for merge_id, survivor in zip(reversed(merges), (second, first), strict=True):
        undo(world, merge_id)
        assert shown(world, first)["id"] == survivor


def test_with_its_survivor_a_merged_contact_is_gone_and_is_back(world: World) -> None:
    survivor, merged = contacts(world, "ada", "countess")
    merge(world, survivor, merged)
    assert world.send("DELETE", f"/contacts/{survivor}").status == 204
    assert world.send("GET", f"/contacts/{merged}").status == 404
    assert world.send("PATCH", f"/contacts/{merged}", {"company": "Engines"}).status == 404
    refused = world.send("POST", f"/contacts/{merged}/restore")
    assert (refused.status, refused.json["survivor_id"]) == (409, survivor)
    assert world.send("POST", f"/contacts/{survivor}/restore").status == 200
    assert shown(world, merged)["id"] == survivor


def test_a_call_that_is_repeated_after_a_merge_is_answered_as_before(world: World) -> None:
    (survivor,) = contacts(world, "ada")
    key = {"Idempotency-Key": "create"}
    given = {"first_name": "Countess", "email": "countess@example.com"}
    made = world.send("POST", "/contacts", given, headers=key)
    note = {"Idempotency-Key": "note"}
    path = f"/contacts/{made.json['id']}/notes"
    written = world.send("POST", path, {"body": "A"}, headers=note)
    merge(world, survivor, made.json["id"])
    again = world.send("POST", "/contacts", given, headers=key)
    assert (again.status, again.json) == (201, made.json)
    again = world.send("POST", path, {"body": "A"}, headers=note)
    assert (again.status, again.json) == (201, written.json)


def test_a_bulk_call_by_filter_passes_over_what_was_merged_since_the_index_was_written(world: World) -> None:
    survivor, merged = contacts(world, "ada", "countess")
    world.catch_up()
    merge(world, survivor, merged)
    answer = world.send("POST", "/contacts/bulk-update", {"filter": {"is_active": True}, "add_tags": ["vip"]})
    assert [(one["id"], one["status"]) for one in answer.json["items"]] == [(survivor, 200)]
    assert shown(world, survivor)["tags"] == ["vip"]


# Lists of all contacts' entries


@pytest.fixture
def owners(world: World) -> Tenancy:
    """A tenant whose users see only their own contacts."""
    return settle(world.issuer, "T2", TenantSettings(visibility="owner"), events=False)


@pytest.mark.parametrize(("few", "most"), [(10, 10_000), (0, 10_000), (0, 0)])
def test_entries_of_merged_contacts_are_listed_as_those_of_survivors(
    world: World, owners: Tenancy, monkeypatch: pytest.MonkeyPatch, few: int, most: int
) -> None:
    """To callers who may see the survivor: from the timelines of few contacts, by the index of own contacts, and
    where that is too long to read.
    """
    monkeypatch.setattr(entry_lists, "MAX_FEW", few)
    monkeypatch.setattr(entry_lists, "MAX_OWN", most)
    (survivor,) = contacts(world, "ada", token=owners.user)
    first, second = contacts(world, "first", "second", token=owners.other_user)
    recorded = [
        world.send("POST", f"/contacts/{one}/interactions", CALL, token=owners.admin).json["id"]
        for one in (survivor, first, second)
    ]
    merge(world, first, second, token=owners.admin)
    merge(world, survivor, first, token=owners.admin)
    world.catch_up()
    for path, query in (
        ("/interactions", {}),
        ("/follow-ups", {}),
        ("/follow-ups", {"owner_id": "user-of-T2"}),
    ):
        found = {
            token: world.send("GET", path, query={**query, "include_total": "true"}, token=token).json
            for token in (owners.admin, owners.user, owners.other_user)
        }
        assert found[owners.admin]["total"] == found[owners.user]["total"] == len(recorded)
        for token in (owners.admin, owners.user):
            assert {one["contact_id"] for one in found[token]["items"]} == {survivor}
            if path == "/interactions":
                assert {one["id"] for one in found[token]["items"]} == {*recorded}
        assert found[owners.other_user]["items"] == []
    assert world.send("DELETE", f"/contacts/{survivor}", token=owners.admin).status == 204
    world.catch_up()
    assert world.send("GET", "/interactions", token=owners.admin).json["items"] == []


def test_bookings_of_merged_contacts_are_listed_as_those_of_survivors(world: World) -> None:
    survivor, merged = contacts(world, "ada", "countess")
    world.post_booking(booking(invitee_email="countess@example.com", booking_id="b-1"))
    world.bookings.pump()
    merge(world, survivor, merged)
    world.catch_up()
    assert [(one["id"], one["contact_id"]) for one in world.send("GET", "/bookings").json["items"]] == [
        ("b-1", survivor)
    ]


# What comes from elsewhere: bookings and files


def test_a_booking_under_a_merged_contact_s_address_is_the_survivor_s(world: World) -> None:
    survivor, merged = contacts(world, "ada", "countess")
    merge(world, survivor, merged)
    world.post_booking(booking(invitee_email="countess@example.com"))
    world.bookings.pump()
    assert world.dead_bookings() == []
    assert shown(world, survivor)["total_bookings"] == 1
    assert len(world.content.live) == 1


@pytest.mark.parametrize(
    ("match_on", "file"),
    [
        ("email", "Id,Company\n{merged},Engines\n"),
        ("email", "Email,Company\ncountess@example.com,Engines\n"),
        ("phone", "Phone,Company\n+1 415 555 0132,Engines\n"),
    ],
)
def test_a_row_of_an_import_leads_to_the_survivor(world: World, match_on: str, file: str) -> None:
    (survivor,) = contacts(world, "ada")
    (merged,) = contacts(world, "countess", phone="+14155550132")
    merge(world, survivor, merged)
    world.catch_up()
    folder = DropFolder(world)
    defaults = {"on_duplicate": "update", "match_on": match_on}
    assert world.send("PATCH", "/settings", {"import_defaults": defaults}).status == 200
    (row,) = folder.results(folder.run(file.format(merged=merged)))
    assert (row["outcome"], row["contact_id"]) == ("updated", survivor)
    assert shown(world, survivor)["company"] == "Engines"
    assert len(world.content.live) == 1


def test_the_undo_of_an_import_keeps_a_contact_that_was_merged_since(world: World) -> None:
    (survivor,) = contacts(world, "ada")
    (changed,) = contacts(world, "changed")
    inbox = DropFolder(world)
    on_duplicate(world, "update")
    made = inbox.run(
        "Email,Company\nfirst@example.com,Engines\nsecond@example.com,Engines\nchanged@example.com,Engines\n"
    )
    found = {one["email"]["S"]: one["id"]["S"] for one in world.content.live}
    merge(world, survivor, found["first@example.com"], changed)
    before = shown(world, survivor)
    report = undone(inbox, made["id"])
    assert report["counts"] == counts(removed=1, kept=2)
    assert {(one["contact_id"], one["reason"]) for one in report["kept"]} == {
        (found["first@example.com"], "merged"),
        (changed, "merged"),
    }
    assert shown(world, survivor) == before


# Webhooks and the feed


def test_a_webhook_with_full_records_receives_the_survivor(world: World, receiver: Receiver) -> None:
    hooks = Hooks(world, receiver)
    webhook = subscribe(hooks, "contact.merged", "note.created")
    survivor, merged = contacts(world, "ada", "countess")
    world.send("POST", f"/contacts/{merged}/notes", {"body": "A"})
    merge(world, survivor, merged)
    found = payloads(hooks, webhook)
    assert sorted((one["type"], one["data"]["id"]) for one in found) == [
        ("contact.merged", merged),
        ("note.created", merged),
    ]
    for one in found:
        assert one["data"]["record"] == shown(world, survivor)


def test_a_webhook_receives_events_of_merged_contacts_if_its_holder_sees_the_survivor(
    world: World, receiver: Receiver
) -> None:
    hooks = Hooks(world, receiver)
    rights = {"webhooks:manage": "all", "contacts:read": "own", "contacts:write": "own"}
    (owner, mine), (other, others) = hooks.client(rights), hooks.client(rights)
    webhooks = [hooks.subscribe(key, "contact.merged") for key in (mine, others)]
    for user_id in (owner, other):
        body = {
            "url": f"{receiver.url}/{user_id}",
            "events": ["contact.merged"],
            "filter": {"owner_id": user_id},
        }
        answer = world.send("POST", "/webhooks", body)
        assert answer.status == 201, answer.text
        webhooks.append(answer.json)
    (survivor,), (merged,) = contacts(world, "ada", token=mine), contacts(world, "countess", token=others)
    merge(world, survivor, merged)
    assert [hooks.came(one) for one in webhooks] == [[("contact.merged", merged)], []] * 2


def test_callers_at_level_own_read_the_entries_of_what_was_merged_into_their_contacts(
    world: World, owners: Tenancy
) -> None:
    (survivor,) = contacts(world, "ada", token=owners.user)
    (merged,) = contacts(world, "countess", token=owners.other_user)
    merge(world, survivor, merged, token=owners.admin)
    world.catch_up()
    assert kinds(read(world, owners.other_user)) == []
    assert set(kinds(read(world, owners.user))) == {
        ("contact.created", survivor),
        ("contact.created", merged),
        ("contact.merged", merged),
        ("contact.updated", survivor),
    }
