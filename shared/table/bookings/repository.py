"""Bookings in the table: as they are, and which of their events were processed."""

from __future__ import annotations

from shared.domain.bookings.booking import Booking
from shared.domain.bookings.event import BookingEvent
from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange
from shared.domain.interactions.interaction import Interaction
from shared.domain.timestamps import of_position
from shared.services.bookings.processing import ContactChange, Snapshot
from shared.services.contacts.parts import PartChange
from shared.table import guards
from shared.table.bookings import items as booking_items
from shared.table.contacts import items as contact_items
from shared.table.contacts.parts import Parts
from shared.table.contacts.repository import Change, ContactTable
from shared.table.interactions import items as interaction_items
from shared.table.item import Item
from shared.table.keys import bookings as booking_keys
from shared.table.keys import contacts as contact_keys
from shared.table.keys.spelling import SK, identity_of
from shared.table.store import Store
from shared.table.transactions import Transaction


class BookingTable:
    """The bookings of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._contacts = ContactTable(store, tenant_id)
        self._parts = Parts(store, tenant_id)

    def read(self, event: BookingEvent, email: str) -> Snapshot | None:
        """Return the records that a booking event applies to, as of now; None if it was processed before.

        `email`: the invitee's address in its stored form. Raises ConcurrentChange when the booking moves meanwhile.
        """
        locator_key = booking_keys.locator(self._tenant, event.booking_id)
        event_key = booking_keys.processed_event(self._tenant, event.booking_id, event.event_id)
        found = self._store.get_many([locator_key, event_key])
        if identity_of(event_key) in found:
            return None
        locator = found.get(identity_of(locator_key))
        owner_id = self._contacts.named_by_email(email)
        holder_id = locator["contact_id"]["S"] if locator else None
        keys = {one: contact_keys.contact(self._tenant, one) for one in (owner_id, holder_id) if one}
        booking_key = booking_keys.located(self._tenant, locator) if locator else None
        wanted = [*keys.values(), *([booking_key] if booking_key else ())]
        rows = self._store.get_many(wanted) if wanted else {}

        def contact(contact_id: str | None) -> Contact | None:
            row = rows.get(identity_of(keys[contact_id])) if contact_id else None
            return None if row is None or "emptied_at" in row else contact_items.contact_from_item(row)

        owner, holder = contact(owner_id), contact(holder_id)
        if holder is not None and holder.is_merged:
            holder = self._contacts.find_present(holder.id)
        if owner is not None and owner.is_merged:  # its survivor may have the address
            owner_id = self._contacts.owner_of_email(email)
            owner = self._contacts.get(owner_id) if owner_id is not None else None
        if owner_id and (owner is None or owner.deleted_at is not None):
            raise ConcurrentChange()  # it was deleted after its address was looked up
        version = int(locator["version"]["N"]) if locator else 0
        if booking_key is None or holder is None:  # a contact is purged together with its bookings
            return Snapshot(owner, None, None, version)
        row = rows.get(identity_of(booking_key))
        if row is None or int(row["version"]["N"]) != version:
            raise ConcurrentChange()
        booking = booking_items.booking_from_item(self._tenant, row)
        part = self._parts.find(holder, booking)
        return Snapshot(
            owner, booking, None if owner is not None and holder.id == owner.id else holder, version, part
        )

    def latest_start(self, contact: Contact, *, without: str, part: Contact | None = None) -> str | None:
        """Return the start of the latest booking of a contact that counts, other than the booking `without`, as of now;
        None if there is no other.

        `part`: a contact merged into it, as it will be; the figures of the others are read.
        """
        times = [self.latest_start_of_part(contact.id, without=without)]
        times += [
            one.last_booking_at
            for one in self._parts.merged_into(contact, without=part.id if part is not None else "")
        ]
        if part is not None:
            times.append(part.last_booking_at)
        return max(filter(None, times), default=None)

    def latest_start_of_part(self, contact_id: str, *, without: str) -> str | None:
        """Return what `latest_start` returns, of one partition only."""
        rows = self._store.query(
            contact_keys.partition(self._tenant, contact_id),
            prefix=booking_keys.COUNTED,
            limit=2,
            descending=True,
            consistent=True,
        )
        for row in rows:
            if booking_keys.id_of(row) != without:
                return of_position(row[SK]["S"].removeprefix(booking_keys.COUNTED))
        return None

    def record(
        self,
        event: BookingEvent,
        before: Booking | None,
        after: Booking,
        changes: list[ContactChange],
        interaction: Interaction,
        part: PartChange | None = None,
    ) -> None:
        """Write all changes of a booking event in one transaction.

        `before`: the booking as it was read, None if it was on no contact. `changes`: those of the contact with the
        invitee's address, and of the contact that had the booking if that is another. `part`: the merged contact that
        had the booking. Raises Conflict when the event was processed meanwhile, or the booking, a contact or its
        address is no longer as it was read.
        """
        transaction = Transaction()
        written: list[Change] = [(one.before, one.after, *one.events) for one in changes]
        self._contacts.add_changes(transaction, *written)
        self._parts.add(transaction, part)
        transaction.put(interaction_items.interaction_to_item(self._tenant, interaction))
        processed: Item = {
            **booking_keys.processed_event(self._tenant, event.booking_id, event.event_id),
            "contact_id": {"S": interaction.contact_id},
        }
        transaction.put(processed, **guards.is_new())
        is_first = after.version == 1
        transaction.put(
            booking_items.locator_to_item(self._tenant, after),
            **(guards.is_new() if is_first else guards.at_version(after.version - 1)),
        )
        item = booking_items.booking_to_item(self._tenant, after)
        if before is not None:
            old = booking_items.booking_key(self._tenant, before)
            if identity_of(old) != identity_of(item):
                transaction.delete(old)
        transaction.put(item)
        self._store.commit(transaction)
