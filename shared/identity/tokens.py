"""Access tokens: JSON Web Tokens of the one issuer that the deployment trusts."""

from __future__ import annotations

import json
import time
import urllib.request
from http.client import HTTPException
from typing import Any, NamedTuple

import jwt

from shared import observability

_KEYS_SECONDS = 3600.0
"""Seconds for which fetched keys are used before they are fetched again."""
_REFETCH_SECONDS = 30.0
"""Seconds between fetches because of unknown key ids."""
_FIRST_FETCH_SECONDS = 1.0
"""Seconds between fetches while no keys are known."""
_TIMEOUT_SECONDS = 3.0
"""Seconds that a fetch may wait for the issuer."""
_LEEWAY_SECONDS = 5
"""Seconds by which the issuer's clock may differ from ours."""
_MAX_SUBJECT = 255
"""ASCII characters of a subject (OpenID Connect Core 1.0, section 2)."""


class Refused(Exception):
    """The token is not accepted. The message contains the reason, and never the token."""


class KeysUnavailable(Exception):
    """The issuer's keys cannot be fetched and none are known, so tokens can be neither accepted nor refused."""


class KeySet:
    """The issuer's public keys (RFC 7517), fetched from a fixed URL and kept for an hour.

    An unknown key id causes another fetch, because issuers rotate keys, but at most every 30 seconds: the id comes from
    the token, so any sender can choose it. While the issuer is unavailable, the known keys stay valid.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked = float("-inf")

    def key(self, key_id: str) -> jwt.PyJWK:
        """Return the RSA key with an id.

        Raises Refused when the issuer has no such key, KeysUnavailable when no keys have ever been fetched.
        """
        age = time.monotonic() - self._asked
        pause = _REFETCH_SECONDS if self._keys else _FIRST_FETCH_SECONDS
        if age > _KEYS_SECONDS or (key_id not in self._keys and age > pause):
            self._asked = time.monotonic()
            try:
                self._keys = self._fetch() or self._keys
            except (OSError, HTTPException, ValueError, TypeError, KeyError, AttributeError):
                # Unavailable, or the response is not a key set.
                observability.warn("token keys cannot be fetched", known=len(self._keys))
        if not self._keys:
            raise KeysUnavailable
        if key_id not in self._keys:
            raise Refused("unknown key")
        return self._keys[key_id]

    def _fetch(self) -> dict[str, jwt.PyJWK]:
        with urllib.request.urlopen(self._url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 (a fixed URL)
            document = json.load(answer)
        keys: dict[str, jwt.PyJWK] = {}
        for key in document["keys"]:
            try:
                if key["kty"] == "RSA" and key.get("use", "sig") == "sig":
                    keys[key["kid"]] = jwt.PyJWK(key, algorithm="RS256")
            except (jwt.PyJWTError, KeyError, TypeError, AttributeError, ValueError):
                continue  # an unusable entry does not affect the others
        observability.note("fetched token keys", count=len(keys))
        return keys


_COGNITO = "https://cognito-idp."
_TYPES = ("jwt", "at+jwt", "application/at+jwt")  # RFC 7519, section 5.1, and RFC 9068, section 2.1
_ID_TOKEN_CLAIMS = ("at_hash", "c_hash")  # OpenID Connect Core, sections 3.1.3.6 and 3.3.2.11


class Identity(NamedTuple):
    """The user of a valid access token.

    `signed_in_at`: when the user signed in with the pool, in Unix seconds; refreshed tokens keep it. None with another
    issuer, which never assigns a subject to another person (OpenID Connect Core 1.0, section 2).
    """

    subject: str
    signed_in_at: int | None


def subject_of(token: str, keys: KeySet, *, issuer: str, audience: str) -> str:
    """Return the `sub` of a valid access token; see `identity_of`."""
    return identity_of(token, keys, issuer=issuer, audience=audience).subject


def identity_of(token: str, keys: KeySet, *, issuer: str, audience: str) -> Identity:
    """Return the user of an access token. Raises Refused when the token is not valid.

    A valid token is signed with RS256 by one of `keys`, has `issuer` as `iss`, is within its period of validity, and is
    an access token for `audience`. How the last is checked depends on the configured issuer, not on the token:
    Cognito's tokens have `token_use` and `client_id` and no `aud` (Amazon Cognito Developer Guide, "Verifying JSON web
    tokens"); tokens of other issuers name the audience in `aud` (RFC 7519, section 4.1.3) and have no claim of another
    kind of token (RFC 8725, section 3.11).
    """
    is_cognito = issuer.startswith(_COGNITO)
    try:
        header = jwt.get_unverified_header(token)
        key_id = header.get("kid")
        if not isinstance(key_id, str):
            raise Refused("no key id")
        claims: dict[str, Any] = jwt.decode(
            token,
            keys.key(key_id),
            algorithms=["RS256"],
            issuer=issuer,
            audience=None if is_cognito else audience,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "sub"], "verify_aud": not is_cognito},
        )
    except (jwt.PyJWTError, ValueError) as error:
        raise Refused(type(error).__name__) from error
    if is_cognito:
        _require_cognito(claims, audience)
    else:
        _require_access_token(header, claims)
    subject = str(claims["sub"])
    if not (subject.isascii() and 0 < len(subject) <= _MAX_SUBJECT):
        raise Refused("a subject that is none")
    return Identity(subject, _read_auth_time(claims) if is_cognito else None)


def _read_auth_time(claims: dict[str, Any]) -> int:
    at = claims.get("auth_time")
    if type(at) is not int:
        raise Refused("no time of signing in")
    return at


def _require_cognito(claims: dict[str, Any], client_id: str) -> None:
    if claims.get("token_use") != "access":
        raise Refused("not an access token")
    if claims.get("client_id") != client_id:
        raise Refused("another client's token")


def _require_access_token(header: dict[str, Any], claims: dict[str, Any]) -> None:
    if str(header.get("typ", "JWT")).lower() not in _TYPES or claims.get("token_use", "access") != "access":
        raise Refused("not an access token")
    if any(name in claims for name in _ID_TOKEN_CLAIMS):
        raise Refused("an ID token")
