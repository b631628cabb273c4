"""Registrations in the table: the tenant with its first admin."""

from __future__ import annotations

from shared.domain.accounts.claims import MembershipClaim
from shared.domain.accounts.registration import Founding
from shared.domain.errors import AlreadyRegistered
from shared.table import event_items, guards
from shared.table.accounts.claims import in_place_of
from shared.table.accounts.directory import member_to_item, tenant_to_item
from shared.table.accounts.user_steps import count_to_item, lock_username, put_lock, user_to_item
from shared.table.store import Store
from shared.table.transactions import Transaction


class RegistrationTable:
    """The writes of a registration."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, founding: Founding, claim: MembershipClaim | None, now: float) -> None:
        """Write a tenant and its first admin, in place of the claim, if there is one.

        Raises AlreadyRegistered when the claim is no longer valid, or the user is a member; SignInNameTaken when
        another user has the username.
        """
        tenant_id, user = founding.tenant.id, founding.user
        condition, values = in_place_of(claim, now)
        transaction = Transaction()
        transaction.put(
            member_to_item(founding.member),
            condition=condition,
            values=values,
            refusal=lambda _: AlreadyRegistered(),
        )
        transaction.put(
            tenant_to_item(founding.tenant),
            **guards.is_new(),
        )
        transaction.put(user_to_item(tenant_id, user))
        put_lock(transaction, tenant_id, user, instead_of=None)
        lock_username(transaction, user)
        transaction.put(count_to_item(tenant_id, 1))
        for event in founding.events:
            event_items.add_event(transaction, tenant_id, event)
        self._store.commit(transaction)
