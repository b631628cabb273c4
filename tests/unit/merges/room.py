"""A tenant's contacts in a table in memory, and workers that merge and change them, to interleave their calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.customers.record import Customer
from shared.domain.errors import DomainError
from shared.domain.events import Event
from shared.domain.ids import derived_id
from shared.domain.merges.record import Merge
from shared.domain.merges.views import MergeInput, MergeResult
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant, TenantSettings, UniqueScope
from shared.services.bookings.processing import BookingService
from shared.services.contacts.owners import Owners
from shared.services.contacts.purge import Purge
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.writing import ContactWriting
from shared.services.customers.membership import Membership
from shared.services.idempotency import no_key
from shared.services.merges.merging import Merging
from shared.services.merges.reading import MergeReading
from shared.table.accounts.users import UserTable
from shared.table.bookings.repository import BookingTable
from shared.table.contacts.purge import PurgeTable
from shared.table.contacts.repository import ContactTable
from shared.table.customers.membership import MembershipTable
from shared.table.customers.repository import CustomerTable
from shared.table.keys.merges import partition
from shared.table.labels import LabelMemory, LabelTable
from shared.table.merges.items import merge_from_item
from shared.table.merges.repository import MergeTable
from shared.table.store import Store
from tests.integration.table_content import Content
from tests.support.interleaving import Schedule, Turns
from tests.support.memory_table import MemoryTable

TENANT = "t1"
ADMIN = Caller(TENANT, "user", "u1", "admin")
MADE_AT = 1_777_888_000_000
"""When the contacts of a room were created, in milliseconds."""


def id_of(name: str) -> str:
    """The id of a contact or customer that a room was prepared with."""
    return derived_id(MADE_AT, name)


class _NoCursors:
    def seal(self, scope: tuple[str, ...], position: Any) -> str:
        raise NotImplementedError

    def open(self, scope: tuple[str, ...], cursor: str) -> Any:
        raise NotImplementedError


class Room:
    """A table with contacts, and what callers do to them. `refusals`: those of the last run's workers. `scope`: the
    tenant's `unique_scope`.
    """

    def __init__(self, scope: UniqueScope = "tenant") -> None:
        self.table = MemoryTable(self._announce)
        self.turns: Turns | None = None
        self.refusals: list[DomainError] = []
        self.scope: UniqueScope = scope
        self.store = Store(self.table, "table", sleep=_no_sleep)

    def _announce(self, _operation: str) -> None:
        if self.turns is not None:
            self.turns.take()

    def copy(self) -> Room:
        """A room with the same contents."""
        other = Room(self.scope)
        for item in self.table.all():
            other.table.put(item)
        return other

    def run(
        self,
        *workers: Callable[[Room], None],
        schedule: Schedule = (),
        kills: Mapping[int, int] | None = None,
    ) -> Turns:
        """Let workers do their work, each refused or not, and check what is there at the end."""

        def work(worker: Callable[[Room], None]) -> Callable[[], None]:
            def do() -> None:
                try:
                    worker(self)
                except DomainError as refusal:
                    self.refusals.append(refusal)

            return do

        # Ids are drawn at random, so no state is that of another run.
        self.turns = turns = Turns([work(one) for one in workers], schedule, kills=kills, state=object)
        try:
            turns.run()
        finally:
            self.turns = None
        self.content.assert_whole()
        return turns

    @property
    def content(self) -> Content:
        return Content(self.table.all())

    @property
    def merges(self) -> list[Merge]:
        rows = [item for item in self.table.all() if item["PK"]["S"] == partition(TENANT)]
        return [merge_from_item(item) for item in rows]

    def contact(self, name: str) -> Contact:
        """A contact's own record as it is."""
        found = MergeTable(self.store, TENANT, self._labels()).contacts([id_of(name)])
        return found[id_of(name)]

    def holder(self, email: str) -> str | None:
        """The contact that has an address."""
        return ContactTable(self.store, TENANT).owner_of_email(email)

    # What callers do

    def create(self, name: str, email: str, customer: str | None = None, **given: Any) -> Contact:
        """Create a contact with the id of a name."""
        fields: Any = {"first_name": name, "email": email, "owner_id": None, **given}
        if customer is not None:
            fields["customer_id"] = id_of(customer)
        contact, event = Contact.create(
            fields,
            contact_id=id_of(name),
            stamp=Stamp.now(ADMIN),
            source="api",
            unique_scope=self.scope,
        )
        return self._writing(ADMIN).create(contact, event)

    def create_customer(self, name: str, number: int) -> None:
        customer, event = Customer.create(
            {"first_name": name, "last_name": ""},
            customer_id=id_of(name),
            number=number,
            stamp=Stamp.now(ADMIN),
        )
        CustomerTable(self.store, TENANT).create(customer, number, event)

    def change(self, name: str, **given: Any) -> None:
        def decide(contact: Contact) -> tuple[Contact, Event] | None:
            return contact.change(given, stamp=Stamp.now(ADMIN))  # type: ignore[arg-type]

        self._writing(ADMIN).change(id_of(name), "contacts:write", None, decide)

    def move(self, name: str, customer: str | None) -> None:
        """Make a contact one of another customer, or of none."""
        self.change(name, customer_id=id_of(customer) if customer is not None else None)

    def delete(self, name: str) -> None:
        self._writing(ADMIN).change(
            id_of(name), "contacts:delete", None, lambda contact: contact.delete(stamp=Stamp.now(ADMIN))
        )

    def restore(self, name: str) -> None:
        def decide(contact: Contact) -> tuple[Contact, Event] | None:
            return contact.restore(owner_id=None, unique_scope=self.scope, stamp=Stamp.now(ADMIN))

        contacts = ContactTable(self.store, TENANT)
        self._writing(ADMIN).change(
            id_of(name), "contacts:delete", None, decide, find=contacts.get_with_deleted
        )

    def merge(self, survivor: str, *merged: str, **given: Any) -> MergeResult:
        body = MergeInput(survivor_id=id_of(survivor), merged_ids=[id_of(one) for one in merged], **given)
        return self._merging().merge(body)

    def undo(self, number: int = 0) -> MergeResult:
        """Undo the merge of a number, in the order of their ids."""
        return self._merging().undo(sorted(one.id for one in self.merges)[number])

    def book(self, email: str, *, booking: str = "b-1", event: str = "e-1") -> None:
        detail = {
            "event_id": event,
            "tenant_id": TENANT,
            "booking_id": booking,
            "invitee_email": email,
            "occurred_at": "2026-01-01T09:00:00Z",
            "starts_at": "2026-01-02T09:00:00Z",
        }
        BookingService(
            lambda _: Tenant(TENANT, "One", "2026-01-01T00:00:00.000Z"),
            lambda tenant_id: BookingTable(self.store, tenant_id),
            lambda tenant_id: Owners(UserTable(self.store, tenant_id)),
            self._writing,
            sleep=_no_sleep,
        ).process({"source": "scheduling.bookings", "detail-type": "BookingCreated", "detail": detail})

    def purge(self, at: str = "2099-01-01T00:00:00.000Z") -> None:
        """Purge what is due at a time in several runs, as the schedule does."""
        purge = Purge(PurgeTable(self.store, outside=()), now=lambda: at)
        for _ in range(3):
            purge.run()

    # Parts

    def _labels(self) -> LabelTable:
        return LabelTable(self.store, TENANT, LabelMemory())

    def _membership(self, caller: Caller) -> Membership:
        return Membership(caller, MembershipTable(self.store, TENANT), no_key)

    def _merging(self) -> Merging:
        merges = MergeTable(self.store, TENANT, self._labels())
        return Merging(
            ADMIN,
            MergeReading(ADMIN, merges, _NoCursors()),
            ContactReading(ADMIN, ContactTable(self.store, TENANT)),
            merges,
            self._membership(ADMIN),
            performer=lambda: "Ada",
            present_owner=lambda owner_id: owner_id,
            unique_scope=lambda: self.scope,
            sleep=_no_sleep,
        )

    def _writing(self, caller: Caller) -> ContactWriting:
        contacts = ContactTable(self.store, TENANT)
        return ContactWriting(
            caller,
            ContactReading(caller, contacts),
            contacts,
            lambda: TenantSettings(unique_scope=self.scope),
            self._labels(),
            is_active_user=lambda user_id: True,
            successors=lambda: Owners(UserTable(self.store, TENANT)),
            membership=lambda: self._membership(caller),
            performer=lambda: "Ada",
            sleep=_no_sleep,
        )


def _no_sleep(_seconds: float) -> None:
    pass
