"""The use cases of customers.

The rules for the contacts of a customer are in `shared.services.customers.membership`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.customers.record import Customer, CustomerInput, CustomerPatch, CustomerShown, clean
from shared.domain.errors import NotFound, Unavailable, UsernameTaken
from shared.domain.events import Event
from shared.domain.ids import is_id, new_id
from shared.domain.stamp import Stamp
from shared.services.backoff import CUSTOMER_NUMBER, HOT
from shared.services.customers.search import CustomerIndex, search_customers
from shared.services.idempotency import Announce, no_key
from shared.services.optimistic import IfMatch, change_record, retry_on_conflict
from shared.services.paging import Cursors, Page, read_page
from shared.services.reading_budget import Budget, BudgetSpent
from shared.services.walks import Step, Walk, read_page_of_steps, take

INCLUDED_CONTACTS = 25
"""How many of its contacts a customer includes."""
INCLUDING_CUSTOMERS = 25
"""How many customers a page has at most if it includes their contacts."""
MAX_COUNTED = 1_000
"""How many of a customer's contacts are read to count those that a caller may see; of more, there is no count."""
_PORTION = 100
"""How many of a customer's contacts are read together to find those that a caller may see."""


class CustomerRepository(CustomerIndex, Protocol):
    """The customers of one tenant; see `shared.table.customers.repository.CustomerTable`."""

    def get(self, customer_id: str) -> Customer | None: ...

    def get_many(self, customer_ids: Iterable[str]) -> dict[str, Customer]: ...

    def id_of_username(self, username: str) -> str | None: ...

    def list_newest(self, *, limit: int, after: str | None) -> list[Customer]: ...

    def count(self) -> int: ...

    def members(
        self, customer_id: str, *, limit: int, after: str | None = None, descending: bool = False
    ) -> list[str]: ...

    def last_number(self) -> int: ...

    def create(self, customer: Customer, number: int, event: Event) -> None: ...

    def save(self, before: Customer, after: Customer, event: Event) -> None: ...


class Contacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def get_many(self, contact_ids: Iterable[str]) -> dict[str, Contact]: ...


class CustomerService:
    """The customers of a tenant, as one caller may use them.

    The permissions for contacts apply; a caller's own customers are those they created. A customer that the caller may
    not see raises NotFound. A customer has only those contacts that the caller may see: others are not counted, and
    none of them is its primary contact.
    """

    def __init__(
        self,
        caller: Caller,
        customers: CustomerRepository,
        contacts: Contacts,
        cursors: Cursors,
        *,
        budget: Budget | None = None,
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._budget = budget or Budget()
        self._customers = customers
        self._contacts = contacts
        self._cursors = cursors
        self._sleep = sleep
        self._announce = announce

    def create(self, given: CustomerInput) -> Customer:
        """Create a customer with the tenant's next number. A customer that is refused uses no number.

        Raises Invalid for refused fields, UsernameTaken when another customer has the username, and ConcurrentChange
        when other calls took the next number in every attempt.
        """
        self._caller.require("contacts:write")
        fields = clean(given.given_fields())
        customer_id, event_id = new_id(), new_id()

        def attempt() -> Customer:
            number = self._customers.last_number() + 1
            customer, event = Customer.create(
                fields,
                customer_id=customer_id,
                number=number,
                stamp=Stamp.now(self._caller, event_id=event_id),
            )
            self._announce(customer)
            with self._anonymizing_conflicts():
                self._customers.create(customer, number, event)
            return customer

        return retry_on_conflict(attempt, sleep=self._sleep, policy=CUSTOMER_NUMBER)

    def read(self, customer_id: str, *, include_contacts: bool = False) -> Customer:
        """Return a customer."""
        customer = self._read(customer_id)
        return (
            self._with_contacts([customer])[0] if include_contacts else self._with_visible_contacts(customer)
        )

    def _read(self, customer_id: str) -> Customer:
        self._caller.require("contacts:read")
        customer = self._customers.get(customer_id) if is_id(customer_id) else None
        if customer is None:
            raise NotFound("Customer")
        self._caller.require_visible(self._owner_of(customer), "Customer")
        return customer

    def list(
        self,
        *,
        limit: int,
        cursor: str | None,
        username: str | None = None,
        search: str | None = None,
        include_contacts: bool = False,
    ) -> Page[Customer]:
        """Return a page of the customers, newest first; with `username` the customer that has it, in any case; with
        `search` the customers whose texts have all its parts, in the order of the terms that were found.

        The results of a search are not counted. Raises Invalid for a search without a visible character.
        """
        self._caller.require_all("contacts:read")
        self._budget.restart()
        page = self._search(search, limit, cursor) if search else self._list(username, limit, cursor)
        shown: Sequence[Customer] = page.items
        if include_contacts and shown:
            # The list may lag: the records say how many contacts to look for.
            current = self._customers.get_many(one.id for one in shown)
            shown = self._with_contacts([current.get(one.id, one) for one in shown])
        if search:
            return page.with_items(shown)
        return page.with_items(shown, self._customers.count() if username is None else len(shown))

    def _search(self, search: str, limit: int, cursor: str | None) -> Page[Customer]:
        return read_page_of_steps(
            lambda after: search_customers(self._customers, search, after, self._budget),
            lambda customer: customer,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("customers found", search),
        )

    def _list(self, username: str | None, limit: int, cursor: str | None) -> Page[Customer]:
        def read(count: int, after: str | None) -> Sequence[Customer]:
            if username is None:
                return self._customers.list_newest(limit=count, after=after)
            return self._find_by_username(username)

        return read_page(
            read,
            lambda customer: customer.id,
            lambda customer: customer,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("customers", username or ""),
        )

    def _find_by_username(self, username: str) -> Sequence[Customer]:
        customer_id = self._customers.id_of_username(username)
        customer = self._customers.get(customer_id) if customer_id else None
        return [customer] if customer else []

    def contacts(self, customer_id: str, *, limit: int, cursor: str | None) -> Page[Contact]:
        """Return a page of a customer's contacts as of now, newest first. It has a total only if the caller may see all
        contacts: otherwise the visible ones would have to be counted for every page.
        """
        customer = self._read(customer_id)
        self._budget.restart()
        portion = limit + 1 if self._can_see_all else _PORTION
        page = read_page_of_steps(
            lambda after: self._walk_members(customer.id, portion=portion, after=after, descending=True),
            lambda contact: contact,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("members", customer.id),
        )
        return page.with_items(page.items, customer.contact_count if self._can_see_all else None)

    def replace(self, customer_id: str, given: CustomerInput, if_match: IfMatch | None) -> Customer:
        """Set all fields of a customer; fields that are left out are emptied."""
        return self._show_written(self._change(customer_id, given, if_match))

    def patch(self, customer_id: str, given: CustomerPatch, if_match: IfMatch | None) -> Customer:
        """Change the given fields of a customer (RFC 7396)."""
        return self._show_written(self._change(customer_id, given, if_match))

    def delete(self, customer_id: str, if_match: IfMatch | None) -> None:
        """Delete a customer; its username is free at attempt. Raises Conflict while it has contacts."""
        self._write(
            customer_id,
            "contacts:delete",
            if_match,
            lambda customer: customer.delete(stamp=Stamp.now(self._caller)),
        )

    def _change(
        self, customer_id: str, given: CustomerInput | CustomerPatch, if_match: IfMatch | None
    ) -> Customer:
        self._caller.require("contacts:write")
        fields = clean(given.given_fields())
        return self._write(
            customer_id,
            "contacts:write",
            if_match,
            lambda customer: customer.change(fields, stamp=Stamp.now(self._caller)),
        )

    def _write(
        self,
        customer_id: str,
        permission: str,
        if_match: IfMatch | None,
        decide: Callable[[Customer], tuple[Customer, Event] | None],
    ) -> Customer:
        """Return the customer after a change. Retries after a conflict, also with a contact that joined."""
        self._caller.require(permission)  # first: a caller without the right learns nothing about what exists

        def read() -> Customer:
            customer = self._read(customer_id)
            self._caller.require_on(permission, self._owner_of(customer))
            return customer

        def save(before: Customer, after: Customer, event: Event) -> None:
            with self._anonymizing_conflicts():
                self._customers.save(before, after, event)

        return change_record(read, if_match, decide, save, sleep=self._sleep, policy=HOT)

    def _show_written(self, customer: Customer) -> Customer:
        """Return a customer that the call has written with its visible contacts, or without if they cannot be read:
        after an error, the caller would repeat what is done.
        """
        try:
            return self._with_visible_contacts(customer)
        except Unavailable:
            return customer.model_copy(update={"contact_count": None, "primary_contact": None})

    def _with_contacts(self, customers: Sequence[Customer]) -> Sequence[CustomerShown]:
        """Return customers with up to INCLUDED_CONTACTS of their contacts, the oldest ones, and the primary contact."""
        customers = [self._with_visible_contacts(customer) for customer in customers]
        members = {customer.id: self._members_of(customer) for customer in customers}
        wanted = {one: None for ids in members.values() for one in ids}
        wanted |= {one.primary_contact: None for one in customers if one.primary_contact}
        found = self._read_contacts(wanted)
        return [_build_shown(customer, members[customer.id], found) for customer in customers]

    def _members_of(self, customer: Customer) -> Sequence[str]:
        if customer.contact_count == 0:
            return []
        if customer.contact_count == 1 and customer.primary_contact:  # as most have: no look-up is needed
            return [customer.primary_contact]
        if self._can_see_all:
            return self._customers.members(customer.id, limit=INCLUDED_CONTACTS)
        members = self._walk_members(customer.id, portion=_PORTION)
        return [one for one, _ in take(Walk(islice(members, MAX_COUNTED)), INCLUDED_CONTACTS).found]

    @property
    def _can_see_all(self) -> bool:
        return self._caller.level("contacts:read") == "all"

    def _walk_members(
        self, customer_id: str, *, portion: int, after: str | None = None, descending: bool = False
    ) -> Iterator[Step[Contact]]:
        """Yield a customer's contacts in the order of their creation, read `portion` at a time, each with whether the
        caller may see it. Raises BudgetSpent when the budget is spent.
        """
        while True:
            self._budget.check()
            ids = self._customers.members(customer_id, limit=portion, after=after, descending=descending)
            found = self._read_contacts(ids)
            self._budget.charge(2 * len(ids))
            for one in ids:
                contact = found.get(one)
                self._budget.advance()
                yield one, contact is not None and self._can_see(contact), contact
            if len(ids) < portion:
                return
            after = ids[-1]

    def _read_contacts(self, contact_ids: Collection[str]) -> dict[str, Contact]:
        """Return the live contacts with some ids, without those that were merged since their ids were read."""
        found = self._contacts.get_many(contact_ids) if contact_ids else {}
        return {one: contact for one, contact in found.items() if contact.id == one}

    def _can_see(self, contact: Contact) -> bool:
        return self._can_see_all or self._caller.owns_contact(contact)

    def _with_visible_contacts(self, customer: Customer) -> Customer:
        """Return a customer with the count of the contacts that the caller may see, and the primary contact if it is
        one of them. For a caller who may read only their own contacts, this reads the customer's contacts; of more than
        MAX_COUNTED the count is None.
        """
        if not customer.contact_count or self._can_see_all:
            return customer
        seen, count = self._count_visible(customer)
        primary = customer.primary_contact if customer.primary_contact in seen else None
        return customer.model_copy(update={"contact_count": count, "primary_contact": primary})

    def _count_visible(self, customer: Customer) -> tuple[Sequence[str], int | None]:
        """Return the ids of a customer's contacts that the caller may see, and how many they are.

        If there are too many, return only the primary contact, if the caller may see it, and None.
        """
        if customer.contact_count is not None and customer.contact_count <= MAX_COUNTED:
            with contextlib.suppress(BudgetSpent):
                seen = [
                    one for one, is_seen, _ in self._walk_members(customer.id, portion=_PORTION) if is_seen
                ]
                return seen, len(seen)
        found = self._read_contacts([customer.primary_contact] if customer.primary_contact else [])
        return [one.id for one in found.values() if self._can_see(one)], None

    @contextlib.contextmanager
    def _anonymizing_conflicts(self) -> Iterator[None]:
        """Remove the id of a conflicting customer from UsernameTaken, unless the caller may see that customer."""
        try:
            yield
        except UsernameTaken as taken:
            if self._caller.level("contacts:read") == "all":
                raise
            holder = self._customers.get(taken.customer_id)
            if holder is None or self._owner_of(holder) is None:
                raise UsernameTaken("") from taken
            raise

    def _owner_of(self, customer: Customer) -> str | None:
        """Return the caller's id if the caller created the customer, which makes it their own; otherwise None."""
        return self._caller.id if customer.created_by == self._caller.actor else None


def _build_shown(customer: Customer, members: Sequence[str], found: dict[str, Contact]) -> CustomerShown:
    # Contacts may have moved since the customer was read, so their own records decide.
    own = {one: contact for one, contact in found.items() if contact.customer_id == customer.id}
    primary = next((contact for contact in own.values() if contact.is_primary), None)
    contacts = [own[one] for one in members if one in own]
    return CustomerShown.model_construct(
        **{**customer.__dict__, "primary_contact": primary, "contacts": contacts}
    )
