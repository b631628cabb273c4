"""Contacts and their timelines in the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.domain.contacts.consent import ConsentEntry
from shared.domain.contacts.interaction import Interaction
from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock
from shared.domain.errors import ConcurrentChange, DomainError, Duplicate, Unavailable
from shared.domain.events import Event
from shared.domain.tenant import UniqueScope
from shared.table import items
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import SK, Key, identity_of
from shared.table.labels import LabelTable
from shared.table.store import MOST_BYTES, MOST_STEPS, Item, Store, Transaction

_NAMES = {"EMAIL": "e-mail address", "PHONE": "telephone number", "WHATSAPP": "WhatsApp number"}
_MOST = MOST_STEPS - 1
"""Items in one transaction, with room for the check of a claim (`FencedStore`)."""


class ContactTable:
    """The contacts of one tenant. Given its `labels`, contacts are read with the names of theirs."""

    def __init__(self, store: Store, tenant_id: str, labels: LabelTable | None = None) -> None:
        self._store = store
        self._tenant = tenant_id
        self._labels = labels

    def get(self, contact_id: str) -> Contact | None:
        """A live contact as of now, or None."""
        contact = self.get_with_deleted(contact_id)
        return contact if contact and contact.deleted_at is None else None

    def get_with_deleted(self, contact_id: str) -> Contact | None:
        """A contact as of now, live or deleted, or None. One that is being purged is gone."""
        key = contact_keys.contact(self._tenant, contact_id)
        if self._labels is None:
            item = self._store.get(key)
            return items.contact_from_item(item) if item and "emptied_at" not in item else None
        stamp = self._labels.stamp_key
        found = self._store.get_many([key, stamp])
        item = found.get(identity_of(key))
        if item is None or "emptied_at" in item:
            return None
        contact = items.contact_from_item(item)
        return contact.with_label_names(self._labels.at(found.get(identity_of(stamp))))

    def get_many(self, contact_ids: Iterable[str]) -> dict[str, Contact]:
        """The live contacts of ids as of now, by id."""
        found = self._store.get_many(
            [contact_keys.contact(self._tenant, one) for one in contact_ids]
        ).values()
        contacts = [items.contact_from_item(item) for item in found if "deleted_at" not in item]
        if self._labels is not None and any(one.has_labels for one in contacts):
            labels = self._labels.current()  # read behind the contacts, so that it knows all theirs
            contacts = [one.with_label_names(labels) for one in contacts]
        return {contact.id: contact for contact in contacts}

    def written(self, events: Iterable[tuple[str, str]]) -> set[str]:
        """Those of many events, each (contact id, event id), that are written; as contact ids."""
        by_key = {
            identity_of(key): (contact_id, key)
            for contact_id, event_id in events
            for key in (event_keys.event(self._tenant, "contact", contact_id, event_id),)
        }
        found = self._store.get_many([key for _, key in by_key.values()])
        return {by_key[one][0] for one in found}

    def owner_of_email(self, email: str) -> str | None:
        """The id of the live contact that has an address (in its stored form), or None.

        Where customers may have the same one each: that without a customer, or else that of the oldest customer.
        """
        return next(iter(self.all_owners_of_email(email, limit=1)), None)

    def all_owners_of_email(self, email: str, *, limit: int) -> list[str]:
        """The ids of the live contacts that have an address; more than one where `unique_scope` is customer."""
        partition = contact_keys.email_partition(self._tenant, email)
        locks = self._store.query(partition, limit=limit, consistent=True)
        return [lock["contact_id"]["S"] for lock in locks]

    def owners_of_emails(self, emails: Iterable[str], scope: UniqueScope = "tenant") -> dict[str, str]:
        """Which of many addresses are in use, and by which contact (as `owner_of_email` says).

        In the scope of a tenant a hundred are one call; in that of customers each is one of its own.
        """
        if scope == "customer":
            owners = {email: self.owner_of_email(email) for email in emails}
            return {email: owner for email, owner in owners.items() if owner is not None}
        keys = {email: contact_keys.email_lock(self._tenant, email) for email in emails}
        locks = self._store.get_many(list(keys.values()))
        found = {email: locks.get(identity_of(key)) for email, key in keys.items()}
        return {email: lock["contact_id"]["S"] for email, lock in found.items() if lock}

    def interactions(
        self, contact_id: str, *, limit: int, after: str | None
    ) -> list[tuple[str, Interaction]]:
        """A contact's interactions, newest first, each with its position for `after`."""
        rows = self._store.query(
            contact_keys.partition(self._tenant, contact_id),
            prefix=contact_keys.INTERACTION,
            limit=limit,
            after=after,
            descending=True,
            consistent=True,
        )
        return [(row[SK]["S"], items.interaction_from_item(row)) for row in rows]

    def consents(self, contact_id: str, *, limit: int, after: str | None) -> list[tuple[str, ConsentEntry]]:
        """A contact's history of consents, newest first, each with its position for `after`."""
        rows = self._store.query(
            contact_keys.partition(self._tenant, contact_id),
            prefix=contact_keys.CONSENT,
            limit=limit,
            after=after,
            descending=True,
            consistent=True,
        )
        return [(row[SK]["S"], items.consent_from_item(row)) for row in rows]

    def create(self, *created: tuple[Contact, Event]) -> None:
        """Write new contacts with their locks and events, all or none: two items each and one for each lock, a
        hundred at the most.

        Raises Duplicate when another contact has an address. Writing the same contact and event again
        changes nothing and succeeds.
        """
        transaction = Transaction()
        for contact, event in created:
            self.add_creation(transaction, contact, event)
        self._store.commit(transaction)

    def write_together(
        self, changes: Iterable[tuple[Contact | None, Contact, Event]], *, alone: bool = False
    ) -> Iterator[tuple[list[str], DomainError | None]]:
        """Write changes of different contacts, each (before, or None for a new one; after; event), in as few
        transactions as they fit in; `alone`: each in its own.

        Gives for each transaction, once it is sent, the ids of its contacts, and None, or the refusal of one of
        them, for which nothing of it was written: those of `create` and `save`, and TooLarge. Raises Unavailable.
        """
        together, ids, size = Transaction(), list[str](), 0
        for before, after, event in changes:
            step = Transaction()
            if before is None:
                self.add_creation(step, after, event)
            else:
                self.add_change(step, before, after, event)
            more = step.size()
            size += more
            if ids and (alone or len(together.steps) + len(step.steps) > _MOST or size > MOST_BYTES):
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

    def add_creation(self, transaction: Transaction, contact: Contact, *events: Event) -> None:
        """Add the creation of a contact to a transaction: record, locks, events."""
        self._put(transaction, contact, "attribute_not_exists(PK)", {})
        for lock, field in contact.locks.items():
            self._lock(transaction, lock, field, contact.id)
        for event in events:
            self._tell(transaction, event)

    def save(
        self, before: Contact, after: Contact, event: Event, consent: ConsentEntry | None = None
    ) -> None:
        """Write a changed contact, its event, its locks where addresses changed or the contact died or came back,
        and the history's entry when the change is a consent.

        Raises Duplicate as `create` does, and ConcurrentChange when the record is no longer at the version
        of `before`.
        """
        transaction = Transaction()
        self.add_change(transaction, before, after, event)
        if consent is not None:
            transaction.put(items.consent_to_item(self._tenant, after.id, consent))
        self._store.commit(transaction)

    def add_change(self, transaction: Transaction, before: Contact, after: Contact, *events: Event) -> None:
        """Add the change of a contact to a transaction: record, locks, events."""
        is_unchanged = "version = :before"
        self._put(transaction, after, is_unchanged, {":before": {"N": str(before.version)}})
        had, has = before.locks, after.locks
        # An address that only moved between the fields keeps its lock.
        for lock, field in has.items():
            if lock not in had:
                self._lock(transaction, lock, field, after.id)
        for lock in had:
            if lock not in has:
                self._unlock(transaction, lock, before.id)
        for event in events:
            self._tell(transaction, event)

    def _tell(self, transaction: Transaction, event: Event) -> None:
        # Work done twice derives the same event id. What it told of one version it must not tell of a later one.
        is_new = "attribute_not_exists(PK)"
        is_own_write = "version = :version"
        transaction.put(
            items.event_to_item(self._tenant, event),
            condition=f"{is_new} OR {is_own_write}",
            values={":version": {"N": str(event.version)}},
            refusal=lambda _: ConcurrentChange(),
        )

    def _put(self, transaction: Transaction, contact: Contact, condition: str, values: Item) -> None:
        # Also true of the very write that is being sent again after its answer was lost.
        is_own_write = "last_event = :event"
        transaction.put(
            items.contact_to_item(self._tenant, contact),
            condition=f"{condition} OR {is_own_write}",
            values={**values, ":event": {"S": contact.last_event}},
            refusal=lambda _: ConcurrentChange(),
        )

    def _key(self, lock: Lock) -> Key:
        if lock.kind == "EMAIL":
            return contact_keys.email_lock(self._tenant, lock.value, lock.within)
        key_of = {"PHONE": contact_keys.phone_lock, "WHATSAPP": contact_keys.whatsapp_lock}[lock.kind]
        return key_of(self._tenant, lock.value, lock.within or "")

    def _lock(self, transaction: Transaction, lock: Lock, field: str, contact_id: str) -> None:
        is_free = "attribute_not_exists(PK)"
        is_own = "contact_id = :me"
        me = {"S": contact_id}
        transaction.put(
            {**self._key(lock), "contact_id": me},
            condition=f"{is_free} OR {is_own}",
            values={":me": me},
            refusal=lambda holder: Duplicate(
                field, holder["contact_id"]["S"] if holder else "", _NAMES[lock.kind]
            ),
        )

    def _unlock(self, transaction: Transaction, lock: Lock, contact_id: str) -> None:
        is_gone = "attribute_not_exists(PK)"
        is_own = "contact_id = :me"
        transaction.delete(
            self._key(lock),
            condition=f"{is_gone} OR {is_own}",
            values={":me": {"S": contact_id}},
            refusal=lambda _: ConcurrentChange(),
        )
