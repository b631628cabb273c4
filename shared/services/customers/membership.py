"""Keeps customers in step with their contacts: a customer that has contacts has exactly one primary contact.

Contacts that join, leave, are deleted, restored, merged or become primary change other records too: their customers,
and sometimes another contact. All are written in one transaction. The customer's record is written each time, under the
version that was read, so it decides between simultaneous changes (docs/decisions/0012-customers.md).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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

ContactChange = tuple[Contact | None, Contact, Event]
"""A contact before a change, None for a new one, and after it, and the event of the change."""


@dataclass(slots=True)
class Changes:
    """Changes that belong together, each as (before, after, event); before is None for a new record."""

    contacts: list[ContactChange] = field(default_factory=list)
    customers: list[tuple[Customer, Customer, Event]] = field(default_factory=list)

    def after(self, contact_id: str) -> Contact | None:
        """Return a changed contact as it will be; None if it does not change."""
        return next((after for _, after, _ in self.contacts if after.id == contact_id), None)


class MembershipRepository(Protocol):
    """Contacts and customers of one tenant together; see `shared.table.customers.membership.MembershipTable`."""

    def contact(self, contact_id: str) -> Contact | None: ...

    def customer(self, customer_id: str) -> Customer | None: ...

    def oldest_member(self, customer_id: str, *, besides: Collection[str]) -> str | None: ...

    def commit(self, changes: Changes) -> None: ...


class Membership:
    """Works out what contacts' changes mean for their customers, on behalf of one caller."""

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
        changes = self.complete((before, after, event))
        if is_repeatable:
            # Looked up after the customers, whose versions show a write since then.
            present = self._records.contact(after.id)
            if (present and (present.id, present.version)) != (before and (before.id, before.version)):
                raise ConcurrentChange()
        written = changes.after(after.id) or after
        self._announce(written)
        self._records.commit(changes)
        return written

    def complete(self, *given: ContactChange) -> Changes:
        """Return changes of different contacts with the changes that follow from them, to be written together.

        When the primary contact of a customer leaves it, the first of the changed contacts that belong to the customer
        becomes primary; if there is none, its oldest contact. Raises as `carry_out` does.
        """
        changes = Changes(list(given))
        left = [
            before.member_of for before, after, _ in given if before and before.member_of != after.member_of
        ]
        joined = [
            after.member_of
            for before, after, _ in given
            if before is None or before.member_of != after.member_of or before.is_primary != after.is_primary
        ]
        for customer_id in dict.fromkeys((*left, *joined)):
            if customer_id is not None:
                self._settle(customer_id, changes)
        return changes

    def _settle(self, customer_id: str, changes: Changes) -> None:
        """Add the change of a customer, and of the contacts that it makes primary or no longer primary."""
        of_customer = [
            (before, after, event)
            for before, after, event in changes.contacts
            if customer_id in (before and before.member_of, after.member_of)
        ]
        leaving = [after.id for _, after, _ in of_customer if after.member_of != customer_id]
        members = [after for _, after, _ in of_customer if after.member_of == customer_id]
        joining = [
            (before, after)
            for before, after, _ in of_customer
            if after.member_of == customer_id and (before is None or before.member_of != customer_id)
        ]
        customer = self._records.customer(customer_id) if is_id(customer_id) else None
        if customer is None and (
            leaving or len(joining) < len(members)
        ):  # deleted after the contact was read
            raise ConcurrentChange()
        if not self._can_join(customer, joining, changes):
            raise Invalid.field("customer_id", "unknown_customer", "There is no such customer.")
        if customer is None:
            for _, after in joining:
                self._place(after, None, False, changes)
            return
        count = (customer.contact_count or 0) + len(joining) - len(leaving)
        primary = self._find_primary(customer, count, leaving, members)
        if not leaving and not joining and primary == customer.primary_contact:  # another call was faster
            raise ConcurrentChange()
        for after in members:
            self._place(after, customer_id, after.id == primary, changes)
        for contact_id, is_primary in ((customer.primary_contact, False), (primary, True)):
            if customer.primary_contact != primary and contact_id and changes.after(contact_id) is None:
                self._mark(contact_id, customer_id, is_primary, changes)
        changes.customers.append(
            (customer, *customer.with_contacts(count, primary, stamp=Stamp.now(self._caller)))
        )

    def _can_join(
        self, customer: Customer | None, joining: Sequence[tuple[Contact | None, Contact]], changes: Changes
    ) -> bool:
        """Return whether contacts may join a customer. One that is restored, or back after a merge, belongs to it
        already, and so does one that takes the customer of a contact that is merged into it. Another one needs a
        customer that exists and that the caller may see.
        """
        new = [one for one in joining if one[0] is None or one[0].deleted_at is None]
        if not new:
            return True
        if customer is None:
            return False
        is_of_merged = any(
            after.is_merged and before and before.member_of == customer.id
            for before, after, _ in changes.contacts
        )
        return is_of_merged or self._caller.can_see_customer_of(customer.created_by)

    def _find_primary(
        self, customer: Customer, count: int, leaving: Sequence[str], members: Sequence[Contact]
    ) -> str | None:
        """Return the primary contact of a customer with `count` contacts. `members`: those of the changed contacts that
        belong to it.
        """
        present = customer.primary_contact
        if wanted := [one.id for one in members if one.is_primary and one.id != present]:
            return wanted[0]
        if present is not None and present not in leaving:
            return present
        if members:
            return members[0].id
        return self._records.oldest_member(customer.id, besides=leaving) if count else None

    def _place(self, after: Contact, customer_id: str | None, is_primary: bool, changes: Changes) -> None:
        """Set the customer of a changed contact, and whether it is primary."""
        if (after.customer_id, after.is_primary) == (customer_id, is_primary):
            return
        for number, (before, present, event) in enumerate(changes.contacts):
            if present.id == after.id:
                changed = after.with_customer(before, event, customer_id=customer_id, is_primary=is_primary)
                changes.contacts[number] = before, *changed

    def _mark(self, contact_id: str, customer_id: str, is_primary: bool, changes: Changes) -> None:
        """Mark another contact of the customer as primary, or as no longer primary."""
        contact = self._records.contact(contact_id)
        marked = contact.set_primary(is_primary, stamp=Stamp.now(self._caller)) if contact else None
        # Of a contact that was merged meanwhile, the survivor is found.
        if (
            contact is None
            or marked is None
            or (contact.id, contact.customer_id) != (contact_id, customer_id)
        ):
            raise ConcurrentChange()
        changes.contacts.append((contact, *marked))
