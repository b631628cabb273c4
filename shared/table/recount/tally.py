"""The figures of a contact, derived from the entries in its partition.

A new figure is a function here that counts the entries of a range, a line in `_COUNTED`, and a line in `figures`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from shared.domain.contacts.booked import BookingFigures, organizer_fields
from shared.domain.contacts.record import Contact
from shared.domain.timestamps import of_position
from shared.table.item import Item
from shared.table.keys import bookings as booking_keys
from shared.table.keys import follow_ups as follow_up_keys
from shared.table.keys import interactions as interaction_keys
from shared.table.keys import notes as note_keys
from shared.table.keys.spelling import SK
from shared.table.keys.work import WORK_PK


class Tally:
    """Counts the items of a contact's partition.

    `overdue`: a time. An interaction that was in the future when it was written has an entry in the index of work
    until it is counted as a contact. It is expected to be counted if it was due by then.
    """

    def __init__(self, overdue: str) -> None:
        self._overdue = overdue
        self._types: Counter[str] = Counter()
        self._last_contacted_at: str | None = None
        self._states: Counter[str] = Counter()
        self._last_booking_at: str | None = None
        self._organizers: Counter[str] = Counter()
        self._next_follow_up_at: str | None = None
        self._notes = 0

    def add(self, item: Item) -> None:
        """Count an item; items that no figure depends on change nothing."""
        sort_key: str = item[SK]["S"]
        for prefix, count in _COUNTED:
            if sort_key.startswith(prefix):
                count(self, item, sort_key.removeprefix(prefix))
                return

    def figures(self, contact: Contact) -> dict[str, Any]:
        """Return the fields of a contact that follow from the items."""
        return {
            "interaction_count": self._types.total(),
            "interaction_counts": dict(sorted(self._types.items())),
            "last_contacted_at": self._last_contacted_at,
            **BookingFigures(self._states, self._last_booking_at).fields,
            "next_follow_up_at": self._next_follow_up_at,
            "note_count": self._notes,
            **self._organizer_fields(contact),
        }

    def _organizer_fields(self, contact: Contact) -> dict[str, Any]:
        """Return the organizers: those whom events named, which no item has, and those of the bookings.

        If there are too many, those that the contact has stay: the entries do not show who came first.
        """
        organizers = set(contact.organizer_ids)
        named = organizers - set(contact.unnamed_organizers)
        unnamed = {user_id: count for user_id, count in self._organizers.items() if user_id not in named}
        return organizer_fields(named | (organizers & unnamed.keys()), unnamed)

    def _add_recorded(self, item: Item, position: str) -> None:
        self._types[item["type"]["S"]] += 1
        occurred_at = of_position(position)
        if WORK_PK not in item or occurred_at <= self._overdue:
            self._last_contacted_at = max(self._last_contacted_at or "", occurred_at)

    def _add_of_system(self, item: Item, _: str) -> None:
        self._types[item["type"]["S"]] += 1

    def _add_booking(self, item: Item, position: str) -> None:
        self._last_booking_at = max(self._last_booking_at or "", of_position(position))
        self._add_any_booking(item, position)

    def _add_any_booking(self, item: Item, _: str) -> None:
        self._states[item["state"]["S"]] += 1
        if organizer := item.get("organizer_id"):
            self._organizers[organizer["S"]] += 1

    def _add_follow_up(self, _: Item, position: str) -> None:
        due_at = of_position(position)
        self._next_follow_up_at = min(self._next_follow_up_at or due_at, due_at)

    def _add_note(self, _: Item, __: str) -> None:
        self._notes += 1


_COUNTED: tuple[tuple[str, Callable[[Tally, Item, str], None]], ...] = (
    (interaction_keys.INTERACTION, Tally._add_recorded),
    (interaction_keys.SYSTEM_INTERACTION, Tally._add_of_system),
    (booking_keys.COUNTED, Tally._add_booking),
    (booking_keys.CANCELLED, Tally._add_any_booking),
    (follow_up_keys.OPEN, Tally._add_follow_up),
    (note_keys.NOTE, Tally._add_note),
)
"""How the entries of each range are counted: the item, and its position in the range."""
