"""What callers do with many contacts at once: each as the single call would do it, written together where that is safe.

Every entry is judged by itself: rights, rules and conflicts of one do not touch its neighbours. Work that was begun
before (under an Idempotency-Key, or in a background job) recognises what it wrote by the ids of its events.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.bulk import MAX_TOGETHER, BulkChange, BulkChangeInput, BulkResult, label_refs
from shared.domain.contacts.fields import MAX_GROUPS
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.inputs import ContactInput
from shared.domain.contacts.record import Contact
from shared.domain.errors import (
    ConcurrentChange,
    DomainError,
    Duplicate,
    FieldError,
    Invalid,
    NotFound,
    Unavailable,
)
from shared.domain.events import Event
from shared.domain.ids import Work, is_id, new_id
from shared.domain.jobs.bulk import Action, BulkJob, BulkRun, BulkTask
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.services.backoff import HOT
from shared.services.contacts.creations import ContactRepository as Creations
from shared.services.contacts.creations import Creation, create_all
from shared.services.contacts.search import require_searchable
from shared.services.contacts.writing import ContactRepository, ContactService
from shared.services.customers.membership import Membership
from shared.services.idempotency import Announce, no_key
from shared.services.jobs.queue import TaskQueue
from shared.services.labels.labelling import LabelRepository
from shared.services.paging import Cursors

Act = Callable[[Contact, str], tuple[Contact, Event] | None]
"""What is done to a contact, its event having a given id; None when that changes nothing."""


class ManyContacts(ContactRepository, Creations, Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def get_many(self, contact_ids: Iterable[str]) -> dict[str, Contact]: ...

    def find_written(self, events: Iterable[tuple[str, str]]) -> set[str]: ...


class BulkContacts(ContactService):
    """Many contacts as one caller may use them.

    `work`: what the call does, from which all ids are derived. `resumable`: the call can be made again and goes on
    then, so that it raises when some entries could not be dealt with. `has_time`: whether to go on.
    """

    def __init__(
        self,
        caller: Caller,
        contacts: ManyContacts,
        settings: Callable[[], TenantSettings],
        labels: LabelRepository,
        cursors: Cursors,
        *,
        is_active_user: Callable[[str], bool],
        membership: Callable[[], Membership],
        work: Work,
        resumable: bool,
        has_time: Callable[[], bool],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(
            caller,
            contacts,
            settings,
            labels,
            cursors,
            is_active_user=is_active_user,
            membership=membership,
            sleep=sleep,
        )
        self._many = contacts
        self._work = work
        self._resumable = resumable
        self._has_time = has_time

    def create_many(self, given: Sequence[ContactInput | DomainError]) -> list[BulkResult]:
        """New contacts, an outcome for each entry; one that is a refusal already keeps it."""
        self._caller.require("contacts:write")
        outcomes: dict[int, BulkResult] = {}
        creations: dict[str, Creation] = {}
        numbers: dict[str, int] = {}
        for number, one in enumerate(given):
            if not self._has_time():  # new tags are made one by one
                break
            try:
                contact, event = self._creation(number, one)
            except DomainError as refused:
                outcomes[number] = BulkResult(None, refused)
            else:
                creations[contact.id] = contact, event
                numbers[contact.id] = number
        if self._work.is_retry:
            for contact_id in self._many.find_written(
                (one, event.id) for one, (_, event) in creations.items()
            ):
                outcomes[numbers[contact_id]] = BulkResult(contact_id)
                del creations[contact_id]
        with contextlib.suppress(Unavailable):
            for contact_id, refusal in self._created(list(creations.values())):
                outcomes[numbers[contact_id]] = BulkResult(None if refusal else contact_id, refusal)
                if not self._has_time():
                    break
        return self._told(
            [outcomes.get(number, BulkResult(None, Unavailable())) for number in range(len(given))]
        )

    def _created(self, creations: Sequence[Creation]) -> Iterator[tuple[str, DomainError | None]]:
        """What became of creations, in their order: of those that share an address the first one gets it. Those of
        customers go one by one.
        """
        scope = self._settings().unique_scope
        for of_customers, run in groupby(creations, key=lambda one: one[0].customer_id is not None):
            if not of_customers:
                yield from create_all(self._many, list(run), scope=scope, sleep=self._sleep)
                continue
            for contact, event in run:
                try:
                    self._join(contact, event)
                except Unavailable:
                    raise
                except DomainError as refusal:
                    yield contact.id, refusal
                else:
                    yield contact.id, None

    def _creation(self, number: int, given: ContactInput | DomainError) -> Creation:
        if isinstance(given, DomainError):
            raise given
        fields = self._settled(given.given_fields(), new=True)
        self._check_owner(fields.get("owner_id"))
        return Contact.create(
            fields,
            # In the order of the entries, so that lists show them so.
            contact_id=self._work.derived_id("contact", ordinal=number),
            stamp=Stamp.now(self._caller, event_id=self._work.derived_id("event", str(number))),
            source="api",
            unique_scope=self._settings().unique_scope,
        )

    def change_of(self, given: BulkChangeInput) -> BulkChange:
        """A change, if the caller may make it at all. Raises PermissionDenied and Invalid."""
        self._caller.require("contacts:write")
        given.check()
        labelling = self._labelling
        join = labelling.static_groups(given.join_groups, "join_groups")
        leave = labelling.static_groups(given.leave_groups, "leave_groups")
        fields = self._settled(given.set.given_fields())
        self._check_owner(fields.get("owner_id"))
        return BulkChange(
            fields=fields,
            add_tags=label_refs(labelling.tags(given.add_tags)),
            remove_tags=label_refs(labelling.known("tag", given.remove_tags)),
            join_groups=label_refs(join),
            leave_groups=label_refs(leave),
            max_tags=self._settings().max_tags_per_contact,
        )

    def as_meant_now(self, change: BulkChange) -> BulkChange:
        """A change that was given earlier, with its labels as they are now; an owner who is no active user any more is
        nobody's.
        """
        owner_id = change.fields.get("owner_id")
        if owner_id is not None and owner_id not in self._owners and not self._is_active_user(owner_id):
            change = replace(change, fields={**change.fields, "owner_id": None})
        return change.with_current_labels(self._labels.current())

    def update_many(
        self, contact_ids: Sequence[str], change: BulkChange, wanted: ContactFilter | None = None
    ) -> list[BulkResult]:
        """Contacts changed, an outcome for each id; with `wanted`, those that do not match are left out."""

        def act(contact: Contact, event_id: str) -> tuple[Contact, Event] | None:
            return contact.change(
                change.fields_for(contact), stamp=Stamp.now(self._caller, event_id=event_id)
            )

        outcomes = self._act_on(contact_ids, "contacts:write", act, wanted)
        return self._told([outcomes[one] for one in contact_ids if one in outcomes])

    def check_joining(self, contact_ids: Sequence[str]) -> None:
        """Raises Invalid, naming each by its position in `contact_ids`, for contacts that cannot join a further group,
        and PermissionDenied for one that the caller may not change.
        """
        self._caller.require("contacts:read")
        found = self._many.get_many({one: None for one in contact_ids if is_id(one)})
        errors: list[FieldError] = []
        for position, contact_id in enumerate(contact_ids):
            field = f"contact_ids.{position}"
            try:
                contact = self._seen(found.get(contact_id))
            except NotFound as missing:
                errors.append(FieldError(field, "unknown_contact", missing.detail))
                continue
            self._caller.require_on("contacts:write", contact.owner_id, contact.organizer_ids)
            if len(contact.group_ids) >= MAX_GROUPS:
                message = f"A contact is in at most {MAX_GROUPS} groups."
                errors.append(FieldError(field, "too_many_groups", message))
        if errors:
            raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))

    def join_many(self, group_id: str, contact_ids: Sequence[str]) -> list[BulkResult]:
        """Contacts put in a static group, an outcome for each id. Raises as the single call for the group."""
        group = self._static_group(group_id)
        return self.update_many(contact_ids, BulkChange(fields={}, join_groups=label_refs([group])))

    def leave_many(self, group_id: str, contact_ids: Sequence[str]) -> list[BulkResult]:
        """Contacts taken out of a static group, as `join_many`."""
        group = self._static_group(group_id)
        return self.update_many(contact_ids, BulkChange(fields={}, leave_groups=label_refs([group])))

    def delete_many(
        self, contact_ids: Sequence[str], wanted: ContactFilter | None = None
    ) -> list[BulkResult]:
        """Contacts deleted, an outcome for each id; an id given again is that of a missing contact by then.

        With `wanted`, those that do not match are left out.
        """

        def act(contact: Contact, event_id: str) -> tuple[Contact, Event]:
            return contact.delete(stamp=Stamp.now(self._caller, event_id=event_id))

        outcomes = self._act_on(contact_ids, "contacts:delete", act, wanted)
        told: list[BulkResult] = []
        for contact_id in contact_ids:
            if contact_id in outcomes:
                told.append(outcomes[contact_id])
                if outcomes[contact_id].refusal is None:
                    outcomes[contact_id] = BulkResult(contact_id, NotFound("Contact"))
        return self._told(told)

    def _act_on(
        self, contact_ids: Iterable[str], permission: str, act: Act, wanted: ContactFilter | None
    ) -> dict[str, BulkResult]:
        """What became of each of the ids, but for those that do not match `wanted`.

        What others changed between reading and writing is done again, at first together, then one by one.
        """
        self._caller.require("contacts:read")
        self._caller.require(permission)
        outcomes = {one: BulkResult(one, NotFound("Contact")) for one in contact_ids if not is_id(one)}
        pending = list(dict.fromkeys(one for one in contact_ids if one not in outcomes))
        refusal: DomainError = ConcurrentChange()
        try:
            for attempt in HOT.tries(self._sleep):
                changes = list(
                    self._changes(
                        pending, permission, act, wanted, outcomes, again=self._work.is_retry or attempt > 0
                    )
                )
                pending = [after.id for _, after, _ in changes]
                for ids, refused in self._written(changes, alone=attempt > 1):
                    if refused is None or not (len(ids) > 1 or isinstance(refused, ConcurrentChange)):
                        outcomes.update((one, BulkResult(one, refused)) for one in ids)
                    if not self._has_time():
                        raise Unavailable()
                pending = [one for one in pending if one not in outcomes]
                if not pending:
                    return outcomes
        except Unavailable as away:
            refusal = away
        return outcomes | {one: BulkResult(one, refusal) for one in pending if one not in outcomes}

    def _written(
        self, changes: Sequence[tuple[Contact, Contact, Event]], *, alone: bool
    ) -> Iterator[tuple[list[str], DomainError | None]]:
        """What became of changes, each with its contacts. What is a matter of their customers too goes one by one."""
        of_customers = [one for one in changes if one[0].member_of != one[1].member_of]
        others = [one for one in changes if one[0].member_of == one[1].member_of]
        yield from self._many.write_together(others, alone=alone)
        for before, after, event in of_customers:
            try:
                self._membership().carry_out(before, after, event)
            except Unavailable:
                raise
            except DomainError as refusal:
                yield [after.id], refusal
            else:
                yield [after.id], None

    def _changes(
        self,
        contact_ids: list[str],
        permission: str,
        act: Act,
        wanted: ContactFilter | None,
        outcomes: dict[str, BulkResult],
        *,
        again: bool,
    ) -> Iterator[tuple[Contact, Contact, Event]]:
        """What is to be written now; what needs no write is told in `outcomes`."""
        event_ids = {one: self._work.derived_id("event", one) for one in contact_ids}
        found = self._many.get_many(contact_ids)
        # Looked up behind the records: an event written since would have moved its record on from what was read.
        written = self._many.find_written(event_ids.items()) if again else set()
        left_out: list[tuple[str, str]] = []
        for contact_id in contact_ids:
            if contact_id in written:
                outcomes[contact_id] = BulkResult(contact_id)
                continue
            try:
                before = self._seen(found.get(contact_id))
                if wanted is not None and not wanted.matches(before):
                    left_out.append((contact_id, event_ids[contact_id]))
                    continue
                self._caller.require_on(permission, before.owner_id, before.organizer_ids)
                acted = act(before, event_ids[contact_id])
            except NotFound as refusal:
                if wanted is None:
                    outcomes[contact_id] = BulkResult(contact_id, refusal)
                else:
                    left_out.append((contact_id, event_ids[contact_id]))
            except DomainError as refusal:
                outcomes[contact_id] = BulkResult(contact_id, refusal)
            else:
                if acted is None:
                    outcomes[contact_id] = BulkResult(contact_id)
                else:
                    yield before, *acted
        if left_out and not again:
            # A twin at the same work may have been faster: what it did is done.
            outcomes.update((one, BulkResult(one)) for one in self._many.find_written(left_out))

    def _told(self, outcomes: list[BulkResult]) -> list[BulkResult]:
        """The outcomes, if they are fit to be told. Raises what kept entries from being dealt with when the call can
        be made again to go on, or when nothing else happened."""
        undone = [one.refusal for one in outcomes if isinstance(one.refusal, Unavailable | ConcurrentChange)]
        if undone and (self._resumable or len(undone) == len(outcomes)):
            raise undone[0]
        conflicts = [one.refusal for one in outcomes if isinstance(one.refusal, Duplicate)]
        if not conflicts or self._caller.level("contacts:read") == "all":
            return outcomes
        named = self._nameable(conflicts)
        return [
            replace(one, refusal=one.refusal.without_holder())
            if isinstance(one.refusal, Duplicate) and one.refusal.contact_id not in named
            else one
            for one in outcomes
        ]

    def _nameable(self, conflicts: Iterable[Duplicate]) -> set[str]:
        """Which of the contacts in the way the caller may see. None when that cannot be looked up: what was written
        is told in any case.
        """
        if self._caller.level("contacts:read") != "own":
            return set()
        try:
            holders = self._many.get_many({one.contact_id: None for one in conflicts})
        except Unavailable:
            return set()
        return {holder.id for holder in holders.values() if self._caller.owns_contact(holder)}


class Matches(Protocol):
    """What matches a filter; see `shared.services.contacts.lists.ContactLists`."""

    def find_all(self, wanted: ContactFilter, *, limit: int) -> Sequence[str] | None: ...

    def count_of(self, wanted: ContactFilter) -> int | None: ...


class NewJobs(Protocol):
    """Where jobs are kept; see `shared.table.jobs.bulk.BulkJobTable`."""

    def add(self, run: BulkRun) -> None: ...


class MatchingContacts:
    """All contacts that match a filter, as one caller may use them: here, or by a background job.

    `once` gives what a search found when the work was first begun.
    """

    def __init__(
        self,
        caller: Caller,
        contacts: BulkContacts,
        matches: Matches,
        jobs: NewJobs,
        queue: TaskQueue[BulkTask],
        *,
        once: Callable[[Callable[[], list[str]]], list[str]],
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._contacts = contacts
        self._matches = matches
        self._jobs = jobs
        self._queue = queue
        self._once = once
        self._announce = announce

    def update(self, wanted: ContactFilter, given: BulkChangeInput) -> list[BulkResult] | BulkJob:
        """The contacts changed, an outcome for each; or the job that does it, when they are more than MAX_TOGETHER, or
        when a request's budget does not suffice to find them.

        Raises PermissionDenied, and Invalid for a refused change and a filter without a condition.
        """
        self._within_rights(wanted, "contacts:write")  # before tags are made
        change = self._contacts.change_of(given)
        return self._carry_out(
            "update",
            "contacts:write",
            wanted,
            change.to_json(),
            lambda ids, own: self._contacts.update_many(ids, change, own),
        )

    def delete(self, wanted: ContactFilter) -> list[BulkResult] | BulkJob:
        """The contacts deleted, as `update` does it."""
        return self._carry_out("delete", "contacts:delete", wanted, "", self._contacts.delete_many)

    def _carry_out(
        self,
        action: Action,
        permission: str,
        wanted: ContactFilter,
        change: str,
        act: Callable[[Sequence[str], ContactFilter], list[BulkResult]],
    ) -> list[BulkResult] | BulkJob:
        own = self._within_rights(wanted, permission)
        try:
            found = self._once(lambda: self._find(own))
        except _TooMany:
            return self._begin(action, own, change)
        return act(found, own)

    def _within_rights(self, wanted: ContactFilter, permission: str) -> ContactFilter:
        """The filter, narrowed to the caller's own contacts when they may read or change no others."""
        if not wanted.asked:
            raise Invalid.field(
                "filter", "required", "Give at least one condition: without any, all contacts would match."
            )
        require_searchable(wanted)
        if "own" not in (self._caller.require("contacts:read"), self._caller.require(permission)):
            return wanted
        return wanted.narrowed_to_own(self._caller.id)

    def _find(self, wanted: ContactFilter) -> list[str]:
        found = self._matches.find_all(wanted, limit=MAX_TOGETHER)
        if found is None:
            raise _TooMany()
        return list(found)

    def _begin(self, action: Action, wanted: ContactFilter, change: str) -> BulkJob:
        run = BulkRun.begin(
            job_id=new_id(),
            action=action,
            caller=self._caller,
            wanted=wanted,
            change=change,
            matched=self._matches.count_of(wanted),
            at=timestamps.now(),
        )
        job = BulkJob.of(run)
        self._announce(job)
        self._jobs.add(run)
        # The job is there now: what cannot be queued, the watch will.
        with contextlib.suppress(Unavailable):
            self._queue.send([BulkTask(self._caller.tenant_id, run.id, 1)])
        return job


class _TooMany(Exception):
    """More contacts match, or would have to be looked through, than one call deals with."""
