"""Merges contacts into another one, and undoes that.

Each is one transaction: the survivor, the merged contacts, their customers and other contacts that become primary or no
longer primary, and the merge. Nothing of a timeline is moved, and no lock: see docs/decisions/0058.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.part_figures import Figures, FigureTimes
from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock
from shared.domain.customers.record import Customer
from shared.domain.errors import ConcurrentChange, Conflict, Duplicate, FieldError, Merged, NotFound
from shared.domain.events import Event
from shared.domain.ids import is_id, new_id
from shared.domain.merges.groups import GroupMerge, GroupResult
from shared.domain.merges.plan import plan_merge
from shared.domain.merges.record import Merge, MergeDetail
from shared.domain.merges.undo import Present, UndoPlan, plan_undo
from shared.domain.merges.views import MergeInput, MergeResult
from shared.domain.stamp import Stamp
from shared.domain.tenant import UniqueScope
from shared.services.backoff import HOT
from shared.services.contacts.reading import ContactReading
from shared.services.customers.membership import Changes, ContactChange
from shared.services.idempotency import Announce, no_key
from shared.services.merges.reading import MergeReading
from shared.services.optimistic import retry_on_conflict

_ROUNDS = 4
"""How often the undo of a merge is planned again, since the plan needs values that other contacts have by now. Once is
usual: it is planned again without these."""


class MergeRepository(Protocol):
    """The merges of one tenant; see `shared.table.merges.repository.MergeTable`."""

    def get_detail(self, merge: Merge) -> MergeDetail | None: ...

    def later_merges(self, merge: Merge) -> list[str]: ...

    def contacts(self, contact_ids: Iterable[str]) -> dict[str, Contact]: ...

    def find_survivor(self, contact: Contact) -> Contact | None: ...

    def own_times(self, contact_id: str) -> FigureTimes: ...

    def holders(self, locks: Iterable[Lock]) -> dict[Lock, str]: ...

    def customers(self, customer_ids: Iterable[str]) -> dict[str, Customer]: ...

    def check(self, merge: Merge, detail: MergeDetail, changes: Changes) -> None: ...

    def add(
        self, merge: Merge, detail: MergeDetail, changes: Changes, result: GroupResult | None = None
    ) -> None: ...

    def undo(self, merge: Merge, changes: Changes) -> None: ...


class Members(Protocol):
    """Keeps customers in step; see `shared.services.customers.membership.Membership`."""

    def complete(self, *given: ContactChange) -> Changes: ...


class Merging:
    """Merges contacts on behalf of one caller, and undoes merges.

    `performer` returns the caller's name. `present_owner` returns the owner in place of one that was removed: itself if
    it is still a user. `unique_scope` returns the tenant's setting.
    """

    def __init__(
        self,
        caller: Caller,
        reading: MergeReading,
        contacts: ContactReading,
        merges: MergeRepository,
        members: Members,
        *,
        performer: Callable[[], str],
        present_owner: Callable[[str], str | None],
        unique_scope: Callable[[], UniqueScope],
        announce: Announce = no_key,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._contacts = contacts
        self._merges = merges
        self._members = members
        self._performer = performer
        self._present_owner = present_owner
        self._unique_scope = unique_scope
        self._announce = announce
        self._sleep = sleep

    def merge(self, given: MergeInput, of_group: GroupMerge | None = None) -> MergeResult:
        """Merge contacts into another one; with `dry_run`, return what that would do.

        `of_group`: for a job that merges a group, whose result is written with the merge. A group has one result, so a
        second attempt raises ConcurrentChange, or what it then finds. Raises Conflict with code `changed_meanwhile` if
        the contacts are not those that were compared.

        Raises NotFound, with the field, for a contact that the caller may not see, Merged for one that was merged
        before, PermissionDenied unless the caller may merge each of them, Invalid for refused ids and choices, and
        Conflict with code `merge_too_large`. Where values are unique among the contacts of a customer, raises Duplicate
        when another contact of the survivor's customer has a value of a merged one; it names that contact if the caller
        may see it.
        """
        self._caller.require("contacts:merge")
        self._caller.require("contacts:read")
        given.check_ids()
        with self._contacts.anonymizing_conflicts():
            return retry_on_conflict(lambda: self._merge(given, of_group), sleep=self._sleep, policy=HOT)

    def _merge(self, given: MergeInput, of_group: GroupMerge | None) -> MergeResult:
        survivor, *merged = self._find(given)
        if of_group is not None:
            of_group.require_unchanged((survivor, *merged))
        plan = plan_merge(
            survivor,
            merged,
            given.choices,
            merge_id=new_id(),
            stamp=Stamp.now(self._caller),
            own_figures=self._own_figures(merged),
            changed_by=self._performer(),
        )
        changes = self._members.complete(plan.survivor, *plan.merged)
        detail = replace(plan.detail, promoted=_promoted(changes))
        result = MergeResult.of(plan.merge, *_change_of(changes, survivor.id), dry_run=given.dry_run)
        if given.dry_run:
            self._merges.check(plan.merge, detail, changes)
        else:
            self._announce(result)
            merge = plan.merge
            done = of_group.result_of(merge) if of_group is not None else None
            self._merges.add(merge, detail, changes, done)
        return result

    def _find(self, given: MergeInput) -> list[Contact]:
        """Return the survivor and the contacts to be merged, as of now."""
        fields = {given.survivor_id: "survivor_id"}
        fields |= {one: f"merged_ids.{number}" for number, one in enumerate(given.merged_ids)}
        found = self._merges.contacts(one for one in fields if is_id(one))
        missing: list[FieldError] = []
        for contact_id, field in fields.items():
            contact = found.get(contact_id)
            if contact is not None and contact.is_merged:
                survivor = self._merges.find_survivor(contact)
                if survivor is not None and survivor.deleted_at is None and self._sees(survivor):
                    raise Merged(contact_id, survivor.id, field)
            if contact is None or contact.deleted_at is not None or not self._sees(contact):
                missing.append(FieldError(field, "not_found", "Contact not found."))
        if missing:
            refusal = NotFound("Contact")
            refusal.errors = tuple(missing)
            raise refusal
        contacts = [found[contact_id] for contact_id in fields]
        self._require_rights("contacts:merge", contacts)
        return contacts

    def _sees(self, contact: Contact) -> bool:
        return self._caller.level("contacts:read") == "all" or self._caller.owns_contact(contact)

    def _require_rights(self, permission: str, contacts: Iterable[Contact]) -> None:
        for contact in contacts:
            self._caller.require_on(permission, contact.owner_id, contact.organizer_ids)

    def _own_figures(self, merged: Sequence[Contact]) -> dict[str, Figures]:
        """Return the figures of their own partitions for contacts into which others were merged before."""
        united = [one for one in merged if one.merged_from]
        parts = self._merges.contacts(part for one in united for part in one.merged_from) if united else {}
        return {
            one.id: one.figures.without(
                [parts[part].figures for part in one.merged_from], self._merges.own_times(one.id)
            )
            for one in united
        }

    def undo(self, merge_id: str) -> MergeResult:
        """Undo a merge. One that was undone stays as it is.

        Raises NotFound, PermissionDenied unless the caller may see and merge each of the contacts, and Conflict: with
        code `undo_expired` when it is too late or the survivor was purged, and `merged_later` while a later merge of
        the survivor is not undone.
        """
        self._caller.require("contacts:merge")
        return retry_on_conflict(lambda: self._undo(merge_id), sleep=self._sleep, policy=HOT)

    def _undo(self, merge_id: str) -> MergeResult:
        merge = self._reading.read(merge_id)
        found = self._merges.contacts((merge.survivor_id, *merge.merged_ids))
        for permission in ("contacts:read", "contacts:merge"):
            self._require_rights(permission, found.values())
        survivor = found.get(merge.survivor_id)
        if merge.state == "undone":
            return MergeResult.of(merge, _if_live(survivor), None)
        if survivor is None or merge.undo_until < timestamps.now():
            raise Conflict(
                f"The merge could be undone until {merge.undo_until}, while its survivor was not purged.",
                code="undo_expired",
            )
        if later := self._merges.later_merges(merge):
            raise Conflict(
                f"The survivor has been merged since. Undo the later merges first, the last one before the others: "
                f"{', '.join(later)}.",
                code="merged_later",
            )
        detail = self._merges.get_detail(merge)
        if (
            detail is None
            or survivor.is_merged
            or any(one not in survivor.merged_from for one in merge.merged_ids)
        ):
            raise ConcurrentChange()  # undone, or merged further, meanwhile
        plan = self._plan_undo(merge, detail, survivor)
        changes = self._members.complete(plan.survivor, *plan.returned)
        after, event = _change_of(changes, survivor.id)
        result = MergeResult.of(plan.merge, _if_live(after), event)
        self._announce(result)
        try:
            self._merges.undo(plan.merge, changes)
        except Duplicate as taken:  # since the plan was made: the next one leaves the value out
            raise ConcurrentChange() from taken
        return result

    def _plan_undo(self, merge: Merge, detail: MergeDetail, survivor: Contact) -> UndoPlan:
        parts = self._merges.contacts(survivor.merged_from)
        back = [parts[one] for one in merge.merged_ids if one in parts]
        if len(parts) < len(survivor.merged_from) or any(one.merged_into != survivor.id for one in back):
            raise ConcurrentChange()
        earlier = {
            name: detail.changes[name][0] for name in ("customer_id", "owner_id") if name in detail.changes
        }
        customers = {one.customer_id for one in (survivor, *back)} | {earlier.get("customer_id")}
        owners = {one.owner_id for one in back} | {earlier.get("owner_id")}
        present = Present(
            parts=parts,
            times=self._merges.own_times(survivor.id),
            customers={
                one.id: one.primary_contact
                for one in self._merges.customers(filter(None, customers)).values()
            },
            owners=self._successors(owners),
            unique_scope=self._unique_scope(),
        )
        stamp, changed_by = Stamp.now(self._caller), self._performer()
        for _ in range(_ROUNDS):
            plan = plan_undo(merge, detail, survivor, present, stamp=stamp, changed_by=changed_by)
            taken = self._taken(plan, {survivor.id, *parts}, present.taken)
            if not taken:
                return plan
            present = replace(present, taken={*present.taken, *taken})
        raise ConcurrentChange()

    def _successors(self, owner_ids: Iterable[str | None]) -> dict[str, str | None]:
        """Return the present owner for each owner that is no longer a user."""
        present = {one: self._present_owner(one) for one in owner_ids if one is not None}
        return {one: successor for one, successor in present.items() if successor != one}

    def _taken(self, plan: UndoPlan, own: Collection[str], known: Collection[Lock]) -> set[Lock]:
        """Return the locks that contacts of a plan take and others have."""
        wanted = {lock for change in (plan.survivor, *plan.returned) for lock in change.after.locks}
        wanted -= plan.survivor.before.locks.keys()
        found = self._merges.holders(wanted.difference(known))
        return {lock for lock, contact_id in found.items() if contact_id not in own}


def _change_of(changes: Changes, contact_id: str) -> tuple[Contact, Event]:
    return next((after, event) for _, after, event in changes.contacts if after.id == contact_id)


def _if_live(contact: Contact | None) -> Contact | None:
    return contact if contact is not None and contact.deleted_at is None else None


def _promoted(changes: Changes) -> Mapping[str, str]:
    """Return the contacts that became primary, by their customers."""
    return {
        after.id: after.primary_contact
        for before, after, _ in changes.customers
        if after.primary_contact is not None and after.primary_contact != before.primary_contact
    }
