"""Notes in the table: single ones, with the contact that changes with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.domain.contacts.record import Contact
from shared.domain.events import Event
from shared.domain.notes.note import Note
from shared.services.contacts.parts import TimelineChange
from shared.table import guards
from shared.table.contacts import items as contact_items
from shared.table.contacts.parts import Parts
from shared.table.contacts.repository import ContactTable
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import notes as note_keys
from shared.table.keys.spelling import Identity, Key, identity_of
from shared.table.notes import items as note_items
from shared.table.store import Store
from shared.table.transactions import Transaction


class NoteTable:
    """The notes of one tenant's contacts.

    Every write also writes the contact, on condition that it is as it was read; so must be a changed or removed note,
    since DynamoDB does not read the items of a BatchGetItem at one instant. Raises ConcurrentChange otherwise.
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
        self, contact_id: str, note_id: str, *, of_deleted: bool = False
    ) -> tuple[Contact | None, Note | None]:
        """Return a live contact and one of its notes, as of now; None for what does not exist. Of a merged contact,
        returns the survivor, and its note.

        `of_deleted`: the contact may be deleted, but not purged. The note may be in the partition of a contact merged
        into it, which it names then. One call, or two for a note that does not exist; one more for parts.
        """
        contact, note = self._read(contact_id, note_id)
        if contact is not None and contact.is_merged:
            contact = self._contacts.find_present(contact_id)
        if contact is None or (contact.deleted_at is not None and not of_deleted):
            return None, None
        if note is None and contact.merged_from:
            note = self._find_in_parts(contact, note_id)
        if note is None and contact.note_count:
            # A note that was just pinned may have been at one key when the other one was read.
            _, note = self._read(contact.id, note_id)
            note = note or self._find_in_parts(contact, note_id)
        return contact, note

    def part(self, contact: Contact, note: Note) -> Contact | None:
        """Return the merged contact that has a note of a contact; see `Parts.find`."""
        return self._parts.find(contact, note)

    def add(self, before: Contact, after: Contact, note: Note, event: Event) -> None:
        """Write a new note, with its contact and the event."""
        transaction = self._begin(before, after, event)
        transaction.put(note_items.note_to_item(self._tenant, note))
        self._store.commit(transaction)

    def replace(self, before: Contact, after: Contact, old: Note, new: Note, event: Event) -> None:
        """Write a changed note, with its contact and the event."""
        transaction = self._begin(before, after, event)
        item = note_items.note_to_item(self._tenant, new)
        unchanged = guards.at_event(old.last_event)
        if old.is_pinned != new.is_pinned:
            transaction.delete(note_items.note_key(self._tenant, old), **unchanged)
            transaction.put(item)
        else:
            transaction.put(item, **unchanged)
        self._store.commit(transaction)

    def remove(self, change: TimelineChange, note: Note) -> None:
        """Remove a note, and write its contact and the event."""
        transaction = self._begin(change.before, change.after, change.event)
        self._parts.add(transaction, change.part)
        transaction.delete(note_items.note_key(self._tenant, note), **guards.at_event(note.last_event))
        self._store.commit(transaction)

    def _read(self, contact_id: str, note_id: str) -> tuple[Contact | None, Note | None]:
        """Return a contact, live or deleted but not emptied, and the note with an id in its partition."""
        of_contact = contact_keys.contact(self._tenant, contact_id)
        places = self._places(contact_id, note_id)
        found = self._store.get_many([of_contact, *places])
        record = found.get(identity_of(of_contact))
        if record is None or "emptied_at" in record:
            return None, None
        return contact_items.contact_from_item(record), _latest_of(found, places)

    def _find_in_parts(self, contact: Contact, note_id: str) -> Note | None:
        """Return the note with an id in the partitions of the contacts merged into a contact."""
        places = [place for one in contact.merged_from for place in self._places(one, note_id)]
        return _latest_of(self._store.get_many(places), places) if places else None

    def _places(self, contact_id: str, note_id: str) -> list[Key]:
        return [
            note_keys.note(self._tenant, contact_id, note_id, is_pinned=is_pinned)
            for is_pinned in (False, True)
        ]

    def _begin(self, before: Contact, after: Contact, event: Event) -> Transaction:
        transaction = Transaction()
        self._contacts.add_changes(transaction, (before, after, event))
        return transaction


def _latest_of(found: Mapping[Identity, Item], places: Iterable[Key]) -> Note | None:
    """Return the note that was found at some places."""
    notes = [note_items.note_from_item(item) for place in places if (item := found.get(identity_of(place)))]
    # Both, if it was just pinned or unpinned: then one is out of date.
    return max(notes, key=lambda one: one.version, default=None)
