"""Keys of match keys: which contacts have one, and which of them several contacts share."""

from __future__ import annotations

from typing import Any

from shared.domain.duplicates.keys import KINDS, MatchKey
from shared.table.keys import terms
from shared.table.keys.spelling import SK, Key, escape_term, make_key, tenant_prefix, unescape_term

MATCH, SHARED = "MATCH", "SHARED"
_END = "#"
"""Ends a match key in a sort key, so that the markers of a kind are in the order of its rows."""


def partition_of(tenant_id: str, key: MatchKey) -> str:
    """Return the partition of the rows of a match key. Telephone numbers use the rows by which they are searched."""
    if key.kind == "phone":
        return terms.numbers(tenant_id, key.value)
    return f"{tenant_prefix(tenant_id)}{MATCH}#{key.kind}"


def start_of(key: MatchKey) -> str:
    """Return the start of the sort keys of the rows of a match key."""
    return f"{key.value if key.kind == 'phone' else escape_term(key.value)}{_END}"


def match(tenant_id: str, key: MatchKey, contact_id: str) -> Key:
    """Return the key of the row that says that a contact has a match key."""
    return make_key(partition_of(tenant_id, key), f"{start_of(key)}{contact_id}")


def contact_of(row: dict[str, Any]) -> str:
    """Return the contact id of the row of a match key."""
    position: str = row[SK]["S"]
    return position.rpartition(_END)[2]


def all_shared(tenant_id: str) -> str:
    """Return the partition of the markers of the keys that several contacts share."""
    return f"{tenant_prefix(tenant_id)}{SHARED}"


def shared(tenant_id: str, key: MatchKey) -> Key:
    """Return the key of the marker of a match key that several contacts share. The strongest kind sorts first."""
    return make_key(all_shared(tenant_id), f"{KINDS.index(key.kind)}#{key.kind}#{start_of(key)}")


def key_of_marker(position: str) -> MatchKey:
    """Return the match key of the sort key of a marker."""
    rank, _, value = position.removesuffix(_END).split("#", 2)
    return MatchKey(KINDS[int(rank)], unescape_term(value))
