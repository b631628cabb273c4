"""Users: listing, changing and removing them, the rights for each, and that there is always an admin."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest

from shared.domain.accounts.claims import CLAIM_SECONDS, MembershipClaim
from shared.domain.accounts.removal import HandoverPlan
from shared.domain.callers import Caller
from shared.domain.errors import AddressInUse
from shared.domain.ids import new_id
from shared.domain.stamp import Stamp
from shared.table.accounts import users as table_of_users
from shared.table.accounts.users import UserTable
from shared.table.keys import accounts as account_keys
from shared.wiring.accounts import onboarding_service, user_pool
from shared.wiring.base import store
from tests.integration.accounts.directory import accept, assert_whole, change_item, invite, join, users_of
from tests.integration.world import World
from tests.support.faults import (
    Fault,
    call,
    calls_of,
    injecting,
    kill_points,
    lost_answer,
    throttle,
    unreachable,
)
from tests.support.gateway import Gateway
from tests.support.tenant_guard import acting_for, as_operator
from tests.support.transport import json_answer

Worlds = Callable[[], AbstractContextManager[World]]
ADMIN, USER, OTHER = "admin-of-T1", "user-of-T1", "other-of-T1"
WRITES = call("dynamodb", "TransactWriteItems")


def second_admin(world: World) -> str:
    """Makes the regular user an admin; gives the token."""
    assert world.send("PATCH", f"/users/{USER}", {"role": "admin"}).status == 200
    return world.t1.user


def test_users_are_listed_in_pages_and_narrowed(world: World) -> None:
    world.send("PATCH", f"/users/{OTHER}", {"is_active": False})
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = world.send("GET", "/users", query={"limit": 2, **cursor}, token=world.t1.user).json
        found += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        assert len(page["items"]) == 2
        cursor = {"cursor": page["next_cursor"]}
    assert found == sorted([ADMIN, USER, OTHER])
    for query, expected in (
        ({"role": "user"}, [OTHER, USER]),
        ({"role": "admin"}, [ADMIN]),
        ({"is_active": "true"}, [ADMIN, USER]),
        ({"is_active": "false", "role": "user"}, [OTHER]),
        ({"is_active": "false", "role": "admin"}, []),
    ):
        assert [one["id"] for one in world.send("GET", "/users", query=query).json["items"]] == expected
    first = world.send("GET", "/users", query={"role": "user", "limit": 1}).json
    assert first["next_cursor"] and [one["id"] for one in first["items"]] == [OTHER]
    rest = world.send(
        "GET", "/users", query={"role": "user", "limit": 1, "cursor": first["next_cursor"]}
    ).json
    assert ([one["id"] for one in rest["items"]], rest["next_cursor"]) == ([USER], None)
    # A cursor belongs to its list.
    assert world.send("GET", "/users", query={"cursor": first["next_cursor"]}).status == 400


def test_users_change_their_own_names_and_an_admin_the_rest(world: World) -> None:
    """check 52"""
    mine = world.send("PATCH", f"/users/{USER}", {"first_name": "Ada"}, token=world.t1.user)
    assert (mine.status, mine.json["first_name"], mine.headers["ETag"]) == (200, "Ada", '"2"')
    for path, body in (
        (USER, {"role": "admin"}),
        (USER, {"is_active": True}),
        (USER, {"first_name": "X", "role": "user"}),
        (OTHER, {"first_name": "X"}),
        (ADMIN, {"role": "user"}),
    ):
        answer = world.send("PATCH", f"/users/{path}", body, token=world.t1.user)
        assert (answer.status, answer.json["detail"]) == (
            403,
            "Insufficient permissions: tenant:admin required",
        )
    assert world.send("DELETE", f"/users/{USER}", token=world.t1.user).status == 403
    assert (
        world.send("PATCH", f"/users/{USER}", {"role": "admin", "last_name": "King"}).json["role"] == "admin"
    )
    assert world.send("PATCH", f"/users/{USER}", {"first_name": None}).json["first_name"] == ""
    assert_whole(world)


def test_a_program_with_the_right_manages_users_but_is_none_itself(world: World) -> None:
    assert world.send("PATCH", f"/users/{USER}", {"role": "admin"}, token=world.t1.program).status == 200
    assert world.send("DELETE", f"/users/{USER}", token=world.t1.program).status == 204
    answer = world.send("DELETE", f"/users/{ADMIN}", token=world.t1.program)
    assert (answer.status, answer.json["code"]) == (409, "last_admin")
    with as_operator():
        own = onboarding_service().add_api_client("T1", "own", "tenant:admin:own,contacts:read:all")
        blind = onboarding_service().add_api_client("T1", "blind", "tenant:admin:all")
    assert world.send("GET", f"/users/{OTHER}", token=blind).status == 403
    assert world.send("PATCH", f"/users/{OTHER}", {"first_name": "X"}, token=blind).status == 403
    assert world.send("PATCH", f"/users/{USER}", {"role": "admin"}, token=own).status == 404
    assert world.send("PATCH", f"/users/{OTHER}", {"role": "admin"}, token=own).status == 403


@pytest.mark.parametrize(
    "body",
    [
        {"role": None},
        {"role": "owner"},
        {"role": "client"},
        {"is_active": None},
        {"is_active": "yes?"},
        {"username": "x@example.com"},
        {"email": "x@example.com"},
        {"id": "x"},
        {"version": 9},
        {"tenant_id": "T10"},
        {"first_name": "x" * 101},
        {"first_name": "a\0b"},
    ],
)
def test_what_is_not_to_be_changed_so_is_refused(world: World, body: dict[str, Any]) -> None:
    """check 53"""
    before = world.content.picture()
    assert world.send("PATCH", f"/users/{USER}", body).status == 422
    assert world.content.picture() == before


def test_a_change_is_made_to_the_state_it_was_meant_for(world: World) -> None:
    """check 25"""
    stale, right = {"If-Match": '"9"'}, {"If-Match": '"1"'}
    assert world.send("PATCH", f"/users/{USER}", {"role": "admin"}, headers=stale).status == 412
    assert world.send("DELETE", f"/users/{USER}", headers=stale).status == 412
    assert world.send("PATCH", f"/users/{USER}", {"role": "admin"}, headers=right).status == 200
    unchanged = world.send("PATCH", f"/users/{USER}", {"role": "admin"})
    assert (unchanged.status, unchanged.json["version"]) == (200, 2)


TAKE_AWAY: dict[str, tuple[str, dict[str, Any] | None]] = {
    "demoted": ("PATCH", {"role": "user"}),
    "disabled": ("PATCH", {"is_active": False}),
    "removed": ("DELETE", None),
}


@pytest.mark.parametrize("how", TAKE_AWAY)
def test_the_last_active_admin_stays(world: World, how: str) -> None:
    method, body = TAKE_AWAY[how]
    before = world.content.picture()
    answer = world.send(method, f"/users/{ADMIN}", body)
    assert (answer.status, answer.json["code"]) == (409, "last_admin")
    assert world.content.picture() == before
    # Neither an admin who cannot sign in nor an admin of another tenant counts.
    world.tenant("T10")
    second_admin(world)
    world.send("PATCH", f"/users/{USER}", {"is_active": False})
    assert world.send(method, f"/users/{ADMIN}", body).json["code"] == "last_admin"
    world.send("PATCH", f"/users/{USER}", {"is_active": True})
    assert world.send(method, f"/users/{ADMIN}", body).status < 300
    assert_whole(world, "T1", "T10")


@pytest.mark.parametrize(("one", "other"), list(product(TAKE_AWAY, repeat=2)))
def test_of_two_admins_who_demote_each_other_at_once_one_stays(world: World, one: str, other: str) -> None:
    token = second_admin(world)

    def take_away(how: str, user_id: str, by: str) -> Callable[[], int]:
        method, body = TAKE_AWAY[how]
        return lambda: world.racing.request(method, f"/users/{user_id}", json=body, token=by).status

    statuses = world.racing.together([take_away(one, USER, world.t1.admin), take_away(other, ADMIN, token)])
    assert sorted(status // 100 for status in statuses) == [2, 4] and 409 in statuses
    assert sum(user.is_active_admin for user in users_of(world).values()) == 1
    assert_whole(world)


def test_of_eight_admins_demoted_at_once_one_is_left(world: World) -> None:
    with as_operator():
        for number in range(7):
            onboarding_service().add_member(f"a{number}", "T1", "admin", f"a{number}@example.com")
    ids = [ADMIN, *(f"a{number}" for number in range(7))]
    statuses = world.racing.together(
        [
            lambda one=one: (
                world.racing.request(  # type: ignore[misc]
                    "PATCH", f"/users/{one}", json={"role": "user"}, token=world.t1.program
                ).status
            )
            for one in ids
        ]
    )
    assert set(statuses) <= {200, 409, 503}
    assert sum(user.is_active_admin for user in users_of(world).values()) == 1 + statuses.count(503)
    assert_whole(world)


def test_what_is_taken_of_rights_is_gone_within_a_minute(world: World) -> None:
    """check 57"""
    moment = [0.0]
    gateway = Gateway(world.stack.template, cached=True, clock=lambda: moment[0])
    second_admin(world)

    def status(method: str, path: str, body: Any = None) -> int:
        return gateway.request(method, path, json=body, token=world.t1.user).status

    rename = ("PATCH", f"/users/{OTHER}", {"first_name": "X"})
    assert status(*rename) == 200
    world.send("PATCH", f"/users/{USER}", {"role": "user"})
    moment[0] += 60.0
    assert status(*rename) == 403 and status("GET", "/contacts") == 200
    world.send("PATCH", f"/users/{USER}", {"is_active": False})
    moment[0] += 60.0
    assert status("GET", "/contacts") == 401
    world.send("PATCH", f"/users/{USER}", {"is_active": True})
    moment[0] += 60.0
    assert status("GET", "/contacts") == 200
    world.send("DELETE", f"/users/{USER}")
    moment[0] += 60.0
    assert status("GET", "/contacts") == 401


def test_a_removed_user_is_gone_from_the_pool_too_and_can_be_invited_again(world: World) -> None:
    made = join(world)
    pool = user_pool()
    assert pool is not None
    assert world.send("GET", "/contacts", token=world.issuer.make_token(made["id"])).status == 200
    assert world.send("DELETE", f"/users/{made['id']}").status == 204
    assert world.send("GET", f"/users/{made['id']}").status == 404
    assert world.send("GET", "/contacts", token=world.issuer.make_token(made["id"])).status == 401
    again = join(world)
    assert again["id"] != made["id"], "another sub: the pool knew nobody of this name any more"
    assert_whole(world)


def denied() -> Fault:
    """Cognito refuses for good."""
    return Fault(
        "denied",
        lambda attempt, _: json_answer(attempt, 400, {"__type": "AccessDeniedException", "message": "no"}),
        call("cognito-idp", "AdminDeleteUser"),
    )


@pytest.mark.parametrize("fault", [lambda: unreachable(call("cognito-idp")), denied])
def test_a_pool_that_is_away_or_refuses_does_not_stop_a_removal(
    world: World, fault: Callable[[], Fault], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = join(world)
    began = time.time()
    with injecting(fault()):
        assert world.send("DELETE", f"/users/{made['id']}").status == 204
    # A person who can sign in but belongs to no tenant is admitted nowhere. A late removal would delete the person's
    # new sign-in, so they can only become a user again once no removal can be under way.
    assert world.send("GET", "/contacts", token=world.issuer.make_token(made["id"])).status == 401
    token = invite(world)["token"]
    assert accept(world, token).json["code"] == "already_a_user"
    assert_whole(world)
    with as_operator():
        look_up = world.content.of(f"U#{made['id']}")[0]
        assert began - 1 < int(look_up["expires_at"]["N"]) - CLAIM_SECONDS <= time.time()
    change_item(world, account_keys.membership(made["id"]), expires_at={"N": "1"})
    assert accept(world, token).json["id"] == made["id"]
    assert_whole(world)


def test_who_is_removed_can_register_at_once(world: World) -> None:
    made = join(world)
    assert world.send("DELETE", f"/users/{made['id']}").status == 204
    body = {"tenant_name": "Own", "email": "grace@example.com", "password": "Another horse 7"}
    answer = world.gateway.request("POST", "/auth/register", json=body)
    assert answer.status == 201 and answer.json["user"]["id"] != made["id"]
    assert_whole(world, "T1", answer.json["tenant"]["id"])


def test_removing_a_user_takes_nothing_from_the_present_owner_of_the_address(world: World) -> None:
    """The holder of a token can delete their own user of the pool, and then the address is free."""
    made = join(world)
    with as_operator():
        pool = world.stack.environment["USER_POOL_ID"]
        world.stack.client("cognito-idp").admin_delete_user(UserPoolId=pool, Username="grace@example.com")
    body = {"tenant_name": "Own", "email": "grace@example.com", "password": "Another horse 7"}
    owner = world.gateway.request("POST", "/auth/register", json=body)
    assert owner.status == 201 and owner.json["user"]["id"] != made["id"]
    assert world.send("DELETE", f"/users/{made['id']}").status == 204
    with as_operator():
        tokens = user_pool().sign_in("grace@example.com", "Another horse 7")  # type: ignore[union-attr]
    assert tokens.subject == owner.json["user"]["id"]
    assert_whole(world, "T1", owner.json["tenant"]["id"])


def test_more_users_than_are_read_at_once_are_all_looked_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_of_users, "MAX_USERS", 2)
    with as_operator():
        for number in range(5):
            onboarding_service().add_member(f"z{number}", "T1", "admin", f"z{number}@example.com")
        onboarding_service().add_member(ADMIN, "T1", "user", "admin@t1.example.com")
    assert_whole(world)
    token = world.issuer.make_token("z0")
    found = world.send("GET", "/users", query={"role": "admin"}, token=token).json
    assert [one["id"] for one in found["items"]] == [f"z{number}" for number in range(5)]
    page = world.send("GET", "/users", query={"role": "admin", "limit": 3}, token=token).json
    rest = world.send(
        "GET", "/users", query={"role": "admin", "cursor": page["next_cursor"]}, token=token
    ).json
    assert [one["id"] for one in [*page["items"], *rest["items"]]] == [f"z{number}" for number in range(5)]


def test_the_operator_can_add_a_user_who_was_just_removed(world: World) -> None:
    made = join(world)
    assert world.send("DELETE", f"/users/{made['id']}").status == 204
    with as_operator():
        onboarding_service().add_member(made["id"], "T1", "user", "grace@example.com")
    (look_up,) = world.content.of(f"U#{made['id']}")
    assert "expires_at" not in look_up and "claim" not in look_up
    assert_whole(world)


@pytest.mark.parametrize("how", TAKE_AWAY)
def test_a_change_that_is_killed_anywhere_is_made_or_not_and_can_be_made_again(
    worlds: Worlds, how: str
) -> None:
    """check 13"""
    method, body = TAKE_AWAY[how]

    def act(world: World) -> int:
        return world.send(method, f"/users/{ADMIN}", body, token=world.t1.program).status

    with worlds() as unharmed:
        second_admin(unharmed)
        points = kill_points(lambda: act(unharmed))
    assert len(points) >= 4
    for point in points:
        with worlds() as world:
            second_admin(world)
            assert point.kill(lambda: act(world)), point
            assert_whole(world)
            assert act(world) in (200, 204, 404)
            assert_whole(world)
            assert sum(user.is_active_admin for user in users_of(world).values()) == 1
            assert act(world) in (200, 404)


@pytest.mark.parametrize("how", TAKE_AWAY)
def test_a_lost_answer_or_a_throttle_counts_no_user_twice(world: World, how: str) -> None:
    """checks 10, 12"""
    method, body = TAKE_AWAY[how]
    second_admin(world)
    with injecting(lost_answer(WRITES)):
        assert world.send(method, f"/users/{ADMIN}", body, token=world.t1.program).status in (200, 204)
    assert_whole(world)
    with injecting(throttle(WRITES)):
        assert world.send("PATCH", f"/users/{OTHER}", {"role": "admin"}, token=world.t1.program).status == 200
    assert_whole(world)


def test_a_write_that_comes_through_twice_is_made_once(world: World) -> None:
    """Also without DynamoDB's own memory of it: the event is known."""
    caller = Caller("T1", "user", ADMIN, "admin")
    second_admin(world)
    with acting_for("T1", prefixes=("U#",)):
        table = UserTable(store(), "T1")
        before = table.get(USER)
        assert before is not None
        changed = before.change({"role": "user"}, stamp=Stamp.now(caller))
        assert changed is not None
        for _ in range(2):
            table.replace(before, *changed)
        gone = changed[0].delete(stamp=Stamp.now(caller))
        for _ in range(2):
            table.remove(changed[0], gone[1], MembershipClaim.block(USER, 0), HandoverPlan())
    assert_whole(world)


def test_check_94_events_name_the_caller_and_the_changes(world: World) -> None:
    world.send("PATCH", f"/users/{USER}", {"role": "admin", "first_name": "Ada"})
    world.send("DELETE", f"/users/{USER}")
    world.catch_up()
    told = world.content.of(f"T#T1#USER#{USER}", "EVENT#")
    assert [one["type"]["S"] for one in told] == ["user.updated", "user.deleted"]
    assert {one["actor"]["S"] for one in told} == {f"user:{ADMIN}"}
    assert told[0]["changes"]["S"] == '{"role":["user","admin"],"first_name":[null,"Ada"]}'
    published = [one for one in world.published() if one["type"].startswith("user.")]
    assert [(one["type"], one["entity_id"]) for one in published] == [
        ("user.updated", USER),
        ("user.deleted", USER),
    ]
    assert "example.com" not in str(published)


def test_a_look_up_keeps_what_others_put_there(world: World) -> None:
    change_item(world, account_keys.membership(USER), registration={"S": "half"})
    world.send("PATCH", f"/users/{USER}", {"is_active": False})
    (look_up,) = world.content.of(f"U#{USER}")
    assert (look_up["registration"]["S"], look_up["disabled"]["BOOL"]) == ("half", True)


def test_a_look_up_of_another_tenant_is_not_touched(world: World, waits: list[float]) -> None:
    """check 49: the record is the tenant's own, but the look-up is not."""
    change_item(world, account_keys.membership(USER), tenant_id={"S": "T10"})
    before = world.content.picture()
    assert world.send("PATCH", f"/users/{USER}", {"role": "admin"}).json["code"] == "concurrent_change"
    assert world.send("DELETE", f"/users/{USER}").json["code"] == "concurrent_change"
    assert world.content.picture() == before and waits


# By the operator


def test_the_operator_moves_and_demotes_members_freely(world: World) -> None:
    world.tenant("T10")
    with as_operator():
        door = onboarding_service()
        door.add_member(ADMIN, "T1", "user", "admin@t1.example.com")
        assert_whole(world, "T1", "T10")
        door.add_member(ADMIN, "T10", "admin", "new@example.com")
        assert_whole(world, "T1", "T10")
        assert ADMIN not in users_of(world) and users_of(world, "T10")[ADMIN].role == "admin"
        for _ in range(2):
            door.add_member(ADMIN, "T1", "admin", "admin@t1.example.com")
        assert_whole(world, "T1", "T10")
        with pytest.raises(AddressInUse):
            door.add_member(USER, "T1", "user", "admin@t1.example.com")
        with pytest.raises(ValueError, match="not a role"):
            door.add_member(USER, "T1", "client", "user@t1.example.com")
    assert_whole(world, "T1", "T10")


# Owners of contacts


def test_contacts_are_given_only_to_active_users_of_the_tenant(world: World) -> None:
    t10 = world.tenant("T10")
    made = world.create(owner_id=USER)
    contact = f"/contacts/{made['id']}"
    world.send("PATCH", f"/users/{OTHER}", {"is_active": False})
    for owner in (OTHER, "user-of-T10", new_id(), "U#admin-of-T1", "T#T1", "é", " ", "\u0000"):
        given = {"first_name": "Ada", "email": "x@example.com", "owner_id": owner}
        for method, path, body in (
            ("POST", "/contacts", given),
            ("PUT", contact, given),
            ("PATCH", contact, {"owner_id": owner}),
            ("POST", "/contacts/bulk-update", {"contact_ids": [made["id"]], "set": {"owner_id": owner}}),
        ):
            answer = world.send(method, path, body)
            assert answer.status == 422, (method, path, owner)
            (refused,) = answer.json["errors"]
            assert (refused["field"], refused["code"]) == ("owner_id", "unknown_owner")
        (entry,) = world.send("POST", "/contacts/bulk-create", {"contacts": [given]}).json["items"]
        assert entry["error"]["errors"][0]["code"] == "unknown_owner"
    assert world.send("GET", contact).json == made
    assert t10.id == "T10"


def test_an_owner_who_was_removed_stays_the_owner_when_a_contact_changes(world: World) -> None:
    made = world.create(owner_id=USER)
    assert world.send("DELETE", f"/users/{USER}").status == 204
    path = f"/contacts/{made['id']}"
    assert world.send("PATCH", path, {"owner_id": USER, "company": "X"}).json["owner_id"] == USER
    whole = {"first_name": "A", "email": made["email"], "owner_id": USER}
    assert world.send("PUT", path, whole).json["owner_id"] == USER
    moved = {"filter": {"owner_id": USER}, "set": {"owner_id": OTHER}}
    world.catch_up()
    assert world.send("POST", "/contacts/bulk-update", moved).json["succeeded"] == 1
    assert world.send("GET", path).json["owner_id"] == OTHER


def test_an_owner_is_looked_up_once_and_only_where_it_may_be_unknown(world: World) -> None:
    made = world.create()
    path = f"/contacts/{made['id']}"

    def calls(method: str, target: str, body: dict[str, Any]) -> int:
        return len(calls_of(lambda: world.send(method, target, body), call("dynamodb")))

    plain = calls("PATCH", path, {"company": "1"})
    assert calls("PATCH", path, {"company": "2", "owner_id": ADMIN}) == plain
    assert calls("PATCH", path, {"company": "3", "owner_id": None}) == plain
    # Whether there is such a user, and the name under which the contact's owner is shown.
    assert calls("PATCH", path, {"company": "4", "owner_id": USER}) == plain + 2
    assert calls("PATCH", path, {"company": "5", "owner_id": USER}) == plain
    person = [{"first_name": "A", "email": f"{number}@example.com"} for number in range(6)]
    none = calls("POST", "/contacts/bulk-create", {"contacts": person[:3]})
    given = [{**one, "owner_id": USER} for one in person[3:]]
    assert calls("POST", "/contacts/bulk-create", {"contacts": given}) == none + 1


@pytest.mark.parametrize("sub", ["auth0|one", "https://id.example.com/users/1?x=#y", "a b+c%41", "a/b"])
def test_a_user_of_another_issuer_is_found_under_the_encoded_id(world: World, sub: str) -> None:
    """OpenID Connect Core 1.0, section 2: what a subject looks like is the issuer's affair."""
    with as_operator():
        onboarding_service().add_member(sub, "T1", "user", "one@example.com")
    path = f"/users/{quote(sub, safe='')}"
    assert world.send("GET", path).json["id"] == sub
    assert world.send("PATCH", path, {"is_active": False}).json["is_active"] is False
    assert world.send("DELETE", path).status == 204
    assert world.send("GET", path).status == 404
