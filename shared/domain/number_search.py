"""Telephone numbers as they are searched: from the end, or whole as people of a country write them."""

from __future__ import annotations

import re
import unicodedata

from shared.domain.errors import Invalid
from shared.domain.phone import MAX_LENGTH, normalize_phone

LEAST_DIGITS = 4
"""How many digits at the end of a number it takes to search for it."""
_LEAST_WHOLE = 6
_LONGEST = 200
# Extensions as people write them behind a number: "ext. 12", "x12", "#12", ";ext=12" (RFC 3966), "Durchwahl 12".
_EXTENSION = re.compile(
    r"[ ,;./-]*(?:ext(?:ension|n)?|x|#|int|anexo|durchwahl|dw|poste|доб)[ .:=]{0,3}[0-9]{1,7}\Z",
    re.IGNORECASE,
)
# International prefixes that are dialled in most countries (ITU-T E.164, section 6.2) and in North America.
_PREFIXES = ("00", "011")


def digits_of(number: str) -> str:
    """The digits of a telephone number, last first, as they are searched from the end. Those of any script count."""
    return "".join(str(unicodedata.decimal(one)) for one in number[:_LONGEST] if one.isdecimal())[::-1]


def ends_of(search: str, country: str | None) -> tuple[str, ...]:
    """The ends, last digit first, one of which a telephone number must have that a search finds; none for a search of
    words alone.

    Four or more digits, with nothing but signs people write between them, find the numbers that end so. What is a
    number as people write it in `country` (ISO 3166-1 alpha-2; None if it is not known) finds that number as well: with
    a trunk prefix, an international prefix, an extension behind it or as a word to dial.
    """
    text = unicodedata.normalize("NFKC", search[:_LONGEST]).strip()
    text = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text)
    typed = digits_of(text)
    if len(typed) < LEAST_DIGITS:
        return ()
    ends = set() if any(one.isalpha() for one in text) else {typed}
    if country is not None:
        ends |= _whole(text, country)
    return tuple(
        sorted(end for end in ends if not any(end != other and end.startswith(other) for other in ends))
    )


def _whole(text: str, country: str) -> set[str]:
    number = _EXTENSION.sub("", text[: 2 * MAX_LENGTH]).removeprefix("tel:").removeprefix("Tel:").strip()
    if sum(map(str.isalnum, number)) < _LEAST_WHOLE:
        return set()
    digits = digits_of(number)[::-1]
    spellings = [
        number,
        *(f"+{digits.removeprefix(start)}" for start in _PREFIXES if digits.startswith(start)),
    ]
    found = set()
    for spelling in spellings:
        try:
            found.add(digits_of(normalize_phone(spelling, country)))
        except Invalid:
            continue
    return found
