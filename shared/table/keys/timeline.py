"""Keys of the timeline of a contact: its interactions, in the contact's partition, and what is due of it.

Interactions that the system recorded have a range of their own, so that the latest one that a caller recorded is one
row. The id of an interaction is a UUIDv7 of the time at which it occurred, so its key follows from its id, unless that
time was changed: then a pointer has the time.
"""

from __future__ import annotations

from typing import Any

from shared.domain.ids import milliseconds_of
from shared.domain.timestamps import from_milliseconds
from shared.table.keys import contacts as contact_keys
from shared.table.keys import work
from shared.table.keys.spelling import SK, Key, make_key

INTERACTION, SYSTEM_INTERACTION = "INT#", "INTB#"
RANGES = (INTERACTION, SYSTEM_INTERACTION)
"""The ranges of a contact's interactions: those that callers recorded, and those of the system."""
_MOVED = "INTAT#"
ALL = ("", "~")
"""The bounds of all positions."""
DUE_SHARDS = 4


def interaction(
    tenant_id: str, contact_id: str, interaction_id: str, occurred_at: str, *, by_system: bool
) -> Key:
    """Return the key of an interaction. Interactions sort by the time at which they occurred."""
    kind = SYSTEM_INTERACTION if by_system else INTERACTION
    return make_key(contact_keys.partition(tenant_id, contact_id), f"{kind}{occurred_at}#{interaction_id}")


def first_interaction(tenant_id: str, contact_id: str, interaction_id: str, *, by_system: bool) -> Key:
    """Return the key of an interaction whose time was never changed."""
    occurred_at = from_milliseconds(milliseconds_of(interaction_id))
    return interaction(tenant_id, contact_id, interaction_id, occurred_at, by_system=by_system)


def moved_interaction(tenant_id: str, contact_id: str, interaction_id: str) -> Key:
    """Return the key of the pointer with the time of an interaction, which exists while that is not the time in the
    interaction's id.
    """
    return make_key(contact_keys.partition(tenant_id, contact_id), f"{_MOVED}{interaction_id}")


def is_interaction(key: dict[str, Any]) -> bool:
    """Whether a key is that of an interaction."""
    return bool(key[SK]["S"].startswith(RANGES))


def position_of(key: dict[str, Any]) -> str:
    """Return the position of an entry in its contact's timeline, `<time>#<id>`, which sorts across the ranges."""
    position: str = key[SK]["S"].partition("#")[2]
    return position


def until(at: str) -> str:
    """Return a bound above the positions of all entries up to a time, and below those of later ones."""
    return f"{at}$"  # "$" sorts directly after the "#" that follows the time


def due_entry(at: str, contact_id: str, entry_id: str) -> Key:
    """Return the index attributes of an entry of a contact's timeline that is due at a time."""
    return work.entry(due_partition(work.shard_of(contact_id, DUE_SHARDS)), at, f"{contact_id}#{entry_id}")


def due_partition(shard: int) -> str:
    """Return the index partition of one shard of the entries of timelines that are due."""
    return f"DUE#TIMELINE#{shard}"
