"""Keys of the counts by hour: how often something happened in each hour, for each tenant.

An hour, in UTC, is one item, with a count for each type and quarter of the hour. In every time zone, days begin at a
quarter of an hour, so a reader can add up the days of any zone.
"""

from __future__ import annotations

from typing import Any

from shared.table.keys.spelling import Key, make_key, space_of, tenant_prefix

HOURS = "HOURS"
PURGED = "purged."
"""The prefix of the counts for purged contacts, whose records no longer exist."""


def partition(tenant_id: str, metric: str) -> str:
    """Return the partition of a tenant's counts of one metric, such as `interactions`."""
    return f"{tenant_prefix(tenant_id)}{HOURS}#{metric}"


def hour(tenant_id: str, metric: str, hour: str) -> Key:
    """Return the key of the counts of an hour, such as `2026-05-04T09`."""
    return make_key(partition(tenant_id, metric), hour)


def parse_count(name: str) -> tuple[str, int]:
    """Return the type and the quarter of the hour (0 to 3) of a count in an hour, also of one for purged contacts."""
    kind, _, quarter = name.removeprefix(PURGED).rpartition(".")
    return kind, int(quarter)


def is_hour(key: dict[str, Any]) -> bool:
    """Whether a key, or the key of an item, is that of the counts of an hour."""
    return space_of(key) == HOURS
