"""The locks on contacts' unique values in the table.

A merge leaves locks as they are: they go on naming the contact that took them. A lock that names a merged contact is in
force while its survivor is live and has the value (`Contact.locks`). One that is not in force can be taken by another
contact: its transaction adds 1 to the survivor's `locks_lost`, on condition that the survivor is as it was read. A
survivor that takes such a value back does so on condition that `locks_lost` is as it was read
(docs/decisions/0058-merges-in-the-table.md).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock
from shared.domain.errors import ConcurrentChange, Conflict, Duplicate
from shared.table import guards
from shared.table.contacts import items as contact_items
from shared.table.contacts.survivors import MERGED_INTO, Survivors
from shared.table.guards import Guard
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import merges as merge_keys
from shared.table.keys.spelling import SK, Key, identity_of
from shared.table.store import Store
from shared.table.transactions import MOST_STEPS, Transaction

_NAMES = {"EMAIL": "e-mail address", "PHONE": "telephone number", "WHATSAPP": "WhatsApp number"}
_OWNER = "contact_id"
"""The attribute of a lock that names its holder."""
_MOST_READ_AGAIN = 3
"""How often the survivors of locks are read again while they change."""
_MOST_FREED = 8
"""Attempts to commit a transaction that meets locks which are not in force. The first one finds the locks; others fail
only if the survivors change meanwhile."""

BeforeAndAfter = tuple[Contact | None, Contact]
"""A contact before a change, None for a new one, and after it."""


class LockFreed(ConcurrentChange):
    """A lock names a merged contact and is not in force. The same change takes it when it is made again."""


def commit_with_locks(store: Store, build: Callable[[], Transaction]) -> None:
    """Commit the transaction that `build` returns, and build it again when it met locks that are not in force.

    `build` must use the same `ContactLocks` each time. Raises ConcurrentChange when the survivors keep changing, and
    Conflict as `check_steps` does.
    """
    for _ in range(_MOST_FREED):
        transaction = build()
        check_steps(transaction)
        try:
            store.commit(transaction)
        except LockFreed:
            continue
        return
    raise ConcurrentChange()


def check_steps(transaction: Transaction) -> None:
    """Raise Conflict, with code `too_many_addresses`, for more steps than a transaction can have with a call's answer.

    Only a survivor has as many addresses.
    """
    if len(transaction.steps) >= MOST_STEPS:
        raise Conflict(
            f"The change takes and releases so many addresses and numbers that it would write {len(transaction.steps)} "
            f"records, and {MOST_STEPS - 1} can be written at once. Remove some of the addresses first.",
            code="too_many_addresses",
        )


@dataclass(frozen=True, slots=True)
class _Left:
    """A lock that is not in force.

    `holder_id`: the merged contact that it names. `survivor_id`: the last contact of its chain. `version`: that of the
    survivor's record, None once it is purged.
    """

    holder_id: str
    survivor_id: str
    version: int | None


@dataclass(slots=True)
class LockPlan:
    """The locks that a transaction takes and releases.

    `takes`: each with its field, the contact and the holder that it replaces, "" for none. `releases`: each with its
    holder. `keeps`: whether contacts take values whose locks contacts merged into them hold.
    """

    takes: dict[Lock, tuple[str, str, str]] = field(default_factory=dict)
    releases: dict[Lock, str] = field(default_factory=dict)
    keeps: bool = False

    def guard(self, before: Contact, after: Contact) -> Guard:
        """Return the guard of the write of a changed contact."""
        if self.keeps and before.merged_from:
            return guards.at_version_and_locks_or_own(before.version, before.locks_lost, after.last_event)
        return guards.at_version_or_own(before.version, after.last_event)


class ContactLocks:
    """The locks of one tenant's contacts. Remembers the locks that it found not to be in force."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._survivors = Survivors(store, tenant_id)
        self._left: dict[Lock, _Left] = {}
        self._has_merges = False

    @property
    def has_freed(self) -> bool:
        """Whether locks were found that are not in force. A change that takes one writes its survivor too."""
        return bool(self._left)

    # Reading

    def holders(self, locks: Iterable[Lock]) -> dict[Lock, str]:
        """Return the ids of the contacts that have values, as of now, without values that are free.

        A hundred values are one call. Where the tenant has merges, the records of the holders are read too.
        """
        return self._in_force(self._named(locks))

    def owners_of_email(self, email: str, *, limit: int) -> list[str]:
        """Return the ids of the live contacts that have an address, in the order of the locks' keys."""
        partition, found, after = contact_keys.email_partition(self._tenant, email), list[str](), None
        while len(found) < limit:
            rows = self._store.query(partition, limit=limit, after=after, consistent=True)
            named = {Lock("EMAIL", email, contact_keys.within_of(row)): row[_OWNER]["S"] for row in rows}
            found += self._in_force(named).values()
            if len(rows) < limit:
                break
            after = rows[-1][SK]["S"]
        return found[:limit]

    def named_by_email(self, email: str) -> str | None:
        """Return the id that the first lock on an address names, or None. It may be that of a merged contact."""
        rows = self._store.query(contact_keys.email_partition(self._tenant, email), limit=1, consistent=True)
        return rows[0][_OWNER]["S"] if rows else None

    def _named(self, locks: Iterable[Lock]) -> dict[Lock, str]:
        """Return the ids that locks name, without locks that do not exist."""
        keys = {lock: self._key(lock) for lock in locks}
        found = self._store.get_many(list(keys.values()))
        items = {lock: found.get(identity_of(key)) for lock, key in keys.items()}
        return {lock: item[_OWNER]["S"] for lock, item in items.items() if item}

    def _in_force(self, named: dict[Lock, str]) -> dict[Lock, str]:
        """Return the contacts that have the values of locks, in place of the contacts that the locks name."""
        if not named or not self._has_any_merge():
            return named
        return self._judge(named)

    def _has_any_merge(self) -> bool:
        if not self._has_merges:
            partition = merge_keys.partition(self._tenant)
            self._has_merges = bool(self._store.query(partition, limit=1, consistent=True))
        return self._has_merges

    def _judge(self, named: Mapping[Lock, str]) -> dict[Lock, str]:
        """Return the contacts that have the values of locks, and remember the locks that are not in force.

        Raises ConcurrentChange when merges are made and undone all the while.
        """
        ends = self._read_ends(named.values())
        holders, left = _judged(named, ends)
        if left:
            # Records are not read at one instant: if a merge was undone meanwhile, its survivor was read without it.
            # What is the same when it is read again was so when the survivors were read first.
            for _ in range(_MOST_READ_AGAIN):
                again = self._read_ends(named.values())
                if _versions_in(again) == _versions_in(ends):
                    break
                ends = again
                holders, left = _judged(named, ends)
            else:
                raise ConcurrentChange()
        self._left |= left
        return holders

    def _read_ends(self, holder_ids: Iterable[str]) -> dict[str, tuple[str, Item | None]]:
        """Return where the chains of merged contacts end, by their ids, without contacts that are not merged."""
        keys = {one: contact_keys.contact(self._tenant, one) for one in holder_ids}
        records = self._store.get_many(list(keys.values()))
        merged = {
            one: record
            for one, key in keys.items()
            if (record := records.get(identity_of(key))) is not None and MERGED_INTO in record
        }
        return self._survivors.find_ends(merged)

    # Writing

    def plan(self, changes: Sequence[BeforeAndAfter]) -> LockPlan:
        """Return the locks that changes of different contacts take and release in one transaction.

        A contact that becomes merged leaves its locks as they are, for its survivor or itself. For contacts with merged
        ones, and for those that a merge is undone for, the locks are read first: a hundred are one call.
        """
        (before, after), *others = changes
        if before is None and not others:  # as most rows of an import
            return LockPlan({lock: (name, after.id, "") for lock, name in after.locks.items()})
        plan, left_as_they_are, unsure = LockPlan(), set[Lock](), set[Lock]()
        owners: dict[Lock, tuple[str, Contact]] = {}
        for before, after in changes:
            had = before.locks if before is not None else {}
            if after.is_merged:
                left_as_they_are |= had.keys()
                continue
            has = after.locks
            is_back = before is not None and before.is_merged  # its locks may be those of others by now
            # An address that only moved between the fields keeps its lock.
            taken = {lock: (name, after) for lock, name in has.items() if is_back or lock not in had}
            released = {lock: after.id for lock in had if lock not in has}
            owners |= taken
            plan.releases |= released
            if after.merged_from or (before is not None and (before.merged_from or before.is_merged)):
                unsure |= taken.keys() | released.keys()
        unsure -= left_as_they_are
        named = self._named(unsure) if unsure else {}
        for lock, (name, after) in owners.items():
            if lock in left_as_they_are:
                continue
            holder_id = named.get(lock, "")
            if holder_id == after.id or holder_id in after.merged_from:
                plan.keeps = True
            else:
                released_by = plan.releases.pop(lock, "")
                if lock in unsure:
                    released_by = released_by if released_by == holder_id else ""
                plan.takes[lock] = name, after.id, released_by
        plan.releases = {
            lock: contact_id
            for lock, contact_id in plan.releases.items()
            if lock not in unsure or named.get(lock) == contact_id
        }
        return plan

    def take_ahead(self, changes: Sequence[BeforeAndAfter]) -> None:
        """Take the free values of the contacts that a merge will be undone for, each by itself.

        Until then they name merged contacts whose survivor does not have the values, so they are not in force. Values
        that others have are left to the transaction of the undo. Repeating it is harmless.
        """
        back = {after.id for before, after in changes if before is not None and before.is_merged}
        for lock, (_, contact_id, released_by) in self.plan(changes).takes.items():
            if contact_id in back and not released_by:
                self._store.put(
                    {**self._key(lock), _OWNER: {"S": contact_id}},
                    condition=f"{guards.IS_NEW} OR {_OWNER} = :owner",
                    values={":owner": {"S": contact_id}},
                )

    def count_own(self, survivor: Contact) -> int:
        """Return how many values of a contact are locked in its own name, or will be: those that no contact merged into
        it has locked.
        """
        named = self._named(survivor.locks)
        return sum(named.get(lock) not in survivor.merged_from for lock in survivor.locks)

    def check(self, plan: LockPlan) -> None:
        """Raise Duplicate if another contact has one of the values that a plan takes, as of now."""
        wanted = [lock for lock, (_, _, released_by) in plan.takes.items() if not released_by]
        for lock, holder_id in (self.holders(wanted) if wanted else {}).items():
            name, contact_id, _ = plan.takes[lock]
            if holder_id != contact_id:
                raise Duplicate(name, holder_id, _NAMES[lock.kind])

    def add(self, transaction: Transaction, plan: LockPlan, changes: Sequence[BeforeAndAfter]) -> None:
        """Add the steps of a plan for changes to their transaction.

        A lock that another contact has makes the transaction raise Duplicate with that contact, or LockFreed if it is
        not in force.
        """
        watched: dict[str, int] = {}
        wanted = tuple(plan.takes)
        for lock, (name, contact_id, released_by) in plan.takes.items():
            refusal = partial(self._refuse, lock, name, wanted)
            if released_by:
                guard = guards.is_of_or_own(_OWNER, released_by, contact_id, refusal)
            elif (left := self._left.get(lock)) is None:
                guard = guards.is_free_or_own(_OWNER, contact_id, refusal)
            else:
                guard = guards.is_of_or_own(_OWNER, left.holder_id, contact_id, self._forget)
                if left.version is not None:  # one that is purged never has the value again
                    watched[left.survivor_id] = left.version
            transaction.put({**self._key(lock), _OWNER: {"S": contact_id}}, **guard)
        for lock, contact_id in plan.releases.items():
            transaction.delete(self._key(lock), **guards.is_free_or_own(_OWNER, contact_id))
        versions = (
            {after.id: before.version if before else None for before, after in changes} if watched else {}
        )
        for survivor_id, version in watched.items():
            if survivor_id not in versions:
                self._watch(transaction, survivor_id, version)
            elif versions[survivor_id] != version:  # it is written on condition of another version
                self._left.clear()
                raise ConcurrentChange()

    def _watch(self, transaction: Transaction, survivor_id: str, version: int) -> None:
        """Add the condition that a survivor is as it was when locks were found not to be in force, and tell it that
        locks are lost.
        """
        transaction.update(
            contact_keys.contact(self._tenant, survivor_id),
            "ADD locks_lost :one",
            {":one": {"N": "1"}, ":version": {"N": str(version)}},
            condition="version = :version",
            refusal=self._forget,
        )

    def release_all(self, contact_id: str, locks: Iterable[Lock]) -> int:
        """Remove those of some locks that still name a contact; return their number. Repeating it is harmless."""
        named = [lock for lock, holder_id in self._named(locks).items() if holder_id == contact_id]
        for lock in named:
            transaction = Transaction()
            transaction.delete(self._key(lock), **guards.is_free_or_own(_OWNER, contact_id))
            with contextlib.suppress(ConcurrentChange):  # another contact has just taken it
                self._store.commit(transaction)
        return len(named)

    def _refuse(self, lock: Lock, name: str, wanted: Sequence[Lock], found: Item | None) -> Exception:
        """Return the error for a lock that names another contact. `wanted`: all locks that the transaction takes."""
        holder_id = found[_OWNER]["S"] if found else ""
        record = self._store.get(contact_keys.contact(self._tenant, holder_id)) if holder_id else None
        if record is not None and MERGED_INTO in record:
            self._left.clear()
            # All of them: each would refuse the transaction again.
            holder_id = self._judge(self._named(wanted)).get(lock, "")
            if not holder_id:
                return LockFreed()
        return Duplicate(name, holder_id, _NAMES[lock.kind])

    def _forget(self, _found: Item | None) -> Exception:
        self._left.clear()
        return LockFreed()

    def _key(self, lock: Lock) -> Key:
        if lock.kind == "EMAIL":
            return contact_keys.email_lock(self._tenant, lock.value, lock.within)
        key_of = {"PHONE": contact_keys.phone_lock, "WHATSAPP": contact_keys.whatsapp_lock}[lock.kind]
        return key_of(self._tenant, lock.value, lock.within or "")


def _judged(
    named: Mapping[Lock, str], ends: Mapping[str, tuple[str, Item | None]]
) -> tuple[dict[Lock, str], dict[Lock, _Left]]:
    """Return the contacts that have the values of locks, and the locks that are not in force. `ends`: of the merged
    contacts that locks name, the ids and records of their survivors.
    """
    holders: dict[Lock, str] = {}
    left: dict[Lock, _Left] = {}
    for lock, holder_id in named.items():
        if holder_id not in ends:
            holders[lock] = holder_id
            continue
        survivor_id, item = ends[holder_id]
        survivor = contact_items.contact_from_item(item) if item is not None else None
        if survivor is not None and lock in survivor.locks:
            holders[lock] = survivor_id
        else:
            left[lock] = _Left(holder_id, survivor_id, survivor.version if survivor else None)
    return holders, left


def _versions_in(ends: Mapping[str, tuple[str, Item | None]]) -> dict[str, tuple[str, str | None]]:
    return {one: (end, item["version"]["N"] if item else None) for one, (end, item) in ends.items()}
