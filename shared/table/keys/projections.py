"""Keys of what the projector writes besides the rows themselves, and which items are projected at all."""

from __future__ import annotations

from typing import Any

from shared.table.keys import counters, duplicates, hours, lists, postings, terms
from shared.table.keys.spelling import PK, SK, Key, make_key, space_of

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
        hours.HOURS,
        duplicates.MATCH,
        duplicates.SHARED,
    }
)


def is_projected(key: dict[str, Any]) -> bool:
    """Whether an item is derived from records."""
    return space_of(key).split("=")[0] in _SPACES


def tombstone(record_key: dict[str, Any]) -> Key:
    """Return the key of the version at which a contact or customer was taken off the lists, so that no older change
    puts it back.
    """
    return make_key(record_key[PK]["S"], GONE)


def entry_tombstone(entry_key: dict[str, Any]) -> Key:
    """Return the key of the version at which an entry of a timeline was taken off its list."""
    return make_key(entry_key[PK]["S"], f"{GONE}#{entry_key[SK]['S']}")


def is_tombstone(key: dict[str, Any]) -> bool:
    """Whether a key, or the key of an item, is that of a tombstone."""
    sk: str = key[SK]["S"]
    return sk == GONE or sk.startswith(f"{GONE}#")


def mending(record_key: dict[str, Any], mending_id: str) -> Key:
    """Return the key of a state in which a record is being projected outside the stream, until that is done."""
    return make_key(record_key[PK]["S"], f"{mending_prefix(record_key)}{mending_id}")


def mending_prefix(record_key: dict[str, Any]) -> str:
    """Return the prefix of the sort keys of the states in which a record is being projected outside the stream."""
    return f"{MENDING}{record_key[SK]['S']}#"


def mending_note(mending_id: str) -> Key:
    """Return the key under which the sweeper finds again what it was mending when it was killed."""
    return make_key(MENDING_NOTES, f"{MENDING}{mending_id}")
