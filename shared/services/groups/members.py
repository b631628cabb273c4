"""The contacts of static groups, many at a time. The contacts of a dynamic group are those that its filter finds.

A single contact joins and leaves a group as any field of it changes: see `shared.services.contacts.service`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.bulk import BulkChange, BulkResult, label_refs
from shared.domain.contacts.fields import MAX_GROUPS
from shared.domain.contacts.record import Contact
from shared.domain.errors import FieldError, Invalid, Merged, NotFound
from shared.domain.ids import is_id
from shared.services.contacts.bulk import BulkContacts
from shared.services.contacts.reading import ContactReading
from shared.services.labels.labelling import LabelRepository, find_static_group


class Contacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def get_many(self, contact_ids: Iterable[str]) -> dict[str, Contact]: ...


class GroupMembers:
    """The members of static groups, as one caller may change them."""

    def __init__(
        self,
        caller: Caller,
        labels: LabelRepository,
        contacts: Contacts,
        reading: ContactReading,
        bulk_contacts: BulkContacts,
    ) -> None:
        self._caller = caller
        self._labels = labels
        self._contacts = contacts
        self._reading = reading
        self._bulk_contacts = bulk_contacts

    def add(self, group_id: str, contact_ids: Sequence[str]) -> list[BulkResult]:
        """Put contacts in a static group, and return a result for each id.

        Raises NotFound for a group that does not exist, and RuleBroken for a dynamic one.
        """
        group = find_static_group(self._caller, self._labels, group_id)
        change = BulkChange(fields={}, join_groups=label_refs([group]))
        return self._bulk_contacts.update_many(contact_ids, change)

    def remove(self, group_id: str, contact_ids: Sequence[str]) -> list[BulkResult]:
        """Take contacts out of a static group, and return a result for each id. Raises as `add` does."""
        group = find_static_group(self._caller, self._labels, group_id)
        change = BulkChange(fields={}, leave_groups=label_refs([group]))
        return self._bulk_contacts.update_many(contact_ids, change)

    def require_addable(self, contact_ids: Sequence[str]) -> None:
        """Raise Invalid for contacts that cannot join another group, and PermissionDenied for a contact that the caller
        may not change. Invalid names each contact by its position in `contact_ids`. Raises Merged for a merged contact.
        """
        self._caller.require("contacts:read")
        found = self._contacts.get_many({one: None for one in contact_ids if is_id(one)})
        errors: list[FieldError] = []
        for position, contact_id in enumerate(contact_ids):
            field = f"contact_ids.{position}"
            try:
                contact = self._reading.require_unmerged(contact_id, found.get(contact_id))
            except NotFound as missing:
                errors.append(FieldError(field, "unknown_contact", missing.detail))
                continue
            except Merged as merged:
                raise Merged(contact_id, merged.survivor_id, field) from merged
            self._caller.require_on("contacts:write", contact.owner_id, contact.organizer_ids)
            if len(contact.group_ids) >= MAX_GROUPS:
                message = f"A contact is in at most {MAX_GROUPS} groups."
                errors.append(FieldError(field, "too_many_groups", message))
        if errors:
            raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))
