"""Customers in the table."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.customers.record import Customer, fold_username
from shared.domain.errors import UsernameTaken
from shared.domain.events import Event
from shared.domain.records import blank_fields
from shared.table import event_items, guards
from shared.table.codec import AttributeCodec
from shared.table.item import Item
from shared.table.keys import counters as counter_keys
from shared.table.keys import customers as customer_keys
from shared.table.keys import lists as list_keys
from shared.table.keys import terms as term_keys
from shared.table.keys.spelling import SK
from shared.table.store import Store
from shared.table.transactions import Transaction

_CUSTOMER = AttributeCodec(
    texts=(
        "id",
        "number",
        "username",
        "email",
        "first_name",
        "last_name",
        "full_name",
        "national_id",
        "primary_contact",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "deleted_at",
        "last_event",
    ),
    numbers=("contact_count", "version"),
    flags=("is_verified", "is_active"),
    defaults=blank_fields(Customer),
)


class CustomerTable:
    """The customers of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self, customer_id: str) -> Customer | None:
        """Return a live customer as of now, or None."""
        item = self._store.get(customer_keys.customer(self._tenant, customer_id))
        return customer_from_item(item) if item and "deleted_at" not in item else None

    def get_many(self, customer_ids: Iterable[str]) -> dict[str, Customer]:
        """Return the live customers with some ids as of now, by id."""
        found = self._store.get_many(
            [customer_keys.customer(self._tenant, one) for one in customer_ids]
        ).values()
        live = [customer_from_item(item) for item in found if "deleted_at" not in item]
        return {customer.id: customer for customer in live}

    def id_of_username(self, username: str) -> str | None:
        """Return the id of the live customer with a username, in any case, or None."""
        lock = self._store.get(customer_keys.username_lock(self._tenant, fold_username(username)))
        return lock["customer_id"]["S"] if lock else None

    def list_newest(self, *, limit: int, after: str | None) -> list[Customer]:
        """Return customers as the list shows them, newest first, after the id `after`."""
        partition = list_keys.partition(self._tenant, list_keys.CUSTOMERS)
        rows = self._store.query(partition, limit=limit, after=after, descending=True)
        return [customer_from_item(row) for row in rows]

    def beginning_with(
        self, prefix: str, *, limit: int, after: str | None
    ) -> list[tuple[str, str, str, str]]:
        """Return the terms of customers that start with a prefix, in order.

        Each as (position for `after`, the term, customer id, the summary of the customer's terms).
        """
        rows = self._store.query(
            term_keys.customer_terms(self._tenant, prefix),
            limit=limit,
            prefix=term_keys.term_start(prefix),
            after=after,
        )
        return [
            (position, *term_keys.parse_term(position), row["words"]["S"])
            for row in rows
            for position in (row[SK]["S"],)
        ]

    def listed(self, customer_ids: Iterable[str]) -> dict[str, Customer]:
        """Return the customers with some ids as the list shows them, by id."""
        wanted = [list_keys.row(self._tenant, list_keys.CUSTOMERS, one) for one in customer_ids]
        found = self._store.get_many(wanted, consistent=False).values()
        return {customer.id: customer for customer in map(customer_from_item, found)}

    def count(self) -> int:
        """Return the number of customers in the list."""
        item = self._store.get(counter_keys.counter(self._tenant, "customers"), consistent=False)
        return int(item["amount"]["N"]) if item else 0

    def members(
        self, customer_id: str, *, limit: int, after: str | None = None, descending: bool = False
    ) -> list[str]:
        """Return the ids of a customer's contacts as of now, in the order of their creation."""
        rows = self._store.query(
            customer_keys.partition(self._tenant, customer_id),
            prefix=customer_keys.MEMBER,
            limit=limit,
            after=customer_keys.member_sort_key(after) if after else None,
            descending=descending,
            consistent=True,
        )
        return [customer_keys.contact_id_of(row) for row in rows]

    def last_number(self) -> int:
        """Return the number of the newest customer as of now; 0 before the first."""
        item = self._store.get(customer_keys.last_number(self._tenant))
        return int(item["given"]["N"]) if item else 0

    def create(self, customer: Customer, number: int, event: Event) -> None:
        """Write a new customer with its username's lock and its event, and set the last number to `number`.

        Raises UsernameTaken, and ConcurrentChange when `number` does not follow the last number.
        """
        transaction = Transaction()
        transaction.put(customer_to_item(self._tenant, customer), **guards.is_new_or_own(customer.last_event))
        if customer.folded_username:
            self._lock(transaction, customer.folded_username, customer.id)
        event_items.add_event(transaction, self._tenant, event)
        is_first = guards.IS_NEW
        is_next = "given = :before"
        transaction.update(
            customer_keys.last_number(self._tenant),
            "SET given = :number",
            {":number": {"N": str(number)}} | ({":before": {"N": str(number - 1)}} if number > 1 else {}),
            condition=is_next if number > 1 else is_first,
            refusal=guards.concurrent_change,
        )
        self._store.commit(transaction)

    def save(self, before: Customer, after: Customer, event: Event) -> None:
        """Write a changed customer.

        Raises UsernameTaken, and ConcurrentChange when the record is no longer at the version of `before`.
        """
        transaction = Transaction()
        self.add_change(transaction, before, after, event)
        self._store.commit(transaction)

    def add_change(self, transaction: Transaction, before: Customer, after: Customer, event: Event) -> None:
        """Add the change of a customer to a transaction: record, username's lock, event."""
        transaction.put(
            customer_to_item(self._tenant, after),
            **guards.at_version_or_own(before.version, after.last_event),
        )
        had, has = before.folded_username, after.folded_username
        if had != has:
            if has is not None:
                self._lock(transaction, has, after.id)
            if had is not None:
                self._unlock(transaction, had, after.id)
        event_items.add_event(transaction, self._tenant, event, follows=before.last_event)

    def _lock(self, transaction: Transaction, folded: str, customer_id: str) -> None:
        def refusal(holder: Item | None) -> Exception:
            return UsernameTaken(holder["customer_id"]["S"] if holder else "")

        transaction.put(
            {**customer_keys.username_lock(self._tenant, folded), "customer_id": {"S": customer_id}},
            **guards.is_free_or_own("customer_id", customer_id, refusal),
        )

    def _unlock(self, transaction: Transaction, folded: str, customer_id: str) -> None:
        transaction.delete(
            customer_keys.username_lock(self._tenant, folded),
            **guards.is_free_or_own("customer_id", customer_id),
        )


def customer_to_item(tenant_id: str, customer: Customer) -> Item:
    """Return the item of a customer."""
    return {
        **customer_keys.customer(tenant_id, customer.id),
        **_CUSTOMER.encode(customer.__dict__),
    }


def customer_from_item(item: Item) -> Customer:
    """Return the customer of an item, or of a list row, which has the same attributes."""
    return Customer.from_stored(_CUSTOMER.decode(item))
