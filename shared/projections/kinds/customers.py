"""The projections of customers: a row for each searchable term, and their share of the tenant's counters."""

from __future__ import annotations

from collections import Counter

from shared.domain.customers.record import Customer
from shared.domain.customers.search import terms_of_customer
from shared.domain.search import indexed, summary_of
from shared.projections.kinds.kind import Projected, RecordKind
from shared.table.customers.repository import customer_from_item
from shared.table.item import Item
from shared.table.keys import customers as customer_keys
from shared.table.keys import lists as list_keys
from shared.table.keys import terms as term_keys


def _project(tenant_id: str, item: Item) -> Projected:
    customer = customer_from_item(item)
    terms = indexed(terms_of_customer(customer))
    summary = {"S": summary_of(terms)}
    return Projected(
        rows=tuple(
            {**term_keys.customer_term(tenant_id, term, customer.id), "words": summary} for term in terms
        ),
        counts=_counts_of(customer),
    )


def _counts_of(customer: Customer) -> Counter[str]:
    counts = Counter(["customers"])
    if customer.contact_count:
        counts["customers_with_contacts"] = 1
    return counts


CUSTOMER_KIND = RecordKind(list_keys.CUSTOMERS, customer_keys.CUSTOMER, _project)
