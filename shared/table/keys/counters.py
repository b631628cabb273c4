"""Keys of counters: how many live contacts have a value, and which companies have the most."""

from __future__ import annotations

from typing import Any

from shared.table.keys.spelling import SK, Key, escape, make_key, space_of, tenant_prefix, unescape

COUNTERS, COMPANIES, TOP = "COUNTS", "COMPANIES", "TOP"
AMOUNT = "amount"
"""The attribute with the amount of a counter. Each part of a counter has an attribute with its own name."""
_PART = "#"


def partition(tenant_id: str) -> str:
    """Return the partition of a tenant's counters."""
    return f"{tenant_prefix(tenant_id)}{COUNTERS}"


def counter(tenant_id: str, name: str) -> Key:
    """Return the key of a counter of live contacts; the counter `all` counts all of them.

    Parts of a counter, such as `interactions#call`, are in the same item, so that it changes with them at no further
    cost.
    """
    return make_key(partition(tenant_id), escape(item_name_of(name)))


def item_name_of(name: str) -> str:
    """Return the counter in whose item a counter, or a part of one, is."""
    return name.partition(_PART)[0]


def attribute_of(name: str) -> str:
    """Return the attribute with the amount of a counter, or of a part of one."""
    return name.partition(_PART)[2] or AMOUNT


def is_counter(key: dict[str, Any]) -> bool:
    """Whether a key, or the key of an item, is that of a counter of live contacts."""
    return space_of(key) == COUNTERS


def name_of(key: dict[str, Any]) -> str:
    """Return the name of a counter."""
    return unescape(key[SK]["S"])


def company(tenant_id: str, company_key: str) -> Key:
    """Return the key of the number of a company's live contacts. Not among the other counters, which are read whole."""
    return make_key(f"{tenant_prefix(tenant_id)}{COMPANIES}", company_key)


def top_companies(tenant_id: str) -> str:
    """Return the partition of the companies sorted by their number of contacts."""
    return f"{tenant_prefix(tenant_id)}{TOP}#company"


def top_company(tenant_id: str, company_key: str, amount: int) -> Key:
    """Return the key of a company with so many contacts: the most contacts sort first, equal ones by the alphabet."""
    return make_key(top_companies(tenant_id), f"{10**12 - amount:013d}#{company_key}")
