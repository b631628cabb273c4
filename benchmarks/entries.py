"""Invented interactions and bookings of invented contacts, the same for the same number."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

from benchmarks import people
from shared.domain import timestamps
from shared.domain.bookings.booking import Booking, BookingEntry
from shared.domain.bookings.event import BookingState
from shared.domain.contacts.record import Contact
from shared.domain.ids import derived_id
from shared.domain.interactions.interaction import Interaction
from shared.table.bookings import items as booking_items
from shared.table.contacts import items as contact_items
from shared.table.interactions import items as interaction_items
from shared.table.item import Item

LAST = "2026-11-30T18:00:00.000Z"
"""The time of the latest interaction; all are within the year before."""
FEW = 30
"""How many interactions, whatever the number of all, have the rare type, the rare performer and the rare booking."""
OWN = "owner-few"
"""A user who owns ten contacts, whatever the number of all."""
_TYPES = ("email",) * 8 + ("call",) * 6 + ("meeting",) * 3 + ("note",) * 2 + ("quote",)
_STATES: tuple[BookingState, ...] = ("completed",) * 6 + ("created",) * 2 + ("rescheduled", "cancelled")
_MINUTES_OF_A_YEAR = 365 * 24 * 60


def items(tenant_id: str, count: int) -> Iterator[Item]:
    """Yield the items of a tenant with `count` interactions and as many bookings, and of a tenth as many contacts.

    One contact in twenty is deleted.
    """
    contacts = list(people.contacts(count // 10))
    for number in range(0, len(contacts), max(1, len(contacts) // 10)):
        contacts[number] = contacts[number].model_copy(update={"owner_id": OWN})
    counts: dict[str, Counter[str]] = {one.id: Counter() for one in contacts}
    for interaction in interactions(contacts, count):
        counts[interaction.contact_id][interaction.type] += 1
        yield interaction_items.interaction_to_item(tenant_id, interaction)
    for booking in bookings(contacts, count):
        yield booking_items.booking_to_item(tenant_id, booking)
    for number, contact in enumerate(contacts):
        by_type = counts[contact.id]
        fields: dict[str, object] = {
            "interaction_count": by_type.total(),
            "interaction_counts": dict(by_type),
            "deleted_at": LAST if number % 20 == 7 else None,
        }
        yield contact_items.contact_to_item(tenant_id, contact.model_copy(update=fields))


def interactions(contacts: list[Contact], count: int) -> Iterator[Interaction]:
    """Yield interactions, evenly distributed over the contacts and over a year."""
    chosen = random.Random(1)
    end = timestamps.to_milliseconds(LAST)
    rare = set(range(0, count, count // FEW)[:FEW])
    for number in range(count):
        occurred = end - number * _MINUTES_OF_A_YEAR * 60_000 // count
        at = timestamps.from_milliseconds(occurred)
        performer = "user-rare" if number in rare else f"user-{chosen.randrange(10)}"
        yield Interaction.model_construct(
            id=derived_id(occurred, "interaction", str(number)),
            contact_id=chosen.choice(contacts).id,
            type="contract" if number in rare else chosen.choice(_TYPES),
            description="Talked about the offer, and agreed to meet again next week.",
            occurred_at=at,
            booking_id="booking-rare" if number in rare else None,
            performed_by="Mary Somerville",
            performed_by_id=performer,
            created_at=at,
            created_by=f"user:{performer}",
            updated_at=at,
            updated_by=f"user:{performer}",
        )


def bookings(contacts: list[Contact], count: int) -> Iterator[Booking]:
    """Yield bookings, evenly distributed over the contacts and over a year; one in ten is cancelled."""
    chosen = random.Random(2)
    end = timestamps.to_milliseconds(LAST)
    for number in range(count):
        starts_at = timestamps.from_milliseconds(end - number * _MINUTES_OF_A_YEAR * 60_000 // count)
        state = chosen.choice(_STATES)
        entry = BookingEntry.model_construct(
            event_id=f"event-{number}",
            state=state,
            occurred_at=starts_at,
            starts_at=starts_at,
            version=1,
            interaction_id="",
        )
        yield Booking.model_construct(
            id=f"booking-{number}",
            contact_id=chosen.choice(contacts).id,
            state=state,
            starts_at=starts_at,
            title="First talk",
            organizer_id=f"owner-{chosen.randrange(5)}",
            events=[entry],
            version=1,
            title_order=entry.order,
            organizer_order=entry.order,
        )
