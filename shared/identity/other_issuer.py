"""An issuer that the deployment brings with it, to whom people sign in instead of the user pool."""

from __future__ import annotations

from shared.domain.errors import Invalid, Unavailable
from shared.identity.tokens import KeySet, KeysUnavailable, Refused, subject_of


class OtherIssuer:
    """One issuer, known by its keys. `audience`: what its tokens for this API carry."""

    def __init__(self, jwks_url: str, issuer: str, audience: str) -> None:
        self._keys = KeySet(jwks_url)
        self._issuer = issuer
        self._audience = audience

    def subject(self, token: str) -> str:
        """The `sub` of an access token that registers. Raises Invalid for one that is not valid, or Unavailable."""
        try:
            return subject_of(token, self._keys, issuer=self._issuer, audience=self._audience)
        except Refused:
            raise Invalid.field("access_token", "invalid_token", "This is no valid access token.") from None
        except KeysUnavailable:
            raise Unavailable from None
