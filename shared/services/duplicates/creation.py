"""Creates a contact, and says which contacts it may duplicate."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel

from shared.domain.contacts.inputs import ContactInput
from shared.domain.contacts.record import Contact
from shared.domain.duplicates.score import DEFAULT_SCORE
from shared.domain.duplicates.views import CreatedContact, Duplicate
from shared.domain.errors import Unavailable
from shared.services.contacts.service import ContactService
from shared.services.idempotency import Announce


class Alike(Protocol):
    """Finds duplicates; see `shared.services.duplicates.suggestions.Suggestions`."""

    def find_for_new(self, contact: Contact, min_score: int) -> list[Duplicate]: ...


class CheckedCreation:
    """The creation of one contact with a look at what it may duplicate.

    The look comes before the write, so that the answer that is stored with a key is complete, and so that nothing can
    fail once the contact is written. `announce` receives the record that the call will return.
    """

    def __init__(self, suggestions: Alike, announce: Announce) -> None:
        self._suggestions = suggestions
        self._announce = announce
        self._found: list[Duplicate] | None = None

    def announce(self, record: BaseModel) -> None:
        """Announce a record; the new contact with its possible duplicates."""
        self._announce(self._complete(record) if isinstance(record, Contact) else record)

    def create(self, contacts: ContactService, given: ContactInput) -> CreatedContact:
        """Create a contact by a service whose records `announce` receives. Raises what that raises."""
        return self._complete(contacts.create(given, look=self._look))

    def _look(self, contact: Contact) -> None:
        try:
            self._found = self._suggestions.find_for_new(contact, DEFAULT_SCORE)
        except Unavailable:  # the contact is worth more than the look
            self._found = None

    def _complete(self, contact: Contact) -> CreatedContact:
        return CreatedContact.with_duplicates(contact, self._found)
