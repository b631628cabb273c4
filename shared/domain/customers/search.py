"""The terms under which a customer is found."""

from __future__ import annotations

from shared.domain.customers.record import Customer
from shared.domain.search import Term, terms_of


def terms_of_customer(customer: Customer) -> list[Term]:
    """Return the terms of a customer's name, username, number, national id and e-mail address."""
    names = (customer.full_name, customer.username or "", customer.number, customer.national_id)
    return terms_of(names, [customer.email] if customer.email else [])
