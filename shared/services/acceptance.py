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
from shared.domain.errors import AlreadyAccepted, ConcurrentChange, Conflict, NotFound
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.invitation import Acceptance, Invitation, InvitationToken
from shared.domain.tenant import Tenant
from shared.domain.user import User
from shared.services.credentials_given import AccessToken, Accounts, OtherIssuer, given_sign_in
from shared.services.sign_in import Gate

_ATTEMPTS = 8


class Invitations(Protocol):
    """The invitations of one tenant; see `shared.table.invitations.InvitationTable`."""

    def get(self, invitation_id: str) -> Invitation | None: ...

    def accept(self, before: Invitation, after: Invitation, user: User, event: Event) -> None: ...

    def finish(self, before: Invitation, after: Invitation) -> None: ...


class Users(Protocol):
    """The users of one tenant; see `shared.table.users.UserTable`."""

    def get(self, user_id: str) -> User | None: ...


class AcceptanceService:
    """Makes users of those who hold an invitation's token. They sign in with `accounts`, or where that is None with
    what `issuer` gives.
    """

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        invitations: Callable[[str], Invitations],
        users: Callable[[str], Users],
        accounts: Accounts | None,
        issuer: Callable[[], OtherIssuer],
        gate: Gate,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tenant = tenant
        self._invitations = invitations
        self._users = users
        self._accounts = accounts
        self._issuer = issuer
        self._gate = gate
        self._sleep = sleep

    def accept(self, given: Acceptance, address: str) -> User:
        """The user that the invitation is for, who can sign in with the password from now on.

        Cut off anywhere, the same call again goes on: the user of the pool is found, and the tenant's user is made
        once. `address`: from where it is asked. Raises Invalid for a weak password, before anything is read; NotFound
        for a token that is none or was replaced; Conflict when it has expired, was used, or its user belongs to a
        tenant already.
        """
        sign_in = given_sign_in(self._accounts, given.password, given.access_token)
        self._gate.attempt(None, address)
        token = InvitationToken.parse(given.token)
        if token is None:
            raise NotFound("Invitation")
        if isinstance(sign_in, AccessToken):
            sub = self._issuer().subject(sign_in.text)
            invitation, user = self._user_of(token, lambda _: sub)
        else:
            invitation, user = self._user_of(token, sign_in.accounts.add)
            sign_in.accounts.set_password(user.username, sign_in.password)
        self._invitations(token.tenant_id).finish(invitation, invitation.finish(at=timestamps.now()))
        return user

    def _user_of(self, token: InvitationToken, sub_of: Callable[[str], str]) -> tuple[Invitation, User]:
        """The user that an invitation is for, made unless it is there, and the invitation as it is then. `sub_of`: the
        `sub` of who has an address."""
        for attempt in range(_ATTEMPTS):
            invitation = self._read(token)
            if invitation.user_id is not None:
                user = self._users(token.tenant_id).get(invitation.user_id)
                if user is None:  # removed again
                    raise NotFound("Invitation")
                return invitation, user
            caller = Caller(token.tenant_id, "user", sub_of(invitation.email), invitation.role)
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
