"""Bookings in the table: which are counted, and which of their events were processed."""

from __future__ import annotations

from shared.domain.bookings import BookingCreated
from shared.domain.contacts.record import Contact
from shared.domain.events import Event
from shared.domain.timeline.interaction import Interaction
from shared.services.bookings import BookingState
from shared.table import guards
from shared.table.contacts.repository import ContactTable
from shared.table.keys import bookings as booking_keys
from shared.table.keys.spelling import SK
from shared.table.store import Store
from shared.table.timeline import items as timeline_items
from shared.table.transactions import Transaction


class BookingTable:
    """The bookings of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._contacts = ContactTable(store, tenant_id)

    def read_state(self, booking_id: str, event_id: str) -> BookingState:
        """Return whether one of a booking's events was processed, and whether the booking is counted, as of now."""
        booking, event = (
            booking_keys.booking(self._tenant, booking_id),
            booking_keys.processed_event(self._tenant, booking_id, event_id),
        )
        found = {sk for _, sk in self._store.get_many([booking, event])}
        return BookingState(event[SK]["S"] in found, booking[SK]["S"] in found)

    def contact_of(self, email: str) -> Contact | None:
        """Return the live contact with an address (in its stored form), or None."""
        contact_id = self._contacts.owner_of_email(email)
        return self._contacts.get(contact_id) if contact_id else None

    def record(
        self,
        event: BookingCreated,
        state: BookingState,
        before: Contact | None,
        after: Contact,
        interaction: Interaction,
        events: list[Event],
    ) -> None:
        """Write all changes of a booking event in one transaction.

        `before` is None for a new contact. Raises Conflict when the event was processed meanwhile, or the booking, the
        contact or its address is no longer as it was read.
        """
        transaction = Transaction()
        if before is None:
            self._contacts.add_creation(transaction, after, *events)
        else:
            self._contacts.add_change(transaction, before, after, *events)
        transaction.put(timeline_items.interaction_to_item(self._tenant, interaction))
        contact_id = {"S": after.id}
        transaction.put(
            {
                **booking_keys.processed_event(self._tenant, event.booking_id, event.event_id),
                "contact_id": contact_id,
            },
            **guards.is_new(),
        )
        if not state.has_booking:
            transaction.put(
                {
                    **booking_keys.booking(self._tenant, event.booking_id),
                    "contact_id": contact_id,
                    "starts_at": {"S": str(event.starts_at)},
                },
                **guards.is_new(),
            )
        self._store.commit(transaction)
