"""An issuer of the deployment's own, with which users sign in instead of the user pool."""

from __future__ import annotations

from shared.domain.errors import Invalid, Unavailable
from shared.identity.tokens import KeySet, KeysUnavailable, Refused, subject_of


class OtherIssuer:
    """An issuer of access tokens, identified by its keys. `audience`: the `aud` of its tokens for this API."""

    def __init__(self, jwks_url: str, issuer: str, audience: str) -> None:
        self._keys = KeySet(jwks_url)
        self._issuer = issuer
        self._audience = audience

    def subject(self, token: str) -> str:
        """Return the `sub` of an access token with which a user registers.

        Raises Invalid when the token is not valid, Unavailable when the issuer's keys cannot be fetched.
        """
        try:
            return subject_of(token, self._keys, issuer=self._issuer, audience=self._audience)
        except Refused:
            raise Invalid.field("access_token", "invalid_token", "This is no valid access token.") from None
        except KeysUnavailable:
            raise Unavailable from None
