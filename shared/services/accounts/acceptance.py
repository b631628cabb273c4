"""Accepting invitations. The caller is not a user yet: the token is the only credential."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from typing import Protocol

from shared.domain import timestamps
from shared.domain.accounts.claims import MembershipClaim
from shared.domain.accounts.credentials import hash_secret
from shared.domain.accounts.invitation import Acceptance, Invitation, InvitationToken
from shared.domain.accounts.user import User
from shared.domain.accounts.usernames import parse_username
from shared.domain.callers import Caller
from shared.domain.errors import AlreadyAccepted, AlreadyAUser, Conflict, Invalid, NotFound
from shared.domain.events import Event
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant
from shared.services.accounts.claims import MembershipClaims, release_on, take
from shared.services.accounts.new_credentials import (
    OtherIssuer,
    PasswordCredential,
    PoolAccounts,
    TokenCredential,
    require_credential,
)
from shared.services.optimistic import retry_on_conflict


class Invitations(Protocol):
    """The invitations of one tenant; see `shared.table.accounts.invitations.InvitationTable`."""

    def get(self, invitation_id: str) -> Invitation | None: ...

    def accept(
        self, before: Invitation, after: Invitation, user: User, event: Event, claim: MembershipClaim | None
    ) -> None: ...


class AcceptanceService:
    """Turns the holders of invitation tokens into users.

    `accounts`: the user pool in which they sign in with a password; None if they sign in with `issuer`.
    """

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        invitations: Callable[[str], Invitations],
        claims: MembershipClaims,
        accounts: PoolAccounts | None,
        issuer: Callable[[], OtherIssuer],
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tenant = tenant
        self._invitations = invitations
        self._claims = claims
        self._accounts = accounts
        self._issuer = issuer
        self._now = now
        self._sleep = sleep

    def accept(self, given: Acceptance) -> User:
        """Return the new user, who can sign in with the given credential from now on.

        The user exists only after the last step, and the same call can be repeated after any interruption. Raises
        Invalid for a weak password, before anything is read; NotFound for a token that is invalid or was replaced;
        Conflict if the token has expired or was used, or if its user belongs to a tenant already.
        """
        sign_in = require_credential(self._accounts, given.password, given.access_token)
        token = InvitationToken.parse(given.token)
        if token is None:
            raise NotFound("Invitation")
        username = parse_username(given.username) if given.username else None
        if isinstance(sign_in, TokenCredential):
            sub = self._issuer().subject(sign_in.text)
            return self._retry_with_invitation(
                token, lambda invitation: self._make_user(token, invitation, sub, None, username)
            )
        return self._retry_with_invitation(
            token, lambda invitation: self._make_user_with_password(token, invitation, sign_in, username)
        )

    def _retry_with_invitation(self, token: InvitationToken, make: Callable[[Invitation], User]) -> User:
        """Return the user that `make` creates from the token's current invitation, retried on conflicts."""
        return retry_on_conflict(lambda: make(self._read(token)), sleep=self._sleep)

    def _make_user_with_password(
        self,
        token: InvitationToken,
        invitation: Invitation,
        sign_in: PasswordCredential,
        username: str | None,
    ) -> User:
        sub = sign_in.accounts.add(invitation.email)
        claim = take(self._claims, sub, str(token), self._now())
        if claim is None:
            raise AlreadyAUser()
        with release_on(Invalid, Conflict, claims=self._claims, claim=claim, now=self._now):
            sign_in.accounts.set_password(invitation.email, sign_in.password)
            return self._make_user(token, invitation, sub, claim, username)

    def _make_user(
        self,
        token: InvitationToken,
        invitation: Invitation,
        sub: str,
        claim: MembershipClaim | None,
        username: str | None,
    ) -> User:
        caller = Caller(token.tenant_id, "user", sub, invitation.role)
        after, user, event = invitation.accept(username=username, stamp=Stamp.now(caller))
        self._invitations(token.tenant_id).accept(invitation, after, user, event, claim)
        return user

    def _read(self, token: InvitationToken) -> Invitation:
        """Return the invitation of a token. Raises NotFound for a wrong token, Conflict for a used or expired one."""
        invitation = self._invitations(token.tenant_id).get(token.invitation_id)
        # Compared even without an invitation, so that the response time does not reveal whether it exists.
        matches = hmac.compare_digest(
            hash_secret(token.secret), invitation.secret_hash if invitation else hash_secret("")
        )
        if invitation is None or not matches:
            raise NotFound("Invitation")
        if invitation.state == "accepted":
            raise AlreadyAccepted()
        if invitation.has_expired(timestamps.now()):
            raise Conflict("This invitation has expired. Ask for a new one.", code="invitation_expired")
        tenant = self._tenant(token.tenant_id)
        if tenant is None or tenant.suspended:
            raise NotFound("Invitation")
        return invitation
