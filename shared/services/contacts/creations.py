"""Creates many contacts at once: those that no other contact conflicts with are written together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange, DomainError, Duplicate
from shared.domain.events import Event
from shared.domain.tenant import UniqueScope
from shared.services.backoff import RECORD

Creation = tuple[Contact, Event]


class CreatableContacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def get_with_deleted(self, contact_id: str) -> Contact | None: ...

    def owners_of_emails(self, emails: Iterable[str]) -> dict[str, str]: ...

    def write_together(
        self,
        changes: Iterable[tuple[Contact | None, Contact, *tuple[Event, ...]]],
        *,
        separately: bool = False,
    ) -> Iterator[tuple[list[str], DomainError | None]]: ...


def create_all(
    contacts: CreatableContacts,
    creations: Sequence[Creation],
    *,
    scope: UniqueScope,
    sleep: Callable[[float], None],
) -> Iterator[tuple[str, DomainError | None]]:
    """Create contacts. Yields the id of each as soon as its fate is known: with None once the contact exists, created
    by this or by an earlier attempt, and with the reason when it was refused, such as Duplicate.

    Of contacts that share an address, the first one gets it. Where phone numbers are unique too (`scope` customer),
    each contact is written by itself. Raises Unavailable when the table is away.
    """
    is_tenant_wide = scope == "tenant"
    pending = list(creations)
    for attempt in range(RECORD.attempts):
        # Looked up first: a single address that is taken would cancel the transaction of all the others.
        addresses = {email for new, _ in pending for email in new.addresses} if is_tenant_wide else set()
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
            elif not is_tenant_wide or reserved.isdisjoint(contact.addresses):
                reserved.update(contact.addresses)
                free.append((contact, event))
            else:
                later.append((contact, event))
        by_id = {contact.id: (contact, event) for contact, event in free}
        changes = ((None, contact, event) for contact, event in free)
        has_refusals = False
        for ids, refusal in contacts.write_together(changes, separately=attempt > 1 or not is_tenant_wide):
            has_refusals |= refusal is not None
            for contact_id in ids:
                if refusal is None:
                    yield contact_id, None
                elif isinstance(refusal, ConcurrentChange) and contacts.get_with_deleted(contact_id):
                    # Created by an earlier attempt, and given another address or deleted since.
                    yield contact_id, None
                elif (
                    len(ids) > 1
                    or isinstance(refusal, ConcurrentChange)
                    or (
                        is_tenant_wide and isinstance(refusal, Duplicate)
                    )  # the next look-up finds the holder
                ):
                    later.append(by_id[contact_id])
                else:
                    yield contact_id, refusal
        if not later:
            return
        pending = later
        if has_refusals:
            sleep(RECORD.wait_after(attempt))
    for contact, _ in pending:
        yield contact.id, ConcurrentChange()
