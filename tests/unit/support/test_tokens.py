"""Tokens verify against the served JWKS, and can be made wrong in every way an attack needs."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.tokens import ABSENT, TokenIssuer


def part(token: str, number: int) -> bytes:
    text = token.split(".")[number]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


def verify(token: str, jwks_url: str) -> dict[str, Any]:
    with urllib.request.urlopen(jwks_url, timeout=60) as answer:
        (key,) = json.load(answer)["keys"]
    assert json.loads(part(token, 0))["kid"] == key["kid"]
    public = rsa.RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key()
    public.verify(part(token, 2), token.rpartition(".")[0].encode(), padding.PKCS1v15(), hashes.SHA256())
    claims: dict[str, Any] = json.loads(part(token, 1))
    return claims


def test_a_token_verifies_against_the_served_keys(token_issuer: TokenIssuer) -> None:
    claims = verify(token_issuer.make_token("sub-1"), token_issuer.jwks_url)
    assert claims["sub"] == claims["username"] == "sub-1"
    assert claims["token_use"] == "access"
    assert claims["iss"] == token_issuer.issuer
    assert claims["client_id"] == token_issuer.client_id
    assert claims["exp"] - claims["iat"] == 3600


def test_claims_and_header_can_be_changed_and_left_out(token_issuer: TokenIssuer) -> None:
    token = token_issuer.make_token("s", header={"alg": "none", "kid": ABSENT}, exp=1, client_id=ABSENT)
    assert json.loads(part(token, 0)) == {"alg": "none", "typ": "JWT"}
    claims = json.loads(part(token, 1))
    assert claims["exp"] == 1
    assert "client_id" not in claims


def test_another_issuer_s_token_does_not_verify(token_issuer: TokenIssuer) -> None:
    stranger = TokenIssuer()
    stranger.key_id = token_issuer.key_id
    with pytest.raises(InvalidSignature):
        verify(stranger.make_token("sub-1"), token_issuer.jwks_url)
