"""The use cases of a single contact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.consent import ConsentInput
from shared.domain.contacts.inputs import ContactInput, ContactPatch, ContactReplacement
from shared.domain.contacts.record import Contact
from shared.domain.errors import Conflict
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.services.contacts.writing import ContactWriting
from shared.services.labels.labelling import LabelRepository, find_static_group
from shared.services.optimistic import IfMatch


class DeletedContacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def find_present(self, contact_id: str) -> Contact | None: ...


class PresentOwners(Protocol):
    """The users who may own contacts; see `shared.services.contacts.owners.Owners`."""

    def present_owner(self, owner_id: str, default_owner_id: str | None) -> str | None: ...


class ContactService:
    """Contacts, as one caller may change them. A contact that the caller may not see raises NotFound.

    `owners` returns the object that finds the owners of restored contacts.
    """

    def __init__(
        self,
        caller: Caller,
        writing: ContactWriting,
        contacts: DeletedContacts,
        settings: Callable[[], TenantSettings],
        labels: LabelRepository,
        owners: Callable[[], PresentOwners],
    ) -> None:
        self._caller = caller
        self._writing = writing
        self._contacts = contacts
        self._settings = settings
        self._labels = labels
        self._owners = owners

    def create(self, given: ContactInput, *, look: Callable[[Contact], None] | None = None) -> Contact:
        """Create a contact. It belongs to the user who creates it, unless another owner is given.

        `look` is called with the contact before it is written.
        Raises Invalid for refused fields, and Duplicate when another contact has one of the addresses.
        """
        fields = self._writing.prepare(given.given_fields(), new=True)
        self._writing.check_owner(fields.get("owner_id"))
        contact, event = self._writing.draft(
            fields, contact_id=new_id(), stamp=Stamp.now(self._caller), source="api"
        )
        if look is not None:
            look(contact)
        return self._writing.create(contact, event)

    def replace(self, contact_id: str, given: ContactReplacement, if_match: IfMatch | None) -> Contact:
        """Set all fields of a contact; fields that are left out are emptied, except for the owner."""
        return self._change_fields(contact_id, given.given_fields(), if_match, whole=True)

    def patch(self, contact_id: str, given: ContactPatch, if_match: IfMatch | None) -> Contact:
        """Change the given fields of a contact (RFC 7396)."""
        return self._change_fields(contact_id, given.given_fields(), if_match, whole=False)

    def _change_fields(
        self, contact_id: str, given: dict[str, Any], if_match: IfMatch | None, *, whole: bool
    ) -> Contact:
        fields = self._writing.prepare(given, contact_id=contact_id)
        return self._change(
            contact_id,
            if_match,
            lambda contact, stamp: self._writing.change_fields(contact, fields, whole=whole, stamp=stamp),
        )

    def toggle_active(self, contact_id: str, if_match: IfMatch | None) -> Contact:
        """Make an active contact inactive, and an inactive one active."""
        return self._change(contact_id, if_match, lambda contact, stamp: contact.toggle_active(stamp=stamp))

    def join(self, contact_id: str, group_id: str, if_match: IfMatch | None) -> Contact:
        """Put a contact in a static group. Raises NotFound for either, and RuleBroken for a dynamic group."""
        group = find_static_group(self._caller, self._labels, group_id)
        return self._change(contact_id, if_match, lambda contact, stamp: contact.join(group, stamp=stamp))

    def leave(self, contact_id: str, group_id: str, if_match: IfMatch | None) -> Contact:
        """Take a contact out of a static group. Raises as `join` does."""
        group = find_static_group(self._caller, self._labels, group_id)
        return self._change(contact_id, if_match, lambda contact, stamp: contact.leave(group, stamp=stamp))

    def set_primary(self, contact_id: str, if_match: IfMatch | None) -> Contact:
        """Make a contact the primary one of its customer. Raises Conflict when it has no customer."""

        def decide(contact: Contact, stamp: Stamp) -> tuple[Contact, Event] | None:
            if contact.customer_id is None:
                raise Conflict(
                    "This contact belongs to no customer, so it can be nobody's primary contact. Set its "
                    "customer_id first.",
                    code="no_customer",
                )
            return contact.set_primary(True, stamp=stamp)

        return self._change(contact_id, if_match, decide)

    def consent(self, contact_id: str, given: ConsentInput, if_match: IfMatch | None) -> Contact:
        """Opt a contact's channel out or in. Every call becomes an entry of the history of consents."""
        return self._writing.change(
            contact_id,
            "contacts:write",
            if_match,
            lambda contact: contact.record_consent(given, stamp=Stamp.now(self._caller)),
            consent=lambda after: after.consent_entry(given.channel),
        )

    def delete(self, contact_id: str, if_match: IfMatch | None) -> None:
        """Delete a contact; its addresses are free at once."""
        self._writing.change(
            contact_id,
            "contacts:delete",
            if_match,
            lambda contact: contact.delete(stamp=Stamp.now(self._caller)),
        )

    def restore(self, contact_id: str, if_match: IfMatch | None) -> Contact:
        """Restore a deleted contact as it was; one that is not deleted stays as it is.

        Requires the same permission as deleting. The contact belongs to its customer again, if that still exists. If
        its owner was removed meanwhile, it gets the owner's successor, otherwise the tenant's default owner. Raises
        NotFound after its time has run out, and Duplicate when another contact has one of its addresses now.
        """

        def decide(contact: Contact) -> tuple[Contact, Event] | None:
            if contact.deleted_at is None:
                return None
            settings, owner_id = self._settings(), contact.owner_id
            if owner_id is not None:
                owner_id = self._owners().present_owner(owner_id, settings.default_owner_id)
            return contact.restore(
                owner_id=owner_id, unique_scope=settings.unique_scope, stamp=Stamp.now(self._caller)
            )

        return self._writing.change(
            contact_id,
            "contacts:delete",
            if_match,
            decide,
            find=self._find_restorable,
        )

    def _find_restorable(self, contact_id: str) -> Contact | None:
        contact = self._contacts.find_present(contact_id)
        if contact is not None and contact.purge_at is not None and contact.purge_at <= timestamps.now():
            return None
        return contact

    def _change(
        self,
        contact_id: str,
        if_match: IfMatch | None,
        decide: Callable[[Contact, Stamp], tuple[Contact, Event] | None],
    ) -> Contact:
        return self._writing.change(
            contact_id,
            "contacts:write",
            if_match,
            lambda contact: decide(contact, Stamp.now(self._caller)),
        )
