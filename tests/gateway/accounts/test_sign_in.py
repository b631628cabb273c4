"""The token endpoint: RFC 6749, sections 4.3, 5 and 6, and what strangers send to it."""

from __future__ import annotations

import base64
import importlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from shared.domain.accounts.credentials import Membership
from shared.domain.errors import DomainError, RateLimited
from shared.services.accounts.sign_in import SignIn
from shared.table.accounts.directory import DirectoryTable
from shared.table.keys import accounts as account_keys
from shared.wiring.accounts import directory, user_pool
from shared.wiring.base import store
from shared.wiring.kept import reset_wiring
from shared.wiring.limits import sign_in_gate
from shared.wiring.tenants import find_tenant
from tests.integration.accounts.accounts import ASKED, EMAIL, PASSWORD, Accounts, accounts_in_moto
from tests.integration.accounts.directory import put_member
from tests.support.faults import call, calls_of, injecting, throttle, unreachable
from tests.support.gateway import Response
from tests.support.lambda_context import lambda_context
from tests.support.template import Template
from tests.support.tenant_guard import acting_for, as_operator
from tests.tenants import suspend


@pytest.fixture
def accounts(template: Template) -> Iterator[Accounts]:
    """A stack in which Ada has registered."""
    with accounts_in_moto(template) as made:
        assert made.register().status == 201
        yield made


def assert_refused(answer: Response, error: str) -> None:
    """In OAuth's form: section 5.2."""
    assert answer.status == 400, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"
    assert answer.json.keys() == {"error", "error_description"}
    assert answer.json["error"] == error, answer.text
    allowed = {chr(code) for code in (0x20, 0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F))}
    assert answer.json["error_description"] and set(answer.json["error_description"]) <= allowed


def assert_tokens(answer: Response) -> dict[str, Any]:
    """As section 5.1 wants them."""
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"
    given: dict[str, Any] = answer.json
    assert given.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (given["token_type"], given["scope"]) == ("Bearer", "contacts")
    assert isinstance(given["expires_in"], int) and given["expires_in"] > 0
    return given


def test_a_password_gives_tokens_and_a_refresh_token_gives_new_ones(accounts: Accounts) -> None:
    first = assert_tokens(accounts.token(ASKED))
    asked = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = assert_tokens(accounts.token(asked))
    assert_tokens(accounts.token({"grant_type": "refresh_token", "refresh_token": second["refresh_token"]}))
    for given in (first, second):
        answer = accounts.gateway.request("GET", "/contacts", token=given["access_token"])
        assert answer.status == 200
        # A refresh token opens nothing.
        assert accounts.gateway.request("GET", "/contacts", token=given["refresh_token"]).status == 401


def test_clients_may_name_themselves_as_they_like(accounts: Accounts) -> None:
    """As Swagger UI and OAuth2 libraries do: in a Basic header, in the form, in both, with a scope."""
    basic = {"Authorization": f"Basic {base64.b64encode(b'x:y').decode()}"}
    extra = {"client_id": "x", "client_secret": "y", "scope": "everything", "audience": "z"}
    assert_tokens(accounts.token(ASKED, **basic))
    assert_tokens(accounts.token({**ASKED, **extra}))
    assert_tokens(accounts.token({**ASKED, **extra}, **basic))
    assert_tokens(accounts.token({**ASKED, "scope": "", "client_id": ""}, Authorization="Basic %%%"))
    assert_tokens(accounts.token(ASKED, Authorization="Bearer nonsense"))


def test_without_a_grant_type_it_is_a_password_grant(accounts: Accounts) -> None:
    for grant in ({}, {"grant_type": ""}):
        assert_tokens(accounts.token({**grant, "username": EMAIL, "password": PASSWORD}))


def test_a_user_name_counts_in_whatever_spelling(accounts: Accounts) -> None:
    for spelling in (EMAIL.upper(), f" {EMAIL} ", f"<{EMAIL}>"):
        assert_tokens(accounts.token({**ASKED, "username": spelling}))


MALFORMED: dict[str, str] = {
    "nothing": "",
    "no grant and no user name": f"password={PASSWORD}",
    "no grant but a refresh token": "refresh_token=x",
    "no user name": f"grant_type=password&password={PASSWORD}",
    "no password": f"grant_type=password&username={quote(EMAIL)}",
    "an empty password": f"grant_type=password&username={quote(EMAIL)}&password=",
    "no refresh token": "grant_type=refresh_token",
    "the grant twice": f"{urlencode(ASKED)}&grant_type=password",
    "the password twice": f"{urlencode(ASKED)}&password=x",
    "the user twice": f"{urlencode(ASKED)}&username=x",
    "an unknown parameter twice": f"{urlencode(ASKED)}&x=1&x=2",
    "an empty one twice": f"{urlencode(ASKED)}&password=",
    "the grant empty and given": f"{urlencode(ASKED)}&grant_type=",
    "many parameters": "&".join(f"x{number}=1" for number in range(2_000)),
    "no UTF-8": "grant_type=password&username=%FF%FE&password=x",
    "a surrogate": "grant_type=password&username=%ED%A0%80&password=x",
    "JSON": json.dumps(ASKED),
    "a word": "grant_type",
    "ampersands": "&" * 16_000,
    "percent signs": "%" * 1000,
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_request_is_invalid_and_calls_no_service(accounts: Accounts, what: str) -> None:
    answers = []
    assert calls_of(lambda: answers.append(accounts.token(MALFORMED[what]))) == []
    assert_refused(answers[0], "invalid_request")


@pytest.mark.parametrize(
    "grant", ["client_credentials", "authorization_code", "Password", "password ", "x" * 9999]
)
def test_other_grants_are_not_supported(accounts: Accounts, grant: str) -> None:
    assert_refused(accounts.token({**ASKED, "grant_type": grant}), "unsupported_grant_type")


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "x",
        "application/x-www-form-urlencoded2",
    ],
)
def test_another_content_type_is_an_invalid_request(accounts: Accounts, kind: str) -> None:
    """check 47, in OAuth's words"""
    for body in (urlencode(ASKED), json.dumps(ASKED)):
        answer = accounts.gateway.request("POST", "/auth/token", body=body, headers={"Content-Type": kind})
        assert_refused(answer, "invalid_request")
    without = accounts.gateway.request("POST", "/auth/token", body=urlencode(ASKED))
    assert_refused(without, "invalid_request")
    assert_refused(accounts.token(urlencode(ASKED), **{"Content-Encoding": "gzip"}), "invalid_request")
    assert_tokens(
        accounts.token(ASKED, **{"Content-Type": "Application/X-WWW-Form-URLEncoded; charset=UTF-8"})
    )


def test_the_endpoint_is_posted_to(accounts: Accounts) -> None:
    query = urlencode(ASKED)
    # The route does not exist: 401 without a credential, as on every unknown path, and 404 with one.
    assert accounts.gateway.request("GET", f"/auth/token?{query}").status == 401
    token = accounts.sign_in().json["access_token"]
    assert accounts.gateway.request("GET", f"/auth/token?{query}", token=token).status == 404
    answer = accounts.gateway.request(
        "POST", f"/auth/token?{query}", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert_refused(answer, "invalid_request")


REFUSED: dict[str, dict[str, str]] = {
    "wrong password": {**ASKED, "password": "wrong"},
    "unknown user": {**ASKED, "username": "grace@example.com"},
    "no address": {**ASKED, "username": "ada"},
    "a long name": {**ASKED, "username": "a" * 16_000},
    "a name with NUL": {**ASKED, "username": f"{EMAIL}\x00"},
    "a long password": {**ASKED, "password": "x" * 16_000},
    "a password with NUL": {**ASKED, "password": f"{PASSWORD}\x00"},
    "a password of NULs": {**ASKED, "password": "\x00" * 20},
    "a password and a space": {**ASKED, "password": f"{PASSWORD} "},
    "a password beyond the planes": {**ASKED, "password": "\U0010ffff" * 12},
    "a made-up refresh token": {"grant_type": "refresh_token", "refresh_token": "x"},
    "a long refresh token": {"grant_type": "refresh_token", "refresh_token": "x" * 16_000},
    "a refresh token with NUL": {"grant_type": "refresh_token", "refresh_token": "\x00"},
    "a refresh token beyond ASCII": {"grant_type": "refresh_token", "refresh_token": "é" * 100},
}


def test_who_is_refused_is_refused_alike(accounts: Accounts, logs: io.StringIO) -> None:
    """check 95 too: nothing that was given is logged."""
    told = set()
    for asked in REFUSED.values():
        answer = accounts.token(asked)
        assert_refused(answer, "invalid_grant")
        told.add((answer.body, tuple(sorted(answer.headers.items()))))
    assert len(told) == 1
    assert accounts.gateway.failures == []
    text = logs.getvalue()
    for canary in (EMAIL, "grace@", PASSWORD, "wrong", "xxx", "made-up"):
        assert canary not in text, canary


def test_special_characters_of_a_password_are_taken_as_forms_write_them(accounts: Accounts) -> None:
    odd = "P+a ss%41&w=o;rd-é-1\U0001f511"
    assert accounts.register(odd, email="odd@example.com").status == 201
    asked = {**ASKED, "username": "odd@example.com", "password": odd}
    assert_tokens(accounts.token(asked))  # a space as +
    assert_tokens(accounts.token(urlencode(asked, quote_via=quote)))  # a space as %20
    assert_refused(accounts.token({**asked, "password": odd.replace("+", " ")}), "invalid_grant")
    assert_refused(accounts.token({**asked, "password": odd.replace("%41", "A")}), "invalid_grant")


def change_member(accounts: Accounts, **changes: Any) -> None:
    (item,) = accounts.content.of("U#")
    sub = item["PK"]["S"].removeprefix("U#")
    with as_operator():
        member = DirectoryTable(store()).user(sub)
        assert member is not None
    put_member(replace(member, **changes))


def test_who_may_not_act_for_a_tenant_gets_no_tokens(accounts: Accounts) -> None:
    """check 59, for signing in"""
    refresh = {
        "grant_type": "refresh_token",
        "refresh_token": assert_tokens(accounts.token(ASKED))["refresh_token"],
    }
    (item,) = accounts.content.of("U#")
    member = Membership(item["PK"]["S"][2:], item["tenant_id"]["S"], "admin", EMAIL)

    def assert_shut_out() -> None:
        for asked in (ASKED, refresh):
            assert_refused(accounts.token(asked), "invalid_grant")

    change_member(accounts, disabled=True)
    assert_shut_out()
    change_member(accounts, disabled=False, tenant_id="nowhere")
    assert_shut_out()
    change_member(accounts, tenant_id=member.tenant_id)
    assert_tokens(accounts.token(ASKED))
    suspend(member.tenant_id)
    assert_shut_out()
    suspend(member.tenant_id, is_suspended=False)
    with as_operator():
        key = account_keys.membership(member.sub)
        accounts.stack.client("dynamodb").delete_item(TableName=accounts.stack.table_name, Key=key)
    reset_wiring()
    assert_shut_out()


def test_what_is_away_is_a_problem_document_as_everywhere(accounts: Accounts, waits: list[float]) -> None:
    """check 15, for signing in"""
    for fault in (unreachable(call("cognito-idp")), unreachable(call("dynamodb")), throttle(times=None)):
        with injecting(fault):
            answer = accounts.token(ASKED)
        assert (answer.status, answer.headers["Content-Type"]) == (503, "application/problem+json")
        assert answer.headers["Retry-After"]
    assert_tokens(accounts.token(ASKED))


def test_events_of_a_shape_the_gateway_may_give_are_read(accounts: Accounts) -> None:
    handler = importlib.import_module("functions.auth.app").handler

    def invoke(**members: Any) -> tuple[int, Any]:
        context = {"requestId": "r", "stage": "v1"}
        headers = {"CONTENT-TYPE": "application/x-www-form-urlencoded"}
        event = {"httpMethod": "POST", "path": "/auth/token", "headers": headers, "requestContext": context}
        with acting_for(prefixes=("U#", "T#")):
            answer = handler({**event, **members}, lambda_context("AuthFunction"))
        return answer["statusCode"], json.loads(answer["body"])

    plain = urlencode(ASKED)
    encoded = base64.b64encode(plain.encode()).decode()
    assert invoke(body=plain)[0] == 200
    assert invoke(body=encoded, isBase64Encoded=True)[0] == 200
    assert invoke(body=plain, path="/v1/auth/token")[0] == 200
    assert invoke(body=plain, path="/auth/token/")[0] == 200
    for bad in ("%%%", "é", encoded[:-3], base64.b64encode(b"\xff\xfe=\xff").decode(), "", None):
        status, told = invoke(body=bad, isBase64Encoded=True)
        assert (status, told["error"]) == (400, "invalid_request"), bad
    for bad in ("\ud800", f"{plain}&x=\ud800", "grant_type=password&username=\ud800&password=x", None):
        assert invoke(body=bad)[0] in (200, 400), bad
    status, told = invoke(body="grant_type=password&username=a%40example.com&password=\ud800")
    assert (status, told["error"]) == (400, "invalid_request")
    status, told = invoke(body=f"x={'x' * 16_384}")
    assert (status, told["code"]) == (413, "too_large")


class Noting:
    """A gate that records its calls and refuses one account."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None, str]] = []

    def count_request(self, address: str) -> None:
        self.seen.append(("arrive", None, address))

    def count_attempt(self, account: str) -> None:
        self.seen.append(("attempt", account, ""))
        if account == "too-often@example.com":
            raise RateLimited(1)

    def release_success(self, account: str | None, address: str) -> None:
        self.seen.append(("succeeded", account, address))


def test_every_attempt_passes_the_gate_and_none_goes_round_it(accounts: Accounts) -> None:
    gate = Noting()
    with as_operator():
        service = SignIn(user_pool(), "", directory(), directory(), find_tenant, gate)
        tokens = service.with_password(f"<{EMAIL.upper()}>", PASSWORD, "a")
        service.with_refresh_token(tokens.refresh_token, "b")
        for name, password in ((EMAIL, "wrong"), (EMAIL, "x" * 1000), ("nobody", "x")):
            with pytest.raises(DomainError):
                service.with_password(name, password, "c")
        with pytest.raises(RateLimited):
            assert calls_of(lambda: service.with_password("too-often@example.com", "x", "d")) == []
    assert gate.seen == [
        ("attempt", EMAIL, ""),
        ("succeeded", EMAIL, "a"),
        ("succeeded", None, "b"),
        ("attempt", EMAIL, ""),
        ("attempt", EMAIL, ""),
        ("attempt", "nobody@username.invalid", ""),  # the pool is only asked for addresses
        ("attempt", "too-often@example.com", ""),
    ]


def test_the_caller_s_address_is_what_the_gateway_saw(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Noting()
    monkeypatch.setattr("shared.services.limits.sign_in_gate.OpenGate", lambda: gate)
    sign_in_gate.cache_clear()
    spoofed = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9"}
    accounts.token(ASKED, **spoofed)
    accounts.gateway.request(
        "POST",
        "/auth/register",
        json={"tenant_name": "x", "email": "x@example.com", "password": PASSWORD},
        headers=spoofed,
    )
    accounts.gateway.request("POST", "/users/invitations/accept", body="{", headers=spoofed)
    assert [address for what, _, address in gate.seen if what == "arrive"] == ["198.51.100.7"] * 3


def test_no_answer_of_the_token_endpoint_may_be_cached(accounts: Accounts) -> None:
    with injecting(unreachable(call("cognito-idp"))):
        away = accounts.sign_in()
    assert away.status == 503
    for answer in (away, accounts.sign_in(), accounts.sign_in("wrong"), accounts.token("grant_type=none")):
        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"
