"""Adds the names of customers and owners to contacts before they are returned to a caller."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.contacts.shown import ContactShown, CustomerName
from shared.domain.errors import Unavailable

if TYPE_CHECKING:  # loaded on demand: most functions that return contacts return no customers
    from shared.domain.customers.record import Customer

KEPT_SECONDS = 2.0
"""Seconds for which a warm process uses a name before it reads it again: as long as a tenant's settings."""
_MAX_KEPT = 10_000
"""How many names of users, and of customers, a process keeps. When there are more, it discards them all."""


class Names(Protocol):
    """The names of records of one tenant; see `shared.table.contacts.names.NameTable`."""

    def read(
        self, *, users: Collection[str], customers: Collection[str]
    ) -> tuple[Mapping[str, str], Mapping[str, CustomerName]]: ...


class NameMemory:
    """The names that a process has read recently, of all tenants. None stands for a record that does not exist."""

    def __init__(self) -> None:
        self._users: dict[tuple[str, str], tuple[float, str | None]] = {}
        self._customers: dict[tuple[str, str], tuple[float, CustomerName | None]] = {}

    def missing(
        self, tenant_id: str, users: Iterable[str], customers: Iterable[str]
    ) -> tuple[set[str], set[str]]:
        """Return the ids of users and of customers whose names must be read.

        Discards names here, and not in `keep`: a name that an answer need not read must stay until it is used.
        """
        if len(self._users) > _MAX_KEPT:
            self._users.clear()
        if len(self._customers) > _MAX_KEPT:
            self._customers.clear()
        now = time.monotonic()
        return (
            {one for one in users if self._users.get((tenant_id, one), (0.0, None))[0] <= now},
            {one for one in customers if self._customers.get((tenant_id, one), (0.0, None))[0] <= now},
        )

    def keep(
        self,
        tenant_id: str,
        users: Mapping[str, str | None],
        customers: Mapping[str, CustomerName | None],
    ) -> None:
        """Keep names for KEPT_SECONDS."""
        until = time.monotonic() + KEPT_SECONDS
        self._users.update(((tenant_id, one), (until, name)) for one, name in users.items())
        self._customers.update(((tenant_id, one), (until, name)) for one, name in customers.items())

    def user(self, tenant_id: str, user_id: str) -> str | None:
        """Return the name of a user, or None."""
        return self._users.get((tenant_id, user_id), (0.0, None))[1]

    def customer(self, tenant_id: str, customer_id: str) -> CustomerName | None:
        """Return the name of a customer, or None."""
        return self._customers.get((tenant_id, customer_id), (0.0, None))[1]


class ShownContacts:
    """Contacts as one caller may see them: without the names of customers that the caller may not see.

    Costs one eventually consistent read of the names that are not in memory, half a read unit for each, and nothing
    for contacts without customer and owner.
    """

    def __init__(self, caller: Caller, names: Names, memory: NameMemory) -> None:
        self._caller = caller
        self._tenant = caller.tenant_id
        self._names = names
        self._memory = memory

    def show(self, contacts: Sequence[Contact], *, is_written: bool = False) -> list[ContactShown]:
        """Return contacts with the names of their customers and owners; None for records that were deleted.

        `is_written`: the call has written the contacts. They are then returned without names that cannot be read:
        after an error, the caller would repeat what is done. Otherwise raises Unavailable.
        """
        try:
            self._read(
                {one.owner_id for one in contacts if one.owner_id},
                {one.customer_id for one in contacts if one.customer_id},
            )
        except Unavailable:
            if not is_written:
                raise
        return [self._show(contact) for contact in contacts]

    def show_customers(self, customers: Sequence[Customer], *, is_written: bool = False) -> list[Customer]:
        """Return customers with these names on the contacts that they include. `is_written`: as in `show`."""
        contacts = [one for customer in customers for one in _contacts_of(customer)]
        shown = {one.id: one for one in self.show(contacts, is_written=is_written)}
        return [_with_contacts(customer, shown) for customer in customers] if shown else list(customers)

    def _read(self, users: set[str], customers: set[str]) -> None:
        users, customers = self._memory.missing(self._tenant, users, customers)
        if not (users or customers):
            return
        known_users, known_customers = self._names.read(users=users, customers=customers)
        self._memory.keep(
            self._tenant,
            {one: known_users.get(one) for one in users},
            {one: known_customers.get(one) for one in customers},
        )

    def _show(self, contact: Contact) -> ContactShown:
        customer = self._memory.customer(self._tenant, contact.customer_id) if contact.customer_id else None
        if customer is not None and not self._caller.can_see_customer_of(customer.created_by):
            customer = None
        owner_name = self._memory.user(self._tenant, contact.owner_id) if contact.owner_id else None
        return ContactShown.from_stored(
            {
                **contact.__dict__,
                "customer_name": customer.full_name if customer else None,
                "customer_username": customer.username if customer else None,
                "owner_name": owner_name,
            }
        )


def _contacts_of(customer: Customer) -> list[Contact]:
    """Return the contacts that a customer includes: none unless the caller asked for them."""
    given = (*getattr(customer, "contacts", ()), _primary_of(customer))
    return [one for one in given if isinstance(one, Contact)]


def _with_contacts(customer: Customer, shown: Mapping[str, ContactShown]) -> Customer:
    if not _contacts_of(customer):
        return customer
    update: dict[str, object] = {"contacts": [shown[one.id] for one in getattr(customer, "contacts", ())]}
    primary = _primary_of(customer)
    if isinstance(primary, Contact):
        update["primary_contact"] = shown[primary.id]
    return customer.model_copy(update=update)


def _primary_of(customer: Customer) -> object:
    return customer.primary_contact
