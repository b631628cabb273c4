"""The timelines of contacts in the table: ranges of a contact's partition, and of those of the contacts merged into it,
read together.

Each range is in an order of time: by `<time>#<id>`, or by a UUIDv7, which begins with a time. The place of an entry is
`<time>#<id>` in both cases, so the ranges can be merged. Two entries of different kinds may have the same place; the
number of the kind decides between them. Entries of the same place and kind, of a contact and of one merged into it, are
in the order of the ids of these contacts, the contact's own last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter

from shared.domain.contacts.record import Contact
from shared.domain.ids import first_id_at, milliseconds_of
from shared.domain.timeline.entry import KINDS, Found, Kind, is_change_of_fields
from shared.domain.timestamps import from_milliseconds, to_milliseconds
from shared.services.reading_budget import Budget
from shared.table import event_items, walking
from shared.table.bookings import items as booking_items
from shared.table.budgeted_reads import BudgetedReads
from shared.table.contacts import items as contact_items
from shared.table.contacts.parts import Parts, may_have_entries
from shared.table.contacts.repository import ContactTable
from shared.table.interactions import items as interaction_items
from shared.table.item import Item
from shared.table.keys import bookings as booking_keys
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.table.keys import interactions as interaction_keys
from shared.table.keys import notes as note_keys
from shared.table.keys.spelling import SK
from shared.table.notes import items as note_items
from shared.table.store import Store

Position = tuple[str, int] | tuple[str, int, str]
"""The place of an entry, the number of its kind, and the id of the merged contact that has it; no id for the contact's
own.
"""

_BEFORE_ALL, _AFTER_ALL = "!", "~"
"""Characters that sort before and after all those of places."""
_LARGEST = 100
"""The maximum number of items of a range that are read at once after the first: notes and events can be large."""
_MILLISECOND = len("01962e35-09b0-7")
"""Characters at the start of a UUIDv7 that all ids of its millisecond share."""


@dataclass(frozen=True, slots=True)
class _Range:
    """A range of a contact's partition.

    `decode(tenant_id, item)` returns the record of an item, None for one that is no entry. `is_by_id`: whether the sort
    keys have ids after the prefix, not places.
    """

    kind: Kind
    prefix: str
    decode: Callable[[str, Item], Found | None]
    is_by_id: bool = False

    @property
    def number(self) -> int:
        """The number of its kind."""
        return KINDS.index(self.kind)

    def place_of(self, item: Item) -> str:
        """Return the place of an entry."""
        text: str = item[SK]["S"].removeprefix(self.prefix)
        return f"{_time_of(text)}#{text}" if self.is_by_id else text

    def find_bound(self, after: Position, part_id: str) -> str:
        """Return the sort key below which the entries are that come after a position; `part_id` as in positions."""
        place, number, *part = after
        bound = place
        if self.is_by_id:
            time, _, entry_id = place.partition("#")
            shared = first_id_at(to_milliseconds(time))[:_MILLISECOND]
            if not entry_id.startswith(shared):
                return self.prefix + shared + (_AFTER_ALL if entry_id > shared else "")
            bound = entry_id
        comes_after = (self.number, part_id) < (number, "".join(part))
        return self.prefix + bound + (_BEFORE_ALL if comes_after else "")


def _interaction(_: str, item: Item) -> Found:
    interaction = interaction_items.interaction_from_item(item)
    return Found(interaction.occurred_at, interaction)


def _booking(tenant_id: str, item: Item) -> Found:
    booking = booking_items.booking_from_item(tenant_id, item)
    return Found(booking.starts_at, booking)


def _note(_: str, item: Item) -> Found:
    note = note_items.note_from_item(item)
    return Found(_time_of(note.id), note)


def _status(_: str, item: Item) -> Found:
    status = contact_items.status_from_item(item)
    return Found(status.timestamp, status)


def _consent(_: str, item: Item) -> Found:
    consent = contact_items.consent_from_item(item)
    return Found(_time_of(consent.id), consent)


def _change(_: str, item: Item) -> Found | None:
    event = event_items.event_from_item(item)
    return Found(_time_of(event.id), event) if is_change_of_fields(event) else None


_RANGES = (
    _Range("interaction", interaction_keys.INTERACTION, _interaction),
    _Range("interaction", interaction_keys.SYSTEM_INTERACTION, _interaction),
    *(_Range("note", prefix, _note, is_by_id=True) for prefix in note_keys.RANGES),
    _Range("booking", booking_keys.COUNTED, _booking),
    _Range("booking", booking_keys.CANCELLED, _booking),
    _Range("status", contact_keys.STATUS, _status),
    _Range("consent", contact_keys.CONSENT, _consent, is_by_id=True),
    _Range("change", event_keys.EVENT, _change, is_by_id=True),
)
"""All ranges. Two ranges of one kind have no entries of the same place."""


class TimelineIndex:
    """The timelines of one tenant's contacts, read within a budget."""

    def __init__(self, store: Store, tenant_id: str, budget: Budget) -> None:
        self._reads = BudgetedReads(store, budget)
        self._tenant = tenant_id
        self._parts = Parts(self._reads, tenant_id)
        self._contacts = ContactTable(store, tenant_id)

    def contact(self, contact_id: str) -> Contact | None:
        """Return a live contact as of now, or None."""
        return self._contacts.get(contact_id)

    def walk(
        self, contact: Contact, kinds: Collection[Kind], *, after: Position | None, portion: int
    ) -> Iterator[tuple[Position, Found | None]]:
        """Yield the entries of some kinds, the latest first, each with its position; after a position, if there is one.

        Those of contacts merged into it are among them. Yields None for an item that is no entry. Reads `portion` items
        of each range at first, and twice as many each time, up to a hundred. Raises BudgetSpent when the budget is
        spent.
        """
        ranges = [one for one in _RANGES if one.kind in kinds]
        walks = [
            self._walk_range(contact.id, "", one, after, portion)
            for one in ranges
            # Contacts may be older than their figures of cancelled bookings.
            if one.prefix == booking_keys.CANCELLED or may_have_entries(contact, one.prefix)
        ]
        walks += [
            self._walk_range(part.id, part.id, one, after, portion)
            for part in self._parts.merged_into(contact)
            for one in ranges
            if may_have_entries(part, one.prefix)
        ]
        for position, one, item in merge(*walks, key=itemgetter(0), reverse=True):
            found = one.decode(self._tenant, item)
            yield position, found.of_contact(contact.id) if found is not None else None

    def _walk_range(
        self, contact_id: str, part_id: str, one: _Range, after: Position | None, portion: int
    ) -> Iterator[tuple[Position, _Range, Item]]:
        rows = walking.walk(
            self._reads,
            contact_keys.partition(self._tenant, contact_id),
            page=portion,
            largest=_LARGEST,
            between=(one.prefix, one.prefix + _AFTER_ALL),
            after=None if after is None else one.find_bound(after, part_id),
            descending=True,
            consistent=True,
        )
        for row in rows:
            place = one.place_of(row)
            yield (place, one.number, part_id) if part_id else (place, one.number), one, row


def _time_of(entry_id: str) -> str:
    return from_milliseconds(milliseconds_of(entry_id))
