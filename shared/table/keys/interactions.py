"""Keys of interactions, in the partition of their contact.

Interactions that the system recorded have a range of their own, so that the latest one that a caller recorded is one
row. The id of an interaction is a UUIDv7 of the time at which it occurred, so its key follows from its id, unless that
time was changed: then a pointer has the time.
"""

from __future__ import annotations

from typing import Any

from shared.domain.ids import milliseconds_of
from shared.domain.timestamps import from_milliseconds
from shared.table.keys import contacts as contact_keys
from shared.table.keys import timeline as timeline_keys
from shared.table.keys.spelling import SK, Key, make_key

INTERACTION, SYSTEM_INTERACTION = "INT#", "INTB#"
INTERACTIONS = (INTERACTION, SYSTEM_INTERACTION)
"""The ranges of a contact's interactions."""
_MOVED = "INTAT#"


def interaction(
    tenant_id: str, contact_id: str, interaction_id: str, occurred_at: str, *, by_system: bool
) -> Key:
    """Return the key of an interaction. Interactions sort by the time at which they occurred."""
    position = f"{occurred_at}#{interaction_id}"
    return make_key(
        contact_keys.partition(tenant_id, contact_id), f"{range_of(by_system=by_system)}{position}"
    )


def range_of(*, by_system: bool) -> str:
    """Return the prefix of the range of the interactions that the system recorded, or that callers recorded."""
    return SYSTEM_INTERACTION if by_system else INTERACTION


def first_interaction(tenant_id: str, contact_id: str, interaction_id: str, *, by_system: bool) -> Key:
    """Return the key of an interaction whose time is the one in its id."""
    occurred_at = from_milliseconds(milliseconds_of(interaction_id))
    return interaction(tenant_id, contact_id, interaction_id, occurred_at, by_system=by_system)


def is_moved(interaction_id: str, occurred_at: str) -> bool:
    """Whether the time of an interaction is not the one in its id, so that a pointer leads to it."""
    return occurred_at != from_milliseconds(milliseconds_of(interaction_id))


def moved_interaction(tenant_id: str, contact_id: str, interaction_id: str) -> Key:
    """Return the key of the pointer with the time of an interaction, which exists while `is_moved`."""
    return make_key(contact_keys.partition(tenant_id, contact_id), f"{_MOVED}{interaction_id}")


def is_interaction(key: dict[str, Any]) -> bool:
    """Whether a key is that of an interaction."""
    return bool(key[SK]["S"].startswith(INTERACTIONS))


def interactions_until(at: str) -> tuple[str, str]:
    """Return the bounds of the sort keys of the interactions that callers recorded, up to a time."""
    first, last = timeline_keys.between(None, at)
    return INTERACTION + first, INTERACTION + last
