"""Interactions in the table: single ones, with the contact whose figures they move."""

from __future__ import annotations

from collections.abc import Mapping

from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange
from shared.domain.events import Event
from shared.domain.interactions.interaction import Interaction
from shared.services.contacts.parts import PartChange, TimelineChange
from shared.services.interactions.scheduling import FollowUpChange
from shared.table import guards
from shared.table.contacts import items as contact_items
from shared.table.contacts.parts import Parts
from shared.table.contacts.repository import ContactTable
from shared.table.contacts.survivors import MERGED_INTO
from shared.table.interactions import items as interaction_items
from shared.table.interactions.follow_up_items import add_follow_up
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import interactions as interaction_keys
from shared.table.keys.spelling import Identity, Key, identity_of
from shared.table.store import Store
from shared.table.transactions import Transaction


class InteractionTable:
    """The interactions of one tenant's contacts.

    Every write also writes the contact, on condition that it is as it was read, and the merged contact in whose
    partition the interaction is, if one has it. A changed or removed interaction must be at the version that was read,
    too: it is read in one call with the contact, but DynamoDB does not read the items of a BatchGetItem at one instant.
    Raises ConcurrentChange otherwise.
    """

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._contacts = ContactTable(store, tenant_id)
        self._parts = Parts(store, tenant_id)

    def contact(self, contact_id: str) -> Contact | None:
        """Return a live contact as of now, or None."""
        return self._contacts.get(contact_id)

    def find(
        self, contact_id: str, interaction_id: str, *, of_deleted: bool = False
    ) -> tuple[Contact | None, Interaction | None]:
        """Return a live contact and one of its interactions, as of now; None for what does not exist. The interaction
        may be in the partition of a contact merged into it, which it names then. Of a merged contact, returns the
        survivor, and its interaction if that is in the partition of the merged one.

        `of_deleted`: the contact may be deleted, but not purged. One call, or two for an interaction whose time was
        changed. Interactions of merged contacts take one or two more.
        """
        of_contact = contact_keys.contact(self._tenant, contact_id)
        found = self._store.get_many([of_contact, *self._places(contact_id, interaction_id)])
        record = found.get(identity_of(of_contact))
        if record is None or "emptied_at" in record:
            return None, None
        contact: Contact | None = contact_items.contact_from_item(record)
        if MERGED_INTO in record:
            contact = self._contacts.find_present(contact_id)
        if contact is None or (contact.deleted_at is not None and not of_deleted):
            return None, None
        interaction = self._find_in(found, contact_id, interaction_id)
        if interaction is None and contact.id == contact_id and contact.merged_from:
            places = [place for one in contact.merged_from for place in self._places(one, interaction_id)]
            found = self._store.get_many(places)
            of_parts = (self._find_in(found, one, interaction_id) for one in contact.merged_from)
            interaction = next(filter(None, of_parts), None)
        return contact, interaction

    def part(self, contact: Contact, interaction: Interaction) -> Contact | None:
        """Return the merged contact that has an interaction of a contact; see `Parts.find`."""
        return self._parts.find(contact, interaction)

    def _places(self, contact_id: str, interaction_id: str) -> list[Key]:
        """Return the keys of the pointer to an interaction in a partition, and of the two places of one that was not
        moved.
        """
        moved = interaction_keys.moved_interaction(self._tenant, contact_id, interaction_id)
        places = (
            interaction_keys.first_interaction(self._tenant, contact_id, interaction_id, by_system=by_system)
            for by_system in (False, True)
        )
        return [moved, *places]

    def _find_in(
        self, found: Mapping[Identity, Item], contact_id: str, interaction_id: str
    ) -> Interaction | None:
        """Return an interaction in a partition, given what was found under its `_places`; None if it is not there."""
        moved, *places = self._places(contact_id, interaction_id)
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
        return interaction_items.interaction_from_item(item) if item else None

    def latest(
        self, contact: Contact, *, until: str, without: str | None = None, part: Contact | None = None
    ) -> str | None:
        """Return when a contact's latest interaction up to a time occurred, of those that callers recorded; None
        without any.

        `without`: the id of one that does not count. `part`: a contact merged into it, as it will be; the figures of
        the others are read.
        """
        times = [self.latest_of_part(contact.id, until=until, without=without)]
        times += [
            one.last_contacted_at
            for one in self._parts.merged_into(contact, without=part.id if part is not None else "")
        ]
        if part is not None:
            times.append(part.last_contacted_at)
        return max(filter(None, times), default=None)

    def latest_of_part(self, contact_id: str, *, until: str, without: str | None = None) -> str | None:
        """Return what `latest` returns, of one partition only."""
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
        transaction = self._begin(TimelineChange(before, after, event), follow_up)
        transaction.put(interaction_items.interaction_to_item(self._tenant, interaction))
        self._store.commit(transaction)

    def replace(
        self,
        change: TimelineChange,
        old: Interaction,
        new: Interaction,
        follow_up: FollowUpChange | None = None,
    ) -> None:
        """Write a changed interaction, with its contact, the event and the follow-up that changes with it."""
        transaction = self._begin(change, follow_up)
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
        self, change: TimelineChange, interaction: Interaction, follow_up: FollowUpChange | None = None
    ) -> None:
        """Remove an interaction, and write its contact, the event and the follow-up that is cancelled with it."""
        transaction = self._begin(change, follow_up)
        transaction.delete(
            interaction_items.interaction_key(self._tenant, interaction),
            **guards.at_version(interaction.version),
        )
        self._point_to(transaction, interaction, None)
        self._store.commit(transaction)

    def settle(
        self,
        before: Contact,
        changed: tuple[Contact, Event] | None,
        interaction: Interaction,
        part: PartChange | None = None,
    ) -> None:
        """Write a contact whose last contact has changed with time, if it has, and the merged contact that has the
        interaction, and remove the interaction's entry from the index of work.
        """
        transaction = Transaction()
        if changed is not None:
            self._contacts.add_changes(transaction, (before, *changed))
        elif part is not None:
            transaction.check(
                contact_keys.contact(self._tenant, before.id), **guards.at_version(before.version)
            )
        self._parts.add(transaction, part)
        transaction.put(
            interaction_items.interaction_to_item(self._tenant, interaction, is_settled=True),
            **guards.at_version(interaction.version),
        )
        self._store.commit(transaction)

    def _begin(self, change: TimelineChange, follow_up: FollowUpChange | None) -> Transaction:
        transaction = Transaction()
        self._contacts.add_changes(transaction, (change.before, change.after, change.event))
        self._parts.add(transaction, change.part)
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
