"""Customers found by the text of a search: words of their names, number, username, national id and address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from shared.domain.customers.record import Customer
from shared.domain.customers.search import terms_of_customer
from shared.domain.errors import Invalid
from shared.domain.search import found_in, indexed, may_have, prefixes_of
from shared.services.reading_budget import Budget
from shared.services.walks import Step

_PORTION = 64
"""How many entries of the index are read together."""


class CustomerIndex(Protocol):
    """The terms of one tenant's customers; see `shared.table.customers.repository.CustomerTable`."""

    def beginning_with(
        self, prefix: str, *, limit: int, after: str | None
    ) -> list[tuple[str, str, str, str]]: ...

    def listed(self, customer_ids: Iterable[str]) -> dict[str, Customer]: ...


def search_customers(
    index: CustomerIndex, search: str, after: str | None, budget: Budget
) -> Iterator[Step[Customer]]:
    """Yield a step for each entry of the search's rarest term, in the order of the terms.

    A customer matches if its texts have all parts of the search. With several terms of the same beginning, it matches
    at the first of them only. Raises Invalid for a search
    without a visible character, and BudgetSpent when the budget is spent.
    """
    prefixes = prefixes_of(search)
    if not prefixes:
        raise Invalid.field("search", "search", "Give at least one visible character to search for.")
    # The longest prefix occurs the least often.
    rarest = max((one.indexed for one in prefixes), key=len)

    def is_first(customer: Customer, term: str) -> bool:
        terms = terms_of_customer(customer)
        return found_in(prefixes, terms) and term == min(
            (one for one in indexed(terms) if one.startswith(rarest)), default=None
        )

    while True:
        budget.check()
        entries = index.beginning_with(rarest, limit=_PORTION, after=after)
        ids = {customer_id for _, _, customer_id, summary in entries if may_have(prefixes, summary)}
        found = index.listed(ids) if ids else {}
        budget.charge(len(entries) + len(ids))
        for position, term, customer_id, _ in entries:
            customer = found.get(customer_id)
            budget.advance()
            yield position, customer is not None and is_first(customer, term), customer
        if len(entries) < _PORTION:
            return
        after = entries[-1][0]
