"""Contacts and customers in the table, for changes that affect both."""

from __future__ import annotations

from collections.abc import Collection

from shared.domain.contacts.record import Contact
from shared.domain.customers.record import Customer
from shared.services.customers.membership import Changes
from shared.table.contacts.locks import commit_with_locks
from shared.table.contacts.repository import ContactTable
from shared.table.customers.repository import CustomerTable
from shared.table.keys import customers as customer_keys
from shared.table.store import Store
from shared.table.transactions import Transaction


class MembershipTable:
    """The contacts and customers of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._contacts = ContactTable(store, tenant_id)
        self._customers = CustomerTable(store, tenant_id)

    def contact(self, contact_id: str) -> Contact | None:
        """Return a live contact as of now, or None."""
        return self._contacts.get(contact_id)

    def customer(self, customer_id: str) -> Customer | None:
        """Return a live customer as of now, or None."""
        return self._customers.get(customer_id)

    def oldest_member(self, customer_id: str, *, besides: Collection[str]) -> str | None:
        """Return the id of a customer's oldest contact other than `besides`, or None."""
        members = self._customers.members(customer_id, limit=len(besides) + 1)
        return next((one for one in members if one not in besides), None)

    def commit(self, changes: Changes) -> None:
        """Write changes in one transaction, with the membership rows of the customers.

        Raises Duplicate when another contact has a value, and ConcurrentChange when a record is no longer at the
        version it was read at. For one contact at most 58 items: the contact, its event and its status, its 23 values
        under other locks, two customers and another contact with their events, two rows, and a call's answer under its
        key.
        """

        def build() -> Transaction:
            transaction = Transaction()
            self.add(transaction, changes)
            return transaction

        commit_with_locks(self._store, build)

    def add(self, transaction: Transaction, changes: Changes) -> None:
        """Add changes to a transaction, which raises as `commit` does."""
        self._contacts.add_changes(transaction, *changes.contacts)
        for before, after, _ in changes.contacts:
            self._move(transaction, before.member_of if before else None, after)
        for customer_before, customer, event in changes.customers:
            self._customers.add_change(transaction, customer_before, customer, event)

    def _move(self, transaction: Transaction, left: str | None, contact: Contact) -> None:
        # Without conditions: the condition on the customer's record, which is written with each row, decides.
        joined = contact.member_of
        if left == joined:
            return
        if left is not None:
            transaction.delete(customer_keys.member(self._tenant, left, contact.id))
        if joined is not None:
            transaction.put(customer_keys.member(self._tenant, joined, contact.id))
