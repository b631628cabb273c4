"""Reads the users and invitations in the table, and checks that they agree."""

from __future__ import annotations

import json
from typing import Any

from shared.domain.accounts.credentials import Membership
from shared.domain.accounts.user import User
from shared.table.accounts.directory import member_to_item
from shared.table.keys import accounts as account_keys
from shared.table.keys.spelling import Key
from shared.wiring.base import store
from tests.integration.accounts.accounts import Accounts
from tests.integration.world import World
from tests.support.gateway import Response
from tests.support.tenant_guard import as_operator

PASSWORD = "Correct horse 7"


def users_of(world: World, tenant_id: str = "T1") -> dict[str, User]:
    """The tenant's users by id."""
    rows = world.content.of(f"T#{tenant_id}#USERS$")
    found = [User.model_validate_json(row["user"]["S"]) for row in rows]
    return {one.id: one for one in found}


def assert_whole(world: World, *tenants: str) -> None:
    """Records, look-ups, locks and counters of tenants say the same."""
    content = world.content
    for tenant_id in tenants or ("T1",):
        users = users_of(world, tenant_id)
        open_ = [
            told
            for row in content.of(f"T#{tenant_id}#INVITATIONS")
            if (told := json.loads(row["invitation"]["S"]))["state"] == "open"
        ]
        look_ups = {
            row["PK"]["S"].removeprefix("U#"): (
                row["role"]["S"],
                row["username"]["S"],
                row["disabled"]["BOOL"],
            )
            for row in content.of("U#")
            if "claim" not in row and row["tenant_id"]["S"] == tenant_id
        }
        assert look_ups == {one.id: (one.role, one.username, not one.is_active) for one in users.values()}
        locks = {
            row["PK"]["S"]: (row.get("user_id") or row["invitation_id"])["S"]
            for row in content.of(f"T#{tenant_id}#USEREMAIL#")
        }
        holders = [(one.email, one.id) for one in users.values()]
        holders += [(one["email"], one["id"]) for one in open_]
        assert locks == {
            account_keys.user_email_lock(tenant_id, email)["PK"]["S"]: holder for email, holder in holders
        }
        (counter,) = content.of(f"T#{tenant_id}#USERS#COUNT")
        counted = {
            name: int(counter.get(name, {"N": "0"})["N"]) for name in ("members", "admins", "invitations")
        }
        assert counted == {
            "members": len(users),
            "admins": sum(one.is_active_admin for one in users.values()),
            "invitations": len(open_),
        }


def invite(world: World, email: str = "grace@example.com", role: str = "user", **how: Any) -> dict[str, Any]:
    """Return a new invitation, as its creator sees it."""
    answer = world.send("POST", "/users/invitations", {"email": email, "role": role}, **how)
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def accept(world: World, token: str, password: str = PASSWORD) -> Response:
    """Accept an invitation and return the answer."""
    return world.gateway.request(
        "POST", "/users/invitations/accept", json={"token": token, "password": password}
    )


def join(world: World, email: str = "grace@example.com", role: str = "user", **how: Any) -> dict[str, Any]:
    """Return a new user who was invited and has accepted."""
    answer = accept(world, invite(world, email, role, **how)["token"])
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def change_item(world: World | Accounts, key: Key, **attributes: Any) -> None:
    """Set attributes of an item of the table, as if something else had."""
    with as_operator():
        table = world.stack.client("dynamodb")
        item = table.get_item(TableName=world.stack.table_name, Key=key).get("Item", key)
        table.put_item(TableName=world.stack.table_name, Item={**item, **attributes})


def put_member(member: Membership) -> None:
    """Write a membership as the authorizer looks it up, whatever the user's record says."""
    with as_operator():
        store().put(member_to_item(member))
