"""Follow-ups in the table: single ones, with the contact whose figures they move."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange
from shared.domain.events import Event
from shared.domain.interactions.follow_up import FollowUp
from shared.domain.interactions.interaction import Interaction
from shared.services.contacts.parts import PartChange
from shared.services.interactions.scheduling import FollowUpChange
from shared.table.contacts import items as contact_items
from shared.table.contacts.parts import Parts
from shared.table.contacts.repository import ContactTable
from shared.table.contacts.survivors import MERGED_INTO
from shared.table.interactions import items as interaction_items
from shared.table.interactions.follow_up_items import add_follow_up, follow_up_from_item
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import follow_ups as follow_up_keys
from shared.table.keys.spelling import SK, Key, identity_of
from shared.table.store import Store
from shared.table.transactions import Transaction


class FollowUpTable:
    """The follow-ups of one tenant's contacts.

    Every write also writes the contact, on condition that it is as it was read. Raises ConcurrentChange otherwise, and
    when a follow-up moves between the reading of its locator and its own.
    """

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._contacts = ContactTable(store, tenant_id)
        self._parts = Parts(store, tenant_id)

    def contact(self, contact_id: str) -> Contact | None:
        """Return a live contact as of now, or None."""
        return self._contacts.get(contact_id)

    def get(self, follow_up_id: str) -> FollowUp | None:
        """Return a follow-up as of now, or None. Two calls."""
        locator = self._locate(follow_up_id)
        if locator is None:
            return None
        item = self._store.get(follow_up_keys.located(self._tenant, locator))
        if item is None:
            raise ConcurrentChange()
        return follow_up_from_item(item)

    def find(self, follow_up_id: str) -> tuple[Contact | None, FollowUp | None]:
        """Return a follow-up and its contact, as of now; None for both unless the contact is live. Two calls. The
        contact of a merged one's follow-up is the survivor.
        """
        locator = self._locate(follow_up_id)
        if locator is None:
            return None, None
        contact, follow_up = self._find(
            locator["contact_id"]["S"], follow_up_keys.located(self._tenant, locator)
        )
        if contact is None or contact.deleted_at is not None:
            return None, None
        if follow_up is None:
            raise ConcurrentChange()
        return contact, follow_up

    def find_at(self, contact_id: str, sort_key: str) -> tuple[Contact | None, FollowUp | None]:
        """Return a contact, which may be deleted, and its follow-up under a sort key; None for what does not exist.

        Of a merged contact, returns the survivor.
        """
        key = {**contact_keys.contact(self._tenant, contact_id), SK: {"S": sort_key}}
        return self._find(contact_id, key)

    def part(self, contact: Contact, follow_up: FollowUp) -> Contact | None:
        """Return the merged contact that has a follow-up of a contact; see `Parts.find`."""
        return self._parts.find(contact, follow_up)

    def first_due(self, contact: Contact, without: str, part: Contact | None = None) -> str | None:
        """Return when the first of a contact's open follow-ups is due, other than `without`; None if there is none.

        `part`: a contact merged into it, as it will be; the figures of the others are read.
        """
        times = [self.first_due_of_part(contact.id, without)]
        times += [
            one.next_follow_up_at
            for one in self._parts.merged_into(contact, without=part.id if part is not None else "")
        ]
        if part is not None:
            times.append(part.next_follow_up_at)
        return min(filter(None, times), default=None)

    def first_due_of_part(self, contact_id: str, without: str) -> str | None:
        """Return what `first_due` returns, of one partition only."""
        rows = self._store.query(
            contact_keys.partition(self._tenant, contact_id),
            prefix=follow_up_keys.OPEN,
            limit=2,
            consistent=True,
        )
        return next((row["due_at"]["S"] for row in rows if row["id"]["S"] != without), None)

    def write(
        self,
        before: Contact,
        after: Contact,
        events: Sequence[Event],
        changes: Sequence[FollowUpChange],
        interaction: Interaction | None = None,
        part: PartChange | None = None,
    ) -> None:
        """Write changed follow-ups of a contact, with the contact, the events, a new interaction, if any, and the
        merged contact that has a follow-up, if one has it.
        """
        transaction = Transaction()
        self._contacts.add_changes(transaction, (before, after, *events))
        self._parts.add(transaction, part)
        for change in changes:
            add_follow_up(transaction, self._tenant, change)
        if interaction is not None:
            transaction.put(interaction_items.interaction_to_item(self._tenant, interaction))
        self._store.commit(transaction)

    def _locate(self, follow_up_id: str) -> Item | None:
        return self._store.get(follow_up_keys.locator(self._tenant, follow_up_id))

    def _find(self, contact_id: str, key: Key) -> tuple[Contact | None, FollowUp | None]:
        of_contact = contact_keys.contact(self._tenant, contact_id)
        found = self._store.get_many([of_contact, key])
        record, item = found.get(identity_of(of_contact)), found.get(identity_of(key))
        if record is None or "emptied_at" in record:
            return None, None
        contact: Contact | None = contact_items.contact_from_item(record)
        if MERGED_INTO in record:
            contact = self._contacts.find_present(contact_id)
        return contact, follow_up_from_item(item) if item else None
