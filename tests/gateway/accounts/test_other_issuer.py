"""A deployment with its own OpenID provider: which tokens are accepted, registering with them, and signing in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from functions.authorizer import app as authorizer
from shared.wiring.accounts import other_issuer, user_pool
from tests.gateway.isolation.test_isolation import assert_unauthorized, forgeries
from tests.integration.accounts.accounts import ASKED, EMAIL, PASSWORD, Accounts
from tests.integration.accounts.directory import assert_whole, invite
from tests.integration.world import World
from tests.support.aws import stack_in_moto
from tests.support.faults import Killed, call, injecting, kill_before, lost_answer
from tests.support.gateway import Gateway
from tests.support.template import Template
from tests.support.tokens import ABSENT, TokenIssuer

AUDIENCE = "https://contacts.example"
REGISTERS = {"tenant_name": "Engines", "email": EMAIL}


class Provider(TokenIssuer):
    """An OpenID provider: access tokens with `aud`, without Cognito's claims."""

    issuer = "https://id.example/"

    def claims(self, sub: str, **overrides: Any) -> dict[str, Any]:
        ours = {"aud": AUDIENCE, "client_id": ABSENT, "token_use": ABSENT, "username": ABSENT}
        return super().claims(sub, **{**ours, **overrides})


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider().serving() as made:
        yield made  # type: ignore[misc]


@pytest.fixture(scope="module")
def with_provider() -> Template:
    """The template with the provider's parameters."""
    return Template.load(
        TokenIssuer=Provider.issuer, TokenAudience=AUDIENCE, TokenJwksUrl="https://id.example/jwks"
    )


@pytest.fixture
def world(provider: Provider, with_provider: Template) -> Iterator[World]:
    """A stack made from the template with the provider's parameters, and T1 in it."""
    with stack_in_moto(with_provider, TOKEN_JWKS_URL=provider.jwks_url) as stack:
        authorizer._keys.cache_clear()
        try:
            yield World(stack, provider)
        finally:
            authorizer._keys.cache_clear()


def test_no_pool_is_made_and_the_functions_know_the_provider(world: World) -> None:
    assert world.stack.template.resources("AWS::Cognito::UserPool") == {}
    assert world.stack.template.resources("AWS::Cognito::UserPoolClient") == {}
    environment = world.stack.environment
    assert (environment["TOKEN_ISSUER"], environment["TOKEN_AUDIENCE"]) == (Provider.issuer, AUDIENCE)
    assert environment["USER_POOL_ID"] == ""
    assert user_pool() is None


def test_the_provider_s_access_tokens_let_members_in(world: World, provider: Provider) -> None:
    for overrides, header in (
        ({}, {}),
        ({"aud": ["https://other.example", AUDIENCE]}, {}),
        ({"scope": "openid", "azp": "x", "client_id": "x"}, {"typ": "at+jwt"}),
        ({"token_use": "access"}, {"typ": "application/at+jwt"}),
        ({}, {"typ": ABSENT}),
        ({}, {"typ": "at+JWT"}),
    ):
        token = provider.make_token("admin-of-T1", header=header, **overrides)
        assert world.gateway.request("GET", "/contacts", token=token).status == 200, (overrides, header)


# These forge a Cognito claim that this provider does not issue.
OF_COGNITO = {
    "another client",
    "client as list",
    "no client",
    "audience instead of client",
    "no token use",
}


def other_forgeries(provider: Provider) -> dict[str, str]:
    sub = "admin-of-T1"
    return {
        "another audience": provider.make_token(sub, aud="https://other.example"),
        "another audience's list": provider.make_token(sub, aud=["https://other.example"]),
        "audience with a slash more": provider.make_token(sub, aud=f"{AUDIENCE}/"),
        "the audience within another": provider.make_token(sub, aud=f"x {AUDIENCE}"),
        "no audience": provider.make_token(sub, aud=ABSENT),
        "audience as null": provider.make_token(sub, aud=None),
        "audience as number": provider.make_token(sub, aud=7),
        "audience as object": provider.make_token(sub, aud={AUDIENCE: True}),
        "empty audience": provider.make_token(sub, aud=""),
        "client instead of audience": provider.make_token(sub, aud=ABSENT, client_id=AUDIENCE),
        "like Cognito's": provider.make_token(sub, aud=ABSENT, client_id=AUDIENCE, token_use="access"),
        "ID token by its at_hash": provider.make_token(sub, at_hash="x"),
        "ID token by its c_hash": provider.make_token(sub, c_hash="x"),
        "token of another use": provider.make_token(sub, token_use="id"),
        "logout token": provider.make_token(sub, header={"typ": "logout+jwt"}),
        "proof of possession": provider.make_token(sub, header={"typ": "dpop+jwt"}),
        "type as list": provider.make_token(sub, header={"typ": ["JWT"]}),
    }


def test_forged_and_stale_tokens_of_the_provider_are_refused(world: World, provider: Provider) -> None:
    """check 55, for another issuer"""
    common = {what: token for what, token in forgeries(provider).items() if what not in OF_COGNITO}
    made = {**common, **other_forgeries(provider)}
    assert len(made) >= 60
    let_in = {}
    for what, token in made.items():
        answer = world.gateway.request("GET", "/contacts", token=token)
        if answer.status != 401:
            let_in[what] = answer.status
        else:
            assert_unauthorized(answer)
        registered = world.gateway.request(
            "POST", "/auth/register", json={**REGISTERS, "access_token": token}
        )
        if registered.status != 422:
            let_in[f"{what}, to register"] = registered.status
    # Two tokens are genuine, of people who are not users yet. The body with the third is too long and is not read.
    assert let_in == {
        "unknown subject, to register": 201,
        "subject of another name space, to register": 201,
        "long, to register": 413,
    }
    assert world.gateway.failures == []


def test_registering_takes_an_access_token_instead_of_a_password(world: World, provider: Provider) -> None:
    accounts = Accounts(world.stack)
    token = provider.make_token("provider|ada#1")
    with injecting(lost_answer()):
        answer = accounts.gateway.request("POST", "/auth/register", json={**REGISTERS, "access_token": token})
    assert answer.status == 201, answer.text
    assert answer.json["user"] == {"id": "provider|ada#1", "username": EMAIL, "role": "admin"}
    assert accounts.gateway.request("GET", "/contacts", token=token).status == 200
    for again in (token, provider.make_token("provider|ada#1"), provider.make_token("admin-of-T1")):
        answer = accounts.gateway.request("POST", "/auth/register", json={**REGISTERS, "access_token": again})
        assert (answer.status, answer.json["code"]) == (409, "already_registered")


def test_of_two_registrations_with_one_token_one_is_made(world: World, provider: Provider) -> None:
    racing = Accounts(world.stack).racing
    body = {**REGISTERS, "access_token": provider.make_token("ada")}
    before = len(world.content.of(r"T#[^#]+#TENANT$", "TENANT"))
    answers = racing.together([lambda: racing.request("POST", "/auth/register", json=body)] * 3)
    assert sorted(answer.status for answer in answers) == [201, 409, 409]
    assert len(world.content.of(r"T#[^#]+#TENANT$", "TENANT")) == before + 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "access_token"),
        ({"password": PASSWORD}, "password"),
        ({"access_token": "x"}, "access_token"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": "x" * 13_000}, "access_token"),
    ],
)
def test_registering_requires_a_valid_token(world: World, fields: dict[str, str], field: str) -> None:
    before = world.content.picture()
    answer = world.gateway.request("POST", "/auth/register", json={**REGISTERS, **fields})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, field)
    assert world.content.picture() == before


def test_while_the_provider_is_away_registering_may_be_tried_again(world: World, provider: Provider) -> None:
    """check 15"""
    world.stack.environment["TOKEN_JWKS_URL"] = "http://127.0.0.1:9/"
    other_issuer.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKEN_JWKS_URL", "http://127.0.0.1:9/")
        body = {**REGISTERS, "access_token": provider.make_token("ada")}
        answer = world.gateway.request("POST", "/auth/register", json=body)
    assert (answer.status, answer.json["code"]) == (503, "unavailable")


def test_the_token_endpoint_says_where_to_sign_in(world: World) -> None:
    accounts = Accounts(world.stack)
    for asked in (ASKED, {"grant_type": "refresh_token", "refresh_token": "x"}):
        answer = accounts.token(asked)
        assert (answer.status, answer.json["error"]) == (400, "unsupported_grant_type")
        assert Provider.issuer in answer.json["error_description"]


def test_a_cognito_pool_of_another_s_is_judged_as_cognito_s(world: World) -> None:
    """How a token is judged follows from the configured issuer, not from the token."""
    from shared.identity.tokens import KeySet, Refused, subject_of

    with TokenIssuer().serving() as pool:
        keys = KeySet(pool.jwks_url)

        def subject(**overrides: Any) -> str:
            token = pool.make_token("ada", **overrides)
            return subject_of(token, keys, issuer=pool.issuer, audience=pool.client_id)

        assert subject() == "ada"
        for forged in (
            {"client_id": ABSENT, "aud": pool.client_id},
            {"token_use": ABSENT},
            {"exp": int(time.time()) - 60},
        ):
            with pytest.raises(Refused):
                subject(**forged)


@pytest.mark.parametrize("way", ["invited", "registered"])
def test_a_new_member_gets_in_at_once_with_a_new_token_and_within_a_minute_with_a_refused_one(
    world: World, provider: Provider, way: str
) -> None:
    """The gateway keeps the refusal of a token for a minute."""
    moment = [0.0]
    gateway = Gateway(world.stack.template, cached=True, clock=lambda: moment[0])
    refused = provider.make_token("grace")

    def status(token: str) -> int:
        return gateway.request("GET", "/me", token=token).status

    assert status(refused) == 401
    if way == "invited":
        body = {"token": invite(world)["token"], "access_token": refused}
        assert gateway.request("POST", "/users/invitations/accept", json=body).status == 201
    else:
        body = {**REGISTERS, "access_token": refused}
        assert gateway.request("POST", "/auth/register", json=body).status == 201
    assert status(provider.make_token("grace", jti="another")) == 200
    assert status(refused) == 401
    moment[0] = 61.0
    assert status(refused) == 200


def test_an_invitation_makes_only_the_person_who_accepts_it_a_user(world: World, provider: Provider) -> None:
    def accept(token: str, sub: str) -> Any:
        body = {"token": token, "access_token": provider.make_token(sub)}
        return world.gateway.request("POST", "/users/invitations/accept", json=body)

    token = invite(world)["token"]
    with injecting(kill_before(call("dynamodb", "TransactWriteItems"), at=1)), pytest.raises(Killed):
        accept(token, "grace")
    # Nothing was begun that another could be taken for.
    assert accept(token, "barbara").json["id"] == "barbara"
    for sub in ("grace", "barbara"):
        assert accept(token, sub).json["code"] == "already_accepted"
    other = invite(world, "other@example.com")["token"]
    assert accept(other, "barbara").json["code"] == "already_a_user"
    # Where there is no pool nothing of a removal can come late.
    assert world.send("DELETE", "/users/barbara").status == 204
    assert accept(other, "barbara").status == 201
    assert_whole(world)
