"""Invitations: one for each address, accepted once, by the holder of the token, whatever fails on the way."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from moto.sesv2.models import sesv2_backends

from shared.domain import timestamps
from shared.domain.accounts.claims import CLAIM_SECONDS
from shared.domain.accounts.invitation import MAX_OPEN, Acceptance, InvitationToken
from shared.domain.accounts.user import MAX_USERS
from shared.domain.errors import SignInRefused
from shared.domain.ids import new_id
from shared.services.idempotency import LEASE_SECONDS
from shared.table import idempotency
from shared.table.keys import accounts as account_keys
from shared.wiring.accounts import acceptance_service, user_pool
from shared.wiring.kept import reset_wiring
from tests.integration.accounts.directory import (
    PASSWORD,
    accept,
    assert_whole,
    change_item,
    invite,
    join,
    users_of,
)
from tests.integration.world import World
from tests.support.aws import stack_in_moto
from tests.support.faults import (
    Fault,
    Killed,
    Matcher,
    any_call,
    call,
    calls_of,
    injecting,
    kill_before,
    kill_points,
    lost_answer,
    throttle,
    unreachable,
)
from tests.support.gateway import Response
from tests.support.lambda_context import ACCOUNT, REGION
from tests.support.template import Template
from tests.support.tenant_guard import inferring_tenant
from tests.support.tokens import TokenIssuer
from tests.support.transport import Attempt, Send

Worlds = Callable[[], AbstractContextManager[World]]
INVITATIONS = "/users/invitations"
GRACE = "grace@example.com"
WRITES = call("dynamodb", "TransactWriteItems")


def can_sign_in(username: str = GRACE, password: str = PASSWORD) -> bool:
    pool = user_pool()
    assert pool is not None
    try:
        pool.sign_in(username, password)
    except SignInRefused:
        return False
    return True


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets days pass."""

    def pass_(days: float) -> None:
        now = timestamps.plus(timestamps.now(), days * 86_400)
        monkeypatch.setattr(timestamps, "now", lambda: now)

    return pass_


# Made, shown, taken back


def test_an_invitation_shows_its_token_once_and_keeps_a_hash(world: World) -> None:
    """check 54"""
    answer = world.send(
        "POST", INVITATIONS, {"email": " Grace@Example.com", "role": "user", "first_name": "Grace"}
    )
    assert answer.status == 201
    made = answer.json
    assert answer.headers["Location"] == f"/v1/users/invitations/{made['id']}"
    token = InvitationToken.parse(made.pop("token"))
    assert token is not None and (token.tenant_id, token.invitation_id) == ("T1", made["id"])
    assert made.pop("emailed") is False
    assert (made["email"], made["state"], made["version"]) == (GRACE, "open", 1)
    assert made["expires_at"] == timestamps.plus(made["created_at"], 7 * 86_400)
    assert world.send("GET", f"{INVITATIONS}/{made['id']}").json == made
    assert world.send("GET", INVITATIONS).json["items"] == [made]
    kept = str(world.content.items)
    assert token.secret not in kept and hashlib.sha256(token.secret.encode()).hexdigest() in kept
    assert_whole(world)


def test_an_address_has_one_invitation_or_one_user(world: World) -> None:
    """check 42"""
    made = invite(world)
    for email in (GRACE, "GRACE@example.com", "<grace@EXAMPLE.COM>"):
        answer = world.send("POST", INVITATIONS, {"email": email, "role": "admin"})
        assert (answer.status, answer.json["code"]) == (409, "duplicate")
        assert answer.json["errors"][0] == {
            "field": "email",
            "code": "duplicate",
            "message": "There is an invitation to this e-mail address.",
            "invitation_id": made["id"],
        }
    user = accept(world, made["token"]).json
    answer = world.send("POST", INVITATIONS, {"email": GRACE, "role": "user"})
    assert answer.status == 409 and answer.json["errors"][0]["user_id"] == user["id"]
    # Each tenant has its own.
    assert invite(world, token=world.tenant("T10").admin)["email"] == GRACE
    assert_whole(world, "T1", "T10")


def test_of_invitations_to_one_address_at_once_one_is_made(world: World) -> None:
    """check 22, for users"""

    def send() -> Response:
        return world.racing.request(
            "POST", INVITATIONS, json={"email": GRACE, "role": "user"}, token=world.t1.admin
        )

    statuses = [one.status for one in world.racing.together([send] * 6)]
    assert statuses.count(201) == 1 and set(statuses) <= {201, 409, 503}
    assert_whole(world)


def test_a_revoked_invitation_is_gone_and_its_address_free(world: World) -> None:
    made = invite(world)
    assert world.send("DELETE", f"{INVITATIONS}/{made['id']}").status == 204
    assert world.send("GET", f"{INVITATIONS}/{made['id']}").status == 404
    assert world.send("DELETE", f"{INVITATIONS}/{made['id']}").status == 404
    assert accept(world, made["token"]).status == 404
    invite(world)
    assert_whole(world)


def test_another_token_is_the_death_of_the_one_before(world: World, later: Callable[[float], None]) -> None:
    made = invite(world)
    later(5)
    again = world.send("POST", f"{INVITATIONS}/{made['id']}/resend").json
    assert (again["id"], again["version"]) == (made["id"], 2)
    assert again["token"] != made["token"] and again["expires_at"] > made["expires_at"]
    assert accept(world, made["token"]).status == 404
    assert accept(world, again["token"]).status == 201
    for method, path in (("POST", "/resend"), ("DELETE", "")):
        answer = world.send(method, f"{INVITATIONS}/{made['id']}{path}")
        assert (answer.status, answer.json["code"]) == (409, "already_accepted")
    assert_whole(world)


def test_only_admins_manage_invitations(world: World) -> None:
    """check 52"""
    made = invite(world, token=world.t1.program)
    one = f"{INVITATIONS}/{made['id']}"
    for token in (world.t1.user, world.t1.powerless):
        for method, path, body in (
            ("GET", INVITATIONS, None),
            ("POST", INVITATIONS, {"email": "x@example.com", "role": "user"}),
            ("GET", one, None),
            ("DELETE", one, None),
            ("POST", f"{one}/resend", None),
        ):
            assert world.send(method, path, body, token=token).status == 403


@pytest.mark.parametrize(
    "body",
    [
        {"email": "nobody", "role": "user"},
        {"email": GRACE},
        {"email": GRACE, "role": "client"},
        {"email": GRACE, "role": "user", "tenant_id": "T10"},
        {"email": GRACE, "role": "user", "token": "x"},
        {"email": GRACE, "role": "user", "state": "accepted"},
    ],
)
def test_an_invitation_that_is_none_is_refused(world: World, body: dict[str, Any]) -> None:
    """check 53"""
    before = world.content.picture()
    assert world.send("POST", INVITATIONS, body).status == 422
    assert world.content.picture() == before


def test_an_expired_invitation_makes_room(world: World, later: Callable[[float], None]) -> None:
    old = invite(world)
    change_item(world, account_keys.user_count("T1"), invitations={"N": str(MAX_OPEN)})
    full = world.send("POST", INVITATIONS, {"email": "x@example.com", "role": "user"})
    assert (full.status, full.json["code"]) == (409, "too_many_open_invitations")
    later(7)
    expired = accept(world, old["token"])
    assert (expired.status, expired.json["code"]) == (409, "invitation_expired")
    # The address can be invited again, and so can others.
    assert invite(world)["id"] != old["id"]
    later(8)
    invite(world, "x@example.com")
    change_item(world, account_keys.user_count("T1"), invitations={"N": "1"})
    assert_whole(world)


# E-mailed


@pytest.fixture
def mailing(template: Template, token_issuer: TokenIssuer) -> Any:
    with stack_in_moto(
        template,
        token_issuer,
        MAIL_FROM="team@example.com",
        INVITATION_URL="https://app.example.com/join?a=1",
    ) as stack:
        stack.client("sesv2").create_email_identity(EmailIdentity="team@example.com")
        yield World(stack, token_issuer)


def test_a_token_is_e_mailed_where_there_is_a_sender(mailing: World) -> None:
    made = invite(mailing)
    assert made["emailed"] is True
    (sent,) = sesv2_backends[ACCOUNT][REGION].core_backend.sent_messages
    assert sent.destinations["ToAddresses"] == [GRACE]
    assert f"https://app.example.com/join?a=1&token={made['token']}\n" in sent.body
    assert accept(mailing, made["token"]).status == 201


@pytest.mark.parametrize("fault", [unreachable, throttle])
def test_an_e_mail_that_fails_loses_nothing(
    mailing: World, fault: Callable[..., Any], logs: io.StringIO
) -> None:
    with injecting(fault(call("sesv2"), times=None)):
        made = invite(mailing)
    assert made["emailed"] is False
    again = mailing.send("POST", f"{INVITATIONS}/{made['id']}/resend").json
    assert again["emailed"] is True
    assert accept(mailing, made["token"]).status == 404
    assert accept(mailing, again["token"]).status == 201
    assert "an invitation was not e-mailed" in logs.getvalue()


def test_logs_hold_no_address_and_no_token(mailing: World, logs: io.StringIO) -> None:
    """check 95"""
    made = invite(mailing)
    for token, password in (
        (made["token"] + "x", PASSWORD),
        (made["token"], "weak"),
        (made["token"], PASSWORD),
    ):
        accept(mailing, token, password)
    secret = made["token"].split("_", 3)[3]
    for hidden in (GRACE, "grace", secret, PASSWORD, "weak"):
        assert hidden not in logs.getvalue()


# Accepted


def test_who_accepts_is_a_user_and_signs_in(world: World) -> None:
    made = invite(world, role="admin")
    answer = accept(world, made["token"])
    user = answer.json
    assert answer.status == 201 and answer.headers["Location"] == f"/v1/users/{user['id']}"
    assert (user["username"], user["role"], user["is_active"], user["version"]) == (GRACE, "admin", True, 1)
    assert can_sign_in() and not can_sign_in(password="Another horse 7")
    assert world.send("GET", f"/users/{user['id']}", token=world.issuer.make_token(user["id"])).json == user
    told = world.send("GET", f"{INVITATIONS}/{made['id']}").json
    assert (told["state"], told["user_id"]) == ("accepted", user["id"])
    (row,) = world.content.of("T#T1#INVITATIONS")
    assert int(row["expires_at"]["N"]) > time.time() + 29 * 86_400
    (event,) = world.content.of(f"T#T1#USER#{user['id']}", "EVENT#")
    assert (event["type"]["S"], event["actor"]["S"]) == ("user.created", f"user:{user['id']}")
    assert made["id"] in event["data"]["S"]
    assert_whole(world)


def test_a_token_works_once(world: World) -> None:
    made = invite(world)
    assert accept(world, made["token"]).status == 201
    again = accept(world, made["token"], "Another horse 7")
    assert (again.status, again.json["code"]) == (409, "already_accepted")
    assert can_sign_in() and not can_sign_in(password="Another horse 7")
    assert_whole(world)


@pytest.mark.parametrize(
    "password",
    [
        "short Pw 7",
        "no digits In here",
        "no capitals 77",
        "NO SMALL ONES 77",
        " Correct horse 7",
        "ÉÉÉÉé7777777",
        "x",
    ],
)
def test_a_weak_password_is_refused_before_anything_is_done(world: World, password: str) -> None:
    token = invite(world)["token"]
    made: list[str] = calls_of(lambda: _is_refused(accept(world, token, password)), matching=any_call)
    assert made == []
    assert accept(world, token).status == 201


def _is_refused(answer: Response) -> None:
    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "weak_password"), answer.text


def test_a_token_changed_in_any_part_opens_nothing(world: World) -> None:
    world.tenant("T10")
    token = invite(world)["token"]
    other = invite(world, "other@example.com")["token"]
    kind, tenant, number, secret = token.split("_", 3)
    foreign = b"T10".hex()
    wrong = [
        f"{kind}_{foreign}_{number}_{secret}",
        f"{kind}_{b'T1#'.hex()}_{number}_{secret}",
        f"{kind}_{b'T1#C#x'.hex()}_{number}_{secret}",
        f"{kind}_{b'nobody'.hex()}_{number}_{secret}",
        f"{kind}__{number}_{secret}",
        f"{kind}_{tenant.upper()} _{number}_{secret}",
        f"{kind}_ff_{number}_{secret}",
        f"{kind}_{tenant}0_{number}_{secret}",
        f"{kind}_{tenant}_{other.split('_', 3)[2]}_{secret}",
        f"{kind}_{tenant}_{number.upper()}_{secret}",
        f"{kind}_{tenant}_{number[:-1]}_{secret}",
        f"{kind}_{tenant}_{new_id()}_{secret}",
        f"{kind}_{tenant}_{number}_{secret[:-1]}",
        f"{kind}_{tenant}_{number}_{secret}x",
        f"{kind}_{tenant}_{number}_{secret.swapcase()}",
        f"{kind}_{tenant}_{number}_{other.split('_', 3)[3]}",
        f"{kind}_{tenant}_{number}_{hashlib.sha256(secret.encode()).hexdigest()}",
        f"{kind}_{tenant}_{number}_",
        f"{kind}_{tenant}_{number}",
        f"ck_{tenant}_{number}_{secret}",
        f"INV_{tenant}_{number}_{secret}",
        f" {token}",
        f"{token}\n",
        "inv___",
        "é",
    ]
    before = world.content.picture()
    answers = [accept(world, one) for one in wrong]
    assert [one for one, answer in zip(wrong, answers, strict=True) if answer.status != 404] == []
    assert len({answer.json["detail"] for answer in answers}) == 1
    assert world.content.picture() == before and world.gateway.failures == []
    assert accept(world, token).status == 201


def test_acceptance_is_of_the_token_s_tenant_whatever_else_is_sent(world: World) -> None:
    """check 56"""
    world.tenant("T10")
    token = invite(world)["token"]
    body = {"token": token, "password": PASSWORD}
    for extra in ({"tenant_id": "T10"}, {"role": "admin"}, {"email": "x@example.com"}, {"user_id": "x"}):
        assert world.gateway.request("POST", f"{INVITATIONS}/accept", json={**body, **extra}).status == 422
    answer = world.gateway.request(
        "POST", f"{INVITATIONS}/accept", json=body, headers={"X-Tenant-Id": "T10"}, token="nonsense"
    )
    assert answer.status == 201 and answer.json["id"] in users_of(world)
    assert_whole(world, "T1", "T10")


def test_a_user_of_another_tenant_is_refused_and_stays_there(world: World) -> None:
    t10 = world.tenant("T10")
    there = join(world, token=t10.admin)
    here = invite(world)
    before = world.content.picture()
    answer = accept(world, here["token"], "Another horse 7")
    assert (answer.status, answer.json["code"]) == (409, "already_a_user")
    assert world.content.picture() == before
    assert can_sign_in() and not can_sign_in(password="Another horse 7")
    assert accept(world, here["token"] + "x").status == 404, "that is told to who holds the token alone"
    # Once the user has left the other tenant, the same token works.
    assert world.send("DELETE", f"/users/{there['id']}", token=t10.admin).status == 204
    assert accept(world, here["token"]).status == 201
    assert_whole(world, "T1", "T10")


def test_a_suspended_tenant_accepts_no_new_user(world: World) -> None:
    """check 59"""
    token = invite(world)["token"]
    change_item(world, account_keys.tenant("T1"), suspended={"BOOL": True})
    reset_wiring()
    assert accept(world, token).status == 404
    assert len(users_of(world)) == 3


def test_a_full_tenant_accepts_no_new_user(world: World) -> None:
    token = invite(world)["token"]
    change_item(world, account_keys.user_count("T1"), members={"N": str(MAX_USERS)})
    answer = accept(world, token)
    assert (answer.status, answer.json["code"]) == (409, "too_many_users")
    change_item(world, account_keys.user_count("T1"), members={"N": "3"})
    assert accept(world, token).status == 201
    assert_whole(world)


def test_an_acceptance_that_is_killed_anywhere_is_finished_by_the_same_call(worlds: Worlds) -> None:
    """check 13: the user pool's calls among them."""
    with worlds() as unharmed:
        first = invite(unharmed)["token"]
        points = kill_points(lambda: accept(unharmed, first))
    assert len(points) >= 6
    assert {"cognito-idp.AdminCreateUser", "cognito-idp.AdminSetUserPassword"} <= {one.call for one in points}
    for point in points:
        with worlds() as world:
            token = invite(world)["token"]
            assert point.kill(partial(accept, world, token)), point
            answer = accept(world, token)
            # The very last call came through: only its answer is missing.
            assert answer.status == (409 if point.after else 201), point
            assert can_sign_in(), point
            assert accept(world, token).json["code"] == "already_accepted"
            assert len(users_of(world)) == 4
            assert len(world.content.of("T#T1#USER#", "EVENT#")) == 2
            assert_whole(world)


@pytest.mark.parametrize("operation", ["TransactWriteItems", "PutItem", "GetItem"])
@pytest.mark.parametrize("fault", [lost_answer, throttle])
def test_an_acceptance_bears_lost_answers_and_throttles(
    world: World, fault: Callable[..., Any], operation: str
) -> None:
    """checks 10, 11"""
    token = invite(world)["token"]
    with injecting(fault(call("dynamodb", operation))):
        assert accept(world, token).status == 201
    assert can_sign_in()
    assert_whole(world)


def test_accepting_twice_at_once_makes_one_user(world: World) -> None:
    token = invite(world)["token"]

    def send() -> Response:
        body = {"token": token, "password": PASSWORD}
        return world.racing.request("POST", f"{INVITATIONS}/accept", json=body)

    answers = world.racing.together([send] * 3)
    assert {one.status for one in answers} <= {201, 409, 503}
    assert {one.status for one in answers} & {201}
    assert accept(world, token).json["code"] == "already_accepted"
    assert len(users_of(world)) == 4 and can_sign_in()
    assert_whole(world)


def test_an_invitation_is_revoked_or_accepted_and_not_both(world: World) -> None:
    for number in range(3):
        made = invite(world, f"grace{number}@example.com")
        path = f"{INVITATIONS}/{made['id']}"
        body = {"token": made["token"], "password": PASSWORD}
        waiting = [lambda: None] * number  # so that they meet at different calls
        accepted, revoked = world.racing.together(
            [
                lambda body=body: world.racing.request("POST", f"{INVITATIONS}/accept", json=body),  # type: ignore[misc]
                lambda path=path, waiting=waiting: (  # type: ignore[misc]
                    [world.racing.request("GET", path, token=world.t1.admin) for _ in waiting],
                    world.racing.request("DELETE", path, token=world.t1.admin),
                )[1],
            ]
        )
        assert (accepted.status, revoked.status) in ((201, 409), (404, 204))
        assert_whole(world)


def test_until_there_is_a_password_there_is_no_user(world: World) -> None:
    """Otherwise the only admin who can sign in could leave, while the other admin has no password."""
    token = invite(world, role="admin")["token"]
    with injecting(unreachable(call("cognito-idp", "AdminSetUserPassword"))):
        assert accept(world, token).status == 503
    assert len(users_of(world)) == 3
    assert world.send("DELETE", "/users/admin-of-T1").json["code"] == "last_admin"
    assert_whole(world)
    assert accept(world, token).status == 201


def test_whom_the_pool_has_lost_meanwhile_it_gets_again(world: World) -> None:
    token = invite(world)["token"]
    with injecting(unreachable(call("cognito-idp", "AdminSetUserPassword"))):
        assert accept(world, token).status == 503
    pool = user_pool()
    assert pool is not None
    pool.remove(GRACE, pool.add(GRACE))
    assert accept(world, token).status == 201
    assert can_sign_in()
    assert_whole(world)


OTHER = "Another horse 7"
SETS_PASSWORD = call("cognito-idp", "AdminSetUserPassword")


def meanwhile(matching: Matcher, act: Callable[[], Any]) -> Fault:
    """Something happens while the call is held up on its way."""

    def hold(attempt: Attempt, send: Send) -> AWSResponse:
        act()
        return send(attempt)

    return Fault("held up", hold, matching)


def accept_later(token: str, password: str) -> None:
    """Accepting when all claims of now are past."""
    service = acceptance_service()
    service._now = lambda: time.time() + CLAIM_SECONDS + 1
    with inferring_tenant("U#", "G#"):
        service.accept(Acceptance(token=token, password=password))


def test_no_other_caller_sets_a_password_while_an_acceptance_may_be_under_way(world: World) -> None:
    """The call that is held up would land on the other tenant's user."""
    t10 = world.tenant("T10")
    here, there = invite(world)["token"], invite(world, token=t10.admin)["token"]
    body = {"tenant_name": "Own", "email": GRACE, "password": OTHER}
    others: list[Response] = []

    def try_others() -> None:
        others.append(accept(world, there, OTHER))
        others.append(world.gateway.request("POST", "/auth/register", json=body))

    with injecting(meanwhile(SETS_PASSWORD, try_others)):
        assert accept(world, here).status == 201
    assert [one.json["code"] for one in others] == ["already_a_user", "already_registered"]
    assert can_sign_in() and not can_sign_in(password=OTHER)
    assert_whole(world, "T1", "T10")


def test_what_was_begun_and_left_keeps_another_tenant_waiting_for_a_quarter_of_an_hour(world: World) -> None:
    t10 = world.tenant("T10")
    here, there = invite(world)["token"], invite(world, token=t10.admin)["token"]
    with injecting(kill_before(WRITES, at=1)), pytest.raises(Killed):
        accept(world, here)
    assert accept(world, there, OTHER).json["code"] == "already_a_user"
    accept_later(there, OTHER)
    assert can_sign_in(password=OTHER)
    assert accept(world, here).json["code"] == "already_a_user"
    assert can_sign_in(password=OTHER)
    assert_whole(world, "T1", "T10")


@pytest.mark.parametrize("in_step", [True, False])
def test_of_two_tenants_invitations_that_are_accepted_at_once_one_is(world: World, in_step: bool) -> None:
    t10 = world.tenant("T10")
    tokens = {invite(world)["token"]: PASSWORD, invite(world, token=t10.admin)["token"]: OTHER}

    def send(token: str) -> Callable[[], Response]:
        body = {"token": token, "password": tokens[token]}
        return lambda: world.racing.request("POST", f"{INVITATIONS}/accept", json=body)

    answers = world.racing.together([send(token) for token in tokens], in_step=in_step)
    assert sorted(one.status for one in answers) == [201, 409]
    for answer, password in zip(answers, tokens.values(), strict=True):
        assert can_sign_in(password=password) is (answer.status == 201)
    assert_whole(world, "T1", "T10")


def test_an_acceptance_that_is_overtaken_makes_no_user(world: World) -> None:
    token = invite(world)["token"]
    first: list[Response] = []
    with injecting(meanwhile(SETS_PASSWORD, lambda: first.append(accept(world, token)))):
        assert accept(world, token).json["code"] == "already_accepted"
    assert first[0].status == 201 and len(users_of(world)) == 4
    assert_whole(world)


@pytest.mark.parametrize("held_up", [SETS_PASSWORD, WRITES])
def test_an_invitation_revoked_during_acceptance_makes_no_user_and_blocks_no_other(
    world: World, held_up: Matcher
) -> None:
    made = invite(world)
    path = f"{INVITATIONS}/{made['id']}"
    with injecting(meanwhile(held_up, lambda: world.send("DELETE", path))):
        assert accept(world, made["token"]).status == 404
    assert len(users_of(world)) == 3
    assert accept(world, invite(world)["token"], OTHER).status == 201
    assert can_sign_in(password=OTHER)
    assert_whole(world)


def test_a_user_found_in_the_pool_before_a_removal_gets_no_password_afterwards(world: World) -> None:
    """In the meantime the person has registered as another user with the same name."""
    t10 = world.tenant("T10")
    user, there = join(world), invite(world, token=t10.admin)["token"]
    body = {"tenant_name": "Own", "email": GRACE, "password": OTHER}

    def leave_and_register() -> None:
        assert world.send("DELETE", f"/users/{user['id']}").status == 204
        assert world.gateway.request("POST", "/auth/register", json=body).status == 201

    with injecting(meanwhile(call("dynamodb", "PutItem"), leave_and_register)):
        assert accept(world, there).json["code"] == "already_a_user"
    assert can_sign_in(password=OTHER) and not can_sign_in()
    assert_whole(world, "T1", "T10")


# Under an Idempotency-Key


def keyed(world: World, path: str, body: Any = None) -> Response:
    return world.send("POST", path, body, headers={"Idempotency-Key": "k1"})


BODY = {"email": GRACE, "role": "user"}


def test_a_repeat_gets_the_same_token(world: World) -> None:
    """check 33"""
    first = keyed(world, INVITATIONS, BODY)
    again = keyed(world, INVITATIONS, BODY)
    assert (first.status, first.json) == (201, again.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    path = f"{INVITATIONS}/{first.json['id']}/resend"
    other = world.send("POST", path, headers={"Idempotency-Key": "k2"})
    assert world.send("POST", path, headers={"Idempotency-Key": "k2"}).json == other.json
    assert accept(world, other.json["token"]).status == 201


@pytest.mark.parametrize("renewed", [False, True])
def test_a_call_under_a_key_that_is_killed_anywhere_ends_in_one_invitation_and_a_token_that_opens_it(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch, renewed: bool
) -> None:
    """check 13"""

    def send(world: World, invitation_id: str) -> Response:
        if renewed:
            return keyed(world, f"{INVITATIONS}/{invitation_id}/resend")
        return keyed(world, INVITATIONS, BODY)

    def prepared(world: World) -> str:
        return str(invite(world)["id"]) if renewed else ""

    with worlds() as unharmed:
        target = prepared(unharmed)
        points = kill_points(lambda: send(unharmed, target), matching=call("dynamodb"))
    for point in points:
        with worlds() as world, monkeypatch.context() as patch:
            target = prepared(world)
            assert point.kill(partial(send, world, target)), point
            ahead = time.time() + LEASE_SECONDS + 1
            patch.setattr(idempotency, "time", SimpleNamespace(time=lambda ahead=ahead: ahead))
            answer = send(world, target)
            assert answer.status == (200 if renewed else 201), (point, answer.text)
            assert len(world.content.of("T#T1#INVITATIONS")) == 1
            assert accept(world, answer.json["token"]).status == 201
            assert_whole(world)
