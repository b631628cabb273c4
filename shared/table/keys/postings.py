"""Keys of the posting lists: which contacts have a value of a facet, as sorted ids in chunks.

A chunk's sort key is the number at which its range of ids starts, as hexadecimal digits without the last zeros.
"""

from __future__ import annotations

from typing import Any

from shared.table.keys.spelling import SK, Key, escape, make_key, space_of, tenant_prefix

POSTINGS = "IX"
_DIGITS = 31  # of the largest number, in base 16


def partition(tenant_id: str, facet: str, value: str) -> str:
    """Return the partition of the list of the contacts that have a value of a facet."""
    return f"{tenant_prefix(tenant_id)}{POSTINGS}#{facet}={escape(value)}"


def is_posting(key: dict[str, Any]) -> bool:
    """Whether an item is a chunk of a posting list."""
    return space_of(key) == POSTINGS


def chunk(list_partition: str, start: int) -> Key:
    """Return the key of the chunk whose range of ids starts at a number."""
    return make_key(list_partition, edge_text(start))


def start_of(key: dict[str, Any]) -> int:
    """Return the number at which the range of a chunk starts."""
    return parse_edge(key[SK]["S"])


def starting_within(first: int, last: int) -> tuple[str, str]:
    """Return the bounds of the sort keys of the chunks that start at one of two numbers or between them."""
    return edge_text(first), _digits(last)


def edge_text(number: int) -> str:
    """Return an edge of a range as text. Without its last zeros it sorts the same."""
    return _digits(number).rstrip("0") or "0"


def parse_edge(text: str) -> int:
    """Return the number that `edge_text` was given."""
    return int(text.ljust(_DIGITS, "0"), 16)


def _digits(number: int) -> str:
    return f"{number:0{_DIGITS}x}"
