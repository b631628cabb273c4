"""Keeps customers in step with their contacts: a customer that has contacts has exactly one primary contact.

A contact that joins, leaves, is deleted, is restored or becomes primary changes other records too: its customer, and
sometimes another contact. All are written in one transaction. The customer's record is written each time, under the
version that was read, so it decides between simultaneous changes (docs/decisions/0012-customers.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.customers.record import Customer
from shared.domain.errors import ConcurrentChange, Invalid
from shared.domain.events import Event
from shared.domain.ids import is_id
from shared.domain.stamp import Stamp
from shared.services.idempotency import Announce


@dataclass(slots=True)
class Changes:
    """Changes that belong together, each as (before, after, event); before is None for a new record."""

    contacts: list[tuple[Contact | None, Contact, Event]] = field(default_factory=list)
    customers: list[tuple[Customer, Customer, Event]] = field(default_factory=list)


class MembershipRepository(Protocol):
    """Contacts and customers of one tenant together; see `shared.table.customers.membership.MembershipTable`."""

    def contact(self, contact_id: str) -> Contact | None: ...

    def customer(self, customer_id: str) -> Customer | None: ...

    def oldest_member(self, customer_id: str, *, besides: str) -> str | None: ...

    def commit(self, changes: Changes) -> None: ...


class Membership:
    """Works out what a contact's change means for its customers, on behalf of one caller."""

    def __init__(self, caller: Caller, records: MembershipRepository, announce: Announce) -> None:
        self._caller = caller
        self._records = records
        self._announce = announce

    def carry_out(
        self, before: Contact | None, after: Contact, event: Event, *, is_repeatable: bool = False
    ) -> Contact:
        """Write a contact's change and the changes that follow from it. Return the contact as it was written.

        A contact that becomes primary replaces the present primary contact. `before` is None for a new contact.
        `is_repeatable`: another worker may make the same change with the same event; its write would be recognized as
        this one, while the customer would count the contact twice. Raises Invalid when its customer does not exist,
        Duplicate when another contact has one of its unique values, and ConcurrentChange when a record has changed
        meanwhile: the caller must read all of them again.
        """
        changes = Changes()
        left = before.member_of if before else None
        if left == after.member_of:
            self._make_primary(after, changes)
        else:
            if left is not None:
                self._leave(left, after.id, changes)
            if after.deleted_at is None:
                customer = self._join(before, after, changes)
                after, event = after.with_customer(
                    before,
                    event,
                    customer_id=customer.id if customer else None,
                    is_primary=customer is not None and customer.primary_contact == after.id,
                )
        if is_repeatable:
            # Looked up after the customers, whose versions show a write since then.
            present = self._records.contact(after.id)
            if (present.version if present else None) != (before.version if before else None):
                raise ConcurrentChange()
        changes.contacts.append((before, after, event))
        self._announce(after)
        self._records.commit(changes)
        return after

    def _leave(self, customer_id: str, contact_id: str, changes: Changes) -> None:
        customer = self._customer(customer_id)
        primary = customer.primary_contact
        if primary == contact_id:
            primary = None
            if (customer.contact_count or 0) > 1:
                primary = self._records.oldest_member(customer_id, besides=contact_id)
                self._mark(primary, customer_id, True, changes)
        changes.customers.append((customer, *customer.remove_contact(primary, stamp=Stamp.now(self._caller))))

    def _join(self, before: Contact | None, after: Contact, changes: Changes) -> Customer | None:
        """Return the customer after the contact joined it; None when the contact has no customer, or when it is
        restored after its customer was deleted.
        """
        if after.customer_id is None:
            return None
        customer = self._records.customer(after.customer_id) if is_id(after.customer_id) else None
        returns = before is not None and before.deleted_at is not None
        if customer is None and returns:
            return None
        if customer is None or not (returns or self._can_see(customer)):
            raise Invalid.field("customer_id", "unknown_customer", "There is no such customer.")
        takes_over = after.is_primary and customer.primary_contact is not None
        if takes_over:
            self._mark(customer.primary_contact, customer.id, False, changes)
        joined, event = customer.add_contact(after.id, is_primary=takes_over, stamp=Stamp.now(self._caller))
        changes.customers.append((customer, joined, event))
        return joined

    def _can_see(self, customer: Customer) -> bool:
        """Return whether the caller may see a customer; a customer that they may not see counts as missing."""
        return self._caller.can_see_customer_of(customer.created_by)

    def _make_primary(self, contact: Contact, changes: Changes) -> None:
        """Replace the primary contact by one that was already changed to be primary."""
        customer = self._customer(contact.customer_id or "")
        if customer.primary_contact == contact.id:  # another call was faster
            raise ConcurrentChange()
        self._mark(customer.primary_contact, customer.id, False, changes)
        changes.customers.append((customer, *customer.set_primary(contact.id, stamp=Stamp.now(self._caller))))

    def _mark(self, contact_id: str | None, customer_id: str, is_primary: bool, changes: Changes) -> None:
        """Mark another contact of the customer as primary, or as no longer primary."""
        contact = self._records.contact(contact_id) if contact_id else None
        marked = contact.set_primary(is_primary, stamp=Stamp.now(self._caller)) if contact else None
        if contact is None or marked is None or contact.customer_id != customer_id:
            raise ConcurrentChange()
        changes.contacts.append((contact, *marked))

    def _customer(self, customer_id: str) -> Customer:
        """Return the customer of a contact. Raises ConcurrentChange when it was deleted after the contact was read."""
        customer = self._records.customer(customer_id)
        if customer is None:
            raise ConcurrentChange()
        return customer
