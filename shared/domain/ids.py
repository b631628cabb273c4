"""Identifiers: UUID version 7 (RFC 9562, section 5.7), sortable by the time they were made."""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import dataclass

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_RANDOM_BITS = 74
NUMBERS = 1 << 48 + _RANDOM_BITS
"""How many UUIDv7s there are; see `number_of`."""


def _format(milliseconds: int, random: int) -> str:
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_id() -> str:
    """A fresh UUIDv7 in canonical lower-case form."""
    return _format(time.time_ns() // 1_000_000, int.from_bytes(os.urandom(10), "big"))


def derived_id(milliseconds: int, *parts: str, ordinal: int | None = None) -> str:
    """The same UUIDv7 for the same arguments, always.

    Work that may be done twice (an import's row, a booking event) names what it makes this way, so that the
    second attempt recognises the first one's result.

    `milliseconds`: Unix time put into the id. `parts`: what makes it unique. `ordinal`: orders ids that
    share a millisecond (0 to 2**24 - 1), such as the row number within a file.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    random = int.from_bytes(digest[:10], "big") & ((1 << _RANDOM_BITS) - 1)
    if ordinal is not None:
        random = ordinal << (_RANDOM_BITS - 24) | random & ((1 << (_RANDOM_BITS - 24)) - 1)
    return _format(milliseconds, random)


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work that may be begun more than once, and the ids of what it makes.

    `id`: a UUIDv7 that names it, the same whenever it is begun. `again`: it has been begun before, so some of
    what it makes may be there already.
    """

    id: str
    is_retry: bool = False

    def derived_id(self, *parts: str, ordinal: int | None = None) -> str:
        """The id of one thing that the work makes; arguments as of `derived_id`."""
        return derived_id(milliseconds_of(self.id), self.id, *parts, ordinal=ordinal)


def first_id_at(milliseconds: int) -> str:
    """The smallest UUIDv7 of a millisecond: a bound for ranges of ids. Before 1970 it is the smallest of all."""
    return _format(max(milliseconds, 0), 0)


def number_of(identifier: str) -> int:
    """A UUIDv7 as a number below NUMBERS, without the bits that all have alike; numbers sort as their ids do.

    Raises ValueError for what is no UUIDv7 in canonical form.
    """
    bits = int(identifier.replace("-", ""), 16)
    number = bits >> 80 << _RANDOM_BITS | (bits >> 64 & 0xFFF) << 62 | bits & 0x3FFF_FFFF_FFFF_FFFF
    if id_of(number) != identifier:
        raise ValueError("not a UUIDv7 in canonical form")
    return number


def id_of(number: int) -> str:
    """The UUIDv7 of a number."""
    return _format(number >> _RANDOM_BITS, number)


def is_id(text: str) -> bool:
    """Whether `text` is an identifier in the canonical form this system gives out."""
    return _UUID.fullmatch(text) is not None


def milliseconds_of(identifier: str) -> int:
    """The Unix time, in milliseconds, at which a UUIDv7 was made."""
    return int(identifier[:8] + identifier[9:13], 16)


def ordinal_of(identifier: str) -> int:
    """The ordinal with which `derived_id` made an identifier; a meaningless number when it did not."""
    random = int(identifier.replace("-", ""), 16)
    return (random >> 64 & 0xFFF) << 12 | random >> 50 & 0xFFF
