"""Statistics of contacts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.domain.contacts.companies import LEAST_AT_THE_TOP, company_key
from shared.domain.contacts.facets import DEFAULTS, counts_of
from shared.domain.contacts.record import Contact
from shared.domain.groups.record import Group
from shared.domain.labels.record import ContactType, Label, Labels, Tag

TOP_COMPANIES = 10
"""How many companies the statistics have."""


def build_statistics(
    counts: Mapping[str, int], companies: Sequence[tuple[str, int]], labels: Labels
) -> dict[str, Any]:
    """Return the statistics of counters and top companies; see `ContactLists.stats`."""
    total = counts.get("all", 0)
    inactive = counts.get("is_active=false", 0)
    customers = counts.get("customers", 0)
    with_contacts = counts.get("customers_with_contacts", 0)
    return {
        "total": total,
        "active": total - inactive,
        "inactive": inactive,
        "with_bookings": counts.get("has_bookings=true", 0),
        "bookings": counts.get("bookings", 0),
        "primary": counts.get("is_primary=true", 0),
        "customers": {
            "total": customers,
            "with_contacts": with_contacts,
            "without_contacts": customers - with_contacts,
        },
        "bookings_per_contact": round(counts.get("bookings", 0) / total, 3) if total else 0.0,
        "interactions": counts.get("interactions", 0),
        "by_source": _with_default(counts, "source", total),
        "by_relationship_status": _with_default(counts, "relationship_status", total),
        "by_lifecycle_stage": _with_default(counts, "lifecycle_stage", total),
        "by_tag": _by_label(counts, labels.all_of(Tag)),
        "by_type": _by_label(counts, labels.all_of(ContactType)),
        "by_group": _by_label(counts, [group for group in labels.all_of(Group) if group.kind == "static"]),
        "top_companies": [{"company": name, "contacts": amount} for name, amount in companies],
    }


def count_contacts(contacts: Iterable[Contact]) -> tuple[Mapping[str, int], Sequence[tuple[str, int]]]:
    """Return the counters and the top companies of a tenant that had only these contacts."""
    counts, sizes = Counter[str](), Counter[str]()
    spellings: dict[str, str] = {}
    customers: set[str] = set()
    for contact in contacts:
        counts.update(counts_of(contact))
        if key := company_key(contact.company):
            sizes[key] += 1
            spellings.setdefault(key, contact.company)
        if contact.customer_id:
            customers.add(contact.customer_id)
    counts.update({"customers": len(customers), "customers_with_contacts": len(customers)})
    top = sorted((-size, key) for key, size in sizes.items() if size >= LEAST_AT_THE_TOP)[:TOP_COMPANIES]
    return counts, [(spellings[key], -size) for size, key in top]


def _by_value(counts: Mapping[str, int], facet: str) -> dict[str, int]:
    start = f"{facet}="
    return {name.removeprefix(start): amount for name, amount in counts.items() if name.startswith(start)}


def _with_default(counts: Mapping[str, int], facet: str, total: int) -> dict[str, int]:
    found = _by_value(counts, facet)
    found[DEFAULTS[facet]] = total - sum(found.values())
    return {value: amount for value, amount in sorted(found.items()) if amount}


def _by_label(counts: Mapping[str, int], labels: Sequence[Label]) -> dict[str, int]:
    kinds = {label.name: counts.get(f"{label.entity}={label.id}", 0) for label in labels}
    return {name: amount for name, amount in kinds.items() if amount}
