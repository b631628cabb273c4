"""What callers do with contacts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.consent import ConsentEntry, ConsentInput
from shared.domain.contacts.fields import LabelledFields
from shared.domain.contacts.inputs import ContactInput, ContactPatch
from shared.domain.contacts.interaction import Interaction
from shared.domain.contacts.record import Contact
from shared.domain.errors import (
    Conflict,
    Duplicate,
    FieldError,
    Invalid,
    NotFound,
    PermissionDenied,
    RuleBroken,
)
from shared.domain.events import Event
from shared.domain.groups.record import Group
from shared.domain.ids import is_id, new_id
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.services.backoff import HOT
from shared.services.contacts.labelled_fields import label_fields
from shared.services.idempotency import Announce, no_key
from shared.services.labels.labelling import Labelling, LabelRepository
from shared.services.optimistic import IfMatch, require_match, retry_on_conflict
from shared.services.paging import Cursors, Page, page_of

if TYPE_CHECKING:  # by need: most contacts belong to no customer
    from shared.services.customers.membership import Membership


class ContactRepository(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def get(self, contact_id: str) -> Contact | None: ...

    def create(self, *created: tuple[Contact, Event]) -> None: ...

    def get_with_deleted(self, contact_id: str) -> Contact | None: ...

    def save(
        self, before: Contact, after: Contact, event: Event, consent: ConsentEntry | None = None
    ) -> None: ...

    def consents(
        self, contact_id: str, *, limit: int, after: str | None
    ) -> list[tuple[str, ConsentEntry]]: ...

    def interactions(
        self, contact_id: str, *, limit: int, after: str | None
    ) -> list[tuple[str, Interaction]]: ...


class ContactService:
    """Contacts as one caller may use them. Anything the caller may not see raises NotFound.

    `is_active_user`: whether somebody may be given contacts.
    """

    def __init__(
        self,
        caller: Caller,
        contacts: ContactRepository,
        settings: Callable[[], TenantSettings],
        labels: LabelRepository,
        cursors: Cursors,
        *,
        is_active_user: Callable[[str], bool],
        membership: Callable[[], Membership],
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._is_active_user = is_active_user
        self._owners = {caller.id}
        self._contacts = contacts
        self._settings = settings
        self._labels = labels
        self._labelling = Labelling(caller, labels)
        self._membership = membership
        self._cursors = cursors
        self._sleep = sleep
        self._announce = announce

    def create(self, given: ContactInput) -> Contact:
        """A new contact, owned by the user who made it unless another owner is given.

        Raises Invalid for refused fields, Duplicate when another contact has one of the addresses; it names that
        contact where the caller may see it. The first contact of a customer becomes its primary one.
        """
        settings = self._settings()
        fields = self._settled(given.given_fields(), new=True)
        self._check_owner(fields.get("owner_id"))
        contact, event = Contact.create(
            fields,
            contact_id=new_id(),
            stamp=Stamp.now(self._caller),
            source="api",
            unique_scope=settings.unique_scope,
        )
        with self._conflicts_as_seen():
            if contact.customer_id is not None:
                return self._join(contact, event)
            self._announce(contact)
            self._contacts.create((contact, event))
        return contact

    @contextlib.contextmanager
    def _conflicts_as_seen(self) -> Iterator[None]:
        try:
            yield
        except Duplicate as taken:
            raise self._as_seen(taken) from taken

    def _as_seen(self, taken: Duplicate) -> Duplicate:
        """A conflict with another contact, which is not named to a caller who may not see it."""
        level = self._caller.level("contacts:read")
        if level == "all":
            return taken
        other = self._contacts.get(taken.contact_id) if level == "own" else None
        return taken if other is not None and self._caller.owns_contact(other) else taken.without_holder()

    def _join(self, contact: Contact, event: Event) -> Contact:
        """A new contact of a customer."""
        return retry_on_conflict(
            lambda: self._membership().carry_out(None, contact, event), sleep=self._sleep, policy=HOT
        )

    def read(self, contact_id: str) -> Contact:
        """A contact."""
        return self._read(contact_id, self._contacts.get)

    def _read(self, contact_id: str, find: Callable[[str], Contact | None]) -> Contact:
        self._caller.require("contacts:read")
        return self._seen(find(contact_id) if is_id(contact_id) else None)

    def _seen(self, contact: Contact | None) -> Contact:
        """A contact that was looked up, if there is one and the caller may see it. Raises NotFound."""
        if contact is None:
            raise NotFound("Contact")
        self._caller.require_visible(contact.owner_id, "Contact", contact.organizer_ids)
        return contact

    def replace(self, contact_id: str, given: ContactInput, if_match: IfMatch | None) -> Contact:
        """The contact with all its fields as given; fields left out are emptied, but for the owner."""
        return self._change(contact_id, given.given_fields(), if_match, whole=True)

    def patch(self, contact_id: str, given: ContactPatch, if_match: IfMatch | None) -> Contact:
        """The contact with the given fields changed (RFC 7396)."""
        return self._change(contact_id, given.given_fields(), if_match)

    def toggle_status(self, contact_id: str, if_match: IfMatch | None) -> Contact:
        """The contact, inactive when it was active and the other way about."""
        return self._write(
            contact_id,
            "contacts:write",
            if_match,
            lambda contact: contact.toggle_active(stamp=Stamp.now(self._caller)),
        )

    def join(self, contact_id: str, group_id: str, if_match: IfMatch | None) -> Contact:
        """The contact, in a static group. Raises NotFound for either, RuleBroken for a dynamic group."""
        group = self._static_group(group_id)
        return self._write(
            contact_id,
            "contacts:write",
            if_match,
            lambda contact: contact.join(group, stamp=Stamp.now(self._caller)),
        )

    def leave(self, contact_id: str, group_id: str, if_match: IfMatch | None) -> Contact:
        """The contact, out of a static group. Raises as `join` does."""
        group = self._static_group(group_id)
        return self._write(
            contact_id,
            "contacts:write",
            if_match,
            lambda contact: contact.leave(group, stamp=Stamp.now(self._caller)),
        )

    def _static_group(self, group_id: str) -> Group:
        """A group that contacts are put in or taken out of."""
        self._caller.require("contacts:write")
        self._caller.require("contacts:read")
        group = self._labels.current().by_id.get(group_id)
        if not isinstance(group, Group):
            raise NotFound("Group")
        if group.kind != "static":
            raise RuleBroken(
                "This group is dynamic: its filter says which contacts are in it.", code="dynamic_group"
            )
        return group

    def set_primary(self, contact_id: str, if_match: IfMatch | None) -> Contact:
        """The contact as the primary one of its customer, in the place of the one that was.

        Raises Conflict when it has no customer.
        """
        return self._write(contact_id, "contacts:write", if_match, self._made_primary)

    def _made_primary(self, contact: Contact) -> tuple[Contact, Event] | None:
        if contact.customer_id is None:
            raise Conflict(
                "This contact belongs to no customer, so it can be nobody's primary contact. Set its customer_id "
                "first.",
                code="no_customer",
            )
        return contact.set_primary(True, stamp=Stamp.now(self._caller))

    def consent(self, contact_id: str, given: ConsentInput, if_match: IfMatch | None) -> Contact:
        """The contact with a channel opted out or in; every call is an entry of the history."""
        return self._write(
            contact_id,
            "contacts:write",
            if_match,
            lambda contact: contact.record_consent(given, stamp=Stamp.now(self._caller)),
            save=lambda before, after, event: self._contacts.save(
                before, after, event, after.consent_entry(given.channel)
            ),
        )

    def consents(self, contact_id: str, *, limit: int, cursor: str | None) -> Page[ConsentEntry]:
        """A page of a contact's history of consents, newest first."""
        contact = self.read(contact_id)
        return page_of(
            lambda count, after: self._contacts.consents(contact.id, limit=count, after=after),
            lambda entry: entry[0],
            lambda entry: entry[1],
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("consents", contact.id),
        )

    def restore(self, contact_id: str, if_match: IfMatch | None) -> Contact:
        """A deleted contact, live again as it was; one that is live stays as it is.

        Takes what deleting takes. It belongs to its customer again, if that still exists. Raises NotFound when its
        time has run out, Duplicate when an address of it was taken meanwhile.
        """
        return self._write(
            contact_id,
            "contacts:delete",
            if_match,
            lambda contact: contact.restore(
                unique_scope=self._settings().unique_scope,
                stamp=Stamp.now(self._caller),
            ),
            find=self._restorable,
        )

    def _restorable(self, contact_id: str) -> Contact | None:
        contact = self._contacts.get_with_deleted(contact_id)
        if contact is not None and contact.purge_at is not None and contact.purge_at <= timestamps.now():
            return None
        return contact

    def delete(self, contact_id: str, if_match: IfMatch | None) -> None:
        """Delete a contact; its addresses are free at once."""
        self._write(
            contact_id,
            "contacts:delete",
            if_match,
            lambda contact: contact.delete(stamp=Stamp.now(self._caller)),
        )

    def interactions(self, contact_id: str, *, limit: int, cursor: str | None) -> Page[Interaction]:
        """A page of a contact's timeline, newest first."""
        contact = self.read(contact_id)
        return page_of(
            lambda count, after: self._contacts.interactions(contact.id, limit=count, after=after),
            lambda entry: entry[0],
            lambda entry: entry[1],
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("interactions", contact.id),
        )

    def _settled(self, given: dict[str, Any], *, new: bool = False) -> LabelledFields:
        """`given` in its stored form, if the caller may write contacts at all, and all of them where an owner is
        given, or an address is called verified and the tenant wants that to be known for sure. `new`: of a contact
        that is not there yet, whose owner is not the one it has.

        Raises Invalid, naming every refused field.
        """
        if self._caller.require("contacts:write") != "all" and (
            "owner_id" in given or (given.get("email_verified") and self._settings().email_verification)
        ):
            raise PermissionDenied.lacking("contacts:write:all")
        try:
            return label_fields(clean(given, self._settings()), self._labelling)
        except Invalid as refused:
            from shared.domain import faults

            others = self._unknown_in(given, new=new)
            raise faults.refusal_of(faults.add_further(refused.errors, lambda: others)) from refused

    def faults_in(self, given: object, *, whole: bool, new: bool = False) -> tuple[FieldError, ...]:
        """The faults of `given`, as it was parsed from JSON, beyond the form of its fields; `whole`: it is meant
        as a whole contact, `new`: as one that is not there yet.

        Nothing for callers who may not write contacts.
        """
        from shared.domain.contacts import findings as contact_faults

        if self._caller.level("contacts:write") is None or not isinstance(given, dict):
            return ()
        return (
            *contact_faults.faults_in(given, self._settings(), whole=whole),
            *self._unknown_in(given, new=new),
        )

    def _unknown_in(self, given: dict[str, Any], *, new: bool) -> tuple[FieldError, ...]:
        from shared.services.contacts.unknown_names import unknown_in

        may_give = new and self._caller.level("contacts:write") == "all"
        return unknown_in(given, self._labelling, self._check_owner if may_give else None)

    def _check_owner(self, owner_id: str | None, before: Contact | None = None) -> None:
        """Raises Invalid, with code `unknown_owner`, unless a new owner is an active user of the tenant, or the caller.

        Looked up once, and not at all for the caller and for the present owner.
        """
        if owner_id is None or owner_id in self._owners or (before and owner_id == before.owner_id):
            return
        if not self._is_active_user(owner_id):
            raise Invalid.field("owner_id", "unknown_owner", "This is not the id of an active user.")
        self._owners.add(owner_id)

    def _change(
        self, contact_id: str, given: dict[str, Any], if_match: IfMatch | None, *, whole: bool = False
    ) -> Contact:
        fields = self._settled(given)

        def act(contact: Contact) -> tuple[Contact, Event] | None:
            self._check_owner(fields.get("owner_id"), contact)
            return contact.change(fields, whole=whole, stamp=Stamp.now(self._caller))

        return self._write(contact_id, "contacts:write", if_match, act)

    def _write(
        self,
        contact_id: str,
        permission: str,
        if_match: IfMatch | None,
        act: Callable[[Contact], tuple[Contact, Event] | None],
        *,
        save: Callable[[Contact, Contact, Event], None] | None = None,
        find: Callable[[str], Contact | None] | None = None,
    ) -> Contact:
        """Read, act, write under the version read; again when others were faster.

        `find` reads instead of the repository's `get`, `save` writes instead of its `save`.

        Without `if_match` the last writer wins; with it, whoever was slower gets VersionMismatch.
        """
        self._caller.require(permission)  # whoever lacks it altogether is told so, whatever is there

        def once() -> Contact:
            before = self._read(contact_id, find or self._contacts.get)
            self._caller.require_on(permission, before.owner_id, before.organizer_ids)
            require_match(if_match, before.version)
            acted = act(before)
            if acted is None:
                return before
            after, event = acted
            with self._conflicts_as_seen():
                if before.member_of != after.member_of or before.is_primary != after.is_primary:
                    return self._membership().carry_out(before, after, event)
                self._announce(after)
                (save or self._contacts.save)(before, after, event)
            return after

        return retry_on_conflict(once, sleep=self._sleep, policy=HOT)
