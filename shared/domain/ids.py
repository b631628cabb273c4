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
"""The number of possible UUIDv7s; see `number_of`."""


def _format(milliseconds: int, random: int) -> str:
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_id() -> str:
    """Return a new UUIDv7 in canonical lower-case form."""
    return new_id_at(time.time_ns() // 1_000_000)


def new_id_at(milliseconds: int) -> str:
    """Return a new UUIDv7 for a given time in Unix milliseconds."""
    return _format(milliseconds, int.from_bytes(os.urandom(10), "big"))


def derived_id(milliseconds: int, *parts: str, ordinal: int | None = None) -> str:
    """Return a UUIDv7 that is always the same for the same arguments.

    Work that may run twice (a row of an import, a booking event) derives the ids of the records it creates, so that
    the second attempt recognises the results of the first.

    `milliseconds`: the Unix time in the id. `parts`: the strings that make the id unique. `ordinal`: orders ids that
    share a millisecond (0 to 2**24 - 1), such as the row number within a file.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    random = int.from_bytes(digest[:10], "big") & ((1 << _RANDOM_BITS) - 1)
    if ordinal is not None:
        random = ordinal << (_RANDOM_BITS - 24) | random & ((1 << (_RANDOM_BITS - 24)) - 1)
    return _format(milliseconds, random)


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work that may start more than once, such as a call with an Idempotency-Key.

    `id`: a UUIDv7 that stays the same at every start. `is_retry`: the work has started before, so some of the records
    it creates may exist already.
    """

    id: str
    is_retry: bool = False

    def derived_id(self, *parts: str, ordinal: int | None = None) -> str:
        """Return the id of a record that the work creates; see the function `derived_id` for the arguments."""
        return derived_id(milliseconds_of(self.id), self.id, *parts, ordinal=ordinal)


def first_id_at(milliseconds: int) -> str:
    """Return the smallest UUIDv7 of a millisecond, as a bound of id ranges; before 1970, the smallest of all."""
    return _format(max(milliseconds, 0), 0)


def number_of(identifier: str) -> int:
    """Return a UUIDv7 as a number below NUMBERS, without its constant bits; numbers sort as their ids do.

    Raises ValueError if `identifier` is not a UUIDv7 in canonical form.
    """
    bits = int(identifier.replace("-", ""), 16)
    number = bits >> 80 << _RANDOM_BITS | (bits >> 64 & 0xFFF) << 62 | bits & 0x3FFF_FFFF_FFFF_FFFF
    if id_of(number) != identifier:
        raise ValueError("not a UUIDv7 in canonical form")
    return number


def id_of(number: int) -> str:
    """Return the UUIDv7 of a number; the inverse of `number_of`."""
    return _format(number >> _RANDOM_BITS, number)


def is_id(text: str) -> bool:
    """Return whether `text` is a UUID in the canonical form that this system generates."""
    return _UUID.fullmatch(text) is not None


def milliseconds_of(identifier: str) -> int:
    """Return the Unix time, in milliseconds, of a UUIDv7."""
    return int(identifier[:8] + identifier[9:13], 16)


def ordinal_of(identifier: str) -> int:
    """Return the ordinal of an identifier made by `derived_id` with one; meaningless for any other identifier."""
    random = int(identifier.replace("-", ""), 16)
    return (random >> 64 & 0xFFF) << 12 | random >> 50 & 0xFFF
