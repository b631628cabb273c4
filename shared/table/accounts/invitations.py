"""Invitations in the table, with the lock that keeps an address to one of them or to a user."""

from __future__ import annotations

from shared.domain import timestamps
from shared.domain.accounts.claims import MembershipClaim
from shared.domain.accounts.invitation import KEPT_SECONDS, Invitation
from shared.domain.accounts.user import User
from shared.domain.events import Event
from shared.table import guards
from shared.table.accounts.user_steps import commit, count, holder_of, put_event, put_new_user
from shared.table.codec import whole_record
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.keys.spelling import Key
from shared.table.store import Store
from shared.table.transactions import Transaction


class InvitationTable:
    """The invitations of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self, invitation_id: str) -> Invitation | None:
        """Return an invitation as of now, or None."""
        item = self._store.get(account_keys.invitation(self._tenant, invitation_id))
        return _from_item(item) if item else None

    def list_newest(self, *, limit: int, after: str | None) -> list[Invitation]:
        """Return invitations as of now, newest first, after the id `after`."""
        partition = account_keys.invitations(self._tenant)
        rows = self._store.query(partition, limit=limit, after=after, descending=True, consistent=True)
        return [_from_item(row) for row in rows]

    def add(self, invitation: Invitation, event: Event) -> None:
        """Write a new invitation and its event.

        Raises AddressInUse when a user or another invitation has the address, Conflict (`too_many_open_invitations`)
        at the limit.
        """
        transaction = Transaction()
        put_event(transaction, self._tenant, event)
        transaction.put(
            self._to_item(invitation),
            **guards.is_new(),
        )
        transaction.put(
            {**self._lock(invitation), "invitation_id": {"S": invitation.id}},
            **guards.is_new(holder_of),
        )
        count(transaction, self._tenant, invitations=1)
        commit(self._store, transaction)

    def replace(self, before: Invitation, after: Invitation, event: Event) -> None:
        """Write an invitation with a new token, and its event.

        Raises ConcurrentChange when it is no longer as `before`.
        """
        transaction = Transaction()
        put_event(transaction, self._tenant, event, follows=before.last_event)
        self._put(transaction, before, after)
        commit(self._store, transaction)

    def remove(self, before: Invitation, event: Event) -> None:
        """Remove an open invitation, whose address is free at once, with its event. Raises the errors of `replace`."""
        transaction = Transaction()
        put_event(transaction, self._tenant, event, follows=before.last_event)
        transaction.delete(
            account_keys.invitation(self._tenant, before.id), **guards.at_version(before.version)
        )
        transaction.delete(self._lock(before))
        count(transaction, self._tenant, invitations=-1)
        commit(self._store, transaction)

    def accept(
        self, before: Invitation, after: Invitation, user: User, event: Event, claim: MembershipClaim | None
    ) -> None:
        """Create the invited user with its event, in place of the claim, if there is one.

        Raises ConcurrentChange when the invitation is no longer as `before`, or the claim is no longer valid;
        AlreadyAUser when there is no claim and the user is a member of a tenant; Conflict when the tenant has as many
        users as allowed (`too_many_users`).
        """
        transaction = Transaction()
        put_event(transaction, self._tenant, event)
        self._put(transaction, before, after)
        put_new_user(transaction, self._tenant, user, invitation_id=before.id, claim=claim)
        commit(self._store, transaction)

    def _put(self, transaction: Transaction, before: Invitation, after: Invitation) -> None:
        transaction.put(self._to_item(after), **guards.at_version(before.version))

    def _lock(self, invitation: Invitation) -> Key:
        return account_keys.user_email_lock(self._tenant, invitation.email)

    def _to_item(self, invitation: Invitation) -> Item:
        item = whole_record(
            account_keys.invitation(self._tenant, invitation.id),
            "invitation",
            invitation.model_dump_json(),
            version=invitation.version,
            last_event=invitation.last_event,
        )
        item["secret_hash"] = {"S": invitation.secret_hash}
        if invitation.state != "open":
            # Open invitations stay until they are revoked: they hold their address, and are counted.
            until = timestamps.to_milliseconds(invitation.updated_at) // 1000 + KEPT_SECONDS
            item["expires_at"] = {"N": str(until)}
        return item


def _from_item(item: Item) -> Invitation:
    invitation = Invitation.model_validate_json(item["invitation"]["S"])
    return invitation.model_copy(
        update={"secret_hash": item["secret_hash"]["S"], "last_event": item["last_event"]["S"]}
    )
