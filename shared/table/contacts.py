"""Contacts and their timelines in the table."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.communication import ConsentEntry
from shared.domain.contact import Contact, Lock
from shared.domain.errors import ConcurrentChange, Duplicate
from shared.domain.events import Event
from shared.domain.interaction import Interaction
from shared.domain.tenant import UniqueScope
from shared.table import items, keys
from shared.table.labels import LabelTable
from shared.table.store import Item, Store, Transaction

_NAMES = {"EMAIL": "e-mail address", "PHONE": "telephone number", "WHATSAPP": "WhatsApp number"}


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
        return self._get([contact_id]).get(contact_id)

    def get_many(self, contact_ids: Iterable[str]) -> dict[str, Contact]:
        """The live contacts of ids as of now, by id."""
        found = self._get(contact_ids)
        return {contact.id: contact for contact in found.values() if contact.deleted_at is None}

    def _get(self, contact_ids: Iterable[str]) -> dict[str, Contact]:
        wanted = [keys.contact(self._tenant, one) for one in contact_ids]
        if self._labels is None:
            return self._contacts_in(self._store.get_many(wanted))
        stamp = self._labels.stamp_key
        found = self._store.get_many([stamp, *wanted])
        labels = self._labels.at(found.pop((stamp[keys.PK]["S"], stamp[keys.SK]["S"]), None))
        return {one: contact.named(labels) for one, contact in self._contacts_in(found).items()}

    def _contacts_in(self, found: dict[tuple[str, str], Item]) -> dict[str, Contact]:
        live = [item for item in found.values() if "emptied_at" not in item]
        return {item["id"]["S"]: items.contact_from_item(item) for item in live}

    def owner_of_email(self, email: str) -> str | None:
        """The id of the live contact that has an address (in its stored form), or None.

        Where customers may have the same one each: that without a customer, or else that of the oldest customer.
        """
        return next(iter(self.all_owners_of_email(email, limit=1)), None)

    def all_owners_of_email(self, email: str, *, limit: int) -> list[str]:
        """The ids of the live contacts that have an address; more than one where `unique_scope` is customer."""
        partition = keys.email_partition(self._tenant, email)
        locks = self._store.query(partition, limit=limit, consistent=True)
        return [lock["contact_id"]["S"] for lock in locks]

    def owners_of_emails(self, emails: Iterable[str], scope: UniqueScope = "tenant") -> dict[str, str]:
        """Which of many addresses are in use, and by which contact (as `owner_of_email` says).

        In the scope of a tenant a hundred are one call; in that of customers each is one of its own.
        """
        if scope == "customer":
            owners = {email: self.owner_of_email(email) for email in emails}
            return {email: owner for email, owner in owners.items() if owner is not None}
        by_key = {keys.email_lock(self._tenant, email)[keys.PK]["S"]: email for email in emails}
        locks = self._store.get_many([{keys.PK: {"S": pk}, keys.SK: {"S": "LOCK"}} for pk in by_key])
        return {by_key[pk]: lock["contact_id"]["S"] for (pk, _), lock in locks.items()}

    def interactions(
        self, contact_id: str, *, limit: int, after: str | None
    ) -> list[tuple[str, Interaction]]:
        """A contact's interactions, newest first, each with its position for `after`."""
        rows = self._store.query(
            keys.contact_partition(self._tenant, contact_id),
            prefix=keys.INTERACTION,
            limit=limit,
            after=after,
            descending=True,
            consistent=True,
        )
        return [(row[keys.SK]["S"], items.interaction_from_item(row)) for row in rows]

    def consents(self, contact_id: str, *, limit: int, after: str | None) -> list[tuple[str, ConsentEntry]]:
        """A contact's history of consents, newest first, each with its position for `after`."""
        rows = self._store.query(
            keys.contact_partition(self._tenant, contact_id),
            prefix=keys.CONSENT,
            limit=limit,
            after=after,
            descending=True,
            consistent=True,
        )
        return [(row[keys.SK]["S"], items.consent_from_item(row)) for row in rows]

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

    def add_creation(self, transaction: Transaction, contact: Contact, *events: Event) -> None:
        """Add the creation of a contact to a transaction: record, locks, events."""
        self._put(transaction, contact, "attribute_not_exists(PK)", {})
        for lock, field in contact.locks.items():
            self._lock(transaction, lock, field, contact.id)
        for event in events:
            transaction.put(items.event_to_item(self._tenant, event))

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
            transaction.put(items.event_to_item(self._tenant, event))

    def _put(self, transaction: Transaction, contact: Contact, condition: str, values: Item) -> None:
        # Also true of the very write that is being sent again after its answer was lost.
        is_own_write = "last_event = :event"
        transaction.put(
            items.contact_to_item(self._tenant, contact),
            condition=f"{condition} OR {is_own_write}",
            values={**values, ":event": {"S": contact.last_event}},
            refusal=lambda _: ConcurrentChange(),
        )

    def _key(self, lock: Lock) -> keys.Key:
        if lock.kind == "EMAIL":
            return keys.email_lock(self._tenant, lock.value, lock.within)
        key_of = {"PHONE": keys.phone_lock, "WHATSAPP": keys.whatsapp_lock}[lock.kind]
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
