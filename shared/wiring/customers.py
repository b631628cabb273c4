"""Customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.wiring.base import cursors
from shared.wiring.contacts import shown_contacts
from shared.wiring.idempotency import announcer, store_for
from shared.wiring.labels import label_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.domain.callers import Caller
    from shared.domain.customers.record import Customer
    from shared.services.customers.writing import CustomerService
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.reading_budget import Budget


def customer_service(
    caller: Caller, claim: IdempotencyKeyClaim | None = None, budget: Budget | None = None
) -> CustomerService:
    """The customers, for one caller. Contacts are read within the request's budget, or within a budget of their own."""
    from shared.services.customers.writing import CustomerService
    from shared.table.contacts.repository import ContactTable
    from shared.table.customers.repository import CustomerTable

    tenant_id, through = caller.tenant_id, store_for(claim)
    return CustomerService(
        caller,
        CustomerTable(through, tenant_id),
        ContactTable(through, tenant_id, label_table(tenant_id)),
        cursors(),
        budget=budget,
        announce=announcer(claim),
    )


def show_customers(
    caller: Caller, records: Sequence[Customer], *, is_written: bool = False
) -> Sequence[Customer]:
    """Return customers in the form in which the caller may see them. `is_written`: the call has written them."""
    return shown_contacts(caller).show_customers(records, is_written=is_written)
