"""The projections of customers: their list row, which `shared.projections.engine` writes as it does contacts', the
terms they are found by, and their part in the counters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from shared.domain.customers.search import terms_of_customer
from shared.domain.search import indexed, summary_of
from shared.table import keys
from shared.table.customers.repository import customer_from_item
from shared.table.store import Item


def rows(tenant_id: str, image: Item) -> Iterator[Item]:
    """The rows a customer is found by, besides its list row."""
    customer = customer_from_item(image)
    terms = indexed(terms_of_customer(customer))
    summary = {"S": summary_of(terms)}
    for term in terms:
        yield {**keys.customer_term(tenant_id, term, customer.id), "words": summary}


def counts(image: Item) -> Counter[str]:
    """A live customer's part in its tenant's counters."""
    counts = Counter(["customers"])
    if "contact_count" in image:  # left out when it is 0
        counts["customers_with_contacts"] = 1
    return counts
