"""Warm authorizers, against a default boto3 client that makes two calls: the caller's item and the tenant's."""

from __future__ import annotations

import json
import os
import time
from typing import Any
from urllib.parse import quote

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks import fixtures
from benchmarks.aws_noop import answer_with
from benchmarks.report import Figure
from benchmarks.warm import Side, compare

_ISSUER, _AUDIENCE, _KEY_ID = (
    "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_bench",
    "client",
    "key",
)


def figures() -> list[Figure]:
    """Measure the CPU time of an authorization, as `benchmarks.warm` does. The tenant's record is cached."""
    fixtures.set_environment()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    os.environ.update(TOKEN_ISSUER=_ISSUER, TOKEN_AUDIENCE=_AUDIENCE, TOKEN_JWKS_URL=_key_set(key))
    member = fixtures.TENANT | {"tenant_id": {"S": "t1"}, "role": {"S": "admin"}, "username": {"S": "ada"}}
    token, api_key = _ours(_token(key), member), _ours(fixtures.API_KEY, fixtures.API_CLIENT)
    two_reads = _two_reads(member)
    return [
        compare("warm authorizer, access token, CPU", token, two_reads, 0.75),
        compare("warm authorizer, API key, CPU", api_key, two_reads, 0.50),
    ]


def _ours(credential: str, item: dict[str, Any]) -> Side:
    import functions.authorizer.app as app
    from shared.wiring.base import aws_client

    event = fixtures.authorization(credential)

    def authorize() -> None:
        answer_with(aws_client("dynamodb"), {"GetItem": {"Item": item}})
        assert app.authorize(event, None)["context"]["tenant_id"] == "t1"

    return authorize


def _two_reads(item: dict[str, Any]) -> Side:
    import boto3

    client = boto3.client("dynamodb")
    answer_with(client, {"GetItem": {"Item": item}})

    def read() -> None:
        for pk, sk in (("U#sub", "USER"), ("T#t1#TENANT", "TENANT")):
            client.get_item(TableName="contacts", Key={"PK": {"S": pk}, "SK": {"S": sk}})

    return read


def _key_set(key: rsa.RSAPrivateKey) -> str:
    """Return the address of the issuer's public key, a data URL that needs no server."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return "data:application/json," + quote(json.dumps({"keys": [public | {"kid": _KEY_ID, "use": "sig"}]}))


def _token(key: rsa.RSAPrivateKey) -> str:
    now = int(time.time())
    claims = {"sub": "sub", "iss": _ISSUER, "iat": now, "exp": now + 3600}
    claims |= {"client_id": _AUDIENCE, "token_use": "access", "auth_time": now}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": _KEY_ID})
