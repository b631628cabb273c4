"""Accepting an invitation. Who does it is nobody yet: all right to it is in the token."""

from __future__ import annotations

import hmac
import random
import time
from collections.abc import Callable
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.credentials import hash_secret
from shared.domain.errors import AlreadyAccepted, ConcurrentChange, Conflict, NotFound, RuleBroken
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.invitation import Acceptance, Invitation, InvitationToken
from shared.domain.password import check_password
from shared.domain.tenant import Tenant
from shared.domain.user import User

_ATTEMPTS = 8


class Gate(Protocol):
    """Lets so many attempts to sign in pass, and no more."""

    def attempt(self, account: str | None, address: str) -> None:
        """Count an attempt for an account, if one is named, from a network address. Raises when there were too many."""
        ...


class OpenGate:
    """A gate that lets all pass."""

    def attempt(self, account: str | None, address: str) -> None:
        """Let it pass."""


class Pool(Protocol):
    """Who can sign in with a password; see `shared.identity.user_pool.UserPool`."""

    def add(self, username: str) -> str: ...

    def set_password(self, username: str, password: str) -> None: ...


class Invitations(Protocol):
    """The invitations of one tenant; see `shared.table.invitations.InvitationTable`."""

    def get(self, invitation_id: str) -> Invitation | None: ...

    def accept(self, before: Invitation, after: Invitation, user: User, event: Event) -> None: ...

    def finish(self, before: Invitation, after: Invitation) -> None: ...


class Users(Protocol):
    """The users of one tenant; see `shared.table.users.UserTable`."""

    def get(self, user_id: str) -> User | None: ...


class AcceptanceService:
    """Makes users of those who hold an invitation's token.

    `pool`: None where people sign in with another issuer.
    """

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        invitations: Callable[[str], Invitations],
        users: Callable[[str], Users],
        pool: Pool | None,
        *,
        gate: Gate | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tenant = tenant
        self._invitations = invitations
        self._users = users
        self._pool = pool
        self._gate = gate or OpenGate()
        self._sleep = sleep

    def accept(self, given: Acceptance, address: str) -> User:
        """The user that the invitation is for, who can sign in with the password from now on.

        Cut off anywhere, the same call again goes on: the user of the pool is found, and the tenant's user is made
        once. `address`: from where it is asked. Raises Invalid for a weak password, before anything is read; NotFound
        for a token that is none or was replaced; Conflict when it has expired, was used, or its user belongs to a
        tenant already.
        """
        self._gate.attempt(None, address)
        if self._pool is None:
            # Where people sign in with another issuer, an access token of it takes the password's place here.
            raise RuleBroken("People of this deployment do not sign in with a password.", code="other_issuer")
        check_password(given.password)
        token = InvitationToken.parse(given.token)
        if token is None:
            raise NotFound("Invitation")
        invitation, user = self._user_of(token, self._pool)
        self._pool.set_password(user.username, given.password)
        self._invitations(token.tenant_id).finish(invitation, invitation.finish(at=timestamps.now()))
        return user

    def _user_of(self, token: InvitationToken, pool: Pool) -> tuple[Invitation, User]:
        """The user that an invitation is for, made unless it is there, and the invitation as it is then."""
        for attempt in range(_ATTEMPTS):
            invitation = self._read(token)
            if invitation.user_id is not None:
                user = self._users(token.tenant_id).get(invitation.user_id)
                if user is None:  # removed again
                    raise NotFound("Invitation")
                return invitation, user
            caller = Caller(token.tenant_id, "user", pool.add(invitation.email), invitation.role)
            after, user, event = invitation.accept(event_id=new_id(), at=timestamps.now(), caller=caller)
            try:
                self._invitations(token.tenant_id).accept(invitation, after, user, event)
            except ConcurrentChange:
                self._sleep(random.uniform(0, min(0.4, 0.01 * 2**attempt)))  # noqa: S311
            else:
                return after, user
        raise ConcurrentChange()

    def _read(self, token: InvitationToken) -> Invitation:
        """The invitation that a token opens. Raises NotFound for a wrong one, Conflict for one whose time is over."""
        invitation = self._invitations(token.tenant_id).get(token.invitation_id)
        # Compared even when there is no such invitation, so that the time taken does not tell.
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
