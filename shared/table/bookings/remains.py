"""The items of bookings that are outside the partition of a purged contact."""

from __future__ import annotations

from collections.abc import Sequence

from shared.table import guards, walking
from shared.table.item import Item
from shared.table.keys import bookings as booking_keys
from shared.table.keys import interactions as interaction_keys
from shared.table.keys.spelling import key_of
from shared.table.store import Store
from shared.table.transactions import MOST_STEPS, Transaction

_PAGE = 100


class BookingRemains:
    """The locators of bookings, and the rows of their processed events, across tenants."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def remove(self, tenant_id: str, contact_id: str, rows: Sequence[Item]) -> int:
        """Remove a contact's items of the bookings that some of its own items name; return the number of removed items.

        Raises ConcurrentChange when one of the bookings has just moved to another contact.
        """
        own = [
            row
            for booking_id in sorted(_bookings_of(rows))
            for row in walking.walk(
                self._store, booking_keys.partition(tenant_id, booking_id), page=_PAGE, consistent=True
            )
            if row["contact_id"]["S"] == contact_id
        ]
        self._store.write_many(delete=[key_of(row) for row in own if not booking_keys.is_locator(row)])
        locators = [key_of(row) for row in own if booking_keys.is_locator(row)]
        for start in range(0, len(locators), MOST_STEPS):
            transaction = Transaction()
            for key in locators[start : start + MOST_STEPS]:
                transaction.delete(key, **guards.is_free_or_own("contact_id", contact_id))
            self._store.commit(transaction)
        return len(own)


def _bookings_of(rows: Sequence[Item]) -> set[str]:
    """Return the ids of the bookings among the items of a contact, and of those that its interactions name."""
    named = {
        row["booking_id"]["S"] for row in rows if interaction_keys.is_interaction(row) and "booking_id" in row
    }
    return named | {booking_id for row in rows if (booking_id := booking_keys.id_of(row)) is not None}
