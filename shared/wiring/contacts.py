"""Contacts: reading, writing, lists, bulk calls and the purge."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from shared.wiring.base import cursors, store, time_limit
from shared.wiring.idempotency import announcer, fenced_store_for, store_for, work_of
from shared.wiring.kept import kept
from shared.wiring.labels import label_table, labelling
from shared.wiring.performers import performer
from shared.wiring.tenants import is_active_user, owners, tenant_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.domain.callers import Caller
    from shared.domain.contacts.filter import ContactFilter
    from shared.domain.contacts.record import Contact
    from shared.domain.contacts.revert import Reverted
    from shared.domain.contacts.shown import ContactShown
    from shared.domain.ids import Work
    from shared.services.contacts.bulk import BulkContacts
    from shared.services.contacts.changes import ContactChanges
    from shared.services.contacts.entry_lists import EntryLists
    from shared.services.contacts.history import ContactHistory
    from shared.services.contacts.lists import ContactLists
    from shared.services.contacts.purge import Purge
    from shared.services.contacts.reading import ContactReading
    from shared.services.contacts.revert import ContactRevert
    from shared.services.contacts.service import ContactService
    from shared.services.contacts.shown import NameMemory, ShownContacts
    from shared.services.contacts.statuses import ContactStatuses
    from shared.services.contacts.tag_rules import TagRules
    from shared.services.contacts.writing import ContactWriting
    from shared.services.customers.membership import Membership
    from shared.services.idempotency import Announce, IdempotencyKeyClaim
    from shared.services.reading_budget import Budget
    from shared.table.contacts.purge import PurgeTable
    from shared.table.store import Store

BULK_SECONDS = 8.0
"""Seconds for which a bulk call starts work on further contacts: well within its function's timeout."""


def contact_reading(caller: Caller, through: Store | None = None) -> ContactReading:
    """The contacts that one caller may see. `through`: the store that reads, if it is not the table itself."""
    from shared.services.contacts.reading import ContactReading
    from shared.table.contacts.repository import ContactTable

    tenant_id = caller.tenant_id
    return ContactReading(caller, ContactTable(through or store(), tenant_id, label_table(tenant_id)))


def contact_history(caller: Caller) -> ContactHistory:
    """The consents of contacts, for one caller."""
    from shared.services.contacts.history import ContactHistory
    from shared.table.contacts.history import ContactHistories

    histories = ContactHistories(store(), caller.tenant_id)
    return ContactHistory(caller, contact_reading(caller), histories, cursors())


def contact_changes(
    caller: Caller, budget: Budget | None = None, through: Store | None = None
) -> ContactChanges:
    """The changes of contacts, for one caller. They are read within the request's budget, or within a budget of their
    own.
    """
    from shared.services.contacts.changes import ContactChanges
    from shared.services.reading_budget import Budget
    from shared.table.contacts.history import ContactEvents
    from shared.table.contacts.names import NameTable

    tenant_id, through, budget = caller.tenant_id, through or store(), budget or Budget()
    return ContactChanges(
        caller,
        contact_reading(caller, through),
        ContactEvents(through, tenant_id, budget),
        NameTable(through, tenant_id),
        label_table(tenant_id).current,
        cursors(),
        budget,
    )


def contact_revert(
    caller: Caller, claim: IdempotencyKeyClaim | None = None, budget: Budget | None = None
) -> ContactRevert:
    """The reverts of contacts to earlier versions, for one caller."""
    from shared.services.contacts.revert import ContactRevert
    from shared.table.contacts.names import NameTable

    tenant_id, through = caller.tenant_id, store_for(claim)

    def customer_exists(customer_id: str) -> bool:
        _, found = NameTable(through, tenant_id).read(users=(), customers=(customer_id,))
        return any(caller.can_see_customer_of(customer.created_by) for customer in found.values())

    return ContactRevert(
        caller,
        contact_changes(caller, budget, through),
        partial(contact_writing, caller, through),
        partial(tenant_settings, tenant_id),
        label_table(tenant_id).current,
        customer_exists,
        announce=announcer(claim),
    )


def show_reverted(
    caller: Caller, records: Sequence[Reverted], *, is_written: bool = False
) -> Sequence[Reverted]:
    """Return answers to reverts with the contacts in the form in which the caller may see them."""
    contacts = show_contacts(caller, [one.contact for one in records], is_written=is_written)
    return [
        one.model_copy(update={"contact": contact}) for one, contact in zip(records, contacts, strict=True)
    ]


def contact_writing(
    caller: Caller, through: Store | None = None, announce: Announce | None = None
) -> ContactWriting:
    """The rules for writing contacts, for one caller. `through`: the store that commits. `announce`: receives the
    record that the call will return.
    """
    from shared.services.contacts.writing import ContactWriting
    from shared.services.idempotency import no_key
    from shared.table.contacts.repository import ContactTable

    tenant_id, through, announce = caller.tenant_id, through or store(), announce or no_key
    labels = label_table(tenant_id)
    return ContactWriting(
        caller,
        contact_reading(caller, through),
        ContactTable(through, tenant_id, labels),
        partial(tenant_settings, tenant_id),
        labels,
        is_active_user=partial(is_active_user, tenant_id),
        successors=partial(owners, tenant_id),
        membership=partial(_membership, caller, through, announce),
        performer=partial(performer, caller),
        announce=announce,
    )


def tag_rules(caller: Caller) -> TagRules:
    """The tag rules of a tenant, for the calls of one caller."""
    from shared.services.contacts.tag_rules import TagRules

    return TagRules(partial(tenant_settings, caller.tenant_id), partial(labelling, caller))


def contact_service(
    caller: Caller, claim: IdempotencyKeyClaim | None = None, announce: Announce | None = None
) -> ContactService:
    """The changes of single contacts, for one caller. `announce`: receives the record that the call will return, in
    place of the claim.
    """
    from shared.services.contacts.service import ContactService
    from shared.table.contacts.repository import ContactTable

    tenant_id, through = caller.tenant_id, store_for(claim)
    labels = label_table(tenant_id)
    return ContactService(
        caller,
        contact_writing(caller, through, announce or announcer(claim)),
        ContactTable(through, tenant_id, labels),
        partial(tenant_settings, tenant_id),
        labels,
        partial(owners, tenant_id),
    )


def contact_statuses(caller: Caller) -> ContactStatuses:
    """The statuses and lifecycle stages of contacts, for one caller."""
    from shared.services.contacts.statuses import ContactStatuses
    from shared.table.contacts.history import ContactHistories

    return ContactStatuses(
        caller,
        contact_reading(caller),
        contact_writing(caller),
        ContactHistories(store(), caller.tenant_id),
        cursors(),
        partial(performer, caller),
    )


def _membership(caller: Caller, through: Store, announce: Announce) -> Membership:
    from shared.services.customers.membership import Membership
    from shared.table.customers.membership import MembershipTable

    return Membership(caller, MembershipTable(through, caller.tenant_id), announce)


@kept
def _name_memory() -> NameMemory:
    from shared.services.contacts.shown import NameMemory

    return NameMemory()


def shown_contacts(caller: Caller) -> ShownContacts:
    """The service that prepares records for one caller."""
    from shared.services.contacts.shown import ShownContacts
    from shared.table.contacts.names import NameTable

    return ShownContacts(caller, NameTable(store(), caller.tenant_id), _name_memory())


def show_contacts(
    caller: Caller, records: Sequence[Contact], *, is_written: bool = False
) -> Sequence[ContactShown]:
    """Return contacts in the form in which the caller may see them. `is_written`: the call has written them."""
    return shown_contacts(caller).show(records, is_written=is_written)


def contact_lists(caller: Caller, budget: Budget | None = None) -> ContactLists:
    """The lists of contacts, for one caller. They are read within the request's budget, or within a budget of their
    own.
    """
    from shared.services.contacts.lists import ContactLists
    from shared.services.reading_budget import Budget
    from shared.table.contacts.index import ContactIndex
    from shared.table.contacts.repository import ContactTable

    tenant_id = caller.tenant_id
    budget = budget or Budget()
    return ContactLists(
        caller,
        ContactIndex(store(), tenant_id, budget),
        ContactTable(store(), tenant_id),
        label_table(tenant_id),
        cursors(),
        budget,
    )


def entry_lists(caller: Caller, budget: Budget) -> EntryLists:
    """The lists of entries of all contacts' timelines, for one caller. They are read within a budget."""
    from shared.services.contacts.entry_lists import EntryLists
    from shared.table.contacts.index import ContactIndex

    return EntryLists(caller, ContactIndex(store(), caller.tenant_id, budget), cursors(), budget)


def contact_filter(tenant_id: str, given: Mapping[str, Any]) -> ContactFilter:
    """Return the filter for a caller's conditions, under the tenant's settings and with its labels."""
    from shared.domain.groups import members
    from shared.domain.labels.record import NO_LABELS

    names_labels = any(given.get(name) for name in ("tags", "type", "group"))
    labels = label_table(tenant_id).current() if names_labels else NO_LABELS
    return members.contact_filter(given, tenant_settings(tenant_id), labels)


def bulk_contacts(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> BulkContacts:
    """Many contacts at once, for one caller. A call with an Idempotency-Key can be resumed."""
    return bulk_contacts_for(
        caller,
        work_of(claim),
        through=fenced_store_for(claim),
        resumable=claim is not None,
        has_time=time_limit(BULK_SECONDS),
    )


def bulk_contacts_for(
    caller: Caller, work: Work, *, through: Store, resumable: bool, has_time: Callable[[], bool]
) -> BulkContacts:
    """Many contacts at once, for one caller and one piece of work.

    `through`: the store that commits. `resumable`: whether the work may have been started before. `has_time`: whether
    further contacts may be started.
    """
    from shared.services.contacts.bulk import BulkContacts
    from shared.services.contacts.bulk_writing import BulkWriting
    from shared.table.contacts.repository import ContactTable

    tenant_id = caller.tenant_id
    labels = label_table(tenant_id)
    contacts = ContactTable(through, tenant_id, labels)
    writing = contact_writing(caller, through)
    return BulkContacts(
        caller,
        writing,
        BulkWriting(
            caller, contact_reading(caller, through), writing, contacts, work=work, has_time=has_time
        ),
        contacts,
        partial(tenant_settings, tenant_id),
        labels,
        partial(performer, caller),
        work=work,
        resumable=resumable,
        has_time=has_time,
    )


def purge_table() -> PurgeTable:
    """The deleted contacts of all tenants, with what belongs to them outside their partitions."""
    from shared.projections.purged_entries import PurgedEntries
    from shared.table.bookings.remains import BookingRemains
    from shared.table.contacts.purge import PurgeTable
    from shared.table.interactions.remains import FollowUpRemains
    from shared.wiring.projections import projection

    outside = (PurgedEntries(projection()), BookingRemains(store()), FollowUpRemains(store()))
    return PurgeTable(store(), outside=outside)


def contact_purge(has_time: Callable[[], bool]) -> Purge:
    """The purge of all tenants' deleted contacts. It works while `has_time` returns True."""
    from shared import observability
    from shared.projections.leftover_rows import LeftoverRows
    from shared.services.contacts.purge import Purge

    return Purge(
        purge_table(),
        leftover_rows=LeftoverRows(store()),
        on_failure=lambda: observability.warn("a contact was not purged", trace=observability.trace()),
        has_time=has_time,
    )
