"""Registering: one tenant with one admin, whatever is killed, lost, raced or sent again; no other password changes."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from local import template
from shared.domain.accounts import passwords
from shared.domain.accounts.claims import CLAIM_SECONDS
from shared.domain.accounts.credentials import Membership
from shared.domain.accounts.passwords import create_proof, matches_proof
from shared.domain.accounts.registration import RegistrationInput
from shared.domain.errors import AlreadyRegistered, DomainError
from shared.services.accounts.registration import Registration
from shared.table.accounts.claims import ClaimTable
from shared.table.accounts.registration import RegistrationTable
from shared.table.keys import accounts as account_keys
from shared.table.keys import contacts as contact_keys
from shared.table.keys import customers as customer_keys
from shared.table.keys import events as event_keys
from shared.table.keys import idempotency as idempotency_keys
from shared.table.keys import labels as label_keys
from shared.table.keys import webhooks as webhook_keys
from shared.wiring.accounts import onboarding_service, other_issuer, user_pool
from shared.wiring.base import store
from shared.wiring.limits import sign_in_gate
from tests.integration.accounts.accounts import EMAIL, OTHER_PASSWORD, PASSWORD, Accounts, accounts_in_moto
from tests.integration.accounts.directory import put_member
from tests.support.faults import (
    Fault,
    Killed,
    KillPoint,
    call,
    calls_of,
    injecting,
    kill_before,
    kill_points,
    lost_answer,
    throttle,
    unreachable,
)
from tests.support.template import Template
from tests.support.tenant_guard import as_operator, inferring_tenant
from tests.support.transport import Attempt, Send, json_answer

Make = Callable[[], AbstractContextManager[Accounts]]
LATER = CLAIM_SECONDS + 1
COST = {**passwords.SCRYPT}  # as it is before the tests make it less


@pytest.fixture
def fresh(template: Template) -> Make:
    return lambda: accounts_in_moto(template)


@pytest.fixture
def accounts(fresh: Make) -> Iterator[Accounts]:
    with fresh() as made:
        yield made


def assert_one_tenant_with_its_admin(accounts: Accounts, password: str = PASSWORD) -> None:
    """All that a registration makes is there, once, and opens to this password."""
    content = accounts.content
    (member,) = content.of("U#")
    (tenant,) = content.of(r"T#[^#]+#TENANT$", "TENANT")
    (record,) = content.of(r"T#[^#]+#USERS$")
    (lock,) = content.of(r"T#[^#]+#USEREMAIL#")
    prefix = tenant["PK"]["S"].removesuffix("TENANT")
    sub = member["PK"]["S"].removeprefix("U#")
    assert {name: value for name, value in member.items() if name not in ("PK", "SK", "since")} == {
        "tenant_id": {"S": prefix.split("#")[1]},
        "role": {"S": "admin"},
        "username": {"S": EMAIL},
        "disabled": {"BOOL": False},
    }
    user = json.loads(record["user"]["S"])
    assert record["PK"]["S"] == f"{prefix}USERS" and record["SK"]["S"] == user["id"] == sub
    assert (user["role"], user["email"], user["is_active"], user["version"]) == ("admin", EMAIL, True, 1)
    assert lock["PK"]["S"] == f"{prefix}USEREMAIL#{EMAIL}" and lock["user_id"]["S"] == sub
    events = content.of(r"T#", "EVENT#")
    assert sorted((one["PK"]["S"], one["type"]["S"]) for one in events) == [
        (f"{prefix}TENANT", "tenant.created"),
        (f"{prefix}USER#{sub}", "user.created"),
    ]
    assert record["last_event"]["S"] in {event_keys.id_of(one) for one in events}
    (counter,) = content.of(r"T#[^#]+#USERS#COUNT$")
    assert counter["PK"]["S"] == f"{prefix}USERS#COUNT"
    assert (counter["members"], counter["admins"]) == ({"N": "1"}, {"N": "1"})
    assert len(content.items) == 7
    assert accounts.pool_users() == [EMAIL]
    with as_operator():  # some are registered at a time to come, and signed in to now
        store().put({**member, "since": {"N": "0"}})
    assert accounts.may_sign_in(password)


def test_registering_makes_the_user_the_admin_of_a_new_tenant(accounts: Accounts) -> None:
    answer = accounts.register(first_name="Ada", last_name="Lovelace")
    assert answer.status == 201, answer.text
    assert answer.headers["Location"] == "/v1/me"
    assert answer.json["tenant"]["name"] == "Engines"
    assert (answer.json["user"]["username"], answer.json["user"]["role"]) == (EMAIL, "admin")
    assert_one_tenant_with_its_admin(accounts)
    (tenant,) = accounts.content.of(r"T#[^#]+#TENANT$", "TENANT")
    assert tenant["PK"]["S"] == f"T#{answer.json['tenant']['id']}#TENANT"
    token = accounts.sign_in().json["access_token"]
    contact = {"first_name": "Charles", "email": "charles@example.com"}
    assert accounts.gateway.request("POST", "/contacts", json=contact, token=token).status == 201
    hook = {"url": "https://hooks.example.com/x", "events": ["contact.created"]}
    assert accounts.gateway.request("POST", "/webhooks", json=hook, token=token).status == 201


def test_who_has_just_registered_can_sign_in_though_copies_of_the_table_lag(accounts: Accounts) -> None:
    assert accounts.register().status == 201

    def lags(attempt: Attempt) -> bool:
        return attempt.operation == "GetItem" and not attempt.params.get("ConsistentRead")

    with injecting(Fault("lag", lambda attempt, _: json_answer(attempt, 200, {}), lags, times=None)):
        assert accounts.sign_in().status == 200


def test_two_businesses_do_not_see_each_other(accounts: Accounts) -> None:
    tokens = []
    for email in (EMAIL, "grace@example.com"):
        assert accounts.register(email=email).status == 201
        tokens.append(accounts.sign_in(email=email).json["access_token"])
    contact = {"first_name": "Charles", "email": "charles@example.com"}
    made = accounts.gateway.request("POST", "/contacts", json=contact, token=tokens[0])
    for token, status in zip(tokens, (200, 404), strict=True):
        assert accounts.gateway.request("GET", f"/contacts/{made.json['id']}", token=token).status == status


def test_an_address_is_registered_once_in_whatever_spelling(accounts: Accounts) -> None:
    """check 42, for users"""
    assert accounts.register().status == 201
    for spelling in (EMAIL, EMAIL.upper(), f" <{EMAIL}> ", "ada@EXAMPLE.com"):
        for password in (PASSWORD, OTHER_PASSWORD):
            answer = accounts.register(password, email=spelling)
            assert (answer.status, answer.json["code"]) == (409, "already_registered")
    assert_one_tenant_with_its_admin(accounts)


def test_a_member_of_a_tenant_cannot_be_registered_again(accounts: Accounts) -> None:
    """Neither can an invited or a disabled user; their passwords do not change."""
    for disabled in (False, True):
        email = f"{disabled}@example.com".lower()
        with as_operator():
            pool = user_pool()
            assert pool is not None
            sub = pool.add(email)
            pool.set_password(email, PASSWORD)
            put_member(Membership(sub, "T1", "user", email, disabled))
            onboarding_service().open_tenant("T1", "One")
        assert accounts.register(OTHER_PASSWORD, email=email).status == 409
        assert not accounts.may_sign_in(OTHER_PASSWORD, email=email)
        assert accounts.may_sign_in(PASSWORD, email=email) is not disabled


def points(fresh: Make) -> list[KillPoint]:
    """Every boundary between the AWS calls of a registration."""
    with fresh() as accounts:
        return kill_points(lambda: accounts.register(), both_sides=True)


def test_killed_anywhere_and_sent_again_it_is_one_tenant(fresh: Make) -> None:
    """check 13, for registering"""
    found = points(fresh)
    assert [point.call for point in found if not point.after] == [
        "cognito-idp.AdminCreateUser",
        "dynamodb.PutItem",
        "cognito-idp.AdminSetUserPassword",
        "cognito-idp.AdminUserGlobalSignOut",
        "dynamodb.TransactWriteItems",
    ]
    for point in found:
        with fresh() as accounts:
            assert point.kill(lambda: accounts.register())
            is_done = point.after and point.number == 5
            assert accounts.may_sign_in(PASSWORD) is is_done, f"let in though killed {point}"
            again = accounts.register()
            assert again.status == (409 if is_done else 201), (str(point), again.text)
            assert_one_tenant_with_its_admin(accounts)


def test_killed_again_and_again_it_is_one_tenant_in_the_end(fresh: Make) -> None:
    found = points(fresh)
    with fresh() as accounts:
        for point in found[:-2]:
            # The calls may differ from those of the first run, since the claim exists and is taken over.
            point.kill(lambda: accounts.register())
        assert accounts.register().status == 201
        assert_one_tenant_with_its_admin(accounts)


def registration(now: Callable[[], float]) -> Registration:
    """The service as it is wired, with another clock."""
    return Registration(
        user_pool(),
        other_issuer,
        ClaimTable(store()),
        RegistrationTable(store()),
        sign_in_gate(),
        now=now,
    )


def register_later(seconds: float, password: str) -> None:
    given = RegistrationInput(tenant_name="Engines", email=EMAIL, password=password)
    with inferring_tenant("U#", "G#"):
        registration(lambda: time.time() + seconds).register(given)


def test_with_another_password_it_is_taken_over_when_its_time_is_past_and_not_before(fresh: Make) -> None:
    for point in points(fresh):
        with fresh() as accounts:
            assert point.kill(lambda: accounts.register())
            claimed = bool(accounts.content.of("U#"))
            at_once = accounts.register(OTHER_PASSWORD)
            assert at_once.status == (409 if claimed else 201), str(point)
            is_done = point.after and point.number == 5
            if is_done:
                with pytest.raises(AlreadyRegistered):
                    register_later(LATER, OTHER_PASSWORD)
            elif claimed:
                with pytest.raises(AlreadyRegistered):
                    register_later(CLAIM_SECONDS / 2, OTHER_PASSWORD)
                register_later(LATER, OTHER_PASSWORD)
            assert_one_tenant_with_its_admin(accounts, PASSWORD if is_done else OTHER_PASSWORD)
            assert not accounts.may_sign_in(OTHER_PASSWORD if is_done else PASSWORD), str(point)
            assert accounts.register(PASSWORD).status == 409


def test_an_unfinished_registration_grants_no_access(accounts: Accounts) -> None:
    """Though its password is set: else it would be filled, and taken over with what is in it."""
    with injecting(kill_before(call("dynamodb", "TransactWriteItems"), at=1)), pytest.raises(Killed):
        accounts.register()
    assert accounts.sign_in().json["error"] == "invalid_grant"
    with as_operator():
        pool = user_pool()
        assert pool is not None
        token = pool.sign_in(EMAIL, PASSWORD).access_token
    assert accounts.gateway.request("GET", "/contacts", token=token).status == 401
    assert len(accounts.content.items) == 1


@pytest.mark.parametrize("in_step", [True, False])
def test_of_two_registrations_of_an_address_at_once_exactly_one_succeeds(
    accounts: Accounts, in_step: bool
) -> None:
    racing, passwords = accounts.racing, (PASSWORD, OTHER_PASSWORD, "Jacquard-Loom-1804")
    answers = racing.together(
        [lambda password=password: accounts.register(password, gateway=racing) for password in passwords],  # type: ignore[misc]
        in_step=in_step,
    )
    statuses = [answer.status for answer in answers]
    assert sorted(statuses) == [201, 409, 409]
    assert accounts.gateway.failures == racing.failures == []
    for password, status in zip(passwords, statuses, strict=True):
        assert accounts.may_sign_in(password) is (status == 201)
    assert_one_tenant_with_its_admin(accounts, passwords[statuses.index(201)])


@pytest.mark.parametrize("in_step", [True, False])
def test_the_same_registration_sent_many_times_at_once_is_one(accounts: Accounts, in_step: bool) -> None:
    racing = accounts.racing
    answers = racing.together([lambda: accounts.register(gateway=racing)] * 4, in_step=in_step)
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 201 and set(statuses[1:]) == {409}
    assert_one_tenant_with_its_admin(accounts)


def test_a_late_holder_and_its_successor_cannot_both_set_their_password(accounts: Accounts) -> None:
    """One caller continues in the last second of its claim, the other finds it expired. Every order of their
    calls is tried."""
    with injecting(kill_before(call("dynamodb", "TransactWriteItems"), at=1)), pytest.raises(Killed):
        accounts.register()
    racing = accounts.racing

    def attempt(seconds: float, password: str) -> str | None:
        try:
            with racing._alone():
                register_later(seconds, password)
        except DomainError:
            return None
        return password

    won = racing.together(
        [lambda: attempt(CLAIM_SECONDS - 2, PASSWORD), lambda: attempt(LATER, OTHER_PASSWORD)]
    )
    (winner,) = [password for password in won if password]
    assert_one_tenant_with_its_admin(accounts, winner)
    assert not accounts.may_sign_in(PASSWORD if winner == OTHER_PASSWORD else OTHER_PASSWORD)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_an_answer_that_is_lost_on_the_way_changes_nothing(accounts: Accounts, number: int) -> None:
    """check 11, for registering"""
    with injecting(lost_answer(at=number)):
        assert accounts.register().status == 201
    assert_one_tenant_with_its_admin(accounts)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_what_is_away_is_503_and_nothing_is_left_that_hinders(
    accounts: Accounts, number: int, waits: list[float]
) -> None:
    """check 15, for registering"""
    with injecting(unreachable(at=number)):
        answer = accounts.register()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert accounts.register().status == 201
    assert_one_tenant_with_its_admin(accounts)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_throttled_call_is_made_again(accounts: Accounts, number: int, waits: list[float]) -> None:
    """check 10, for registering"""
    with injecting(throttle(at=number, times=2)):
        assert accounts.register().status == 201
    assert_one_tenant_with_its_admin(accounts)


WEAK: dict[str, Any] = {
    "short": "Short-Pass1",
    "long": "Aa1" + "x" * 254,
    "no capitals": "difference-engine-1822",
    "no small letters": "DIFFERENCE-ENGINE-1822",
    "no digits": "Difference-Engine",
    "other alphabets' letters": "дифференс-ДИФФЕРЕНС-1822",
    "other alphabets' digits": "Difference-Engine-١٨٢٢",
    "space before": " Difference-Engine-1822",
    "line break behind": "Difference-Engine-1822\n",
    "NUL": "Difference-Engine-1822\x00x",
    "empty": "",
    "none": None,
    "a number": 123456789012,
    "huge": "Aa1" * 5_000,
}


@pytest.mark.parametrize("what", WEAK)
def test_a_weak_password_is_refused_before_anything_is_written(
    accounts: Accounts, logs: io.StringIO, what: str
) -> None:
    answers = []
    assert calls_of(lambda: answers.append(accounts.register(WEAK[what]))) == []
    (answer,) = answers
    assert answer.status == 422, answer.text
    assert answer.json["errors"][0]["field"] == "password"
    if WEAK[what]:
        assert str(WEAK[what]).strip() not in answer.text + logs.getvalue()


def refusing_password() -> Fault:
    """The pool's policy is stricter than ours."""

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        return json_answer(attempt, 400, {"__type": "InvalidPasswordException", "message": f"no: {PASSWORD}"})

    return Fault("refusing", act, call("cognito-idp", "AdminSetUserPassword"))


def test_a_password_that_only_the_pool_refuses_can_be_replaced_at_once(
    accounts: Accounts, logs: io.StringIO
) -> None:
    with injecting(refusing_password()):
        answer = accounts.register()
    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "weak_password")
    assert PASSWORD not in answer.text + logs.getvalue()
    assert accounts.register(OTHER_PASSWORD).status == 201
    assert_one_tenant_with_its_admin(accounts, OTHER_PASSWORD)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"tenant_name": ""}, "tenant_name"),
        ({"tenant_name": "  "}, "tenant_name"),
        ({"tenant_name": "x" * 201}, "tenant_name"),
        ({"tenant_name": "a\x00b"}, "tenant_name"),
        ({"email": "nobody"}, "email"),
        ({"email": "a#b@c"}, "email"),
        ({"first_name": "x" * 101}, "first_name"),
        ({"access_token": "x"}, "access_token"),
        ({"role": "admin"}, "role"),
        ({"tenant_id": "T1"}, "tenant_id"),
        ({"sub": "x"}, "sub"),
    ],
)
def test_what_does_not_belong_in_a_registration_is_refused(
    accounts: Accounts, fields: dict[str, Any], field: str
) -> None:
    """check 53, for registering"""
    body = {"tenant_name": "Engines", "email": EMAIL, "password": PASSWORD, **fields}
    answer = accounts.gateway.request("POST", "/auth/register", json=body)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, field), answer.text
    assert accounts.content.items == [] and accounts.pool_users() == []


def test_the_function_s_role_reaches_what_is_written_and_no_other_record(accounts: Accounts) -> None:
    """check 50, for signing in"""
    (policy,) = template.load()["Resources"]["AuthRole"]["Properties"]["Policies"]
    (rights,) = [one for one in policy["PolicyDocument"]["Statement"] if one["Sid"] == "MakeUsers"]
    allowed = rights["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]

    def may_write(pk: str) -> bool:
        return any(fnmatchcase(pk, pattern) for pattern in allowed)

    assert accounts.register().status == 201
    assert all(may_write(item["PK"]["S"]) for item in accounts.content.items)
    for key in (
        contact_keys.contact("t", "c"),
        contact_keys.email_lock("t", EMAIL),
        customer_keys.customer("t", "c"),
        label_keys.label("t", "tag", "vip"),
        webhook_keys.webhook("t", "w"),
        account_keys.api_client("t", "c"),
        account_keys.api_key("k"),
        idempotency_keys.call("t", "user:USERS", "d"),
    ):
        assert not may_write(key["PK"]["S"]), key


def test_a_proof_is_of_one_password_and_does_not_show_it() -> None:
    proof = create_proof(PASSWORD)
    assert matches_proof(PASSWORD, proof)
    assert not matches_proof(OTHER_PASSWORD, proof)
    assert proof != create_proof(PASSWORD), "salted"
    assert PASSWORD.encode().hex() not in proof


COMPOSED, DECOMPOSED = "Café-Déjà Vu 1822", "Cafe\u0301-De\u0301ja\u0300\xa0Vu\u20031822"


@pytest.mark.parametrize(("set_as", "typed"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_password_is_the_same_from_whatever_keyboard_it_is_typed(
    accounts: Accounts, set_as: str, typed: str
) -> None:
    """RFC 8265, OpaqueString."""
    assert accounts.register(set_as).status == 201
    assert accounts.may_sign_in(set_as) and accounts.may_sign_in(typed)
    for other in (set_as.casefold(), set_as.replace("e", "f"), set_as.replace("1", "１"), f"{set_as}\u200b"):
        assert other == set_as or not accounts.may_sign_in(other)


def test_a_proof_is_of_a_password_however_it_is_typed() -> None:
    assert matches_proof(DECOMPOSED, create_proof(COMPOSED))


def test_a_proof_costs_what_the_password_storage_cheat_sheet_recommends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert COST == {"n": 2**14, "r": 8, "p": 5}
    cheap = create_proof(PASSWORD)
    for name, value in COST.items():
        monkeypatch.setitem(passwords.SCRYPT, name, value)
    assert matches_proof(PASSWORD, create_proof(PASSWORD))
    assert not matches_proof(PASSWORD, cheap)


def test_an_abandoned_claim_goes_by_itself(accounts: Accounts) -> None:
    """The table's time to live removes it: the attribute holds the end of the claim."""
    began = time.time()
    with injecting(kill_before(call("dynamodb", "TransactWriteItems"), at=1)), pytest.raises(Killed):
        accounts.register()
    (claim,) = accounts.content.items
    assert began - 1 < int(claim["expires_at"]["N"]) - CLAIM_SECONDS <= time.time()
    assert claim.keys() == {"PK", "SK", "claim", "expires_at"}, "nothing that would let anybody in"
    assert PASSWORD not in str(claim)


def test_no_password_and_no_address_is_logged(accounts: Accounts, logs: io.StringIO) -> None:
    """check 95"""
    accounts.register()
    accounts.register()
    accounts.register("weak")
    accounts.sign_in()
    accounts.sign_in("wrong-password-of-ada")
    with injecting(unreachable()):
        accounts.register(email="grace@example.com")
    with injecting(
        Fault("broken", lambda attempt, send: json_answer(attempt, 400, {"__type": "X", "message": EMAIL}))
    ):
        assert accounts.register(email="grace@example.com").status == 500
    text = logs.getvalue()
    assert "already_registered" in text and "invalid_grant" in text and '"failed"' in text
    for canary in (PASSWORD, 'weak"', "wrong-password-of-ada", EMAIL, "grace@example.com"):
        assert canary not in text
