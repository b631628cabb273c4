"""What callers do with contacts."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contact import Contact, ContactInput, ContactPatch, clean
from shared.domain.errors import ConcurrentChange, NotFound, PermissionDenied, VersionMismatch
from shared.domain.events import Event
from shared.domain.ids import is_id, new_id
from shared.domain.interaction import Interaction
from shared.domain.tenant import Settings
from shared.services.paging import Cursors, Page, page_of

_ATTEMPTS = 12
IfMatch = Callable[[int], bool]
"""Whether the caller's `If-Match` holds for a record's version."""


class ContactRepository(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.ContactTable`."""

    def get(self, contact_id: str) -> Contact | None: ...

    def create(self, *created: tuple[Contact, Event]) -> None: ...

    def save(self, before: Contact, after: Contact, event: Event) -> None: ...

    def list_by_creation(self, *, limit: int, after: str | None, descending: bool) -> list[Contact]: ...

    def interactions(
        self, contact_id: str, *, limit: int, after: str | None
    ) -> list[tuple[str, Interaction]]: ...


class ContactService:
    """Contacts as one caller may use them. Anything the caller may not see raises NotFound."""

    def __init__(
        self,
        caller: Caller,
        contacts: ContactRepository,
        settings: Callable[[], Settings],
        cursors: Cursors,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._caller = caller
        self._contacts = contacts
        self._settings = settings
        self._cursors = cursors
        self._sleep = sleep

    def create(self, given: ContactInput) -> Contact:
        """A new contact, owned by the user who made it.

        Raises Invalid for refused fields, Duplicate when another contact has the address.
        """
        self._caller.require("contacts:write")
        fields = clean(given.__dict__, self._settings())
        contact, event = Contact.create(
            fields,
            contact_id=new_id(),
            event_id=new_id(),
            at=timestamps.now(),
            caller=self._caller,
            source="api",
        )
        self._contacts.create((contact, event))
        return contact

    def read(self, contact_id: str) -> Contact:
        """A contact."""
        self._caller.require("contacts:read")
        contact = self._contacts.get(contact_id) if is_id(contact_id) else None
        if contact is None:
            raise NotFound("Contact")
        self._caller.require_sight(contact.owner_id, "Contact")
        return contact

    def list(self, *, limit: int, cursor: str | None, sort: str) -> Page[Contact]:
        """A page of the contacts, by creation; `sort` is `created_at` or `-created_at` (newest first)."""
        if self._caller.require("contacts:read") == "own":
            raise PermissionDenied.lacking("contacts:read:all")
        descending = sort.startswith("-")

        def read(count: int, after: Any) -> Sequence[Contact]:
            return self._contacts.list_by_creation(limit=count, after=after, descending=descending)

        return page_of(
            read,
            lambda contact: contact.id,
            lambda contact: contact,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._scope("contacts", sort),
        )

    def replace(self, contact_id: str, given: ContactInput, if_match: IfMatch | None) -> Contact:
        """The contact with all its fields as given; fields left out are emptied."""
        return self._change(contact_id, given.__dict__, if_match)

    def patch(self, contact_id: str, given: ContactPatch, if_match: IfMatch | None) -> Contact:
        """The contact with the given fields changed (RFC 7396)."""
        return self._change(
            contact_id, {name: getattr(given, name) for name in given.model_fields_set}, if_match
        )

    def delete(self, contact_id: str, if_match: IfMatch | None) -> None:
        """Delete a contact; its address is free at once."""
        self._write(
            contact_id,
            "contacts:delete",
            if_match,
            lambda contact: contact.delete(event_id=new_id(), at=timestamps.now(), caller=self._caller),
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
            scope=self._scope("interactions", contact.id),
        )

    def _change(self, contact_id: str, given: dict[str, Any], if_match: IfMatch | None) -> Contact:
        self._caller.require("contacts:write")
        fields = clean(given, self._settings())
        return self._write(
            contact_id,
            "contacts:write",
            if_match,
            lambda contact: contact.change(
                fields, event_id=new_id(), at=timestamps.now(), caller=self._caller
            ),
        )

    def _write(
        self,
        contact_id: str,
        permission: str,
        if_match: IfMatch | None,
        act: Callable[[Contact], tuple[Contact, Event] | None],
    ) -> Contact:
        """Read, act, write under the version read; again when others were faster.

        Without `if_match` the last writer wins; with it, whoever was slower gets VersionMismatch.
        """
        for attempt in range(_ATTEMPTS):
            before = self.read(contact_id)
            self._caller.require_on(permission, before.owner_id)
            if if_match is not None and not if_match(before.version):
                raise VersionMismatch()
            acted = act(before)
            if acted is None:
                return before
            after, event = acted
            try:
                self._contacts.save(before, after, event)
            except ConcurrentChange:
                self._sleep(random.uniform(0, min(0.4, 0.01 * 2**attempt)))  # noqa: S311
            else:
                return after
        raise ConcurrentChange()

    def _scope(self, *query: str) -> tuple[str, ...]:
        return (self._caller.tenant_id, self._caller.id, *query)
