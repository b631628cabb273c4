"""Users as the operator writes them: without the limits."""

from __future__ import annotations

from collections.abc import Callable

from shared.domain import timestamps
from shared.domain.accounts.claims import MembershipClaim
from shared.domain.accounts.user import User
from shared.domain.errors import ConcurrentChange, UserClaimed
from shared.domain.events import Event
from shared.domain.stamp import Stamp
from shared.table import guards
from shared.table.accounts.claims import in_place_of
from shared.table.accounts.user_steps import (
    belongs_to,
    commit,
    count_to_item,
    look_up_to_item,
    put_event,
    put_lock,
    release_username,
    user_to_item,
)
from shared.table.accounts.users import UserTable
from shared.table.guards import IS_NEW
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.transactions import Transaction

_ATTEMPTS = 6
"""How often users are counted and written again when the counter has moved meanwhile."""


class OperatorUserTable(UserTable):
    """The users of one tenant, for the operator."""

    def start_counting(self) -> None:
        """Start to count the users of a tenant that has none."""
        self._store.put(count_to_item(self._tenant, 0), condition=IS_NEW)

    def admit(
        self,
        user_id: str,
        make: Callable[[User | None], tuple[User, Event]],
        *,
        since: int,
        claim: MembershipClaim | None = None,
    ) -> None:
        """Write the user with an id and its event, and recount the users.

        `make`: returns both, given the user as the table has it, or None. `since`: as of a Membership. `claim`: the
        claim that the user replaces; without it, only a claim that bars the user, or has expired, is replaced. Raises
        AddressInUse when another user of the tenant has the address, UserClaimed when another caller's claim is valid.
        """
        condition, values = _is_replaceable(self._tenant, claim)
        for _ in range(_ATTEMPTS):
            known = {one.id: one for one in self.all_after()}
            before = known.get(user_id)
            user, event = make(before)
            transaction = Transaction()
            put_event(transaction, self._tenant, event, follows=before.last_event if before else "")
            transaction.put(
                user_to_item(self._tenant, user),
                **(guards.at_version(before.version) if before else guards.is_new()),
            )
            transaction.put(
                look_up_to_item(self._tenant, user, since=since),
                condition=condition,
                values=values,
                refusal=lambda _: UserClaimed(),
            )
            put_lock(transaction, self._tenant, user, instead_of=None)
            if before is not None and before.email != user.email:
                transaction.delete(account_keys.user_email_lock(self._tenant, before.email))
                release_username(transaction, before)
            if self._commit_recounted(transaction, [*(known | {user.id: user}).values()]):
                return
        raise ConcurrentChange()

    def remove_by_id(self, user_id: str, stamp: Stamp) -> None:
        """Remove a user with its event, if there is one, and recount the users."""
        for _ in range(_ATTEMPTS):
            known = {one.id: one for one in self.all_after()}
            gone = known.pop(user_id, None)
            transaction = Transaction()
            if gone is not None:
                _, event = gone.delete(stamp=stamp)
                put_event(transaction, self._tenant, event, follows=gone.last_event)
                transaction.delete(
                    account_keys.user(self._tenant, user_id), **guards.at_version(gone.version)
                )
            transaction.delete(account_keys.membership(user_id), **belongs_to(self._tenant))
            if gone is not None:
                transaction.delete(account_keys.user_email_lock(self._tenant, gone.email))
                if gone.scheduling_id is not None:
                    transaction.delete(account_keys.scheduling_lock(self._tenant, gone.scheduling_id))
                release_username(transaction, gone)
            if self._commit_recounted(transaction, [*known.values()]):
                return
        raise ConcurrentChange()

    def _commit_recounted(self, transaction: Transaction, users: list[User]) -> bool:
        """Commit a transaction with the counter of `users`; return False when that or a lock changed meanwhile."""
        counter = self._store.get(account_keys.user_count(self._tenant)) or {}
        now: Item = {
            ":members": {"N": str(len(users))},
            ":admins": {"N": str(sum(one.is_active_admin for one in users))},
        }
        were: Item = {f":{name}_were": counter[name] for name in ("members", "admins") if name in counter}
        transaction.update(
            account_keys.user_count(self._tenant),
            "SET members = :members, admins = :admins",
            now | were,
            condition=" AND ".join(
                f"{name} = :{name}_were" if name in counter else f"attribute_not_exists({name})"
                for name in ("members", "admins")
            ),
            refusal=guards.concurrent_change,
        )
        try:
            commit(self._store, transaction)
        except ConcurrentChange:
            return False
        return True


def _is_replaceable(tenant_id: str, claim: MembershipClaim | None) -> tuple[str, Item]:
    if claim is not None:
        return in_place_of(claim, 0)
    own = belongs_to(tenant_id)
    now = timestamps.to_milliseconds(timestamps.now()) // 1000
    return (
        f"{own['condition']} OR claim.proof = :none OR expires_at < :now",
        {**own["values"], ":none": {"S": ""}, ":now": {"N": str(now)}},
    )
