"""The parts of a contact's timeline: its own partition, and those of the contacts merged into it (decision 0059)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange
from shared.domain.interactions.interaction import SYSTEM_TYPES
from shared.services.contacts.parts import Entry, PartChange
from shared.table import guards
from shared.table.contacts import items as contact_items
from shared.table.contacts.survivors import MERGED_INTO
from shared.table.item import Item
from shared.table.keys import bookings as booking_keys
from shared.table.keys import contacts as contact_keys
from shared.table.keys import follow_ups as follow_up_keys
from shared.table.keys import interactions as interaction_keys
from shared.table.keys import notes as note_keys
from shared.table.keys.spelling import Identity, Key, identity_of
from shared.table.ranges import Range
from shared.table.transactions import Transaction


class Reads(Protocol):
    """Where records are looked up: the store, or the store under a request's budget."""

    def get_many(self, keys: Sequence[Key]) -> dict[Identity, Item]: ...


class Parts:
    """The parts of the timelines of one tenant's contacts. A contact into which none was merged costs nothing."""

    def __init__(self, reads: Reads, tenant_id: str) -> None:
        self._reads = reads
        self._tenant = tenant_id

    def merged_into(self, contact: Contact, *, without: str = "") -> list[Contact]:
        """Return the records of the contacts merged into a contact, as of now, in the order of the merges; `without`
        one of them. A hundred are one call.

        Of a merged contact there are none: its figures are those of its own partition. Figures of a part are exact
        only if they are read after the survivor, whose version changes with them.
        """
        if contact.is_merged:
            return []
        keys = [contact_keys.contact(self._tenant, one) for one in contact.merged_from if one != without]
        found = self._reads.get_many(keys) if keys else {}
        items = (found.get(identity_of(key)) for key in keys)
        return [
            contact_items.contact_from_item(item)
            for item in items
            if item is not None and "emptied_at" not in item
        ]

    def find(self, contact: Contact, entry: Entry) -> Contact | None:
        """Return the record of the merged contact in whose partition an entry of a contact is, as of now; None if it is
        in the contact's own. Raises ConcurrentChange when its merge was undone since the contact was read.
        """
        if entry.contact_id == contact.id:
            return None
        key = contact_keys.contact(self._tenant, entry.contact_id)
        item = self._reads.get_many([key]).get(identity_of(key))
        if item is None or MERGED_INTO not in item:
            raise ConcurrentChange()
        return contact_items.contact_from_item(item)

    def add(self, transaction: Transaction, change: PartChange | None) -> None:
        """Add the figures of a merged contact to a transaction that also writes its survivor, or checks that it is as
        it was read. Adds nothing if they stay as they are.
        """
        if change is None or change[0] == change[1]:
            return
        before, after = change
        transaction.put(
            contact_items.contact_to_item(self._tenant, after),
            condition="version = :before AND merged_into = :into",
            values={":before": {"N": str(before.version)}, ":into": {"S": before.merged_into or ""}},
            refusal=guards.concurrent_change,
        )

    def ranges(self, contact: Contact, prefixes: Iterable[str]) -> list[Range]:
        """Return the ranges with some prefixes of all parts, without those of merged contacts that are empty by these
        contacts' figures.
        """
        prefixes = list(prefixes)
        own = contact_keys.partition(self._tenant, contact.id)
        return [
            *((own, prefix) for prefix in prefixes),
            *(
                (contact_keys.partition(self._tenant, part.id), prefix)
                for part in self.merged_into(contact)
                for prefix in prefixes
                if may_have_entries(part, prefix)
            ),
        ]


def may_have_entries(contact: Contact, prefix: str) -> bool:
    """Whether a range of a contact's partition can have entries, by the contact's figures."""
    return prefix not in _HAS_ENTRIES or _HAS_ENTRIES[prefix](contact)


def _count_of_system(contact: Contact) -> int:
    return sum(contact.interaction_counts.get(one, 0) for one in SYSTEM_TYPES)


def _has_notes(contact: Contact) -> bool:
    return contact.note_count > 0


_HAS_ENTRIES: dict[str, Callable[[Contact], bool]] = {
    interaction_keys.INTERACTION: lambda contact: contact.interaction_count > _count_of_system(contact),
    interaction_keys.SYSTEM_INTERACTION: lambda contact: _count_of_system(contact) > 0,
    **dict.fromkeys((note_keys.NOTE, *note_keys.RANGES), _has_notes),
    booking_keys.COUNTED: lambda contact: contact.total_bookings > 0,
    booking_keys.CANCELLED: lambda contact: contact.booking_counts.get("cancelled", 0) > 0,
    follow_up_keys.OPEN: lambda contact: contact.next_follow_up_at is not None,
    contact_keys.STATUS: lambda contact: contact.status_changed_at is not None,
    contact_keys.CONSENT: lambda contact: bool(contact.communication["opt_outs"]),
}
"""For each range, by its prefix, whether a contact's figures say that it has entries. Other ranges may always."""
