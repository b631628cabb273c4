"""Random sets of booking events end in the same contacts, totals and timelines, in whatever order they arrive."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, NoReturn

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.accounts.user import User
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.ids import new_id
from shared.domain.records import blank_fields
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant, TenantSettings
from shared.services.bookings.processing import BookingService
from shared.services.contacts.owners import Owners
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.writing import ContactWriting
from shared.table.accounts.user_steps import user_to_item
from shared.table.accounts.users import UserTable
from shared.table.bookings.repository import BookingTable
from shared.table.contacts.repository import ContactTable
from shared.table.keys import accounts as account_keys
from shared.table.labels import LabelMemory, LabelTable
from shared.table.store import Store
from tests.integration.table_content import Content, Item
from tests.support.budgets import repetitions
from tests.support.memory_table import MemoryTable

TENANT = "T1"
ADMIN = Caller(TENANT, "user", "admin", "admin")
KINDS = ("BookingCreated", "BookingRescheduled", "BookingCompleted", "BookingCancelled")
EMAILS = ("grace@example.com", "ada@example.com", "navy@example.com")
DETAILS = st.fixed_dictionaries(
    {
        "booking_id": st.sampled_from(["b-1", "b-2", "b-3"]),
        "invitee_email": st.sampled_from(EMAILS),
        "version": st.sampled_from([None, 1, 2, 3]),
        "occurred_at": st.sampled_from([f"2031-03-0{day}T09:00:00Z" for day in (1, 2, 3, 4)]),
        "starts_at": st.sampled_from([f"2031-04-0{day}T09:00:00Z" for day in (1, 2, 3, 4)]),
        "ends_at": st.sampled_from([None, "2031-04-05T09:00:00Z"]),
        "title": st.sampled_from([None, "Talk", "Walk"]),
        "invitee_name": st.sampled_from([None, "grace", "Grace Hopper", "Hopper, Amazing", "ada"]),
        "invitee_phone": st.sampled_from([None, "415-555-2671", "+14155552672", "none"]),
        "organizer_id": st.sampled_from([None, "user-1", "user-2", "unknown"]),
        "organizer_email": st.sampled_from([None, "user1@example.com"]),
    }
)
EVENTS = st.lists(st.tuples(st.sampled_from(KINDS), DETAILS), min_size=1, max_size=7).map(
    lambda drawn: [
        {
            "source": "scheduling.bookings",
            "detail-type": kind,
            "detail": {
                "event_id": f"e-{number}",
                "tenant_id": TENANT,
                **{name: value for name, value in detail.items() if value is not None},
            },
        }
        for number, (kind, detail) in enumerate(drawn)
    ]
)
KNOWN = st.sampled_from(
    [
        None,
        {"first_name": "grace"},
        {"first_name": "Ada", "last_name": "King", "phone": "+442079460958"},
        {"first_name": "Ada", "other_emails": ["navy@example.com"]},
    ]
)
OF_THE_ORDER = {"PK", "id", "version", "contact_id", "created_at", "updated_at", "last_event", "updated_by"}
"""Attributes that depend on the clock, on the number of changes, or on ids that are drawn at random."""


class World:
    """A tenant with two users, and with the contact `known` if it is given, in a table in memory."""

    def __init__(self, known: dict[str, Any] | None) -> None:
        self.table = MemoryTable()
        self._store = store = Store(self.table, "table")
        for number in (1, 2):
            fields = {
                "id": f"user-{number}",
                "username": f"user{number}",
                "email": f"user{number}@example.com",
                "role": "user",
            }
            user = User.from_stored({**blank_fields(User), **fields, **Stamp.now(ADMIN).creation_fields()})
            self.table.put(user_to_item(TENANT, user))
            lock = account_keys.user_email_lock(TENANT, user.email)
            self.table.put({**lock, "user_id": {"S": user.id}})
        tenant = Tenant(TENANT, "One", "2026-01-01T00:00:00.000Z")
        self._service = BookingService(
            lambda tenant_id: tenant,
            partial(BookingTable, store),
            self._owners,
            self._writing,
        )
        if known is not None:
            given: Any = {"email": "grace@example.com", "owner_id": None, **known}
            contact, event = Contact.create(given, contact_id=new_id(), stamp=Stamp.now(ADMIN), source="api")
            ContactTable(store, TENANT).create((contact, event))

    def _owners(self, tenant_id: str) -> Owners:
        return Owners(UserTable(self._store, tenant_id))

    def _writing(self, caller: Caller) -> ContactWriting:
        contacts = ContactTable(self._store, TENANT)
        return ContactWriting(
            caller,
            ContactReading(caller, contacts),
            contacts,
            TenantSettings,
            LabelTable(self._store, TENANT, LabelMemory()),
            is_active_user=lambda user_id: True,
            successors=lambda: self._owners(TENANT),
            membership=_no_customers,
            performer=lambda: "somebody",
        )

    def end_after(self, events: list[dict[str, Any]]) -> list[str]:
        """Process events; return the contacts with their bookings and timelines, as text without what may depend on the
        order.
        """
        for event in events:
            self._service.process(event)
        content = Content(self.table.all())
        content.assert_whole()
        rows = sorted((*content.bookings, *content.interactions), key=lambda row: row["SK"]["S"])
        return sorted(
            json.dumps(
                [_shown(one) for one in (contact, *(row for row in rows if row["PK"] == contact["PK"]))],
                sort_keys=True,
            )
            for contact in content.contacts
        )


def _no_customers() -> NoReturn:
    raise AssertionError("contacts of bookings belong to no customer")


def _shown(item: Item) -> dict[str, Any]:
    kept = {name: value for name, value in item.items() if name not in OF_THE_ORDER}
    # The ids of bookings and interactions are those of their events.
    return kept | ({} if item["SK"]["S"] == "CONTACT" else {"id": item["id"]})


@settings(max_examples=repetitions(100))
@given(events=EVENTS, known=KNOWN, drawn=st.data())
def test_every_order_of_random_booking_events_with_repeats_has_the_same_end(
    events: list[dict[str, Any]], known: dict[str, Any] | None, drawn: st.DataObject
) -> None:
    """checks 27 and 89: a thousand sets with the long budget, each in three orders."""
    in_order = sorted(events, key=lambda one: str(one["detail"]["occurred_at"]))
    expected = World(known).end_after(in_order)
    for _ in range(2):
        repeats = drawn.draw(st.lists(st.sampled_from(events), max_size=3))
        shuffled = drawn.draw(st.permutations([*events, *repeats]))
        assert World(known).end_after(shuffled) == expected
