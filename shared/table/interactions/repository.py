"""Interactions in the table: single ones, with the contact whose figures they move."""

from __future__ import annotations

from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange
from shared.domain.events import Event
from shared.domain.interactions.interaction import Interaction
from shared.services.interactions.scheduling import FollowUpChange
from shared.table import guards
from shared.table.contacts import items as contact_items
from shared.table.contacts.repository import ContactTable
from shared.table.contacts.survivors import MERGED_INTO
from shared.table.interactions import items as interaction_items
from shared.table.interactions.follow_up_items import add_follow_up
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import interactions as interaction_keys
from shared.table.keys.spelling import identity_of
from shared.table.store import Store
from shared.table.transactions import Transaction


class InteractionTable:
    """The interactions of one tenant's contacts.

    Every write also writes the contact, on condition that it is as it was read. A changed or removed interaction must
    be at the version that was read, too: it is read in one call with the contact, but DynamoDB does not read the items
    of a BatchGetItem at one instant. Raises ConcurrentChange otherwise.
    """

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._contacts = ContactTable(store, tenant_id)

    def contact(self, contact_id: str) -> Contact | None:
        """Return a live contact as of now, or None."""
        return self._contacts.get(contact_id)

    def find(
        self, contact_id: str, interaction_id: str, *, of_deleted: bool = False
    ) -> tuple[Contact | None, Interaction | None]:
        """Return a live contact and one of its interactions, as of now; None for what does not exist. Of a merged
        contact, returns the survivor and None.

        `of_deleted`: the contact may be deleted, but not purged. One call, or two for an interaction whose time was
        changed.
        """
        of_contact = contact_keys.contact(self._tenant, contact_id)
        moved = interaction_keys.moved_interaction(self._tenant, contact_id, interaction_id)
        places = [
            interaction_keys.first_interaction(self._tenant, contact_id, interaction_id, by_system=by_system)
            for by_system in (False, True)
        ]
        found = self._store.get_many([of_contact, moved, *places])
        record = found.get(identity_of(of_contact))
        if record is None or "emptied_at" in record:
            return None, None
        if "deleted_at" in record and not of_deleted:
            return (self._contacts.get(contact_id) if MERGED_INTO in record else None), None
        contact = contact_items.contact_from_item(record)
        item: Item | None
        if pointer := found.get(identity_of(moved)):
            item = self._store.get(
                interaction_keys.interaction(
                    self._tenant, contact_id, interaction_id, pointer["occurred_at"]["S"], by_system=False
                )
            )
            if item is None:  # moved again since the pointer was read
                raise ConcurrentChange()
        else:
            item = next(filter(None, (found.get(identity_of(place)) for place in places)), None)
        return contact, interaction_items.interaction_from_item(item) if item else None

    def latest(self, contact_id: str, *, until: str, without: str | None = None) -> str | None:
        """Return when the latest interaction up to a time occurred, of those that callers recorded; None without any.

        `without`: the id of one that does not count.
        """
        rows = self._store.query(
            contact_keys.partition(self._tenant, contact_id),
            between=interaction_keys.interactions_until(until),
            limit=1 if without is None else 2,
            descending=True,
            consistent=True,
        )
        return next((row["occurred_at"]["S"] for row in rows if row["id"]["S"] != without), None)

    def add(
        self,
        before: Contact,
        after: Contact,
        interaction: Interaction,
        event: Event,
        follow_up: FollowUpChange | None = None,
    ) -> None:
        """Write a new interaction, with its contact, the event and the follow-up that it schedules."""
        transaction = self._begin(before, after, event, follow_up)
        transaction.put(interaction_items.interaction_to_item(self._tenant, interaction))
        self._store.commit(transaction)

    def replace(
        self,
        before: Contact,
        after: Contact,
        old: Interaction,
        new: Interaction,
        event: Event,
        follow_up: FollowUpChange | None = None,
    ) -> None:
        """Write a changed interaction, with its contact, the event and the follow-up that changes with it."""
        transaction = self._begin(before, after, event, follow_up)
        item = interaction_items.interaction_to_item(self._tenant, new)
        unchanged = guards.at_version(old.version)
        if old.occurred_at != new.occurred_at:
            transaction.delete(interaction_items.interaction_key(self._tenant, old), **unchanged)
            self._point_to(transaction, old, new)
            transaction.put(item)
        else:
            transaction.put(item, **unchanged)
        self._store.commit(transaction)

    def remove(
        self,
        before: Contact,
        after: Contact,
        interaction: Interaction,
        event: Event,
        follow_up: FollowUpChange | None = None,
    ) -> None:
        """Remove an interaction, and write its contact, the event and the follow-up that is cancelled with it."""
        transaction = self._begin(before, after, event, follow_up)
        transaction.delete(
            interaction_items.interaction_key(self._tenant, interaction),
            **guards.at_version(interaction.version),
        )
        self._point_to(transaction, interaction, None)
        self._store.commit(transaction)

    def settle(
        self, before: Contact, changed: tuple[Contact, Event] | None, interaction: Interaction
    ) -> None:
        """Write a contact whose last contact has changed with time, if it has, and remove an interaction's entry from
        the index of work.
        """
        transaction = Transaction()
        if changed is not None:
            self._contacts.add_changes(transaction, (before, *changed))
        transaction.put(
            interaction_items.interaction_to_item(self._tenant, interaction, is_settled=True),
            **guards.at_version(interaction.version),
        )
        self._store.commit(transaction)

    def _begin(
        self, before: Contact, after: Contact, event: Event, follow_up: FollowUpChange | None
    ) -> Transaction:
        transaction = Transaction()
        self._contacts.add_changes(transaction, (before, after, event))
        if follow_up is not None:
            add_follow_up(transaction, self._tenant, follow_up)
        return transaction

    def _point_to(self, transaction: Transaction, old: Interaction, new: Interaction | None) -> None:
        """Write the pointer to an interaction's new place; remove it when its key follows from its id again, or when
        there is no new place.
        """
        key = interaction_keys.moved_interaction(self._tenant, old.contact_id, old.id)
        if new is not None and interaction_keys.is_moved(new.id, new.occurred_at):
            transaction.put({**key, "occurred_at": {"S": new.occurred_at}})
        elif interaction_keys.is_moved(old.id, old.occurred_at):
            transaction.delete(key)
