"""Dismisses suggestions: two contacts are not the same person."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.duplicates.score import Compared, compare
from shared.domain.duplicates.views import Dismissal, DismissalInput
from shared.domain.errors import FieldError, Merged, NotFound, PermissionDenied
from shared.domain.ids import is_id
from shared.domain.tenant import TenantSettings
from shared.services.backoff import HOT
from shared.services.contacts.reading import ContactReading
from shared.services.idempotency import Announce, no_key
from shared.services.optimistic import retry_on_conflict


class Contacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def get_many(self, contact_ids: Iterable[str]) -> dict[str, Contact]: ...


class NewDismissals(Protocol):
    """The pairs that were dismissed; see `shared.table.duplicates.dismissals.DismissalTable`."""

    def add(self, dismissal: Dismissal, digest: str, contacts: Iterable[Contact]) -> None: ...


class Dismissing:
    """Dismisses suggestions on behalf of one caller."""

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        contacts: Contacts,
        dismissals: NewDismissals,
        settings: Callable[[], TenantSettings],
        announce: Announce = no_key,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._contacts = contacts
        self._dismissals = dismissals
        self._settings = settings
        self._announce = announce
        self._sleep = sleep

    def dismiss(self, given: DismissalInput) -> Dismissal:
        """Dismiss two contacts as a suggestion, until what they have in common changes. To repeat it changes nothing
        but the actor and the time.

        Raises Invalid for the same contact twice, NotFound and Merged with the field, and PermissionDenied unless the
        caller may change or merge both.
        """
        self._require_any_right()
        given.check_ids()
        return retry_on_conflict(lambda: self._dismiss(given), sleep=self._sleep, policy=HOT)

    def _dismiss(self, given: DismissalInput) -> Dismissal:
        one, other = sorted(self._find(given), key=lambda contact: contact.id)
        self._require_right(one)
        self._require_right(other)
        settings = self._settings()
        comparison = compare(Compared.under(settings, one), Compared.under(settings, other))
        dismissal = Dismissal.model_construct(
            contact_ids=[one.id, other.id],
            score=comparison.score,
            reasons=list(comparison.reasons),
            by=self._caller.actor,
            at=timestamps.now(),
        )
        self._announce(dismissal)
        self._dismissals.add(dismissal, comparison.digest, (one, other))
        return dismissal

    def _find(self, given: DismissalInput) -> list[Contact]:
        self._caller.require("contacts:read")
        found = self._contacts.get_many(one for one in given.contact_ids if is_id(one))
        contacts = []
        for number, contact_id in enumerate(given.contact_ids):
            field = f"contact_ids.{number}"
            try:
                contacts.append(self._reading.require_unmerged(contact_id, found.get(contact_id)))
            except Merged as merged:
                raise Merged(contact_id, merged.survivor_id, field) from None
            except NotFound as missing:
                missing.errors = (FieldError(field, "not_found", "Contact not found."),)
                raise
        return contacts

    def _require_any_right(self) -> None:
        if self._caller.level("contacts:merge") is None:
            self._caller.require("contacts:write")

    def _require_right(self, contact: Contact) -> None:
        """Raise PermissionDenied unless the caller may change or merge a contact."""
        for permission in ("contacts:merge", "contacts:write"):
            level = self._caller.level(permission)
            if level == "all" or (level == "own" and self._caller.owns_contact(contact)):
                return
        raise PermissionDenied.lacking("contacts:write")
