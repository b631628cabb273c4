"""Registering a business: its tenant is opened, and its first admin can sign in.

The process may stop between any two calls, and a caller may send the address of another person;
docs/decisions/0016-sign-in.md explains how the steps allow for both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from shared.domain.accounts.claims import MembershipClaim
from shared.domain.accounts.registration import TENANT_NAME_MISSING, Founding, RegistrationInput
from shared.domain.accounts.user import normalize_sign_in_email
from shared.domain.errors import AlreadyRegistered, Invalid, SignInNameTaken
from shared.domain.ids import new_id
from shared.services.accounts.claims import MembershipClaims, release_on, take
from shared.services.accounts.new_credentials import (
    OtherIssuer,
    PoolAccounts,
    TokenCredential,
    require_credential,
)
from shared.services.accounts.sign_in import Gate


class Registrations(Protocol):
    """The store of registrations; see `shared.table.accounts.registration.RegistrationTable`."""

    def create(self, founding: Founding, claim: MembershipClaim | None, now: float) -> None: ...


class Registration:
    """Opens tenants.

    `accounts`: the user pool in which users sign in with a password; None if they sign in with `issuer`.
    """

    def __init__(
        self,
        accounts: PoolAccounts | None,
        issuer: Callable[[], OtherIssuer],
        claims: MembershipClaims,
        table: Registrations,
        gate: Gate,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._accounts = accounts
        self._issuer = issuer
        self._claims = claims
        self._table = table
        self._gate = gate
        self._now = now

    def register(self, given: RegistrationInput) -> Founding:
        """Create a tenant with its first admin.

        Raises Invalid, AlreadyRegistered, SignInNameTaken, and the errors of the gate.
        """
        if given.name is None:
            raise Invalid(f"tenant_name: {TENANT_NAME_MISSING.message}", errors=(TENANT_NAME_MISSING,))
        email = normalize_sign_in_email(given.email)
        sign_in = require_credential(self._accounts, given.password, given.access_token)
        if isinstance(sign_in, TokenCredential):
            return self._register_with_token(given, email, sign_in.text)
        self._gate.count_attempt(email)
        return self._register_with_password(sign_in.accounts, given, email, sign_in.password)

    def _register_with_password(
        self, accounts: PoolAccounts, given: RegistrationInput, email: str, password: str
    ) -> Founding:
        sub = accounts.add(email)
        claim = take(self._claims, sub, password, self._now())
        if claim is None:
            raise AlreadyRegistered
        # The pool may refuse the password, or the username may be taken: the caller can retry at once.
        with release_on(Invalid, SignInNameTaken, claims=self._claims, claim=claim, now=self._now):
            accounts.set_password(email, password)
            founding = Founding.of(given, tenant_id=new_id(), sub=sub, email=email, since=claim.since)
            self._table.create(founding, claim, self._now())
        return founding

    def _register_with_token(self, given: RegistrationInput, email: str, access_token: str) -> Founding:
        sub = self._issuer().subject(access_token)
        founding = Founding.of(given, tenant_id=new_id(), sub=sub, email=email, since=0)
        self._table.create(founding, None, self._now())
        return founding
