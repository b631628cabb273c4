"""New contacts, many at a time: those to whom nobody stands in the way are made together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange, DomainError, Duplicate
from shared.domain.events import Event
from shared.domain.tenant import UniqueScope
from shared.services.backoff import RECORD

Creation = tuple[Contact, Event]


class ContactRepository(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def get_with_deleted(self, contact_id: str) -> Contact | None: ...

    def owners_of_emails(self, emails: Iterable[str], scope: UniqueScope = "tenant") -> dict[str, str]: ...

    def write_together(
        self, changes: Iterable[tuple[Contact | None, Contact, Event]], *, alone: bool = False
    ) -> Iterator[tuple[list[str], DomainError | None]]: ...


def create_all(
    contacts: ContactRepository,
    creations: Sequence[Creation],
    *,
    scope: UniqueScope = "tenant",
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[str, DomainError | None]]:
    """Create contacts; gives each one's id with None when it is there now, made by this or an earlier attempt, and
    else with the refusal, as soon as that is known: Duplicate when another contact has a value that is unique.

    Of those that share an address the first one gets it. Where numbers are unique too (`scope` customer) each is
    written by itself. Raises Unavailable when the table stays away.
    """
    among_all = scope == "tenant"
    pending = list(creations)
    for attempt in range(RECORD.attempts):
        # Looked up first, since a single address that is taken cancels the transaction of all the others.
        addresses = {email for new, _ in pending for email in new.addresses} if among_all else set()
        owners = contacts.owners_of_emails(addresses) if addresses else {}
        free: list[Creation] = []
        later: list[Creation] = []
        reserved: set[str] = set()
        for contact, event in pending:
            taken = next((email for email in contact.addresses if email in owners), None)
            if taken is not None and owners[taken] == contact.id:
                yield contact.id, None
            elif taken is not None:
                yield contact.id, Duplicate(contact.addresses[taken], owners[taken], "e-mail address")
            elif not among_all or reserved.isdisjoint(contact.addresses):
                reserved.update(contact.addresses)
                free.append((contact, event))
            else:
                later.append((contact, event))
        by_id = {contact.id: (contact, event) for contact, event in free}
        changes = ((None, contact, event) for contact, event in free)
        refused = False
        for ids, refusal in contacts.write_together(changes, alone=attempt > 1 or not among_all):
            refused |= refusal is not None
            for contact_id in ids:
                if refusal is None:
                    yield contact_id, None
                elif isinstance(refusal, ConcurrentChange) and contacts.get_with_deleted(contact_id):
                    # Made by an earlier attempt, and given another address or deleted since.
                    yield contact_id, None
                elif (
                    len(ids) > 1
                    or isinstance(refusal, ConcurrentChange)
                    or (among_all and isinstance(refusal, Duplicate))  # to be looked up, whose it is
                ):
                    later.append(by_id[contact_id])
                else:
                    yield contact_id, refusal
        if not later:
            return
        pending = later
        if refused:
            sleep(RECORD.wait_after(attempt))
    for contact, _ in pending:
        yield contact.id, ConcurrentChange()
