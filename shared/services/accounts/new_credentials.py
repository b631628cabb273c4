"""With what somebody who becomes a user will sign in: a password for the pool, or another issuer's token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.domain.accounts.passwords import check_password
from shared.domain.errors import Invalid


class PoolAccounts(Protocol):
    """The pool of those who sign in with a password; see `shared.identity.user_pool.UserPool`."""

    def add(self, username: str) -> str: ...

    def set_password(self, username: str, password: str) -> None: ...


class OtherIssuer(Protocol):
    """The issuer that a deployment brings with it; see `shared.identity.other_issuer.OtherIssuer`."""

    def subject(self, token: str) -> str: ...


@dataclass(frozen=True, slots=True)
class PasswordCredential:
    """A password that the pool takes, and the pool."""

    accounts: PoolAccounts
    password: str


@dataclass(frozen=True, slots=True)
class TokenCredential:
    """An access token of another issuer, not judged yet."""

    text: str


def require_credential(
    accounts: PoolAccounts | None, password: str | None, access_token: str | None
) -> PasswordCredential | TokenCredential:
    """What was given of the two, where `accounts` says which is wanted.

    Raises Invalid when it is the other one, is missing, or is a password that the pool refuses.
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
