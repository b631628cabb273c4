"""Merges by callers who see only their own contacts: what they learn of others, and what they may undo."""

from __future__ import annotations

from shared.domain.tenant import TenantSettings
from tests.integration.merges.merging import merge, undo
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.tokens import TokenIssuer
from tests.tenants import program

OWN = "contacts:read:own,contacts:write:own,contacts:merge:all"


def test_a_refused_merge_does_not_name_a_hidden_contact(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    world = World(aws_stack, token_issuer, TenantSettings(unique_scope="customer"))
    key = program("T1", OWN)
    customer = world.send("POST", "/customers", {"first_name": "Acme"}, token=key).json["id"]
    one = world.create("one@example.com", customer_id=customer, token=key)["id"]
    two = world.create("two@example.com", token=key)["id"]
    hidden = world.create("two@example.com", customer_id=customer)["id"]
    for dry_run in (True, False):
        body = {"survivor_id": one, "merged_ids": [two], "dry_run": dry_run}
        answer = world.send("POST", "/contacts/merge", body, token=key)
        assert (answer.status, answer.json["code"]) == (409, "duplicate") and hidden not in answer.text
        assert hidden in world.send("POST", "/contacts/merge", body).text


def test_a_merge_of_contacts_that_are_hidden_by_now_is_not_undone(world: World) -> None:
    """Neither the first undo nor a repeated one shows the survivor."""
    key = program("T1", OWN)
    one, two = (world.create(f"{name}@example.com", token=key)["id"] for name in ("one", "two"))
    made = merge(world, one, two, token=key)["id"]
    changed = world.send("PATCH", f"/contacts/{one}", {"owner_id": None, "first_name": "Secret"})
    assert changed.status == 200, changed.text
    for token in (key, None, key):
        answer = world.send("POST", f"/merges/{made}/undo", token=token)
        assert (answer.status == 200) == (token is None)
        assert ("Secret" in answer.text) == (token is None)


def test_contacts_of_an_api_client_stay_its_own(world: World) -> None:
    """After an undo and after a restoration, as long as the client exists."""
    permissions = dict(one.rsplit(":", 1) for one in OWN.split(","))
    client = world.send("POST", "/api-clients", {"name": "Booking page", "permissions": permissions}).json
    one, two = (world.create(f"{name}@example.com", token=client["key"])["id"] for name in ("one", "two"))
    assert undo(world, merge(world, one, two)["id"])["undo"]["kept"] == []
    assert world.send("DELETE", f"/contacts/{one}").status == 204
    assert world.send("POST", f"/contacts/{one}/restore").status == 200
    for contact_id in (one, two):
        shown = world.send("GET", f"/contacts/{contact_id}", token=client["key"])
        assert (shown.status, shown.json["owner_id"]) == (200, client["id"])
    made = merge(world, one, two)["id"]
    assert world.send("DELETE", f"/api-clients/{client['id']}").status == 204
    assert {"field": "owner_id", "contact_id": two, "reason": "owner_removed"} in undo(world, made)["undo"][
        "kept"
    ]
