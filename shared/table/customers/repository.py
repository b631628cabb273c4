"""Customers in the table."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.customers.record import Customer, fold_username
from shared.domain.errors import ConcurrentChange, UsernameTaken
from shared.domain.events import Event
from shared.domain.records import blank_fields
from shared.table import items
from shared.table.keys import counters as counter_keys
from shared.table.keys import customers as customer_keys
from shared.table.keys import lists as list_keys
from shared.table.keys import terms as term_keys
from shared.table.keys.spelling import SK
from shared.table.store import Item, Store, Transaction

_TEXTS = (
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
)
_NUMBERS = ("contact_count", "version")
_FLAGS = ("is_verified", "is_active")
_BLANK = blank_fields(Customer)


class CustomerTable:
    """The customers of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self, customer_id: str) -> Customer | None:
        """A live customer as of now, or None."""
        item = self._store.get(customer_keys.customer(self._tenant, customer_id))
        return customer_from_item(item) if item and "deleted_at" not in item else None

    def get_many(self, customer_ids: Iterable[str]) -> dict[str, Customer]:
        """The live customers of ids as of now, by id."""
        found = self._store.get_many(
            [customer_keys.customer(self._tenant, one) for one in customer_ids]
        ).values()
        live = [customer_from_item(item) for item in found if "deleted_at" not in item]
        return {customer.id: customer for customer in live}

    def id_of_username(self, username: str) -> str | None:
        """The id of the live customer with a username, in whatever case, or None."""
        lock = self._store.get(customer_keys.username_lock(self._tenant, fold_username(username)))
        return lock["customer_id"]["S"] if lock else None

    def newest(self, *, limit: int, after: str | None) -> list[Customer]:
        """Customers as the list shows them, newest first, behind the id `after`."""
        partition = list_keys.partition(self._tenant, list_keys.CUSTOMERS)
        rows = self._store.query(partition, limit=limit, after=after, descending=True)
        return [customer_from_item(row) for row in rows]

    def beginning_with(
        self, prefix: str, *, limit: int, after: str | None
    ) -> list[tuple[str, str, str, str]]:
        """Terms of customers that begin with a prefix, in their order: (position for `after`, the term, customer id,
        the summary of the customer's terms).
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
        """The customers of ids as the list shows them, by id."""
        wanted = [list_keys.row(self._tenant, list_keys.CUSTOMERS, one) for one in customer_ids]
        found = self._store.get_many(wanted, consistent=False).values()
        return {customer.id: customer for customer in map(customer_from_item, found)}

    def count(self) -> int:
        """How many customers the list shows."""
        item = self._store.get(counter_keys.counter(self._tenant, "customers"), consistent=False)
        return int(item["amount"]["N"]) if item else 0

    def members(
        self, customer_id: str, *, limit: int, after: str | None = None, descending: bool = False
    ) -> list[str]:
        """The ids of a customer's contacts as of now, in the order of their creation."""
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
        """The number of the newest customer as of now; 0 before the first."""
        item = self._store.get(customer_keys.last_number(self._tenant))
        return int(item["given"]["N"]) if item else 0

    def create(self, customer: Customer, number: int, event: Event) -> None:
        """Write a new customer with its username's lock and its event, and note that `number` is given.

        Raises UsernameTaken, and ConcurrentChange when `number` does not follow the last one that was given.
        """
        transaction = Transaction()
        self._put(transaction, customer, "attribute_not_exists(PK)", {})
        if customer.folded_username:
            self._lock(transaction, customer.folded_username, customer.id)
        transaction.put(items.event_to_item(self._tenant, event))
        is_first = "attribute_not_exists(PK)"
        is_next = "given = :before"
        transaction.update(
            customer_keys.last_number(self._tenant),
            "SET given = :number",
            {":number": {"N": str(number)}} | ({":before": {"N": str(number - 1)}} if number > 1 else {}),
            condition=is_next if number > 1 else is_first,
            refusal=lambda _: ConcurrentChange(),
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
        is_unchanged = "version = :before"
        self._put(transaction, after, is_unchanged, {":before": {"N": str(before.version)}})
        had, has = before.folded_username, after.folded_username
        if had != has:
            if has is not None:
                self._lock(transaction, has, after.id)
            if had is not None:
                self._unlock(transaction, had, after.id)
        transaction.put(items.event_to_item(self._tenant, event))

    def _put(self, transaction: Transaction, customer: Customer, condition: str, values: Item) -> None:
        # Also true of the very write that is being sent again after its answer was lost.
        is_own_write = "last_event = :event"
        transaction.put(
            customer_to_item(self._tenant, customer),
            condition=f"{condition} OR {is_own_write}",
            values={**values, ":event": {"S": customer.last_event}},
            refusal=lambda _: ConcurrentChange(),
        )

    def _lock(self, transaction: Transaction, folded: str, customer_id: str) -> None:
        is_free = "attribute_not_exists(PK)"
        is_own = "customer_id = :me"
        me = {"S": customer_id}
        transaction.put(
            {**customer_keys.username_lock(self._tenant, folded), "customer_id": me},
            condition=f"{is_free} OR {is_own}",
            values={":me": me},
            refusal=lambda holder: UsernameTaken(holder["customer_id"]["S"] if holder else ""),
        )

    def _unlock(self, transaction: Transaction, folded: str, customer_id: str) -> None:
        is_gone = "attribute_not_exists(PK)"
        is_own = "customer_id = :me"
        transaction.delete(
            customer_keys.username_lock(self._tenant, folded),
            condition=f"{is_gone} OR {is_own}",
            values={":me": {"S": customer_id}},
            refusal=lambda _: ConcurrentChange(),
        )


def customer_to_item(tenant_id: str, customer: Customer) -> Item:
    """A customer's item. Empty values and defaults are left out."""
    item: Item = dict(customer_keys.customer(tenant_id, customer.id))
    values = customer.__dict__
    for name in _TEXTS:
        if value := values[name]:
            item[name] = {"S": value}
    for name in _NUMBERS:
        if number := values[name]:
            item[name] = {"N": str(number)}
    for name in _FLAGS:
        if values[name] != _BLANK[name]:
            item[name] = {"BOOL": values[name]}
    return item


def customer_from_item(item: Item) -> Customer:
    """The customer of an item, or of a list row, which holds the same."""
    values = _BLANK.copy()
    for name in _TEXTS:
        if name in item:
            values[name] = item[name]["S"]
    for name in _NUMBERS:
        if name in item:
            values[name] = int(item[name]["N"])
    for name in _FLAGS:
        if name in item:
            values[name] = item[name]["BOOL"]
    return Customer.from_stored(values)
