"""Keys of follow-ups, in the partition of their contact, and of their locators.

Open ones sort by the time at which they are due, so the first one is one row. Those that are done or cancelled have a
range of their own and sort by the time at which they were closed. A locator in the follow-up's own partition has its
contact and its sort key.
"""

from __future__ import annotations

from typing import Any

from shared.table.keys import contacts as contact_keys
from shared.table.keys.spelling import SK, Key, escape, make_key, tenant_prefix

OPEN, CLOSED = "FOLLOWUP#", "FOLLOWUPX#"
_LOCATOR = "FOLLOWUP"


def follow_up(tenant_id: str, contact_id: str, follow_up_id: str, at: str, *, is_open: bool) -> Key:
    """Return the key of a follow-up. `at`: when an open one is due, or when another one was closed."""
    return make_key(
        contact_keys.partition(tenant_id, contact_id), f"{range_of(is_open=is_open)}{at}#{follow_up_id}"
    )


def range_of(*, is_open: bool) -> str:
    """Return the prefix of the range of a contact's open follow-ups, or of the others."""
    return OPEN if is_open else CLOSED


def locator(tenant_id: str, follow_up_id: str) -> Key:
    """Return the key of a follow-up's locator."""
    return make_key(f"{tenant_prefix(tenant_id)}FOLLOWUP#{escape(follow_up_id)}", _LOCATOR)


def located(tenant_id: str, locator: dict[str, Any]) -> Key:
    """Return the key of the follow-up that a locator leads to."""
    return make_key(contact_keys.partition(tenant_id, locator["contact_id"]["S"]), locator["entry"]["S"])


def id_of(key: dict[str, Any]) -> str | None:
    """Return the follow-up's id in the key of a follow-up; None for a key of another kind."""
    sort_key: str = key[SK]["S"]
    return sort_key.rpartition("#")[2] if sort_key.startswith((OPEN, CLOSED)) else None
