"""Keys of what the projector writes besides the rows themselves, and which items are projected at all."""

from __future__ import annotations

from typing import Any

from shared.table.keys import counters, lists, postings, terms
from shared.table.keys.spelling import PK, Key, make_key, space_of

GONE = "GONE"
MENDING = "MENDING#"
MENDING_NOTES = "S#SWEEP"
_SPACES = frozenset(
    {
        lists.LIST,
        postings.POSTINGS,
        terms.TERM,
        terms.CUSTOMER_TERM,
        terms.NUMBER,
        counters.COUNTERS,
        counters.COMPANIES,
        counters.TOP,
    }
)


def is_projected(key: dict[str, Any]) -> bool:
    """Whether an item is derived from contacts and customers."""
    return space_of(key).split("=")[0] in _SPACES


def tombstone(record_key: dict[str, Any]) -> Key:
    """Return the key of the version at which a contact or customer was taken off the lists, so that no older change
    puts it back.
    """
    return make_key(record_key[PK]["S"], GONE)


def mending(record_key: dict[str, Any], mending_id: str) -> Key:
    """Return the key of the state in which a contact or customer is being projected outside the stream, for as long as
    that takes.
    """
    return make_key(record_key[PK]["S"], f"{MENDING}{mending_id}")


def mending_note(mending_id: str) -> Key:
    """Return the key under which the sweeper finds again what it was mending when it was killed."""
    return make_key(MENDING_NOTES, f"{MENDING}{mending_id}")
