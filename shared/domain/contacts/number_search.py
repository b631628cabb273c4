"""Telephone numbers as they are searched: from the end, or whole as people of a country write them."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

from shared.domain.errors import Invalid
from shared.domain.phone import normalize_phone

LEAST_DIGITS = 4
"""How many digits at the end of a number it takes to search for it."""
_LEAST_WHOLE = 6
_LONGEST = 64


def digits_of(number: str) -> str:
    """The digits of a telephone number, last first, as they are searched from the end. Those of any script count."""
    return "".join(str(unicodedata.decimal(one)) for one in number[:_LONGEST] if one.isdecimal())[::-1]


def ends_of(search: str, country: str | None) -> tuple[str, ...]:
    """The ends, last digit first, one of which a telephone number must have that a search finds (see `has_end`); none
    for a search of words alone. The end of a whole number has its `+` too.

    Four or more digits, with nothing but signs people write between them, find the numbers that end so. What can be
    given as a telephone number in `country` (ISO 3166-1 alpha-2; None if it is not known) finds that number as well:
    with a trunk prefix, an international prefix, an extension behind it or as a word to dial.
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
    """Whether a telephone number (its digits, last first) has one of the ends."""
    return f"{digits}+".startswith(ends)


def _may_be_whole(search: str) -> bool:
    """Whether a text begins as numbers do. With words before a number it is a search of these words."""
    signs = [one for one in search.casefold().removeprefix("tel") if one.isalnum()]
    return len(signs) >= _LEAST_WHOLE and signs[0].isdecimal()
