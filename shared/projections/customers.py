"""What is projected of customers: their list row, which `shared.projections.records` writes as it does contacts',
and their numbers.
"""

from __future__ import annotations

from collections import Counter

from shared.table.store import Item


def counts(image: Item) -> Counter[str]:
    """A live customer's part in its tenant's counters."""
    counts = Counter(["customers"])
    if "contact_count" in image:  # left out when it is 0
        counts["customers_with_contacts"] = 1
    return counts
