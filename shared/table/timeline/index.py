"""The timelines of contacts in the table: ranges of a contact's partition, read together.

Each range is in an order of time: by `<time>#<id>`, or by a UUIDv7, which begins with a time. The place of an entry is
`<time>#<id>` in both cases, so the ranges can be merged. Two entries of different kinds may have the same place; the
number of the kind decides between them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from heapq import merge

from shared.domain.contacts.record import Contact
from shared.domain.ids import first_id_at, milliseconds_of
from shared.domain.interactions.interaction import SYSTEM_TYPES
from shared.domain.timeline.entry import KINDS, Found, Kind, is_change_of_fields
from shared.domain.timestamps import from_milliseconds, to_milliseconds
from shared.services.reading_budget import Budget
from shared.table import event_items, walking
from shared.table.bookings import items as booking_items
from shared.table.budgeted_reads import BudgetedReads
from shared.table.contacts import items as contact_items
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

Position = tuple[str, int]
"""The place of an entry, and the number of its kind."""

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
    keys have ids after the prefix, not places. `may_have_entries`: whether it can have any, by the contact's figures.
    """

    kind: Kind
    prefix: str
    decode: Callable[[str, Item], Found | None]
    is_by_id: bool = False
    may_have_entries: Callable[[Contact], bool] = lambda _: True

    @property
    def number(self) -> int:
        """The number of its kind."""
        return KINDS.index(self.kind)

    def place_of(self, item: Item) -> str:
        """Return the place of an entry."""
        text: str = item[SK]["S"].removeprefix(self.prefix)
        return f"{_time_of(text)}#{text}" if self.is_by_id else text

    def find_bound(self, after: Position) -> str:
        """Return the sort key below which the entries are that come after a position."""
        place, number = after
        bound = place
        if self.is_by_id:
            time, _, entry_id = place.partition("#")
            shared = first_id_at(to_milliseconds(time))[:_MILLISECOND]
            if not entry_id.startswith(shared):
                return self.prefix + shared + (_AFTER_ALL if entry_id > shared else "")
            bound = entry_id
        return self.prefix + bound + (_BEFORE_ALL if self.number < number else "")


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


def _count_of_system(contact: Contact) -> int:
    return sum(contact.interaction_counts.get(one, 0) for one in SYSTEM_TYPES)


def _has_notes(contact: Contact) -> bool:
    return contact.note_count > 0


_RANGES = (
    _Range(
        "interaction",
        interaction_keys.INTERACTION,
        _interaction,
        may_have_entries=lambda contact: contact.interaction_count > _count_of_system(contact),
    ),
    _Range(
        "interaction",
        interaction_keys.SYSTEM_INTERACTION,
        _interaction,
        may_have_entries=lambda contact: _count_of_system(contact) > 0,
    ),
    *(
        _Range("note", prefix, _note, is_by_id=True, may_have_entries=_has_notes)
        for prefix in note_keys.RANGES
    ),
    _Range(
        "booking",
        booking_keys.COUNTED,
        _booking,
        may_have_entries=lambda contact: contact.total_bookings > 0,
    ),
    _Range("booking", booking_keys.CANCELLED, _booking),
    _Range(
        "status",
        contact_keys.STATUS,
        _status,
        may_have_entries=lambda contact: contact.status_changed_at is not None,
    ),
    _Range(
        "consent",
        contact_keys.CONSENT,
        _consent,
        is_by_id=True,
        may_have_entries=lambda contact: bool(contact.communication["opt_outs"]),
    ),
    _Range("change", event_keys.EVENT, _change, is_by_id=True),
)
"""All ranges. Two ranges of one kind have no entries of the same place."""


class TimelineIndex:
    """The timelines of one tenant's contacts, read within a budget."""

    def __init__(self, store: Store, tenant_id: str, budget: Budget) -> None:
        self._reads = BudgetedReads(store, budget)
        self._tenant = tenant_id
        self._contacts = ContactTable(store, tenant_id)

    def contact(self, contact_id: str) -> Contact | None:
        """Return a live contact as of now, or None."""
        return self._contacts.get(contact_id)

    def walk(
        self, contact: Contact, kinds: Collection[Kind], *, after: Position | None, portion: int
    ) -> Iterator[tuple[Position, Found | None]]:
        """Yield the entries of some kinds, the latest first, each with its position; after a position, if there is one.

        Yields None for an item that is no entry. Reads `portion` items of each range at first, and twice as many each
        time, up to a hundred. Raises BudgetSpent when the budget is spent.
        """
        partition = contact_keys.partition(self._tenant, contact.id)
        walks = [
            self._walk_range(partition, one, after, portion)
            for one in _RANGES
            if one.kind in kinds and one.may_have_entries(contact)
        ]
        for position, one, item in merge(*walks, key=lambda entry: entry[0], reverse=True):
            yield position, one.decode(self._tenant, item)

    def _walk_range(
        self, partition: str, one: _Range, after: Position | None, portion: int
    ) -> Iterator[tuple[Position, _Range, Item]]:
        rows = walking.walk(
            self._reads,
            partition,
            page=portion,
            largest=_LARGEST,
            between=(one.prefix, one.prefix + _AFTER_ALL),
            after=None if after is None else one.find_bound(after),
            descending=True,
            consistent=True,
        )
        for row in rows:
            yield (one.place_of(row), one.number), one, row


def _time_of(entry_id: str) -> str:
    return from_milliseconds(milliseconds_of(entry_id))
