"""Contacts and their timelines in the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.domain.communication import ConsentEntry
from shared.domain.contact import Contact
from shared.domain.errors import ConcurrentChange, DomainError, Duplicate, Unavailable
from shared.domain.events import Event
from shared.domain.interaction import Interaction
from shared.table import items, keys
from shared.table.store import Item, Store, Transaction

_MOST = 99
"""Items in one transaction: DynamoDB's hundred, with room for the check of a claim (`FencedStore`)."""
_MOST_BYTES = 3_000_000
"""Of all items in one transaction; DynamoDB takes 4 MB."""


class ContactTable:
    """The contacts of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self, contact_id: str) -> Contact | None:
        """A live contact as of now, or None."""
        item = self._store.get(keys.contact(self._tenant, contact_id))
        if item is None or "deleted_at" in item:
            return None
        return items.contact_from_item(item)

    def get_with_deleted(self, contact_id: str) -> Contact | None:
        """A contact as of now, live or deleted, or None. One that is being purged is gone."""
        item = self._store.get(keys.contact(self._tenant, contact_id))
        return items.contact_from_item(item) if item and "emptied_at" not in item else None

    def get_many(self, contact_ids: Iterable[str]) -> dict[str, Contact]:
        """The live contacts there are of many ids, as of now."""
        found = self._store.get_many([keys.contact(self._tenant, one) for one in contact_ids])
        live = (items.contact_from_item(item) for item in found.values() if "deleted_at" not in item)
        return {contact.id: contact for contact in live}

    def written(self, events: Iterable[tuple[str, str]]) -> set[str]:
        """Those of many events, each (contact id, event id), that are written; as contact ids."""
        by_key = {
            (key[keys.PK]["S"], key[keys.SK]["S"]): (contact_id, key)
            for contact_id, event_id in events
            for key in (keys.event(self._tenant, "contact", contact_id, event_id),)
        }
        found = self._store.get_many([key for _, key in by_key.values()])
        return {by_key[one][0] for one in found}

    def owner_of_email(self, email: str) -> str | None:
        """The id of the live contact that has an address (in its stored form), or None."""
        lock = self._store.get(keys.email_lock(self._tenant, email))
        return lock["contact_id"]["S"] if lock else None

    def owners_of_emails(self, emails: Iterable[str]) -> dict[str, str]:
        """Which of many addresses are in use, and by which contact."""
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
        """Write new contacts with their locks and events, all or none: two items each and one for each address, a
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
            size += _bytes_in(step)
            if ids and (alone or len(together.steps) + len(step.steps) > _MOST or size > _MOST_BYTES):
                yield ids, self._refusal_of(together)
                together, ids, size = Transaction(), [], _bytes_in(step)
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
        for email, field in contact.addresses.items():
            self._lock(transaction, email, field, contact.id)
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
        had, has = before.addresses, after.addresses
        # An address that only moved between the fields keeps its lock.
        for email, field in has.items():
            if email not in had:
                self._lock(transaction, email, field, after.id)
        for email in had:
            if email not in has:
                self._unlock(transaction, email, before.id)
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

    def _lock(self, transaction: Transaction, email: str, field: str, contact_id: str) -> None:
        is_free = "attribute_not_exists(PK)"
        is_own = "contact_id = :me"
        me = {"S": contact_id}
        transaction.put(
            {**keys.email_lock(self._tenant, email), "contact_id": me},
            condition=f"{is_free} OR {is_own}",
            values={":me": me},
            refusal=lambda holder: Duplicate(
                field, holder["contact_id"]["S"] if holder else "", "e-mail address"
            ),
        )

    def _unlock(self, transaction: Transaction, email: str, contact_id: str) -> None:
        is_gone = "attribute_not_exists(PK)"
        is_own = "contact_id = :me"
        transaction.delete(
            keys.email_lock(self._tenant, email),
            condition=f"{is_gone} OR {is_own}",
            values={":me": {"S": contact_id}},
            refusal=lambda _: ConcurrentChange(),
        )


def _bytes_in(transaction: Transaction) -> int:
    """How many bytes the texts to be put take at the most: four a character. All else is short."""
    puts = (step["Put"]["Item"] for step in transaction.steps if "Put" in step)
    return 4 * sum(len(value["S"]) for item in puts for value in item.values() if "S" in value)
