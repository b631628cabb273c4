"""Signing in with a password or a refresh token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shared.domain.accounts.credentials import Membership, Tokens
from shared.domain.accounts.passwords import MAX_LENGTH, prepare_password
from shared.domain.accounts.usernames import fold, parse_username
from shared.domain.email import normalize_email
from shared.domain.errors import Invalid, SignInRefused, UnsupportedGrantType
from shared.domain.tenant import Tenant

_MAX_TOKEN = 12_288
_UNKNOWN_USER_DOMAIN = "username.invalid"
"""A domain in which no address can exist (RFC 6761, section 6.4)."""


class Gate(Protocol):
    """Counts attempts to sign in; see `shared.services.limits.sign_in_gate.SignInGate`.

    `account`: the user's e-mail address in stored form; None for a refresh. Network addresses are counted before the
    request is read (`shared.http.serving`).
    """

    def count_attempt(self, account: str) -> None:
        """Count an attempt to sign in to an account. Raises RateLimited after too many."""

    def release_success(self, account: str | None, address: str) -> None:
        """Release the tokens of a successful attempt."""


class PoolSignIn(Protocol):
    """The user pool, for signing in; see `shared.identity.user_pool.UserPool`."""

    def sign_in(self, username: str, password: str) -> Tokens: ...

    def refresh(self, refresh_token: str) -> Tokens: ...


class Members(Protocol):
    """The memberships of users."""

    def user(self, sub: str, *, consistent: bool = False) -> Membership | None: ...


class Usernames(Protocol):
    """The e-mail addresses of users, by username."""

    def email_of(self, name: str) -> str | None: ...


class SignIn:
    """Issues tokens to members of tenants.

    `accounts`: the user pool; None in a deployment in which `issuer` issues tokens.
    """

    def __init__(
        self,
        accounts: PoolSignIn | None,
        issuer: str,
        members: Members,
        names: Usernames,
        tenants: Callable[[str], Tenant | None],
        gate: Gate,
    ) -> None:
        self._accounts = accounts
        self._issuer = issuer
        self._members = members
        self._names = names
        self._tenants = tenants
        self._gate = gate

    def with_password(self, username: str, password: str, address: str) -> Tokens:
        """Return tokens for a user, named by e-mail address or username. `address`: the caller's network address.

        Raises SignInRefused, with the same message for a wrong name and a wrong password; UnsupportedGrantType in a
        deployment with another issuer; and the errors of the gate.
        """
        accounts = self._require_pool()
        account = self._count_attempt(username)
        if account is None or len(prepare_password(password)) > MAX_LENGTH:  # no user can have these
            raise SignInRefused
        tokens = self._require_member(accounts.sign_in(account, password))
        self._gate.release_success(account, address)
        return tokens

    def with_refresh_token(self, refresh_token: str, address: str) -> Tokens:
        """Return new tokens for a refresh token. Raises the errors of `with_password`."""
        accounts = self._require_pool()
        if len(refresh_token) > _MAX_TOKEN:
            raise SignInRefused
        tokens = self._require_member(accounts.refresh(refresh_token))
        self._gate.release_success(None, address)
        return tokens

    def _count_attempt(self, username: str) -> str | None:
        """Count an attempt and return the account (an e-mail address) of a user name; None if no user can have it.

        A username and its e-mail address are the same account. An unknown username is an account too, so that it takes
        the same steps. It becomes an address, since the pool would accept its own user ids as names.
        """
        if "@" in fold(username):
            account = _normalize_account(username)
        else:
            name = parse_username(username)
            account = name and (self._names.email_of(name) or f"{name}@{_UNKNOWN_USER_DOMAIN}")
        if account is not None:
            self._gate.count_attempt(account)
        return account

    def _require_pool(self) -> PoolSignIn:
        if self._accounts is None:
            raise UnsupportedGrantType(
                f"Here people sign in with another issuer. Get a token from {self._issuer}"
            )
        return self._accounts

    def _require_member(self, tokens: Tokens) -> Tokens:
        # A consistent read, so that a registration or a removal of a moment ago counts.
        member = self._members.user(tokens.subject, consistent=True)
        if member is None or member.disabled or tokens.signed_in_at < member.since:
            tenant = None
        else:
            tenant = self._tenants(member.tenant_id)
        if tenant is None or tenant.suspended:
            raise SignInRefused("This user may not sign in. Ask the admin of your tenant.")
        return tokens


def _normalize_account(username: str) -> str | None:
    """Return an e-mail address in stored form, or None if it is invalid."""
    try:
        return normalize_email(username)
    except Invalid:
        return None
