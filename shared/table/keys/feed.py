"""Keys of the feeds of published events.

A feed is one item with its newest entries, the head, and pages with all others. A page is found by the last of its
positions. Pages are in partitions of 100,000 positions, so that no partition grows without bound.
"""

from __future__ import annotations

from typing import Any

from shared.table.keys.spelling import SK, Key, make_key, tenant_prefix

BLOCK = 100_000
"""Positions in one partition. A page never spans two."""


def head(tenant_id: str) -> Key:
    """Return the key of the head of a tenant's feed.

    Its partition may also have rows of single events, with their ids as sort keys, which earlier versions wrote.
    """
    return make_key(f"{tenant_prefix(tenant_id)}FEED", "HEAD")


def block_of(position: int) -> int:
    """Return the number of the block that a position is in, counted from 0."""
    return (position - 1) // BLOCK


def pages(tenant_id: str, block: int) -> str:
    """Return the partition of the pages of a block."""
    return f"{tenant_prefix(tenant_id)}FEED#{block:08d}"


def page(tenant_id: str, last_position: int) -> Key:
    """Return the key of the page that ends at a position."""
    return make_key(pages(tenant_id, block_of(last_position)), page_sort_key(last_position))


def page_sort_key(position: int) -> str:
    """Return the sort key of the page that ends at a position; these sort as the positions do."""
    return f"{position:013d}"


def last_position_of(page_key: dict[str, Any]) -> int:
    """Return the last position of the page with a key."""
    return int(page_key[SK]["S"])
