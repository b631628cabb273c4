"""The credential with which a new user will sign in: a password of the user pool, or another issuer's token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.domain.accounts.passwords import check_password
from shared.domain.errors import Invalid


class PoolAccounts(Protocol):
    """The user pool, for adding users; see `shared.identity.user_pool.UserPool`."""

    def add(self, username: str) -> str: ...

    def set_password(self, username: str, password: str) -> None: ...


class OtherIssuer(Protocol):
    """The token issuer of a deployment without a user pool; see `shared.identity.other_issuer.OtherIssuer`."""

    def subject(self, token: str) -> str: ...


@dataclass(frozen=True, slots=True)
class PasswordCredential:
    """A password that satisfies the pool's policy, and the pool."""

    accounts: PoolAccounts
    password: str


@dataclass(frozen=True, slots=True)
class TokenCredential:
    """An access token of another issuer, not verified yet."""

    text: str


def require_credential(
    accounts: PoolAccounts | None, password: str | None, access_token: str | None
) -> PasswordCredential | TokenCredential:
    """Return the credential that this deployment needs: a password if it has a pool (`accounts`), else a token.

    Raises Invalid if it is missing, if the other kind is given, or if the password violates the pool's policy.
    """
    if accounts is not None:
        _refuse(access_token, "access_token", "Here people sign in with a password: send `password`.")
        password = _require(password, "password", "A password is required.")
        check_password(password)
        return PasswordCredential(accounts, password)
    _refuse(password, "password", "Here people sign in with another issuer: send `access_token`.")
    return TokenCredential(_require(access_token, "access_token", "An access token is required."))


def _require(value: str | None, field: str, message: str) -> str:
    if value is None:
        raise Invalid.field(field, "required", message)
    return value


def _refuse(value: str | None, field: str, message: str) -> None:
    if value is not None:
        raise Invalid.field(field, "not_wanted", message)
