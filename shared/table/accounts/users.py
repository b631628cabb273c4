"""The users of a tenant in the table.

A user's record, the look-up by which the authorizer knows the user, and the lock on the address are written in one
transaction with the event, and with the counter that holds the limits: how many users a tenant has, and that one of
them is an active admin; see `shared.table.accounts.user_steps`.

Where a membership was removed, a claim is left in the place of its look-up, so that no membership is written there
before the claim expires.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.domain.accounts.claims import MembershipClaim
from shared.domain.accounts.removal import SUCCESSION_SECONDS, HandoverPlan
from shared.domain.accounts.user import MAX_USERS, User
from shared.domain.errors import SchedulingIdTaken
from shared.domain.events import Event
from shared.domain.timestamps import to_milliseconds
from shared.table import guards, walking
from shared.table.accounts.claims import claim_to_item
from shared.table.accounts.settings import add_settings
from shared.table.accounts.user_steps import (
    belongs_to,
    commit,
    count,
    put_event,
    release_username,
    user_from_item,
    user_to_item,
)
from shared.table.item import Item
from shared.table.jobs import bulk as bulk_jobs
from shared.table.keys import accounts as account_keys
from shared.table.keys.spelling import identity_of
from shared.table.store import Store
from shared.table.transactions import Transaction


class UserTable:
    """The users of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self, user_id: str) -> User | None:
        """Return a user as of now, or None."""
        item = self._store.get(account_keys.user(self._tenant, user_id))
        return user_from_item(item) if item else None

    def is_api_client(self, owner_id: str) -> bool:
        """Return whether the owner of a contact is an API client of the tenant, as of now."""
        return self._store.get(account_keys.api_client(self._tenant, owner_id)) is not None

    def successor(self, user_id: str) -> str | None:
        """Return the id of the user who was named as the successor of a removed user, as of now, or None."""
        item = self._store.get(account_keys.former_user(self._tenant, user_id)) or {}
        return item["successor_id"]["S"] if "successor_id" in item else None

    def organizer(self, organizer_id: str | None, email: str | None) -> User | None:
        """Return the user, as of now, who organizes a booking, or None.

        It is the user with the organizer's id, else the user with that as their `scheduling_id`, else the user with the
        organizer's e-mail address (in its stored form).
        """
        wanted = []
        if organizer_id is not None:
            wanted += [
                account_keys.user(self._tenant, organizer_id),
                account_keys.scheduling_lock(self._tenant, organizer_id),
            ]
        if email is not None:
            wanted.append(account_keys.user_email_lock(self._tenant, email))
        found = self._store.get_many(wanted)
        for key in wanted:
            item = found.get(identity_of(key))
            if item is not None and "user" in item:
                return user_from_item(item)
            # An address may be that of an invitation.
            if item is not None and "user_id" in item and (user := self.get(item["user_id"]["S"])):
                return user
        return None

    def by_emails(self, emails: Iterable[str]) -> dict[str, User]:
        """Return the users, as of now, who have some addresses (in their stored form), by address."""
        lock_keys = {email: account_keys.user_email_lock(self._tenant, email) for email in emails}
        locks = self._store.get_many(list(lock_keys.values()))
        ids = {
            email: account_keys.user(self._tenant, lock["user_id"]["S"])
            for email, key in lock_keys.items()
            if (lock := locks.get(identity_of(key))) and "user_id" in lock
        }
        records = self._store.get_many(list(ids.values()))
        found = {email: records.get(identity_of(key)) for email, key in ids.items()}
        return {email: user_from_item(item) for email, item in found.items() if item}

    def page(self, *, limit: int, after: str | None) -> list[User]:
        """Return users as of now in the order of their ids, after the id `after`."""
        rows = self._store.query(
            account_keys.users(self._tenant),
            limit=limit,
            after=None if after is None else account_keys.user_sort_key(after),
            consistent=True,
        )
        return [user_from_item(row) for row in rows]

    def all_after(self, after: str | None = None) -> Iterator[User]:
        """Yield all users as of now in the order of their ids, after the id `after`."""
        rows = walking.walk(
            self._store,
            account_keys.users(self._tenant),
            page=MAX_USERS,
            after=None if after is None else account_keys.user_sort_key(after),
            consistent=True,
        )
        yield from map(user_from_item, rows)

    def replace(self, before: User, after: User, event: Event) -> None:
        """Write a changed user with its event, and the look-up when it changes with the user.

        Raises LastAdmin when no active admin would be left, SchedulingIdTaken when another user has the scheduling id,
        and ConcurrentChange when the user is no longer as `before`.
        """
        transaction = Transaction()
        put_event(transaction, self._tenant, event, follows=before.last_event)
        self._move_scheduling_lock(transaction, before.scheduling_id, after)
        transaction.put(user_to_item(self._tenant, after), **guards.at_version(before.version))
        if (before.role, before.is_active) != (after.role, after.is_active):
            self._set_look_up(transaction, after)
        if admins := after.is_active_admin - before.is_active_admin:
            count(transaction, self._tenant, admins=admins)
        commit(self._store, transaction)

    def remove(self, before: User, event: Event, claim: MembershipClaim | None, plan: HandoverPlan) -> None:
        """Remove a user with its event, and write what the `plan` hands over, and to whom. The address is free at once.

        A claim, if there is one, replaces the look-up. Raises the errors of `replace`, and ConcurrentChange when the
        tenant's settings have changed since they were read.
        """
        transaction = Transaction()
        put_event(transaction, self._tenant, event, follows=before.last_event)
        transaction.delete(account_keys.user(self._tenant, before.id), **guards.at_version(before.version))
        if claim is None:
            transaction.delete(account_keys.membership(before.id), **belongs_to(self._tenant))
        else:
            transaction.put(claim_to_item(claim), **belongs_to(self._tenant))
        transaction.delete(account_keys.user_email_lock(self._tenant, before.email))
        if before.scheduling_id is not None:
            transaction.delete(account_keys.scheduling_lock(self._tenant, before.scheduling_id))
        release_username(transaction, before)
        count(transaction, self._tenant, members=-1, admins=-before.is_active_admin)
        # Also without a successor: the user may have been removed before, and have come back.
        transaction.put(_succession_to_item(self._tenant, before.id, plan.successor_id, event.at))
        if plan.job is not None:
            transaction.put(bulk_jobs.ITEMS.to_item(self._tenant, plan.job))
        if plan.settings is not None:
            add_settings(transaction, self._tenant, *plan.settings)
        commit(self._store, transaction)

    def _move_scheduling_lock(self, transaction: Transaction, left: str | None, user: User) -> None:
        if left == user.scheduling_id:
            return
        if left is not None:
            transaction.delete(account_keys.scheduling_lock(self._tenant, left))
        if user.scheduling_id is not None:
            transaction.put(
                {**account_keys.scheduling_lock(self._tenant, user.scheduling_id), "user_id": {"S": user.id}},
                **guards.is_free_or_own(
                    "user_id", user.id, lambda lock: SchedulingIdTaken(lock["user_id"]["S"] if lock else None)
                ),
            )

    def _set_look_up(self, transaction: Transaction, user: User) -> None:
        # In place, since other attributes of a look-up are not this table's to write.
        guard = belongs_to(self._tenant)
        transaction.update(
            account_keys.membership(user.id),
            "SET tenant_id = :owner, #role = :role, username = :username, disabled = :disabled",
            {
                **guard["values"],
                ":role": {"S": user.role},
                ":username": {"S": user.username},
                ":disabled": {"BOOL": not user.is_active},
            },
            names={"#role": "role"},
            condition=guard["condition"],
            refusal=guard["refusal"],
        )


def _succession_to_item(tenant_id: str, user_id: str, successor_id: str | None, at: str) -> Item:
    """Return the item that says who succeeds a user who was removed at a time."""
    item: Item = {
        **account_keys.former_user(tenant_id, user_id),
        "expires_at": {"N": str(to_milliseconds(at) // 1000 + SUCCESSION_SECONDS)},
    }
    if successor_id is not None:
        item["successor_id"] = {"S": successor_id}
    return item
