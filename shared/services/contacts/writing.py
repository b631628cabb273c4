"""The rules for creating, changing and deleting contacts, in one place.

Single calls, bulk calls, background jobs, imports and bookings all compose `ContactWriting`. It decides who may write
which contact, brings fields into their stored form, finds labels and owners, and keeps addresses unique and customers
in step with their contacts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.consent import ConsentEntry
from shared.domain.contacts.fields import LabelledFields
from shared.domain.contacts.list_limits import check_growth
from shared.domain.contacts.record import Contact, Source
from shared.domain.errors import DomainError, FieldError, Invalid, PermissionDenied, Unavailable
from shared.domain.events import Event
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings, UniqueScope
from shared.services.backoff import HOT
from shared.services.contacts.creations import CreatableContacts, Creation, create_all
from shared.services.contacts.labelled_fields import label_fields
from shared.services.contacts.reading import ContactReading
from shared.services.idempotency import Announce, no_key
from shared.services.labels.labelling import Labelling, LabelRepository
from shared.services.optimistic import IfMatch, require_match, retry_on_conflict

if TYPE_CHECKING:  # loaded on demand: most contacts belong to no customer
    from shared.services.customers.membership import Membership

Decision = Callable[[Contact], tuple[Contact, Event] | None]
"""From a contact as it is to its successor and the event, or None when nothing changes."""


class WritableContacts(CreatableContacts, Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def create(self, *created: tuple[Contact, Event]) -> None: ...

    def save(
        self, before: Contact, after: Contact, event: Event, consent: ConsentEntry | None = None
    ) -> None: ...


class Successors(Protocol):
    """The users who succeed removed users; see `shared.services.contacts.owners.Owners`."""

    def successor_of(self, user_id: str) -> str | None: ...


class ContactWriting:
    """Writes contacts on behalf of one caller.

    `labelling` finds the labels that fields name. `is_active_user`: whether an id is that of a user who may own
    contacts. `successors` returns what finds the successors of removed users, `membership` what keeps customers in
    step. `performer` returns the caller's name.
    """

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        contacts: WritableContacts,
        settings: Callable[[], TenantSettings],
        labels: LabelRepository,
        *,
        is_active_user: Callable[[str], bool],
        successors: Callable[[], Successors],
        membership: Callable[[], Membership],
        performer: Callable[[], str],
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self.labelling = Labelling(caller, labels)
        self._caller = caller
        self._reading = reading
        self._contacts = contacts
        self._settings = settings
        self._is_active_user = is_active_user
        self._known_owners = {caller.id}
        self._successors = successors
        self._membership = membership
        self._performer = performer
        self._sleep = sleep
        self._announce = announce

    # Fields

    def prepare(
        self, given: dict[str, Any], *, new: bool = False, contact_id: str | None = None
    ) -> LabelledFields:
        """Return fields in their stored form, with their labels. `new`: they are those of a contact to be created.
        `contact_id`: they are for `change_fields` of that contact, which checks the lengths of lists.

        Raises PermissionDenied unless the caller may write contacts; to set an owner, or to call an address verified
        where the tenant's setting `email_verification` is on, the caller must be allowed to write all contacts. Raises
        Invalid with every refused field.
        """
        if self._caller.require("contacts:write") != "all" and (
            "owner_id" in given or (given.get("email_verified") and self._settings().email_verification)
        ):
            raise PermissionDenied.lacking("contacts:write:all")
        try:
            cleaned = clean(given, self._settings(), may_be_over_limits=contact_id is not None)
            return label_fields(cleaned, self.labelling)
        except Invalid as refusal:
            from shared.domain import faults

            others = self._find_unknown_names(given, new=new)
            if contact_id is not None:
                others = (*self._find_growth(contact_id, given), *others)
            raise faults.refusal_of(faults.add_further(refusal.errors, lambda: others)) from refusal

    def find_faults(
        self, given: object, *, whole: bool, contact_id: str | None = None
    ) -> tuple[FieldError, ...]:
        """Return the faults of parsed JSON beyond the form of its fields.

        `whole`: it stands for a whole contact, not for a patch. `contact_id`: the contact to be changed; None for one
        to be created. Returns no faults to a caller who may not write contacts.
        """
        from shared.domain.contacts import findings

        if self._caller.level("contacts:write") is None or not isinstance(given, dict):
            return ()
        is_change = contact_id is not None
        return (
            *findings.faults_in(given, self._settings(), whole=whole, may_be_over_limits=is_change),
            *(self._find_growth(contact_id, given) if contact_id is not None else ()),
            *self._find_unknown_names(given, new=not is_change),
        )

    def _find_growth(self, contact_id: str, given: Mapping[str, Any]) -> tuple[FieldError, ...]:
        """Return the fault of more tags than a contact may have, if it does not have them all already.

        Reads the contact only for so many tags.
        """
        from shared.domain.contacts import findings
        from shared.domain.contacts.list_limits import adds_any

        tags = {"tags": given["tags"]} if "tags" in given else {}
        over = findings.faults_in(tags, self._settings(), whole=False)
        over = tuple(one for one in over if one.code == "too_many_tags")
        try:
            return over if over and adds_any(tags["tags"], self._reading.read(contact_id).tags) else ()
        except DomainError:  # said in a call without other faults
            return over

    def _find_unknown_names(self, given: dict[str, Any], *, new: bool) -> tuple[FieldError, ...]:
        from shared.services.contacts.unknown_names import find_unknown_names

        may_set_owner = new and self._caller.level("contacts:write") == "all"
        return find_unknown_names(given, self.labelling, self.check_owner if may_set_owner else None)

    def check_owner(self, owner_id: str | None, before: Contact | None = None) -> None:
        """Raise Invalid, with code `unknown_owner`, unless a new owner is an active user of the tenant, or the caller.

        Each user is looked up once; the caller and the present owner are not looked up.
        """
        if not (before and owner_id == before.owner_id) and not self.may_own(owner_id):
            raise Invalid.field("owner_id", "unknown_owner", "This is not the id of an active user.")

    def may_own(self, owner_id: str | None) -> bool:
        """Return whether a contact may belong to a user; True for None, since a contact needs no owner."""
        if owner_id is None or owner_id in self._known_owners:
            return True
        if self._is_active_user(owner_id):
            self._known_owners.add(owner_id)
            return True
        return False

    def find_owner(self, owner_id: str | None) -> str | None:
        """Return the owner for whom a user was chosen some time ago: the user if they may still own contacts, the
        successor if they were removed, otherwise None.

        The user is looked up each time, even if it is the caller: a job continues after its creator was removed.
        """
        if owner_id is None or self._is_active_user(owner_id):
            return owner_id
        return self._successors().successor_of(owner_id)

    # Creations

    def draft(
        self,
        fields: LabelledFields,
        *,
        contact_id: str,
        stamp: Stamp,
        source: Source,
        unique_scope: UniqueScope | None = None,
    ) -> Creation:
        """Return a new contact and its event, to be written by `create` or `create_many`. `unique_scope`: None for the
        tenant's."""
        has_status = fields.get("relationship_status") or fields.get("lifecycle_stage")
        return Contact.create(
            fields,
            contact_id=contact_id,
            stamp=stamp,
            source=source,
            unique_scope=unique_scope or self._settings().unique_scope,
            changed_by=self._performer() if has_status else "",
        )

    def create(self, contact: Contact, event: Event) -> Contact:
        """Write a new contact, and return it as it was written: the first one of a customer becomes its primary one.

        Raises Duplicate when another contact has one of its addresses. It names that contact if the caller may see it.
        """
        with self._reading.anonymizing_conflicts():
            if contact.customer_id is not None:
                return self._join_customer(contact, event)
            self._announce(contact)
            self._contacts.create((contact, event))
        return contact

    def create_many(self, creations: Sequence[Creation]) -> Iterator[tuple[str, DomainError | None]]:
        """Write new contacts in their order. Yields the id of each, with the reason if it was refused.

        Of contacts that share an address, the first one gets it. Contacts of customers are written one by one. A
        Duplicate names the other contact to every caller. Raises Unavailable when the table is away.
        """
        scope = self._settings().unique_scope
        for has_customer, run in groupby(creations, key=lambda one: one[0].customer_id is not None):
            if not has_customer:
                yield from create_all(self._contacts, list(run), scope=scope, sleep=self._sleep)
                continue
            for contact, event in run:
                try:
                    self._join_customer(contact, event)
                except Unavailable:
                    raise
                except DomainError as refusal:
                    yield contact.id, refusal
                else:
                    yield contact.id, None

    def _join_customer(self, contact: Contact, event: Event) -> Contact:
        return retry_on_conflict(
            lambda: self._membership().carry_out(None, contact, event), sleep=self._sleep, policy=HOT
        )

    # Changes

    def change(
        self,
        contact_id: str,
        permission: str,
        if_match: IfMatch | None,
        decide: Decision,
        *,
        find: Callable[[str], Contact | None] | None = None,
        consent: Callable[[Contact], ConsentEntry] | None = None,
    ) -> Contact:
        """Change a contact, and return it: read, decide, write under the version read, and repeat on a conflict.

        `find` looks the contact up instead of the repository's `get`; `consent` returns an entry of its history that
        is written with it. Without `if_match` the last writer wins. Raises VersionMismatch when it does not hold.
        """
        self._caller.require(permission)  # first: a caller without the right learns nothing about what exists

        def attempt() -> Contact:
            before = self._reading.read(contact_id, find=find)
            self.require_right(permission, before)
            require_match(if_match, before.version)
            decision = decide(before)
            if decision is None:
                return before
            after, event = decision
            with self._reading.anonymizing_conflicts():
                if before.member_of != after.member_of or before.is_primary != after.is_primary:
                    return self.carry_out_for_customers(before, after, event)
                self._announce(after)
                self._contacts.save(before, after, event, consent(after) if consent else None)
            return after

        return retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def change_fields(
        self, before: Contact, fields: LabelledFields, *, whole: bool, stamp: Stamp
    ) -> tuple[Contact, Event] | None:
        """Return a contact with prepared fields changed, and the event; None when nothing changes.

        `whole`: fields that are left out are emptied. Raises Invalid for a new owner who may not own contacts, and for
        lists that grow beyond their limits.
        """
        self.check_owner(fields.get("owner_id"), before)
        check_growth(before, fields, max_tags=self._settings().max_tags_per_contact)
        return before.change(fields, whole=whole, stamp=stamp)

    def require_right(self, permission: str, contact: Contact) -> None:
        """Raise PermissionDenied unless the caller has a permission for this contact."""
        self._caller.require_on(permission, contact.owner_id, contact.organizer_ids)

    def carry_out_for_customers(
        self, before: Contact | None, after: Contact, event: Event, *, is_repeatable: bool = False
    ) -> Contact:
        """Write a change that concerns the contact's customers too, and return the contact as it was written.

        `before`: None for a new contact. `is_repeatable`: another worker may make the same change with the same event.
        Raises ConcurrentChange when one of the records has changed meanwhile.
        """
        return self._membership().carry_out(before, after, event, is_repeatable=is_repeatable)
