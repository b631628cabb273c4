"""Reads single contacts, as far as a caller may see them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.errors import Duplicate, Merged, NotFound
from shared.domain.ids import is_id


class ReadableContacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def get(self, contact_id: str) -> Contact | None: ...


class ContactReading:
    """The contacts that one caller may see. Any other contact raises NotFound, as if it were missing.

    A contact that was merged into one that the caller may see raises Merged, to readers and writers alike: an answer
    to a GET then has what its survivor has (`shared.http.serving`), and a write is refused.
    """

    def __init__(self, caller: Caller, contacts: ReadableContacts) -> None:
        self._caller = caller
        self._contacts = contacts

    def read(self, contact_id: str, *, find: Callable[[str], Contact | None] | None = None) -> Contact:
        """Return a contact. `find` looks it up instead of the repository's `get`; like it, of a merged contact it
        returns the survivor. Raises Merged for a merged contact.
        """
        self._caller.require("contacts:read")
        found = (find or self._contacts.get)(contact_id) if is_id(contact_id) else None
        return self.require_unmerged(contact_id, found)

    def read_present(self, contact_id: str) -> Contact:
        """Return a contact, or the survivor of a merged one."""
        self._caller.require("contacts:read")
        return self.require_visible(self._contacts.get(contact_id) if is_id(contact_id) else None)

    def require_unmerged(self, contact_id: str, found: Contact | None) -> Contact:
        """Return what was found for an id, as `require_visible` does. Raises Merged if that is the survivor of the
        contact with the id.
        """
        contact = self.require_visible(found)
        if contact.id != contact_id:
            raise Merged(contact_id, contact.id)
        return contact

    def require_visible(self, contact: Contact | None) -> Contact:
        """Return a contact that was looked up. Raises NotFound if there is none, or the caller may not see it."""
        if contact is None:
            raise NotFound("Contact")
        self._caller.require_visible(contact.owner_id, "Contact", contact.organizer_ids)
        return contact

    @contextlib.contextmanager
    def anonymizing_conflicts(self) -> Iterator[None]:
        """Remove the id of a conflicting contact from a Duplicate, unless the caller may see that contact."""
        try:
            yield
        except Duplicate as conflict:
            if self._may_name(conflict):
                raise
            raise conflict.without_holder() from conflict

    def _may_name(self, conflict: Duplicate) -> bool:
        level = self._caller.level("contacts:read")
        if level != "own":
            return level == "all"
        holder = self._contacts.get(conflict.contact_id)
        return holder is not None and self._caller.owns_contact(holder)
