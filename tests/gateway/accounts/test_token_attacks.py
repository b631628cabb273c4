"""Attacks on tokens and keys beyond plain forgery (tests/gateway/isolation/test_isolation.py): never in, never 5xx."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from functions.authorizer.app import authorize
from shared.identity.tokens import Refused, subject_of
from tests.gateway.isolation.test_isolation import assert_unauthorized, encode
from tests.integration.world import World
from tests.support.gateway import Gateway
from tests.support.gateway_authorizers import allows
from tests.support.lambda_context import lambda_context
from tests.support.tenant_guard import inferring_tenant
from tests.support.tokens import TokenIssuer

ADMIN = "admin-of-T1"
ARN = "arn:aws:execute-api:us-east-1:123456789012:harness123/v1/GET/contacts"


def raw(issuer: TokenIssuer, header: str, claims: str) -> str:
    """RS256 by the issuer's key over texts as they are, be they JSON or not."""
    signed = f"{encode(header.encode())}.{encode(claims.encode())}"
    return f"{signed}.{encode(issuer.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def unsigned(header: str, claims: str = "{}") -> str:
    return f"{encode(header.encode())}.{encode(claims.encode())}.{encode(b'x' * 256)}"


def attacks(issuer: TokenIssuer) -> dict[str, str]:
    stranger, twin = TokenIssuer(), TokenIssuer()
    twin.key_id = issuer.key_id
    good = json.dumps(issuer.claims(ADMIN))
    kid = issuer.key_id
    nested = issuer.make_token(ADMIN)
    deep = "[" * 7000 + "]" * 7000
    now = int(time.time())
    certificate = encode(b"\x30\x82" + b"x" * 300)
    # Header and claims of a stranger are read before any signature is: none of it may do harm.
    found = {
        "a header ten thousand deep": unsigned('{"kid":' + deep + "}"),
        "a header that never closes": unsigned('{"a":' * 7000),
        "claims ten thousand deep": unsigned(f'{{"alg":"RS256","kid":"{kid}"}}', deep),
        "a number of ten thousand digits": unsigned('{"alg":"RS256","kid":' + "9" * 10_000 + "}"),
        "a lone surrogate as key id": unsigned('{"alg":"RS256","kid":"\\ud800"}'),
        "a key id of 7,000 letters": unsigned(f'{{"alg":"RS256","kid":"{"x" * 7000}"}}'),
        "NUL in the key id": unsigned(f'{{"alg":"RS256","kid":"{kid}\\u0000"}}'),
        "alg given twice, none last": unsigned(f'{{"alg":"RS256","alg":"none","kid":"{kid}"}}', good),
        "alg given twice, none first": unsigned(f'{{"alg":"none","alg":"RS256","kid":"{kid}"}}', good),
        "key id given twice": raw(
            stranger, f'{{"alg":"RS256","kid":"{stranger.key_id}","kid":"{kid}"}}', good
        ),
        "alg in lower case": issuer.make_token(ADMIN, header={"alg": "rs256"}),
        "alg with a space": issuer.make_token(ADMIN, header={"alg": "RS256 "}),
        "alg as null": issuer.make_token(ADMIN, header={"alg": None}),
        "key id in capitals": issuer.make_token(ADMIN, header={"kid": kid.upper()}),
        "key id with a space": issuer.make_token(ADMIN, header={"kid": f"{kid} "}),
        "a certificate in the header": twin.make_token(ADMIN, header={"x5c": [certificate]}),
        "a certificate by URL": twin.make_token(ADMIN, header={"x5u": "http://127.0.0.1:9/c.pem"}),
        "its thumbprint": twin.make_token(
            ADMIN, header={"x5t": "x", "x5t#S256": "y", "kid": stranger.key_id}
        ),
        "a token in a token": raw(issuer, f'{{"alg":"RS256","kid":"{kid}","cty":"JWT"}}', json.dumps(nested)),
        "a bare token in a token": raw(issuer, f'{{"alg":"RS256","kid":"{kid}","cty":"JWT"}}', nested),
        "compressed claims": issuer.make_token(ADMIN, header={"zip": "DEF", "crit": ["zip"]}),
        "encrypted": ".".join(
            [encode({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": kid}), "a", "b", "c", "d"]
        ),
        "a signature of zeros under ES256": f"{encode({'alg': 'ES256', 'kid': kid})}.{encode(good.encode())}."
        + encode(b"\0" * 64),
        "EdDSA over RS256": issuer.make_token(ADMIN, header={"alg": "EdDSA"}),
        "a byte of the signature changed": nested[:-10] + ("A" if nested[-10] != "A" else "B") + nested[-9:],
        "the signature twice": nested + nested.rpartition(".")[2],
        "claims with a tail": raw(issuer, f'{{"alg":"RS256","kid":"{kid}"}}', good + " {}"),
        # Signed by the true issuer, which would have to be faulty.
        "use as list": issuer.make_token(ADMIN, token_use=["access"]),
        "client as object": issuer.make_token(ADMIN, client_id={"a": issuer.client_id}),
        "issuer as object": issuer.make_token(ADMIN, iss={"a": 1}),
        "another of our pool's clients": issuer.make_token(ADMIN, client_id="another-client-of-this-pool"),
        "client in capitals": issuer.make_token(ADMIN, client_id=issuer.client_id.upper()),
        "a subject of 3,000 letters": issuer.make_token("x" * 3000),
        "a subject with NUL": issuer.make_token(f"{ADMIN}\x00"),
        "a subject with a surrogate": issuer.make_token("\ud800"),
        "a subject that is a key": issuer.make_token("user-of-T1#USER"),
        "a subject in capitals": issuer.make_token(ADMIN.upper()),
        "expired six seconds ago": issuer.make_token(ADMIN, exp=now - 7),
        "valid in ten seconds": issuer.make_token(ADMIN, nbf=now + 10),
        "issued in ten seconds": issuer.make_token(ADMIN, iat=now + 10),
    }
    for claim in ("exp", "nbf", "iat"):
        for what, odd in (("list", [now]), ("object", {}), ("null", None), ("true", True), ("text", "x")):
            if (claim, what) not in {
                ("nbf", "true"),
                ("iat", "true"),
                ("nbf", "null"),
            }:  # a time long ago, or none
                found[f"{claim} as {what}"] = issuer.make_token(ADMIN, **{claim: odd})
    return found


def test_no_attack_on_tokens_is_admitted_or_causes_a_failure(world: World, token_issuer: TokenIssuer) -> None:
    """check 55"""
    through = {}
    for what, token in attacks(token_issuer).items():
        answer = world.gateway.request("GET", "/contacts", token=token)
        if answer.status == 401:
            assert_unauthorized(answer)
        else:
            through[what] = answer.status
    assert through == {}
    assert world.gateway.failures == []


def test_of_two_claims_of_one_name_every_reader_takes_the_last(
    world: World, token_issuer: TokenIssuer
) -> None:
    """check 55: only the issuer signs, so this is no attack; but a caller must not be checked as one user and served as
    another."""
    claims = json.dumps(token_issuer.claims("user-of-T1"))
    token = raw(
        token_issuer, f'{{"alg":"RS256","kid":"{token_issuer.key_id}"}}', '{"sub":"admin-of-T1",' + claims[1:]
    )
    assert world.gateway.request("GET", "/contacts", token=token).status == 200
    assert world.gateway.request("GET", "/webhooks", token=token).status == 403, "the last one: the user"


def test_clocks_may_differ_by_five_seconds_and_no_more(token_issuer: TokenIssuer) -> None:
    """check 55: the edge of every time."""

    class Keys:
        def key(self, key_id: str) -> jwt.PyJWK:
            return jwt.PyJWK(token_issuer.jwks["keys"][0], algorithm="RS256")

    def subject(**times: int) -> Any:
        token = token_issuer.make_token("ada", **{name: now + offset for name, offset in times.items()})
        try:
            return subject_of(token, Keys(), issuer=token_issuer.issuer, audience=token_issuer.client_id)  # type: ignore[arg-type]
        except Refused:
            return None

    now = int(time.time())
    assert subject(exp=-3) == subject(nbf=3) == subject(iat=3) == "ada"
    assert subject(exp=-8) is subject(nbf=8) is subject(iat=8) is None


@pytest.mark.parametrize(
    "key", ["ck_a_\ud800", "ck_\ud800_a", "ck_é_a", "ck_a_\x00", "ck_a_" + "x" * 190, "ck_" * 60]
)
def test_an_odd_key_is_a_wrong_one(world: World, key: str) -> None:
    """check 55"""
    assert_refused(asked(f"Bearer {key}"))


def assert_refused(answer: dict[str, Any]) -> None:
    """The policy allows nothing, and nothing is said of a caller."""
    for method in ("GET", "POST"):
        assert not allows(answer["policyDocument"], f"{ARN.rsplit('/', 2)[0]}/{method}/contacts")
    assert not answer.get("context")
    assert answer["principalId"] == "nobody"


def asked(authorization: str, arn: str = ARN) -> dict[str, Any]:
    """What the authorizer answers the gateway."""
    event = {"type": "TOKEN", "methodArn": arn, "authorizationToken": authorization}
    with inferring_tenant("U#", "K#"):
        answer: dict[str, Any] = authorize(event, lambda_context("AuthorizerFunction"))
    return answer


@pytest.mark.parametrize(
    "header",
    ["", " ", "Bearer", "Bearer ", "Bearer\u00a0x", "Basic x", "bearer", "x" * 9000, "Bearer x y", "\ud800"],
)
def test_an_odd_header_is_no_sign_in(world: World, header: str) -> None:
    assert_refused(asked(header))


def test_the_policy_is_for_this_stage_of_this_api_and_for_all_its_routes(world: World) -> None:
    """check 57: API Gateway keeps it for every method and path, so it may neither be too narrow nor reach beyond."""
    for arn in (
        ARN,
        ARN.replace("GET/contacts", "POST/contacts/a:b/*"),
        ARN.replace("GET/contacts", "DELETE/"),
    ):
        policy = asked(f"Bearer {world.t1.user}", arn)["policyDocument"]
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            for path in ("contacts", "contacts/1/groups/2", "webhooks", "me"):
                assert allows(policy, f"{ARN.rsplit('/', 2)[0]}/{method}/{path}")
        for beyond in (
            ARN.replace("harness123", "another123"),
            ARN.replace("/v1/", "/v2/"),
            ARN.replace("/v1/", "/v10/"),
            ARN.replace("123456789012", "210987654321"),
            ARN.replace("us-east-1", "eu-west-1"),
        ):
            assert not allows(policy, beyond), beyond
        (statement,) = policy["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Allow", "execute-api:Invoke")


def test_a_cached_answer_is_used_only_for_its_own_token(world: World) -> None:
    """check 57: a token with the same beginning, or another spelling of the token, does not get its answer."""
    gateway = Gateway(world.stack.template, cached=True)
    good = world.t1.admin
    assert gateway.request("GET", "/contacts", token=good).status == 200
    for other in (good[:-1], f"{good}=", f"{good}A", good.swapcase(), f"{good}."):
        answer = gateway.request("GET", "/contacts", token=other)
        assert answer.status in (401, 200), answer.text
        if answer.status == 200:  # another spelling of the same bytes, judged by itself
            assert jwt.decode(other, options={"verify_signature": False})["sub"] == ADMIN


def test_the_context_says_nothing_that_the_caller_chose(world: World, token_issuer: TokenIssuer) -> None:
    """check 56: claims named like ours are not ours."""
    token = token_issuer.make_token(
        "user-of-T1",
        tenant_id="T10",
        role="admin",
        permissions="tenant:admin:all",
        caller_kind="system",
        tenant="T10",
    )
    context = asked(f"Bearer {token}")["context"]
    assert context == {
        "tenant_id": "T1",
        "caller_kind": "user",
        "caller_id": "user-of-T1",
        "role": "user",
        "permissions": "",
        "rate_limit": "100:200",
        "username": "user@t1.example.com",
    }
