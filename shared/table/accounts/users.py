"""Users in the table: the record, the look-up by which the authorizer knows the user, and the lock on the address.

The three are written in one transaction with the event, and with the counter that holds the limits: how many users a
tenant has, and that one of them is an active admin. The look-up is written blind, on condition that it is this
tenant's: nobody here may read those of others. A transaction that is sent again after it came through finds its event
there, and writes nothing.

Where a membership was removed a claim is left, so that no membership comes in its place before its time is past.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.domain import timestamps
from shared.domain.accounts.claims import MembershipClaim
from shared.domain.accounts.credentials import Membership
from shared.domain.accounts.invitation import MAX_OPEN
from shared.domain.accounts.removal import HandoverPlan
from shared.domain.accounts.user import MAX_USERS, User
from shared.domain.errors import (
    AddressInUse,
    AlreadyAUser,
    ConcurrentChange,
    Conflict,
    LastAdmin,
    SchedulingIdTaken,
    SignInNameTaken,
    UserClaimed,
)
from shared.domain.events import Event
from shared.table import items
from shared.table.accounts.claims import claim_to_item, in_place_of
from shared.table.accounts.directory import member_to_item
from shared.table.accounts.settings import add_settings
from shared.table.jobs.bulk import job_to_item
from shared.table.keys import accounts as account_keys
from shared.table.keys.spelling import identity_of
from shared.table.store import Item, Refusal, Store, Transaction, at_version

_ATTEMPTS = 6


class AlreadyWritten(Exception):
    """The transaction has come through before."""


class UserTable:
    """The users of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self, user_id: str) -> User | None:
        """A user as of now, or None."""
        item = self._store.get(account_keys.user(self._tenant, user_id))
        return _from_item(item) if item else None

    def organizer(self, organizer_id: str | None, email: str | None) -> User | None:
        """The user, as of now, who organizes a booking: the one with an id, else the one with that as their
        `scheduling_id`, else the one with an e-mail address (in its stored form).
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
                return _from_item(item)
            # An address may be that of an invitation.
            if item is not None and "user_id" in item and (user := self.get(item["user_id"]["S"])):
                return user
        return None

    def by_emails(self, emails: Iterable[str]) -> dict[str, User]:
        """The users, as of now, who have addresses (in their stored form), by these."""
        lock_keys = {email: account_keys.user_email_lock(self._tenant, email) for email in emails}
        locks = self._store.get_many(list(lock_keys.values()))
        ids = {
            email: account_keys.user(self._tenant, lock["user_id"]["S"])
            for email, key in lock_keys.items()
            if (lock := locks.get(identity_of(key))) and "user_id" in lock
        }
        records = self._store.get_many(list(ids.values()))
        found = {email: records.get(identity_of(key)) for email, key in ids.items()}
        return {email: _from_item(item) for email, item in found.items() if item}

    def page(self, *, limit: int, after: str | None) -> list[User]:
        """Users as of now in the order of their ids, behind the id `after`."""
        rows = self._store.query(
            account_keys.users(self._tenant),
            limit=limit,
            after=None if after is None else account_keys.user_sort_key(after),
            consistent=True,
        )
        return [_from_item(row) for row in rows]

    def all_after(self, after: str | None = None) -> Iterator[User]:
        """Every user as of now in the order of their ids, behind the id `after`."""
        while found := self.page(limit=MAX_USERS, after=after):
            yield from found
            if len(found) < MAX_USERS:
                return
            after = found[-1].id

    def replace(self, before: User, after: User, event: Event) -> None:
        """Write a changed user, and what the authorizer is to know of it, with its event.

        Raises LastAdmin when no active admin would be left, SchedulingIdTaken when another user has the scheduling id,
        and ConcurrentChange when the user is no longer as `before`.
        """
        transaction = Transaction()
        put_event(transaction, self._tenant, event)
        self._move_scheduling_lock(transaction, before.scheduling_id, after)
        transaction.put(user_to_item(self._tenant, after), **at_version(before.version))
        if (before.role, before.is_active) != (after.role, after.is_active):
            self._set_look_up(transaction, after)
        if admins := after.is_active_admin - before.is_active_admin:
            count(transaction, self._tenant, admins=admins)
        commit(self._store, transaction)

    def remove(self, before: User, event: Event, claim: MembershipClaim | None, plan: HandoverPlan) -> None:
        """Remove a user, whose address is free at once, with its event; the claim, if any, is left in the look-up's
        place, and what is `handed` over is written too. Raises as `replace` does, and ConcurrentChange when the
        tenant's settings are no longer as they were read.
        """
        transaction = Transaction()
        put_event(transaction, self._tenant, event)
        transaction.delete(account_keys.user(self._tenant, before.id), **at_version(before.version))
        if claim is None:
            transaction.delete(
                account_keys.membership(before.id),
                condition=_IS_OWN,
                values=self._own_values(),
                refusal=_changed,
            )
        else:
            transaction.put(
                claim_to_item(claim), condition=_IS_OWN, values=self._own_values(), refusal=_changed
            )
        transaction.delete(account_keys.user_email_lock(self._tenant, before.email))
        if before.scheduling_id is not None:
            transaction.delete(account_keys.scheduling_lock(self._tenant, before.scheduling_id))
        free_name(transaction, before)
        count(transaction, self._tenant, members=-1, admins=-before.is_active_admin)
        if plan.job is not None:
            transaction.put(job_to_item(self._tenant, plan.job))
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
                condition="attribute_not_exists(PK) OR user_id = :user",
                values={":user": {"S": user.id}},
                refusal=lambda lock: SchedulingIdTaken(lock["user_id"]["S"] if lock else None),
            )

    def _set_look_up(self, transaction: Transaction, user: User) -> None:
        # In place: other attributes of a look-up are others' affair.
        transaction.update(
            account_keys.membership(user.id),
            "SET tenant_id = :tenant, #role = :role, username = :username, disabled = :disabled",
            {
                **self._own_values(),
                ":role": {"S": user.role},
                ":username": {"S": user.username},
                ":disabled": {"BOOL": not user.is_active},
            },
            names={"#role": "role"},
            condition=_IS_OWN,
            refusal=_changed,
        )

    def _own_values(self) -> Item:
        return {":tenant": {"S": self._tenant}}

    # By the operator: no event tells of it, no limit stops it

    def begin(self) -> None:
        """Start to count the users of a tenant that has none."""
        self._store.put(count_to_item(self._tenant, 0), condition="attribute_not_exists(PK)")

    def admit(self, user: User, *, since: int, claim: MembershipClaim | None = None) -> None:
        """Write a user who is to be as given, whatever was known of it, and count the users anew. `since`: as of a
        Membership. `claim`: in whose place; without one in nobody's, but for a bar and what is past its time.

        Raises AddressInUse when another user of the tenant has the address, UserClaimed when another's claim stands.
        """
        condition, values = _is_to_be_had(self._tenant, claim)
        for _ in range(_ATTEMPTS):
            known = {one.id: one for one in self.all_after()}
            before = known.get(user.id)
            transaction = Transaction()
            transaction.put(user_to_item(self._tenant, user))
            transaction.put(
                _look_up(self._tenant, user, since=since),
                condition=condition,
                values=values,
                refusal=lambda _: UserClaimed(),
            )
            put_lock(transaction, self._tenant, user, instead_of=None)
            if before is not None and before.email != user.email:
                transaction.delete(account_keys.user_email_lock(self._tenant, before.email))
                free_name(transaction, before)
            if self._recounted(transaction, [*(known | {user.id: user}).values()]):
                return
        raise ConcurrentChange()

    def dismiss(self, user_id: str) -> None:
        """Remove a user, if there is one, and count the users anew."""
        for _ in range(_ATTEMPTS):
            known = {one.id: one for one in self.all_after()}
            gone = known.pop(user_id, None)
            transaction = Transaction()
            transaction.delete(account_keys.user(self._tenant, user_id))
            transaction.delete(
                account_keys.membership(user_id),
                condition=_IS_OWN,
                values=self._own_values(),
                refusal=_changed,
            )
            if gone is not None:
                transaction.delete(account_keys.user_email_lock(self._tenant, gone.email))
                if gone.scheduling_id is not None:
                    transaction.delete(account_keys.scheduling_lock(self._tenant, gone.scheduling_id))
                free_name(transaction, gone)
            if self._recounted(transaction, [*known.values()]):
                return
        raise ConcurrentChange()

    def _recounted(self, transaction: Transaction, users: list[User]) -> bool:
        """Commit a transaction with the counter of `users`; False when the counter or a lock has moved meanwhile."""
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
            refusal=_changed,
        )
        try:
            self._store.commit(transaction)
        except ConcurrentChange:
            return False
        return True


_IS_OWN = "attribute_not_exists(PK) OR tenant_id = :tenant"
"""Holds of a look-up that is not there, or belongs to the tenant `:tenant`."""


def _is_to_be_had(tenant_id: str, claim: MembershipClaim | None) -> tuple[str, Item]:
    if claim is not None:
        return in_place_of(claim, 0)
    now = timestamps.to_milliseconds(timestamps.now()) // 1000
    return (
        f"{_IS_OWN} OR claim.proof = :none OR expires_at < :now",
        {":tenant": {"S": tenant_id}, ":none": {"S": ""}, ":now": {"N": str(now)}},
    )


def _changed(_: Item | None) -> Exception:
    return ConcurrentChange()


def put_event(transaction: Transaction, tenant_id: str, event: Event) -> None:
    """Write an event as the first step, so that a transaction sent again is known by it. Commit by `commit`."""
    transaction.put(
        items.event_to_item(tenant_id, event),
        condition="attribute_not_exists(PK)",
        refusal=lambda _: AlreadyWritten(),
    )


def commit(store: Store, transaction: Transaction) -> None:
    """Write a transaction that begins with `put_event`; one that has come through before is done."""
    try:
        store.commit(transaction)
    except AlreadyWritten:
        return


def put_new_user(
    transaction: Transaction, tenant_id: str, user: User, *, invitation_id: str, claim: MembershipClaim | None
) -> None:
    """Write a new user into the place of an invitation, whose lock on the address becomes the user's, and of the claim.

    Refused with ConcurrentChange when the claim stands no longer; without one with AlreadyAUser when somebody has the
    user.
    """
    condition, values = in_place_of(claim, timestamps.to_milliseconds(user.created_at) // 1000)
    transaction.put(
        _look_up(tenant_id, user, since=claim.since if claim else 0),
        condition=condition,
        values=values,
        refusal=_changed if claim else lambda _: AlreadyAUser(),
    )
    transaction.put(user_to_item(tenant_id, user), condition="attribute_not_exists(PK)", refusal=_changed)
    put_lock(transaction, tenant_id, user, instead_of=invitation_id)
    lock_name(transaction, user)
    count(transaction, tenant_id, members=1, admins=int(user.is_active_admin), invitations=-1)


def put_lock(transaction: Transaction, tenant_id: str, user: User, *, instead_of: str | None) -> None:
    """Lock a user's address; that was theirs already, or free, or locked by the invitation `instead_of`."""
    mine: Item = {":user": {"S": user.id}}
    condition = "attribute_not_exists(PK) OR user_id = :user"
    if instead_of is not None:
        condition, mine = "invitation_id = :invitation", {":invitation": {"S": instead_of}}
    transaction.put(
        {**account_keys.user_email_lock(tenant_id, user.email), "user_id": {"S": user.id}},
        condition=condition,
        values=mine,
        refusal=holder_of if instead_of is None else _changed,
    )


def lock_name(transaction: Transaction, user: User) -> None:
    """Lock the username of a new user, where that is another than the address. Refused with SignInNameTaken when
    somebody has it, of whatever tenant.
    """
    if user.username != user.email:
        transaction.put(
            {
                **account_keys.username_lock(user.username),
                "user_id": {"S": user.id},
                "email": {"S": user.email},
            },
            condition="attribute_not_exists(PK)",
            refusal=lambda _: SignInNameTaken(),
        )


def free_name(transaction: Transaction, user: User) -> None:
    """Free the username of a user who goes, if it is still this user's."""
    if user.username != user.email:
        transaction.delete(
            account_keys.username_lock(user.username),
            condition="attribute_not_exists(PK) OR user_id = :user",
            values={":user": {"S": user.id}},
            refusal=_changed,
        )


def holder_of(lock: Item | None) -> Exception:
    """The refusal of an address that somebody has."""
    if lock is None:
        return ConcurrentChange()
    user_id, invitation_id = (lock.get(name, {}).get("S") for name in ("user_id", "invitation_id"))
    return AddressInUse(user_id=user_id, invitation_id=invitation_id)


def count(
    transaction: Transaction, tenant_id: str, *, members: int = 0, admins: int = 0, invitations: int = 0
) -> None:
    """Count users, active admins and open invitations up or down, as far as the limits let."""
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
    """The counter of a new tenant, whose users are so many admins."""
    number = {"N": str(admins)}
    return {**account_keys.user_count(tenant_id), "members": number, "admins": number}


def _below(name: str) -> str:
    return f"attribute_not_exists({name}) OR {name} < :limit"


def _too_many(what: str, most: int) -> Refusal:
    return lambda _: Conflict(
        f"A tenant has at most {most} {what}. Remove one that is no longer needed.",
        code=f"too_many_{what.replace(' ', '_')}",
    )


def _look_up(tenant_id: str, user: User, *, since: int = 0) -> Item:
    return member_to_item(Membership(user.id, tenant_id, user.role, user.username, not user.is_active, since))


def user_to_item(tenant_id: str, user: User) -> Item:
    """A user's record."""
    return {
        **account_keys.user(tenant_id, user.id),
        "version": {"N": str(user.version)},
        "last_event": {"S": user.last_event},
        "user": {"S": user.model_dump_json()},
    }


def _from_item(item: Item) -> User:
    user = User.model_validate_json(item["user"]["S"])
    return user.model_copy(update={"last_event": item["last_event"]["S"]})
