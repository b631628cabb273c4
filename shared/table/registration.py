"""Registrations in the table: the claim on a user, and the tenant with its first admin."""

from __future__ import annotations

from shared.domain.credentials import Membership
from shared.domain.errors import AlreadyRegistered, ConcurrentChange
from shared.domain.registration import Claim, Founding
from shared.table import items, keys
from shared.table.directory import member_to_item, tenant_to_item
from shared.table.store import Item, Store, Transaction
from shared.table.users import count_to_item, put_lock, user_to_item

_IS_OURS = "registration.id = :id"


class RegistrationTable:
    """What a registration writes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, claim: Claim, *, over: Claim | None = None) -> Claim:
        """Claim a user whom nobody has, or on whom `over` still stands. The claim that stands then: this or another's.

        Raises AlreadyRegistered when the user is a tenant's member.
        """
        is_free = "attribute_not_exists(PK)" if over is None else "registration.id = :over"
        values: Item = {":id": {"S": claim.id}}
        if over is not None:
            values[":over"] = {"S": over.id}
        try:
            self._store.put(
                _claim_to_item(claim),
                condition=f"{is_free} OR {_IS_OURS}",
                values=values,
                refusal=_Standing,
            )
        except _Standing as other:
            if other.item is None:  # `over` is gone: its time was past
                return self.claim(claim)
            return _claim_from_item(claim.member.sub, other.item)
        return claim

    def give_back(self, claim: Claim, now: float) -> None:
        """Let a claim count for nothing from now on, if it still stands."""
        self._store.update(
            keys.user(claim.member.sub),
            "SET expires_at = :past",
            {":past": {"N": str(int(now) - 1)}, ":id": {"S": claim.id}},
            condition=_IS_OURS,
        )

    def found(self, founding: Founding, claim: Claim | None, now: float) -> None:
        """Write a tenant and its first admin: in the claim's place, or without one where nobody has the user.

        Raises AlreadyRegistered when the claim stands no longer, or the user is a member.
        """
        tenant_id, user = founding.tenant.id, founding.user
        is_free = "attribute_not_exists(PK)"
        is_past = "expires_at < :now"
        transaction = Transaction()
        transaction.put(
            member_to_item(founding.member),
            condition=_IS_OURS if claim else f"{is_free} OR {is_past}",
            values={":id": {"S": claim.id}} if claim else {":now": {"N": str(int(now))}},
            refusal=lambda _: AlreadyRegistered(),
        )
        transaction.put(
            tenant_to_item(founding.tenant),
            condition="attribute_not_exists(PK)",
            refusal=lambda _: ConcurrentChange(),
        )
        transaction.put(user_to_item(tenant_id, user))
        put_lock(transaction, tenant_id, user, instead_of=None)
        transaction.put(count_to_item(tenant_id, 1))
        for event in founding.events:
            transaction.put(items.event_to_item(tenant_id, event))
        self._store.commit(transaction)


class _Standing(Exception):
    """Something stands where a claim was to be put."""

    def __init__(self, item: Item | None) -> None:
        self.item = item


def _claim_to_item(claim: Claim) -> Item:
    """A membership that lets nobody in, and which the table's time to live removes when its time is past."""
    return {
        **member_to_item(claim.member),
        "registration": {"M": {"id": {"S": claim.id}, "proof": {"S": claim.proof}}},
        "expires_at": {"N": str(claim.until)},
    }


def _claim_from_item(sub: str, item: Item) -> Claim:
    """The claim of an item; raises AlreadyRegistered when it is a member's."""
    if "registration" not in item:
        raise AlreadyRegistered
    kept = item["registration"]["M"]
    member = Membership(
        sub, item["tenant_id"]["S"], item["role"]["S"], item["username"]["S"], item["disabled"]["BOOL"]
    )
    return Claim(kept["id"]["S"], member, kept["proof"]["S"], int(item["expires_at"]["N"]))
