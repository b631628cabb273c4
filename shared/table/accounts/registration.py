"""Registrations in the table: the tenant with its first admin."""

from __future__ import annotations

from shared.domain.accounts.claims import MembershipClaim
from shared.domain.accounts.registration import Founding
from shared.domain.errors import AlreadyRegistered, ConcurrentChange
from shared.table import items
from shared.table.accounts.claims import in_place_of
from shared.table.accounts.directory import member_to_item, tenant_to_item
from shared.table.accounts.users import count_to_item, lock_name, put_lock, user_to_item
from shared.table.store import Store, Transaction


class RegistrationTable:
    """What a registration writes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, founding: Founding, claim: MembershipClaim | None, now: float) -> None:
        """Write a tenant and its first admin: in the claim's place, or without one where nobody has the user.

        Raises AlreadyRegistered when the claim stands no longer, or the user is a member; SignInNameTaken when somebody
        has the username.
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
            condition="attribute_not_exists(PK)",
            refusal=lambda _: ConcurrentChange(),
        )
        transaction.put(user_to_item(tenant_id, user))
        put_lock(transaction, tenant_id, user, instead_of=None)
        lock_name(transaction, user)
        transaction.put(count_to_item(tenant_id, 1))
        for event in founding.events:
            transaction.put(items.event_to_item(tenant_id, event))
        self._store.commit(transaction)
