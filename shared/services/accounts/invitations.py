"""Managing invitations."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from shared.domain import timestamps
from shared.domain.accounts.credentials import hash_secret
from shared.domain.accounts.invitation import (
    MAX_OPEN,
    Invitation,
    InvitationInput,
    InvitationToken,
    IssuedInvitation,
)
from shared.domain.accounts.user import normalize_sign_in_email
from shared.domain.callers import Caller
from shared.domain.errors import AddressInUse, ConcurrentChange, Conflict, NotFound
from shared.domain.events import Event
from shared.domain.ids import Work, is_id
from shared.domain.stamp import Stamp
from shared.services.backoff import RECORD
from shared.services.optimistic import retry_on_conflict
from shared.services.paging import Cursors, Page, read_page


class InvitationRepository(Protocol):
    """The invitations of one tenant; see `shared.table.accounts.invitations.InvitationTable`."""

    def get(self, invitation_id: str) -> Invitation | None: ...

    def list_newest(self, *, limit: int, after: str | None) -> list[Invitation]: ...

    def add(self, invitation: Invitation, event: Event) -> None: ...

    def replace(self, before: Invitation, after: Invitation, event: Event) -> None: ...

    def remove(self, before: Invitation, event: Event) -> None: ...


class Mail(Protocol):
    """E-mail to people; see `shared.services.limits.mail_limits.LimitedMail`."""

    def invite(self, email: str, token: str) -> bool:
        """Send a token; return whether it was sent."""
        ...


class InvitationService:
    """The invitations of a tenant, for one caller; all methods require `tenant:admin`.

    `mail`: None in a deployment that sends no e-mail. `work`: the work of the call. A call that is retried after an
    interruption finds the invitation of its first attempt and gives it a new token, since the first was never shown.
    """

    def __init__(
        self,
        caller: Caller,
        invitations: InvitationRepository,
        cursors: Cursors,
        mail: Mail | None,
        *,
        work: Work,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._caller = caller
        self._invitations = invitations
        self._cursors = cursors
        self._mail = mail
        self._work = work
        self._sleep = sleep

    def create(self, given: InvitationInput) -> IssuedInvitation:
        """Create an invitation and e-mail its token, if the deployment sends e-mail.

        Raises AddressInUse if the address belongs to a user or an open invitation, Conflict if too many are open.
        """
        self._caller.require_all("tenant:admin")
        email = normalize_sign_in_email(given.email)
        invitation_id = self._work.derived_id("invitation")
        if self._work.is_retry and self._invitations.get(invitation_id):
            return self.resend(invitation_id)
        token = InvitationToken.issue(self._caller.tenant_id, invitation_id)
        invitation, event = Invitation.create(
            {**given.__dict__, "email": email},
            invitation_id=invitation_id,
            secret_hash=hash_secret(token.secret),
            stamp=Stamp.now(self._caller),
        )
        for _ in RECORD.tries(self._sleep):
            try:
                self._invitations.add(invitation, event)
            except AddressInUse as taken:
                if not self._remove_expired(taken.invitation_id):
                    raise
            except Conflict as full:
                if isinstance(full, ConcurrentChange) or not self._remove_all_expired():
                    raise
            else:
                return self._send(invitation, token)
        raise ConcurrentChange()

    def list(self, *, limit: int, cursor: str | None) -> Page[Invitation]:
        """Return a page of the invitations, newest first."""
        self._caller.require_all("tenant:admin")
        return read_page(
            lambda count, after: self._invitations.list_newest(limit=count, after=after),
            lambda invitation: invitation.id,
            lambda invitation: invitation,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("invitations"),
        )

    def read(self, invitation_id: str) -> Invitation:
        """Return an invitation. Raises NotFound."""
        self._caller.require_all("tenant:admin")
        invitation = self._invitations.get(invitation_id) if is_id(invitation_id) else None
        if invitation is None:
            raise NotFound("Invitation")
        return invitation

    def revoke(self, invitation_id: str) -> None:
        """Revoke an invitation; its token becomes invalid. Raises AlreadyAccepted once it is accepted."""
        retry_on_conflict(lambda: self._remove(self.read(invitation_id)), sleep=self._sleep)

    def resend(self, invitation_id: str) -> IssuedInvitation:
        """Give an invitation a new token and a new expiry; the old token becomes invalid.

        Raises AlreadyAccepted once the invitation is accepted.
        """
        after, token = retry_on_conflict(lambda: self._renew(invitation_id), sleep=self._sleep)
        return self._send(after, token)

    def _renew(self, invitation_id: str) -> tuple[Invitation, InvitationToken]:
        before = self.read(invitation_id)
        token = InvitationToken.issue(self._caller.tenant_id, before.id)
        after, event = before.renew(secret_hash=hash_secret(token.secret), stamp=Stamp.now(self._caller))
        self._invitations.replace(before, after, event)
        return after, token

    def _send(self, invitation: Invitation, token: InvitationToken) -> IssuedInvitation:
        # Sent only after the write, so that a failure to send loses nothing.
        emailed = self._mail is not None and self._mail.invite(invitation.email, str(token))
        return invitation.with_token(token, emailed=emailed)

    def _remove_expired(self, invitation_id: str | None) -> bool:
        """Remove the invitation that holds the address, if it has expired; return whether the address is free."""
        known = self._invitations.get(invitation_id) if invitation_id else None
        if known is None:
            return invitation_id is not None  # removed meanwhile
        if known.state != "open" or not known.has_expired(timestamps.now()):
            return False
        try:
            self._remove(known)
        except ConcurrentChange:
            return False
        return True

    def _remove_all_expired(self) -> bool:
        """Remove all expired invitations; return whether there were any."""
        # The list also contains invitations accepted within the last month.
        found = self._invitations.list_newest(limit=10 * MAX_OPEN, after=None)
        now = timestamps.now()
        expired = [one for one in found if one.state == "open" and one.has_expired(now)]
        return sum(self._remove_expired(one.id) for one in expired) > 0

    def _remove(self, invitation: Invitation) -> None:
        event = invitation.revoke(stamp=Stamp.now(self._caller))
        self._invitations.remove(invitation, event)
