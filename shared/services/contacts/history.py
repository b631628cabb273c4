"""The history of a contact: its consents."""

from __future__ import annotations

from typing import Any, Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.consent import ConsentEntry
from shared.domain.contacts.record import Contact
from shared.services.contacts.reading import ContactReading
from shared.services.paging import Cursors, Page, read_page


class Entries(Protocol):
    """The entries around one tenant's contacts; see `shared.table.contacts.history.ContactHistories`."""

    def consents(self, contact: Contact, *, limit: int, after: Any) -> list[tuple[Any, ConsentEntry]]: ...


class ContactHistory:
    """The history of the contacts that one caller may see. Any other contact raises NotFound."""

    def __init__(self, caller: Caller, reading: ContactReading, entries: Entries, cursors: Cursors) -> None:
        self._caller = caller
        self._reading = reading
        self._entries = entries
        self._cursors = cursors

    def consents(self, contact_id: str, *, limit: int, cursor: str | None) -> Page[ConsentEntry]:
        """Return a page of a contact's history of consents, newest first."""
        contact = self._reading.read(contact_id)
        return read_page(
            lambda count, after: self._entries.consents(contact, limit=count, after=after),
            lambda entry: entry[0],
            lambda entry: entry[1],
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("consents", contact.id),
        )
