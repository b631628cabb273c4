"""Signing in: tokens for who knows a user's password, or has a refresh token."""

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
_NOWHERE = "username.invalid"
"""A domain in which nobody has an address (RFC 6761, section 6.4)."""


class Gate(Protocol):
    """Counts attempts. `account`: the user name in stored form, None where none is named. Addresses are counted
    before a call is read (`shared.http.serving`).
    """

    def attempt(self, account: str) -> None:
        """Count an attempt at an account; raises when there were too many."""

    def succeeded(self, account: str | None, address: str) -> None:
        """That somebody proved to be who they said."""


class PoolSignIn(Protocol):
    """The pool of those who sign in with a password."""

    def sign_in(self, username: str, password: str) -> Tokens: ...

    def refresh(self, refresh_token: str) -> Tokens: ...


class Members(Protocol):
    """Who acts for which tenant."""

    def user(self, sub: str, *, consistent: bool = False) -> Membership | None: ...


class Usernames(Protocol):
    """Which address the user with a username has."""

    def email_of(self, name: str) -> str | None: ...


class SignIn:
    """Gives tokens to members of tenants. `issuer`: who gives them where `accounts` is None."""

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
        """Tokens for a user, named by e-mail address or by username. `address`: the caller's.

        Raises SignInRefused (alike for a wrong name and a wrong password), UnsupportedGrantType where people sign in
        elsewhere, and what the gate raises.
        """
        accounts = self._here()
        account = self._counted(username)
        if account is None or len(prepare_password(password)) > MAX_LENGTH:  # nobody can have such ones
            raise SignInRefused
        tokens = self._let_in(accounts.sign_in(account, password))
        self._gate.succeeded(account, address)
        return tokens

    def with_refresh_token(self, refresh_token: str, address: str) -> Tokens:
        """New tokens for who has a refresh token. Raises as `with_password` does."""
        accounts = self._here()
        if len(refresh_token) > _MAX_TOKEN:
            raise SignInRefused
        tokens = self._let_in(accounts.refresh(refresh_token))
        self._gate.succeeded(None, address)
        return tokens

    def _counted(self, username: str) -> str | None:
        """The account that a user name stands for, the attempt being counted; None for what can be nobody's.

        A username and its e-mail address are one account. A username that nobody has is an account of its own, so that
        it takes the same steps; as an address, since the pool takes its own ids of users for names too.
        """
        if "@" in fold(username):
            account = _account(username)
        else:
            name = parse_username(username)
            account = name and (self._names.email_of(name) or f"{name}@{_NOWHERE}")
        if account is not None:
            self._gate.attempt(account)
        return account

    def _here(self) -> PoolSignIn:
        if self._accounts is None:
            raise UnsupportedGrantType(
                f"Here people sign in with another issuer. Get a token from {self._issuer}"
            )
        return self._accounts

    def _let_in(self, tokens: Tokens) -> Tokens:
        # As of now: who has just registered is known, and who has just been shut out too.
        member = self._members.user(tokens.subject, consistent=True)
        if member is None or member.disabled or tokens.signed_in_at < member.since:
            tenant = None
        else:
            tenant = self._tenants(member.tenant_id)
        if tenant is None or tenant.suspended:
            raise SignInRefused("This user may not sign in. Ask the admin of your tenant.")
        return tokens


def _account(username: str) -> str | None:
    """A user name in stored form; None for what can be nobody's."""
    try:
        return normalize_email(username)
    except Invalid:
        return None
