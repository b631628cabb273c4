"""The search for telephone numbers: by their last digits, or by a whole number as it is written in a country."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

from shared.domain.errors import Invalid
from shared.domain.phone import normalize_phone

LEAST_DIGITS = 4
"""How many last digits of a number a search needs at least."""
_LEAST_WHOLE = 6
_LONGEST = 64


def digits_of(number: str) -> str:
    """Return the digits of a telephone number, last digit first, as they are indexed. Digits of any script count."""
    return "".join(str(unicodedata.decimal(one)) for one in number[:_LONGEST] if one.isdecimal())[::-1]


def ends_of(search: str, country: str | None) -> tuple[str, ...]:
    """Return the endings, last digit first, for `has_end`: a search finds the telephone numbers with one of them. A
    search of words has none. The ending for a whole number includes its `+`.

    Four or more digits, with only punctuation between them, find the numbers that end with them. A text that is a
    valid telephone number in `country` (ISO 3166-1 alpha-2; None if unknown) also finds that number: with a trunk
    prefix, an international prefix, an extension, or as a vanity number.
    """
    if len(search) > _LONGEST:
        return ()
    typed = digits_of(search)
    if len(typed) < LEAST_DIGITS:
        return ()
    ends = set() if any(one.isalpha() for one in search) else {typed}
    if country is not None and _may_be_whole(search):
        with suppress(Invalid):
            whole = digits_of(normalize_phone(search, country)) + "+"
            ends = {whole} if search.lstrip().startswith("+") else {*ends, whole}
    return tuple(
        sorted(end for end in ends if not any(end != other and end.startswith(other) for other in ends))
    )


def has_end(digits: str, ends: tuple[str, ...]) -> bool:
    """Return whether a telephone number (its digits, last digit first) has one of the endings."""
    return f"{digits}+".startswith(ends)


def _may_be_whole(search: str) -> bool:
    """Return whether a text may be a whole number. With words before a number it is a search for these words."""
    signs = [one for one in search.casefold().removeprefix("tel") if one.isalnum()]
    return len(signs) >= _LEAST_WHOLE and signs[0].isdecimal()
