"""Usernames: chosen when registering or accepting an invitation, unique in the deployment, good to sign in with."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given as given_by
from hypothesis import strategies as st

from shared.domain.accounts.usernames import MAX_LENGTH, MIN_LENGTH, check_username, fold, parse_username
from shared.domain.email import normalize_email
from shared.domain.errors import Invalid
from shared.services.limits.sign_in_gate import SignInGate
from shared.table.limits import BucketTable
from shared.wiring.accounts import onboarding_service
from shared.wiring.base import store
from shared.wiring.limits import sign_in_gate
from tests.integration.accounts.accounts import EMAIL, OTHER_PASSWORD, PASSWORD, Accounts, accounts_in_moto
from tests.support.faults import Fault, call, calls_of, injecting
from tests.support.gateway import Response
from tests.support.template import Template
from tests.support.tenant_guard import as_operator
from tests.support.transport import Attempt, Send

NAME = "ada.lovelace"


@pytest.fixture
def accounts(template: Template) -> Iterator[Accounts]:
    with accounts_in_moto(template) as made:
        yield made


def register(accounts: Accounts, **body: Any) -> Response:
    return accounts.gateway.request("POST", "/auth/register", json=body)


def tokens(accounts: Accounts, username: str, password: str = PASSWORD) -> Response:
    return accounts.token({"username": username, "password": password})


def bearer(accounts: Accounts, username: str = NAME) -> str:
    return str(tokens(accounts, username).json["access_token"])


def names_of(accounts: Accounts) -> dict[str, str]:
    """The locks on usernames, with the addresses they lead to."""
    return {item["PK"]["S"].removeprefix("N#"): item["email"]["S"] for item in accounts.content.of("N#")}


def test_username_email_and_password_are_enough_to_open_a_tenant_of_that_name(accounts: Accounts) -> None:
    answer = register(accounts, username=NAME, email=EMAIL, password=PASSWORD)
    assert answer.status == 201, answer.text
    assert answer.json["tenant"]["name"] == answer.json["user"]["username"] == NAME
    assert names_of(accounts) == {NAME: EMAIL}
    assert accounts.pool_users() == [EMAIL]
    for way in (NAME, EMAIL):
        me = accounts.gateway.request("GET", "/me", token=bearer(accounts, way)).json
        assert (me["username"], me["tenant"]["name"]) == (NAME, NAME)
    (user,) = accounts.gateway.request("GET", "/users", token=bearer(accounts)).json["items"]
    assert (user["username"], user["email"]) == (NAME, EMAIL)


@pytest.mark.parametrize(
    "spelling", ["Ada.Lovelace", " ADA.LOVELACE ", "ａｄａ．ｌｏｖｅｌａｃｅ", "ada․lovelace"]
)
def test_a_username_counts_in_whatever_spelling_and_is_taken_in_each(
    accounts: Accounts, spelling: str
) -> None:
    assert register(accounts, username=spelling, email=EMAIL, password=PASSWORD).status == 201
    assert names_of(accounts) == {NAME: EMAIL}
    assert tokens(accounts, NAME).status == tokens(accounts, spelling).status == 200
    answer = register(accounts, username=NAME.upper(), email="b@example.com", password=PASSWORD)
    assert answer.status == 409
    assert [(one["field"], one["code"]) for one in answer.json["errors"]] == [("username", "duplicate")]
    # The answer does not say who has the username.
    assert EMAIL not in answer.text


def test_who_finds_a_username_taken_may_choose_another_name_and_password_at_once(accounts: Accounts) -> None:
    register(accounts, username=NAME, email=EMAIL, password=PASSWORD)
    assert register(accounts, username=NAME, email="b@example.com", password=PASSWORD).status == 409
    answer = register(accounts, username="babbage", email="b@example.com", password=OTHER_PASSWORD)
    assert answer.status == 201, answer.text
    assert tokens(accounts, "babbage", OTHER_PASSWORD).status == 200
    assert tokens(accounts, NAME, OTHER_PASSWORD).status == 400


def test_of_callers_who_choose_a_username_at_once_one_gets_it(accounts: Accounts) -> None:
    gateway = accounts.racing

    def attempt(number: int) -> int:
        body = {"username": NAME, "email": f"a{number}@example.com", "password": PASSWORD}
        return gateway.request("POST", "/auth/register", json=body).status

    statuses = gateway.together([lambda number=number: attempt(number) for number in range(4)])
    assert sorted(statuses) == [201, 409, 409, 409]
    ((name, email),) = names_of(accounts).items()
    assert name == NAME
    me = accounts.gateway.request("GET", "/me", token=bearer(accounts)).json
    assert me["username"] == NAME
    assert tokens(accounts, email).status == 200


@pytest.mark.parametrize(
    "name", [EMAIL, "ada＠example.com", "@da", "ab", "a" * 65, "ada lovelace", "ada#1", "-ada", "ａ/b", "ada\u200b1",
             "\u3164\u3164\u3164", "ada\x00", "", "  ", "ﷺ" * 20, "x" * 10_000, "🙂🙂🙂"]
)  # fmt: skip
def test_an_invalid_username_is_refused_and_cannot_be_used_to_sign_in(accounts: Accounts, name: str) -> None:
    answer = register(accounts, username=name, email="b@example.com", password=PASSWORD)
    assert answer.status == 422
    assert [one["field"] for one in answer.json["errors"]] == ["username"]
    assert names_of(accounts) == {} and accounts.pool_users() == []
    assert tokens(accounts, name).json["error"] in ("invalid_grant", "invalid_request")


def test_without_username_or_tenant_name_a_registration_says_what_is_missing(accounts: Accounts) -> None:
    answer = register(accounts, email=EMAIL, password=PASSWORD)
    assert answer.status == 422
    assert [one["field"] for one in answer.json["errors"]] == ["tenant_name"]
    answer = register(accounts, email="none", pasword=PASSWORD)
    assert {one["field"] for one in answer.json["errors"]} == {"email", "pasword", "tenant_name"}
    assert accounts.pool_users() == []


def test_an_unknown_username_and_a_wrong_password_are_answered_alike_after_the_same_calls(
    accounts: Accounts,
) -> None:
    """Neither the body nor the calls reveal whether a username exists."""
    register(accounts, username=NAME, email=EMAIL, password=PASSWORD)
    answers: list[Response] = []

    def calls(username: str) -> list[str]:
        return calls_of(lambda: answers.append(tokens(accounts, username, "Wrong-pass-1")))

    assert calls(NAME) == calls("nobody-there")
    known, unknown = answers
    assert (known.status, known.json) == (unknown.status, unknown.json)
    assert known.json["error"] == "invalid_grant"


def test_username_and_address_are_one_account_to_the_limits(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(accounts, username=NAME, email=EMAIL, password=PASSWORD)
    now = time.time()
    gate = SignInGate(BucketTable(store()), b"secret", clock=lambda: now)
    monkeypatch.setattr("shared.services.limits.sign_in_gate.OpenGate", lambda: gate)
    sign_in_gate.cache_clear()
    statuses = [
        tokens(accounts, (NAME, EMAIL, NAME.upper())[number % 3], "Wrong-pass-1").status
        for number in range(12)
    ]
    assert statuses == [400] * 10 + [429] * 2
    assert tokens(accounts, NAME).status == tokens(accounts, EMAIL).status == 429
    # Another account from the same address goes on.
    assert tokens(accounts, "nobody-there").status == 400


def test_who_is_invited_may_choose_a_username_which_is_free_again_when_they_are_removed(
    accounts: Accounts,
) -> None:
    register(accounts, username=NAME, email=EMAIL, password=PASSWORD)
    admin = bearer(accounts)

    def invite() -> str:
        asked = {"email": "grace@example.com", "role": "user"}
        answer = accounts.gateway.request("POST", "/users/invitations", json=asked, token=admin)
        assert answer.status == 201, answer.text
        return str(answer.json["token"])

    def accept(token: str, username: str) -> Response:
        body = {"token": token, "password": OTHER_PASSWORD, "username": username}
        return accounts.gateway.request("POST", "/users/invitations/accept", json=body)

    token = invite()
    assert accept(token, NAME).status == 409
    made = accept(token, "Grace.Hopper")
    assert made.status == 201, made.text
    assert (made.json["username"], made.json["email"]) == ("grace.hopper", "grace@example.com")
    assert names_of(accounts) == {NAME: EMAIL, "grace.hopper": "grace@example.com"}
    assert tokens(accounts, "grace.hopper", OTHER_PASSWORD).status == 200
    assert accounts.gateway.request("DELETE", f"/users/{made.json['id']}", token=admin).status == 204
    assert names_of(accounts) == {NAME: EMAIL}
    assert accounts.pool_users() == [EMAIL]
    assert tokens(accounts, "grace.hopper", OTHER_PASSWORD).status == 400
    assert register(accounts, username="grace.hopper", email="g@example.com", password=PASSWORD).status == 201


def test_the_operator_leaves_a_username_where_it_is_and_frees_it_with_its_user(accounts: Accounts) -> None:
    register(accounts, username=NAME, email=EMAIL, password=PASSWORD)
    (row,) = accounts.content.of(r"T#[^#]+#USERS$")
    tenant_id, user = row["PK"]["S"].split("#")[1], json.loads(row["user"]["S"])
    with as_operator():
        door = onboarding_service()
        door.add_user(EMAIL, OTHER_PASSWORD, tenant_id, "admin")
        assert tokens(accounts, NAME, OTHER_PASSWORD).status == 200
        assert names_of(accounts) == {NAME: EMAIL}
        door.open_tenant("other", "Other")
        door.add_user(EMAIL, PASSWORD, "other", "admin")
    assert names_of(accounts) == {}, user
    assert tokens(accounts, NAME).status == 400
    assert tokens(accounts, EMAIL).status == 200


@given_by(st.text(max_size=80))
def test_folding_a_username_again_changes_nothing_and_no_username_is_an_address(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    name = parse_username(text)
    if name is None:
        with pytest.raises(Invalid):
            check_username(text)
        return
    check_username(text)
    assert MIN_LENGTH <= len(name) <= MAX_LENGTH
    assert parse_username(name) == parse_username(text.swapcase()) == name or not text.isascii()
    with pytest.raises(Invalid):
        normalize_email(name)


def test_the_pool_is_only_asked_for_addresses_so_that_its_own_name_of_a_user_is_no_second_account(
    accounts: Accounts,
) -> None:
    """Cognito takes a user's `sub` for their name too (API reference, AdminInitiateAuth), and whoever may read users
    knows it: it would be a way round the limit of the account.
    """
    assert register(accounts, email=EMAIL, tenant_name="Engines", password=PASSWORD).status == 201
    sub = accounts.gateway.request("GET", "/me", token=bearer(accounts, EMAIL)).json["id"]
    asked: list[str] = []

    def note(attempt: Attempt, send: Send) -> AWSResponse:
        asked.append(attempt.params["AuthParameters"]["USERNAME"])
        return send(attempt)

    with injecting(Fault("noted", note, call("cognito-idp", "AdminInitiateAuth"), times=None)):
        assert tokens(accounts, sub).json["error"] == "invalid_grant"
        assert tokens(accounts, "nobody-there").json["error"] == "invalid_grant"
    assert len(asked) == 2 and all("@" in name for name in asked)
    assert sub not in asked
