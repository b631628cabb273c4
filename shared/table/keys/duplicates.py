"""Keys of match keys: which contacts have one, which of them several contacts share, how far these markers have been
brought in line with the rows, and which pairs of contacts were dismissed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.domain.duplicates.keys import KINDS, Kind, MatchKey
from shared.table.keys import terms, work
from shared.table.keys.contacts import partition as contact_partition
from shared.table.keys.spelling import (
    SK,
    Identity,
    Key,
    escape_term,
    make_key,
    tenant_prefix,
    unescape_term,
)

MATCH, SHARED = "MATCH", "SHARED"
_IN_MATCH, _IN_NUMBER = f"#{MATCH}#", f"#{terms.NUMBER}#"
"""The parts of partition keys that show a row of a match key: no other partition key has them."""
DISMISSED = "DISMISSED#"
"""The prefix of the dismissed pairs in the partition of the older contact."""
DUE = "DUE#MATCHES"
"""The index partition of the tenants whose markers are to be brought in line with the rows of their match keys."""
FIRST_POSITION, LAST_POSITION = "0", "~"
"""Before and after the positions of all markers."""
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


def key_of_row(identity: Identity) -> MatchKey | None:
    """Return the match key of the row with a partition key and a sort key; None for any other row."""
    partition, position = identity
    if _IN_MATCH in partition:
        kind = partition.rpartition(_IN_MATCH)[2]
        return MatchKey(_kind(kind), unescape_term(position.rpartition(_END)[0]))
    return MatchKey("phone", position.rpartition(_END)[0]) if _IN_NUMBER in partition else None


def all_shared(tenant_id: str) -> str:
    """Return the partition of the markers of the keys that several contacts share."""
    return f"{tenant_prefix(tenant_id)}{SHARED}"


def late_partitions(tenant_id: str) -> tuple[str, str]:
    """Return the partitions that are not in line while a tenant is due: the markers, and the keys of custom fields."""
    return all_shared(tenant_id), partition_of(tenant_id, MatchKey("key", ""))


def shared(tenant_id: str, key: MatchKey) -> Key:
    """Return the key of the marker of a match key that several contacts share. The strongest kind sorts first."""
    return make_key(all_shared(tenant_id), f"{KINDS.index(key.kind)}#{key.kind}#{start_of(key)}")


def dismissed(tenant_id: str, older_id: str, newer_id: str) -> Key:
    """Return the key of the item that says that two contacts were dismissed as duplicates."""
    return make_key(contact_partition(tenant_id, older_id), f"{DISMISSED}{newer_id}")


def key_of_marker(position: str) -> MatchKey:
    """Return the match key of the sort key of a marker."""
    _, kind, value = position.removesuffix(_END).split("#", 2)
    return MatchKey(_kind(kind), unescape_term(value))


def sections(tenant_id: str) -> Iterator[tuple[str, str, str]]:
    """Yield the partitions of all rows of match keys, in the order of the markers.

    Each as (partition, start of the positions of its markers, their part before the sort key of a row).
    """
    for rank, kind in enumerate(KINDS):
        start = f"{rank}#{kind}#"
        if kind == "phone":
            for digits in map("{:02}".format, range(100)):
                yield terms.numbers(tenant_id, digits), f"{start}{digits}", start
        else:
            yield partition_of(tenant_id, MatchKey(kind, "")), start, start


def position_of_row(row: dict[str, Any], before: str) -> str:
    """Return the position of the marker for the key of a row; `before` is from `sections`."""
    position: str = row[SK]["S"]
    return f"{before}{position[: position.rindex(_END) + 1]}"


def marker_at(tenant_id: str, position: str) -> Key:
    """Return the key of the marker at a position."""
    return make_key(all_shared(tenant_id), position)


def pending(tenant_id: str) -> Key:
    """Return the key of the item that says whether and how far a tenant's markers are being brought in line."""
    return make_key(f"{tenant_prefix(tenant_id)}MATCHING", "PENDING")


def due_entry(at: str, tenant_id: str) -> Key:
    """Return the index attributes of a tenant whose markers are due at a time."""
    return work.entry(DUE, at, tenant_id)


def due_at(item: dict[str, Any]) -> str | None:
    """Return when a tenant's markers are due; None if they are not."""
    return item[work.WORK_SK]["S"].partition("#")[0] if work.WORK_SK in item else None


def _kind(name: str) -> Kind:
    return next(kind for kind in KINDS if kind == name)
