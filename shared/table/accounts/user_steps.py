"""Steps of the transactions that write users: the record, the look-up by which the authorizer knows a user, the locks
on address and username, and the counter that holds the limits.

The look-up is written without having been read, on condition that it is this tenant's: no function that changes users
may read the look-ups of others. A transaction that is sent again after it was written finds its event in the table, and
writes nothing.
"""

from __future__ import annotations

from shared.domain import timestamps
from shared.domain.accounts.claims import MembershipClaim
from shared.domain.accounts.credentials import Membership
from shared.domain.accounts.invitation import MAX_OPEN
from shared.domain.accounts.user import MAX_USERS, User
from shared.domain.errors import (
    AddressInUse,
    AlreadyAUser,
    ConcurrentChange,
    Conflict,
    LastAdmin,
    SignInNameTaken,
)
from shared.domain.events import Event
from shared.table import event_items, guards
from shared.table.accounts.claims import in_place_of
from shared.table.accounts.directory import member_to_item
from shared.table.codec import whole_record
from shared.table.guards import Guard
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.store import Store
from shared.table.transactions import Refusal, Transaction


class AlreadyWritten(Exception):
    """The transaction was written before."""


def put_event(transaction: Transaction, tenant_id: str, event: Event, *, follows: str = "") -> None:
    """Write an event as the first step, which recognises a transaction that is sent again. Commit by `commit`.

    `follows`: see `event_to_item`.
    """
    transaction.put(
        event_items.event_to_item(tenant_id, event, follows=follows),
        **guards.is_new(lambda _: AlreadyWritten()),
    )


def commit(store: Store, transaction: Transaction) -> None:
    """Write a transaction that starts with `put_event`, unless it was written before."""
    try:
        store.commit(transaction)
    except AlreadyWritten:
        return


def put_new_user(
    transaction: Transaction, tenant_id: str, user: User, *, invitation_id: str, claim: MembershipClaim | None
) -> None:
    """Write a new user in place of an invitation, whose lock on the address becomes the user's, and of a claim.

    Refused with ConcurrentChange when the claim is no longer valid; without a claim with AlreadyAUser when the user is
    a member of a tenant.
    """
    condition, values = in_place_of(claim, timestamps.to_milliseconds(user.created_at) // 1000)
    transaction.put(
        look_up_to_item(tenant_id, user, since=claim.since if claim else 0),
        condition=condition,
        values=values,
        refusal=guards.concurrent_change if claim else lambda _: AlreadyAUser(),
    )
    transaction.put(user_to_item(tenant_id, user), **guards.is_new())
    put_lock(transaction, tenant_id, user, instead_of=invitation_id)
    lock_username(transaction, user)
    count(transaction, tenant_id, members=1, admins=int(user.is_active_admin), invitations=-1)


def put_lock(transaction: Transaction, tenant_id: str, user: User, *, instead_of: str | None) -> None:
    """Lock a user's address, which must be the user's already, or free, or locked by the invitation `instead_of`."""
    guard: Guard = guards.is_free_or_own("user_id", user.id, holder_of)
    if instead_of is not None:
        guard = {
            "condition": "invitation_id = :invitation",
            "values": {":invitation": {"S": instead_of}},
            "refusal": guards.concurrent_change,
        }
    transaction.put(
        {**account_keys.user_email_lock(tenant_id, user.email), "user_id": {"S": user.id}}, **guard
    )


def lock_username(transaction: Transaction, user: User) -> None:
    """Lock the username of a new user, where it is not the address.

    Refused with SignInNameTaken when a user of any tenant has it.
    """
    if user.username != user.email:
        transaction.put(
            {
                **account_keys.username_lock(user.username),
                "user_id": {"S": user.id},
                "email": {"S": user.email},
            },
            **guards.is_new(lambda _: SignInNameTaken()),
        )


def release_username(transaction: Transaction, user: User) -> None:
    """Release the username of a removed user, if it is still this user's."""
    if user.username != user.email:
        transaction.delete(
            account_keys.username_lock(user.username),
            **guards.is_free_or_own("user_id", user.id),
        )


def belongs_to(tenant_id: str) -> Guard:
    """Guard the write of a look-up that must not exist, or belong to this tenant."""
    return guards.is_free_or_own("tenant_id", tenant_id)


def holder_of(lock: Item | None) -> Exception:
    """Return the error for an address that a user or an invitation has."""
    if lock is None:
        return ConcurrentChange()
    user_id, invitation_id = (lock.get(name, {}).get("S") for name in ("user_id", "invitation_id"))
    return AddressInUse(user_id=user_id, invitation_id=invitation_id)


def count(
    transaction: Transaction, tenant_id: str, *, members: int = 0, admins: int = 0, invitations: int = 0
) -> None:
    """Count users, active admins and open invitations up or down, within the limits."""
    steps = {"members": members, "admins": admins, "invitations": invitations}
    values: Item = {f":{name}": {"N": str(by)} for name, by in steps.items() if by}
    limit: tuple[str, int, Refusal] | None = None
    if admins < 0:
        limit = "admins > :limit", 1, lambda _: LastAdmin()
    elif members > 0:
        limit = _below("members"), MAX_USERS, _too_many("users", MAX_USERS)
    elif invitations > 0:
        limit = _below("invitations"), MAX_OPEN, _too_many("open invitations", MAX_OPEN)
    transaction.update(
        account_keys.user_count(tenant_id),
        f"ADD {', '.join(f'{name} :{name}' for name, by in steps.items() if by)}",
        values | ({":limit": {"N": str(limit[1])}} if limit else {}),
        condition=limit and limit[0],
        refusal=limit and limit[2],
    )


def count_to_item(tenant_id: str, admins: int) -> Item:
    """Return the counter of a new tenant, all of whose users are admins."""
    number = {"N": str(admins)}
    return {**account_keys.user_count(tenant_id), "members": number, "admins": number}


def _below(name: str) -> str:
    return f"attribute_not_exists({name}) OR {name} < :limit"


def _too_many(what: str, most: int) -> Refusal:
    return lambda _: Conflict(
        f"A tenant has at most {most} {what}. Remove one that is no longer needed.",
        code=f"too_many_{what.replace(' ', '_')}",
    )


def look_up_to_item(tenant_id: str, user: User, *, since: int = 0) -> Item:
    """Return the item under which the authorizer looks up a user; `since` as of a Membership."""
    return member_to_item(Membership(user.id, tenant_id, user.role, user.username, not user.is_active, since))


def user_to_item(tenant_id: str, user: User) -> Item:
    """Return the item of a user's record."""
    key = account_keys.user(tenant_id, user.id)
    return whole_record(key, "user", user.model_dump_json(), version=user.version, last_event=user.last_event)


def user_from_item(item: Item) -> User:
    """Return the user of a record's item."""
    user = User.model_validate_json(item["user"]["S"])
    return user.model_copy(update={"last_event": item["last_event"]["S"]})
