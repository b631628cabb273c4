"""Contacts in the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shared import observability
from shared.domain.callers import ContactOwners
from shared.domain.contacts.consent import ConsentEntry
from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock
from shared.domain.errors import NOT_A_RECORD, Conflict, DomainError, TooLarge, Unavailable
from shared.domain.events import Event
from shared.table import event_items, guards
from shared.table.contacts import items as contact_items
from shared.table.contacts.locks import ContactLocks, check_steps, commit_with_locks
from shared.table.contacts.survivors import Survivors
from shared.table.item import Item, item_size
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import identity_of
from shared.table.labels import LabelTable
from shared.table.store import Store
from shared.table.transactions import MOST_BYTES, MOST_STEPS, Transaction

Change = tuple[Contact | None, Contact, *tuple[Event, ...]]
"""A contact before a change, None for a new one, and after it, and the events of the change."""

_MOST = MOST_STEPS - 1
"""Items in one transaction, which leaves one for the check of a claim (`FencedStore`)."""


class ContactTable:
    """The contacts of one tenant. With `labels`, contacts are read with the names of their labels."""

    def __init__(self, store: Store, tenant_id: str, labels: LabelTable | None = None) -> None:
        self._store = store
        self._tenant = tenant_id
        self._labels = labels
        self._survivors = Survivors(store, tenant_id)
        self._locks = ContactLocks(store, tenant_id)

    def get(self, contact_id: str) -> Contact | None:
        """Return a live contact as of now, or None. Of a merged contact, returns the survivor, if that is live."""
        contact = self.find_present(contact_id)
        return contact if contact and contact.deleted_at is None else None

    def find_present(self, contact_id: str) -> Contact | None:
        """Return a contact as of now, live or deleted; None when it does not exist or is being purged. Of a merged
        contact, returns the survivor.
        """
        contact = self.get_with_deleted(contact_id)
        while contact is not None and contact.merged_into is not None:
            contact = self.get_with_deleted(contact.merged_into)
        return contact

    def get_with_deleted(self, contact_id: str) -> Contact | None:
        """Return a contact as of now, live, deleted or merged; None when it does not exist or is being purged."""
        key = contact_keys.contact(self._tenant, contact_id)
        if self._labels is None:
            item = self._store.get(key)
            return contact_items.contact_from_item(item) if item and "emptied_at" not in item else None
        stamp = self._labels.stamp_key
        found = self._store.get_many([key, stamp])
        item = found.get(identity_of(key))
        if item is None or "emptied_at" in item:
            return None
        contact = contact_items.contact_from_item(item)
        return contact.with_label_names(self._labels.at(found.get(identity_of(stamp))))

    def get_many(self, contact_ids: Iterable[str]) -> dict[str, Contact]:
        """Return the live contacts with some ids as of now, by these ids. Of a merged contact, returns the survivor."""
        present = self._survivors.find_many(self._read_items(contact_ids))
        contacts = {
            one: contact_items.contact_from_item(item)
            for one, item in present.items()
            if "deleted_at" not in item
        }
        if self._labels is not None and any(one.has_labels for one in contacts.values()):
            labels = self._labels.current()  # read after the contacts, so that it includes all of theirs
            contacts = {one: contact.with_label_names(labels) for one, contact in contacts.items()}
        return contacts

    def read_owners(self, contact_ids: Sequence[str]) -> dict[str, ContactOwners]:
        """Return the owners of the contacts with some ids as of now, live or deleted, by these ids.

        The owners of a merged contact are those of the survivor. Leaves out those that are being purged. One that
        cannot be read is logged and has no owner. A hundred contacts are one call, and one more for each step of the
        longest chain of merges.
        """
        items = self._read_items(contact_ids)
        present = self._survivors.find_many(items)
        return {one: _owners_of(items[one], item) for one, item in present.items()}

    def _read_items(self, contact_ids: Iterable[str]) -> dict[str, Item]:
        """Return the items of contacts that exist, by id."""
        keys = {one: contact_keys.contact(self._tenant, one) for one in contact_ids}
        found = self._store.get_many(list(keys.values()))
        return {one: item for one, key in keys.items() if (item := found.get(identity_of(key))) is not None}

    def find_written(self, events: Iterable[tuple[str, str]]) -> set[str]:
        """Return the contact ids of those of many events, each (contact id, event id), that are in the table.

        The events are of the contacts themselves, not of entries of their timelines.
        """
        return {contact_id for contact_id, _ in self._find_events(events)}

    def read_events(self, events: Iterable[tuple[str, str]]) -> dict[str, Event]:
        """Return those of many events, each (contact id, event id), that are in the table, by their ids.

        The events are of the contacts themselves, as with `find_written`.
        """
        found = (event_items.event_from_item(item) for _, item in self._find_events(events))
        return {event.id: event for event in found}

    def _find_events(self, events: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Item]]:
        by_key = {
            identity_of(key): (contact_id, key)
            for contact_id, event_id in events
            for key in (event_keys.event(self._tenant, "contact", contact_id, event_id),)
        }
        for found, item in self._store.get_many([key for _, key in by_key.values()]).items():
            yield by_key[found][0], item

    def holders(self, locks: Iterable[Lock]) -> dict[Lock, str]:
        """Return the ids of the live contacts that have unique values, as of now, without values that are free.

        A contact that was merged into another one has none. A hundred values are one call. If any is in use and the
        tenant has merges, the records of the contacts are read too.
        """
        return self._locks.holders(locks)

    def owner_of_email(self, email: str) -> str | None:
        """Return the id of the live contact that has an address (in its stored form), or None.

        Where each customer may have the same address: the contact without a customer, or else that of the oldest
        customer.
        """
        return next(iter(self.all_owners_of_email(email, limit=1)), None)

    def all_owners_of_email(self, email: str, *, limit: int) -> list[str]:
        """Return the ids of the live contacts that have an address: several only where `unique_scope` is customer."""
        return self._locks.owners_of_email(email, limit=limit)

    def named_by_email(self, email: str) -> str | None:
        """Return the id of the contact that the lock on an address names, or None: that of `owner_of_email`, or one
        that was merged. For who reads the contact's record next.
        """
        return self._locks.named_by_email(email)

    def owners_of_emails(self, emails: Iterable[str]) -> dict[str, str]:
        """Return the contact of each of many addresses that is in use, where they are unique in the tenant. It costs
        what `holders` costs."""
        found = self.holders(Lock("EMAIL", email, None) for email in emails)
        return {lock.value: contact_id for lock, contact_id in found.items()}

    def create(self, *created: tuple[Contact, Event]) -> None:
        """Write new contacts with their locks and events, all or none.

        Each takes two items, one for each lock, and one for a given status; all of them at most a hundred. Raises
        Duplicate when another contact has an address. Writing the same contact and event again changes nothing and
        succeeds.
        """

        def build() -> Transaction:
            transaction = Transaction()
            self.add_changes(transaction, *((None, contact, event) for contact, event in created))
            return transaction

        commit_with_locks(self._store, build)

    def write_together(
        self,
        changes: Iterable[Change],
        *,
        separately: bool = False,
    ) -> Iterator[tuple[list[str], DomainError | None]]:
        """Write changes of different contacts in as few transactions as they fit in; `separately`: each in its own.

        A change is (before, or None for a new contact; after; events). Yields for each transaction that was sent the
        ids of its contacts, and None, or the error of one of them, for which nothing of the transaction was written:
        the errors of `create` and `save`, and TooLarge. Raises Unavailable.
        """
        together, ids, size = Transaction(), list[str](), 0
        for before, after, *events in changes:
            step = Transaction()
            try:
                self.add_changes(step, (before, after, *events))
                check_steps(step)
            except (Conflict, TooLarge) as refusal:  # of its locks, or of its event
                yield [after.id], refusal
                continue
            more = step.size()
            size += more
            # Two changes that take locks of contacts merged into the same one both write its record.
            separately = separately or self._locks.has_freed
            if ids and (separately or len(together.steps) + len(step.steps) > _MOST or size > MOST_BYTES):
                yield ids, self._refusal_of(together)
                together, ids, size = Transaction(), [], more
            together.steps += step.steps
            together.refusals += step.refusals
            ids.append(after.id)
        if ids:
            yield ids, self._refusal_of(together)

    def _refusal_of(self, transaction: Transaction) -> DomainError | None:
        try:
            self._store.commit(transaction)
        except Unavailable:
            raise
        except DomainError as refusal:
            return refusal
        return None

    def save(
        self, before: Contact, after: Contact, event: Event, consent: ConsentEntry | None = None
    ) -> None:
        """Write a changed contact, its event, its locks where addresses changed or the contact was deleted or restored,
        and an entry in the consent history when the change is a consent.

        Raises Duplicate as `create` does, and ConcurrentChange when the record is no longer at the version of `before`.
        """

        def build() -> Transaction:
            transaction = Transaction()
            self.add_changes(transaction, (before, after, event))
            if consent is not None:
                transaction.put(contact_items.consent_to_item(self._tenant, after.id, consent))
            return transaction

        commit_with_locks(self._store, build)

    def add_changes(self, transaction: Transaction, *changes: Change) -> None:
        """Add the changes of different contacts to a transaction: records, locks, events with their entries of the
        history.

        The transaction raises Duplicate when another contact has a value, and ConcurrentChange when a record is no
        longer at the version that it was read at, or when the same transaction can succeed when it is made again.
        """
        states = [(before, after) for before, after, *_ in changes]
        plan = self._locks.plan(states)
        for before, after in states:
            guard = plan.guard(before, after) if before else guards.is_new_or_own(after.last_event)
            transaction.put(contact_items.contact_to_item(self._tenant, after), **guard)
        self._locks.add(transaction, plan, states)
        for before, after, *events in changes:
            self._add_events(transaction, after, events, follows=before.last_event if before else "")

    def count_own_locks(self, survivor: Contact) -> int:
        """Return how many values of a contact are locked in its own name, or will be, and not by merged contacts."""
        return self._locks.count_own(survivor)

    def take_locks_ahead(self, *changes: Change) -> None:
        """Take the free values of the contacts that a merge will be undone for, each by itself. Repeating it is
        harmless.
        """
        self._locks.take_ahead([(before, after) for before, after, *_ in changes if before is not None])

    def check_locks(self, *changes: Change) -> None:
        """Raise Duplicate if another contact has a value that changes of different contacts take, as of now."""
        plan = self._locks.plan([(before, after) for before, after, *_ in changes])
        self._locks.check(plan)

    def _add_events(
        self, transaction: Transaction, contact: Contact, events: Iterable[Event], *, follows: str
    ) -> None:
        for event in events:
            event_items.add_event(
                transaction, self._tenant, event, follows=follows, guard=guards.is_new_event(event.version)
            )
            follows = event.id
            if (entry := contact.status_entry(event)) is not None:
                transaction.put(contact_items.status_to_item(self._tenant, contact.id, event.version, entry))


def _owners_of(item: Item, survivor: Item) -> ContactOwners:
    """Return the owners of a contact by the item of its survivor, or its own if it is not merged. An item that is not a
    contact has none.
    """
    size = item_size(item) + (0 if survivor is item else item_size(survivor))
    try:
        contact = contact_items.contact_from_item(survivor)
    except NOT_A_RECORD:
        observability.warn("not a contact", trace=observability.trace())
        return ContactOwners(None, [], size)
    return ContactOwners(contact.owner_id, contact.organizer_ids, size)
