"""Suggestions of duplicates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared.wiring.base import cursors, store
from shared.wiring.contacts import contact_reading, contact_service, show_contacts
from shared.wiring.idempotency import announcer, store_for
from shared.wiring.labels import label_table
from shared.wiring.tenants import tenant_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.domain.callers import Caller
    from shared.domain.contacts.inputs import ContactInput
    from shared.domain.contacts.record import Contact
    from shared.domain.contacts.shown import ContactShown
    from shared.domain.duplicates.views import CreatedContact
    from shared.services.duplicates.dismissing import Dismissing
    from shared.services.duplicates.suggestions import Suggestions
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.reading_budget import Budget


def suggestions(caller: Caller, budget: Budget | None = None) -> Suggestions:
    """The pairs of contacts that may be one person, for one caller. They are read within the request's budget, or
    within a budget of their own.
    """
    from shared.services.duplicates.suggestions import Suggestions
    from shared.services.reading_budget import Budget
    from shared.table.contacts.index import ContactIndex
    from shared.table.duplicates.dismissals import DismissalTable
    from shared.table.duplicates.index import MatchIndex

    tenant_id, budget = caller.tenant_id, budget or Budget()
    return Suggestions(
        caller,
        contact_reading(caller),
        MatchIndex(store(), tenant_id, budget),
        ContactIndex(store(), tenant_id, budget),
        DismissalTable(store(), tenant_id, budget),
        cursors(),
        budget,
        partial(tenant_settings, tenant_id),
    )


def dismissing(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> Dismissing:
    """The dismissing of suggestions, for one caller."""
    from shared.services.duplicates.dismissing import Dismissing
    from shared.table.contacts.repository import ContactTable
    from shared.table.duplicates.dismissals import DismissalTable

    tenant_id, through = caller.tenant_id, store_for(claim)
    return Dismissing(
        caller,
        contact_reading(caller, through),
        ContactTable(through, tenant_id, label_table(tenant_id)),
        DismissalTable(through, tenant_id),
        partial(tenant_settings, tenant_id),
        announcer(claim),
    )


def create_and_compare(
    caller: Caller, claim: IdempotencyKeyClaim | None, given: ContactInput, budget: Budget
) -> CreatedContact:
    """Create a contact, and return it with its possible duplicates, which are looked up before it is written: after
    that the call must no longer fail.
    """
    from shared.services.duplicates.creation import CheckedCreation

    checked = CheckedCreation(suggestions(caller, budget), announcer(claim))
    return checked.create(contact_service(caller, claim, checked.announce), given)


def show_created(
    caller: Caller, records: Sequence[Contact], *, is_written: bool = False
) -> Sequence[ContactShown]:
    """Return new contacts in the form in which the caller may see them."""
    shown = show_contacts(caller, records, is_written=is_written)
    if not any("possible_duplicates" in one.__dict__ for one in records):
        return shown
    from shared.domain.duplicates.views import CreatedContact

    return [
        CreatedContact.with_duplicates(one, record.possible_duplicates)
        if isinstance(record, CreatedContact)
        else one
        for one, record in zip(shown, records, strict=True)
    ]
