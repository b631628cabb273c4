"""The feed over the gateway: from changes to pages, for each kind of caller, and under odd parameters."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.ids import new_id
from shared.domain.tenant import TenantSettings
from shared.services.contacts.purge import Purge
from shared.wiring.contacts import purge_table
from tests.integration.world import World
from tests.support.tenant_guard import acting_for_system
from tests.tenants import Tenancy, program, settle


def read(world: World, token: str | None = None, **query: Any) -> dict[str, Any]:
    answer = world.send("GET", "/events", query=query, token=token)
    assert answer.status == 200, answer.text
    page: dict[str, Any] = answer.json
    return page


def kinds(page: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["type"], one["entity_id"]) for one in page["items"]]


def test_changes_are_in_the_feed_in_order_with_what_changed(world: World) -> None:
    contact = world.create("ada@example.com")
    world.send("PATCH", f"/contacts/{contact['id']}", {"company": "Engines"})
    note = world.send("POST", f"/contacts/{contact['id']}/notes", {"body": "Prefers mornings."}).json
    world.send("DELETE", f"/contacts/{contact['id']}")
    assert read(world) == {"items": [], "next_after": 0, "has_more": False}  # nothing is published yet
    world.catch_up()
    page = read(world)
    assert [one["type"] for one in page["items"]][:2] == ["contact.created", "contact.updated"]
    assert [one["version"] for one in page["items"]] == list(range(1, len(page["items"]) + 1))
    assert [one["position"] for one in page["items"]] == list(range(1, page["next_after"] + 1))
    created, updated, noted = page["items"][:3]
    assert created["changes"]["email"] == {"old": None, "new": "ada@example.com"}
    assert updated["changes"] == {"company": {"old": None, "new": "Engines"}}
    assert (updated["source"], updated["actor"]) == ("api", "user:admin-of-T1")
    assert noted["data"]["note_id"] == note["id"]
    one = world.send("GET", f"/events/{updated['id']}")
    assert (one.status, one.json) == (200, updated)
    again = read(world, after=page["next_after"])
    assert again == {"items": [], "next_after": page["next_after"], "has_more": False}
    assert kinds(read(world, type="contact.deleted,note.*", entity_id=contact["id"]))[0][0] == "note.created"
    assert kinds(read(world, actor_id="nobody")) == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"after": "-1"}, 422, "greater_than_equal"),
        ({"after": "1e3"}, 422, None),
        ({"after": "x"}, 422, None),
        ({"after": ""}, 422, None),
        ({"after": "9" * 5_000}, 422, None),
        ({"after": str(2**53)}, 422, "less_than_equal"),
        ({"after": str(2**53 - 1)}, 400, "unknown_position"),
        ({"after": "1"}, 400, "unknown_position"),
        ({"limit": "0"}, 422, "greater_than_equal"),
        ({"limit": "101"}, 422, "less_than_equal"),
        ({"type": "contact.forgotten"}, 422, "unknown_event_type"),
        ({"type": "contact.created,"}, 422, "unknown_event_type"),
        ({"type": "*,nothing.*"}, 422, "unknown_event_type"),
        ({"type": ""}, 422, "unknown_event_type"),
        ({"type": "contact.created," * 200}, 422, None),
        ({"type": "group.member_added"}, 422, "unknown_event_type"),
        ({"type": "contact.*,group.member_removed"}, 422, "unknown_event_type"),
        ({"entity": "contacts"}, 422, "unknown_entity"),
        ({"entity": "interaction"}, 422, "unknown_entity"),
        ({"entity": ""}, 422, "unknown_entity"),
        ({"entity_id": ""}, 422, None),
        ({"entity": "x" * 65}, 422, None),
        ({"from": "yesterday"}, 422, "time"),
        ({"cursor": "x"}, 422, None),
        ({"tenant_id": "T10"}, 422, None),
        ({"from": "9999-12-31"}, 200, None),
        ({"to": "1970-01-01"}, 200, None),
        ({"from": "2031-01-02", "to": "2031-01-01"}, 200, None),
        ({"type": "*", "entity": "contact", "entity_id": "T#T10#C#1"}, 200, None),
    ],
    ids=lambda part: str(part)[:40],
)
def test_odd_parameters_are_refused_or_find_nothing(
    world: World, query: dict[str, str], status: int, code: str | None
) -> None:
    answer = world.send("GET", "/events", query=query)
    assert answer.status == status, answer.text
    if code is not None:
        assert code in {answer.json["code"], *(one["code"] for one in answer.json.get("errors", ()))}
    if status == 200:
        assert answer.json["items"] == []


def test_refusals_name_what_the_caller_may_write_or_needs(world: World) -> None:
    unknown = world.send("GET", "/events", query={"occurred_from": "2026-05-04"})
    assert unknown.json["detail"].endswith("Did you mean `from`?")
    powerless = world.send("GET", "/events/start", token=world.t1.powerless)
    assert powerless.json["detail"] == "Insufficient permissions: contacts:read or audit:read required"


def test_check_109_callers_at_level_own_read_the_entries_of_their_contacts(world: World) -> None:
    """A user of a tenant with visibility `owner`, and an API client, beside an admin of the same tenant."""
    t2 = settle(world.issuer, "T2", TenantSettings(visibility="owner"), events=False)
    own = world.create("own@example.com", token=t2.user)["id"]
    hidden = world.create("hidden@example.com", token=t2.other_user)["id"]
    world.send("POST", "/users/invitations", {"email": "new@example.com", "role": "user"}, token=t2.admin)
    world.catch_up()
    everything = read(world, t2.admin)
    assert {"contact.created", "user.invited"} <= {one["type"] for one in everything["items"]}
    mine = read(world, t2.user)
    assert kinds(mine) == [("contact.created", own)]
    assert (mine["next_after"], mine["has_more"]) == (everything["next_after"], False)
    # Given to another user, its entries are no longer shown, and to the other they are.
    (other,) = {
        one["changes"]["owner_id"]["new"] for one in everything["items"] if one["entity_id"] == hidden
    }
    world.send("PATCH", f"/contacts/{own}", {"owner_id": other}, token=t2.admin)
    world.catch_up()
    assert kinds(read(world, t2.user)) == []
    assert {entity_id for _, entity_id in kinds(read(world, t2.other_user))} == {own, hidden}
    event = next(one["id"] for one in everything["items"] if one["entity_id"] == hidden)
    answers = [world.send("GET", f"/events/{one}", token=t2.user) for one in (event, new_id())]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].json["detail"] == answers[1].json["detail"]


def test_the_audit_log_is_for_those_who_have_audit_read(world: World, t10: Tenancy) -> None:
    world.create("ada@example.com")
    world.create("foreign@example.com", token=t10.user)
    world.send("PATCH", "/settings", {"default_country": "GB"})
    world.catch_up()
    old = {"from": "2020-01-01"}
    archive = program("T1", "audit:read:all")
    assert [kind for kind, _ in kinds(read(world, archive, **old))] == ["tenant.updated"]
    assert len(read(world, **old)["items"]) == 2
    for token in (world.t1.user, program("T1", "contacts:read:all,tenant:admin:all")):
        refused = world.send("GET", "/events", query=old, token=token)
        assert (refused.status, refused.json["code"]) == (403, "permission_denied")
        assert [kind for kind, _ in kinds(read(world, token))] == ["contact.created"]


def test_of_a_purged_contact_the_entries_stay_without_values(world: World) -> None:
    """Its tombstone is the last one; nobody at level `own` sees them any longer."""
    contact = world.create("ada@example.com", token=world.t1.user)["id"]
    world.send("DELETE", f"/contacts/{contact}")
    world.catch_up()
    later = timestamps.plus(timestamps.now(), 31 * 86_400)
    with acting_for_system("DUE#", "T#"):
        assert Purge(purge_table(), now=lambda: later).run().purged == 1
    world.catch_up()
    entries = [one for one in read(world)["items"] if one["entity_id"] == contact]
    assert [one["type"] for one in entries] == ["contact.created", "contact.deleted", "contact.purged"]
    assert [one["changes"] is None for one in entries] == [True, True, False]
    assert "ada@example.com" not in world.send("GET", "/events").text
    owner = program("T1", "contacts:read:own", client_id="user-of-T1")
    assert kinds(read(world, owner)) == []


def test_the_start_of_a_replica_waits_for_the_sweep(world: World) -> None:
    world.create("ada@example.com")
    world.catch_up()
    start = world.send("GET", "/events/start")
    assert (start.status, start.json["position"]) == (200, 0)
    world.sweep()
    # The event is younger than what the sweep has checked.
    assert world.send("GET", "/events/start").json["position"] == 0
