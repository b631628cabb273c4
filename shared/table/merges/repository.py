"""Merges in the table: their records, and all that a merge or its undo changes, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.domain import timestamps
from shared.domain.contacts.part_figures import FigureTimes
from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock
from shared.domain.customers.record import Customer
from shared.domain.errors import Conflict
from shared.domain.merges.groups import GroupResult
from shared.domain.merges.record import Merge, MergeDetail
from shared.services.customers.membership import Changes
from shared.services.reading_budget import Budget
from shared.table import guards
from shared.table.bookings.repository import BookingTable
from shared.table.budgeted_reads import BudgetedReads
from shared.table.contacts import items as contact_items
from shared.table.contacts.locks import commit_with_locks
from shared.table.contacts.repository import ContactTable
from shared.table.contacts.survivors import MERGED_INTO, Survivors
from shared.table.customers.membership import MembershipTable
from shared.table.customers.repository import CustomerTable
from shared.table.interactions.follow_ups import FollowUpTable
from shared.table.interactions.repository import InteractionTable
from shared.table.keys import contacts as contact_keys
from shared.table.keys import merges as merge_keys
from shared.table.keys.spelling import SK
from shared.table.labels import LabelTable
from shared.table.merges import items as merge_items
from shared.table.merges.jobs import result_to_item
from shared.table.store import Store
from shared.table.transactions import MOST_BYTES, MOST_STEPS, Transaction

_MOST_OF_MERGE = 90
"""Items that a merge writes, so that its undo, which may have to lock some values that were free meanwhile, fits into a
transaction of MOST_STEPS with a call's answer under its key."""
_MOST_BYTES_OF_MERGE = MOST_BYTES - 2 * 400_000
"""Bytes that a merge writes, so that its undo fits too: it writes the same records, of which the survivor and its event
may have grown by as much as an item holds (400 kB, DynamoDB service quotas)."""
_MOST_OWN_LOCKS = 60
"""Values that a survivor may have locked in its own name after a merge. So it can be deleted in one transaction, which
releases them, with its event, its customer and the contact that becomes primary."""
_PAGE = 100


class MergeTable:
    """The merges of one tenant."""

    def __init__(
        self, store: Store, tenant_id: str, labels: LabelTable, *, budget: Budget | None = None
    ) -> None:
        self._store = store
        self._tenant = tenant_id
        self._labels = labels
        self._reads = BudgetedReads(store, budget or Budget.unlimited())
        self._members = MembershipTable(store, tenant_id)
        self._contacts = ContactTable(store, tenant_id)
        self._customers = CustomerTable(store, tenant_id)
        self._survivors = Survivors(store, tenant_id)

    def get(self, merge_id: str) -> Merge | None:
        """Return a merge as of now, or None."""
        item = self._store.get(merge_keys.merge(self._tenant, merge_id))
        return merge_items.merge_from_item(item) if item else None

    def get_detail(self, merge: Merge) -> MergeDetail | None:
        """Return what the undo of a merge needs; None if it was undone, or after its survivor was purged."""
        item = self._store.get(merge_keys.detail(self._tenant, merge.survivor_id, merge.id))
        return merge_items.detail_from_item(item) if item else None

    def walk_newest(self, *, after: str | None, portion: int) -> Iterator[Merge]:
        """Yield merges, the newest first, after the id `after`. Raises BudgetSpent when the budget is spent."""
        partition = merge_keys.partition(self._tenant)
        while True:
            rows = self._reads.query(partition, limit=portion, after=after, descending=True)
            yield from map(merge_items.merge_from_item, rows)
            if len(rows) < portion:
                return
            after = rows[-1][SK]["S"]

    def later_merges(self, merge: Merge) -> list[str]:
        """Return the ids of the later merges that must be undone before a merge: those into its survivor, and those of
        its survivor into another contact, along the chain.
        """
        found = self._merges_into(merge.survivor_id, after=merge.id)
        contact_id = merge.survivor_id
        while True:
            record = self._store.get(contact_keys.contact(self._tenant, contact_id))
            if record is None or MERGED_INTO not in record:
                return found
            into = record[MERGED_INTO]["S"]
            keys = [merge_keys.merge(self._tenant, one) for one in self._merges_into(into, after=merge.id)]
            merges = map(merge_items.merge_from_item, self._store.get_many(keys).values())
            found += [one.id for one in merges if one.state == "done" and contact_id in one.merged_ids]
            contact_id = into

    def _merges_into(self, survivor_id: str, *, after: str) -> list[str]:
        """Return the ids of the merges into a contact that are not undone, after the merge `after`."""
        rows = self._store.query(
            contact_keys.partition(self._tenant, survivor_id),
            prefix=merge_keys.DETAIL,
            after=f"{merge_keys.DETAIL}{after}",
            limit=_PAGE,
            consistent=True,
        )
        return [merge_keys.id_of_detail(row) for row in rows]

    def contacts(self, contact_ids: Iterable[str]) -> dict[str, Contact]:
        """Return the contacts with some ids as of now, by id: live, deleted and merged ones, with the names of their
        labels. A hundred are one call.
        """
        keys = [contact_keys.contact(self._tenant, one) for one in contact_ids]
        found = (
            [one for one in self._store.get_many(keys).values() if "emptied_at" not in one] if keys else []
        )
        contacts = [contact_items.contact_from_item(one) for one in found]
        if any(one.has_labels for one in contacts):
            labels = self._labels.current()  # read after the contacts, so that it includes all of theirs
            contacts = [one.with_label_names(labels) for one in contacts]
        return {one.id: one for one in contacts}

    def find_survivor(self, contact: Contact) -> Contact | None:
        """Return the contact at the end of the chain of a merged one, live or deleted; None if it is purged."""
        item = self._survivors.find(contact_items.contact_to_item(self._tenant, contact))
        return contact_items.contact_from_item(item) if item is not None else None

    def holders(self, locks: Iterable[Lock]) -> dict[Lock, str]:
        """Return the contacts that have unique values, as `ContactTable.holders` does."""
        return self._contacts.holders(locks)

    def customers(self, customer_ids: Iterable[str]) -> dict[str, Customer]:
        """Return the live customers with some ids as of now, by id."""
        return self._customers.get_many(customer_ids)

    def own_times(self, contact_id: str) -> FigureTimes:
        """Return the times among the figures of a contact's own partition, as of now."""
        store, tenant_id = self._store, self._tenant
        return FigureTimes(
            last_booking_at=BookingTable(store, tenant_id).latest_start_of_part(contact_id, without=""),
            last_contacted_at=InteractionTable(store, tenant_id).latest_of_part(
                contact_id, until=timestamps.now(), without=""
            ),
            next_follow_up_at=FollowUpTable(store, tenant_id).first_due_of_part(contact_id, without=""),
        )

    def check(self, merge: Merge, detail: MergeDetail, changes: Changes) -> None:
        """Raise what `add` would raise for the changes as they are now."""
        self._check_locks(merge, changes)
        self._check_size(self._build(merge, detail, changes))
        self._contacts.check_locks(*changes.contacts)

    def add(
        self, merge: Merge, detail: MergeDetail, changes: Changes, result: GroupResult | None = None
    ) -> None:
        """Write a merge with all changes that belong to it, and the result of the job's group that it merges.

        Raises ConcurrentChange when a record is no longer as it was read, Duplicate when another contact has a value
        that the survivor would have among its customer's contacts, and Conflict with code `merge_too_large`.
        """
        self._check_locks(merge, changes)

        def build() -> Transaction:
            transaction = self._build(merge, detail, changes)
            self._check_size(transaction)
            if result is not None and merge.job_id is not None:
                item = result_to_item(self._tenant, merge.job_id, merge.at, result)
                transaction.put(item, **guards.is_new())
            return transaction

        commit_with_locks(self._store, build)

    def _build(self, merge: Merge, detail: MergeDetail, changes: Changes) -> Transaction:
        transaction = Transaction()
        self._members.add(transaction, changes)
        transaction.put(merge_items.merge_to_item(self._tenant, merge), **guards.is_new())
        transaction.put(merge_items.detail_to_item(self._tenant, merge, detail))
        return transaction

    def undo(self, merge: Merge, changes: Changes) -> None:
        """Write the undo of a merge with all changes that belong to it; `merge` has the undo. Raises as `add` does.

        Values of the contacts that are back may have been given to other contacts and become free again, up to 23 for
        each. If these are too many for the transaction, they are locked before it.
        """
        most = MOST_STEPS - 1
        if len(self._build_undo(merge, changes).steps) > most:
            self._contacts.take_locks_ahead(*changes.contacts)

        def build() -> Transaction:
            transaction = self._build_undo(merge, changes)
            if len(transaction.steps) > most or transaction.size() > MOST_BYTES:
                raise Conflict(
                    f"The undo would write {len(transaction.steps)} records, and {most} records, with {MOST_BYTES:,} "
                    "bytes, can be written at once. Remove addresses and numbers of the survivor first: those of the "
                    "merged contacts are back with these.",
                    code="merge_too_large",
                )
            return transaction

        commit_with_locks(self._store, build)

    def _build_undo(self, merge: Merge, changes: Changes) -> Transaction:
        transaction = Transaction()
        self._members.add(transaction, changes)
        transaction.put(
            merge_items.merge_to_item(self._tenant, merge),
            condition="attribute_not_exists(undone)",
            refusal=guards.concurrent_change,
        )
        transaction.delete(merge_keys.detail(self._tenant, merge.survivor_id, merge.id))
        return transaction

    def _check_locks(self, merge: Merge, changes: Changes) -> None:
        """Raise Conflict if the survivor would have locked too many values in its own name: those of merged contacts
        of other customers, where values are unique among the contacts of a customer.
        """
        survivor = changes.after(merge.survivor_id)
        if survivor is None or survivor.unique_scope == "tenant":
            return
        own = self._contacts.count_own_locks(survivor)
        if own > _MOST_OWN_LOCKS:
            raise Conflict(
                f"The survivor would have {own} addresses and numbers of its own among its customer's contacts, and "
                f"{_MOST_OWN_LOCKS} are possible. Merge fewer contacts of other customers into it.",
                code="merge_too_large",
            )

    def _check_size(self, transaction: Transaction) -> None:
        steps, most = len(transaction.steps), _MOST_OF_MERGE
        if steps > most or transaction.size() > _MOST_BYTES_OF_MERGE:
            raise Conflict(
                f"The contacts, their customers and the locks of their values are {steps} records. {most} records, and "
                f"{_MOST_BYTES_OF_MERGE:,} bytes of them, can be written at once. Merge fewer contacts at once.",
                code="merge_too_large",
            )
