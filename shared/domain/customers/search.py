"""The terms a customer is found by."""

from __future__ import annotations

from shared.domain.customers.record import Customer
from shared.domain.search import Term, terms_of


def terms_of_customer(customer: Customer) -> list[Term]:
    """The terms of a customer: those of its name, username, number and national id, and of its address."""
    names = (customer.full_name, customer.username or "", customer.number, customer.national_id)
    return terms_of(names, [customer.email] if customer.email else [])
