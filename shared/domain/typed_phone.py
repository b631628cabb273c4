"""The telephone number in a text as people type it.

No digit is invented. Letters count as digits only if the whole text is a vanity number. Parts that are certainly not
the number, such as a word or an extension after it, are left out; any other text is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from urllib.parse import unquote

from shared.domain.characters import comparable

Check = Callable[[str], bool]
"""Returns whether digits with an optional leading `+` are a valid number."""


class Unreadable(ValueError):
    """A text does not contain exactly one number. `code` is a stable word for the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
"""ITU-T E.161, option A."""
_SIGNS = str.maketrans(
    {"⁄": "/", "∕": "/", "·": ".", "‧": ".", "・": ".", "−": "-", "ー": "-", "˗": "-", "⁃": "-"}
)
_LABELS = frozenset(
    {
        *(
            "t",
            "p",
            "m",
            "h",
            "w",
            "c",
            "f",
            "tel",
            "tél",
            "tlf",
            "tfn",
            "tlfn",
            "telefon",
            "telefono",
            "teléfono",
        ),
        *(
            "telefone",
            "téléphone",
            "telephone",
            "phone",
            "ph",
            "fon",
            "fone",
            "mob",
            "mobil",
            "mobile",
            "movil",
        ),
        *(
            "móvil",
            "cel",
            "cell",
            "cellular",
            "celular",
            "handy",
            "gsm",
            "portable",
            "natel",
            "fix",
            "fixe",
            "fest",
        ),
        *(
            "festnetz",
            "fax",
            "telefax",
            "pager",
            "home",
            "work",
            "office",
            "direct",
            "main",
            "private",
            "privat",
            "büro",
            "buero",
            "zuhause",
        ),
        *("geschäftlich", "business", "whatsapp", "wa", "call", "callto", "sms", "number", "no", "nr"),
    }
)
"""Words that may precede a number without a colon."""
_EXTENSION = (
    r"[\s,;(/\-]*(?:extension|extn?|x|dw|durchwahl|apparat|app|klappe|kl|nst|anexo|anex|interno|int|ramal|poste|доб|вн|"
    r"wew|toestel|tst|klapka|linje|ankn|alanum|opt|option|#|p|w)[\s.:=#\-]*[0-9]{1,8}[\s#).;]*"
)
_MASKS = (
    r"(?<![a-z])([a-z])\1+(?![a-z])"  # XXXX, nnn
    r"|[*?_•●▪■█]|#{2,}|…|\.{2,}"
    r"|(?<=[0-9])[xn](?![a-z]|[\s.:=#\-]*[0-9])"  # 415-555-267x
)
_LEAST_LETTERS = 3
"""How many letters a vanity number has, such as `1-800-4-FUN`."""
_LETTER_BETWEEN_DIGITS = r"[0-9][^0-9]*[^\W\d_][^0-9]*[0-9]"
"""The letter may mask a digit: `201X00X0`."""
_LONE_X = r"(?<![a-z])x(?![a-z])"
"""The mask of one digit."""
_QUANTITY = (
    r"[^.,]*[0-9][.,]0{1,2}"  # with a single point: 2312500.0
    r"|[^.,]*[0-9]{4}[.,]0{3,}"  # not 415 555.0000
    r"|.*[0-9]{3}[.,]0"
)
_LONGEST_ENDING = 2
"""How many digits after a number and a slash are an alternative ending: `2312500/01`."""
_LONGEST_EXTENSION = 3
"""How many digits after a number and ` - ` are an extension."""
_SHORTEST_NUMBER = 5
"""How many digits after a number and a word are a second number."""
_HOURS = r"[0-9]\s*(?:uhr|h|hrs?|hours?|o'?clock|a\.?m|p\.?m|heures?|std|stunden|horas?|ore)(?![^\W_])"
"""A time or a number of hours, such as `17 Uhr`."""
_BEFORE_HOURS = r"[0-9)][\s,]+[0-9]{1,2}(?:\s*[.\-]\s*[0-9]{1,2})*[\s,]*\Z"
"""A number and, without a word between them, the figures of hours after it: `2312500 9-17`."""
_LONGEST_HOUR = 2
"""Digits of an hour."""
_GAPS = r"(?<=[0-9)])(?=[\s\-]*\s)[\s\-]+(?=[0-9])"
"""What is between the groups of a number, if it has a space."""
_FULL = 9
"""Digits of a text that may be a whole number, with its area code."""
_ORDINAL = r"#?([1-9][0-9]?)([.)]*)\s+"
"""A number that counts the numbers of a list, before one of them."""
_TRUNK = r"\+|\(?0[0-9]"
"""The start of a number with its country code or trunk prefix."""


@cache
def _pattern(of: str) -> re.Pattern[str]:
    # Compiled at first use: most numbers are plain, and compiling would slow down the cold start.
    return re.compile(of, re.IGNORECASE)


def plain_number(text: str) -> str | None:
    """Return a plain number as digits with an optional leading `+`; None if the text has anything else, or may be more
    than one number.

    An area code of three digits may be in brackets at the start: it is too short to be a number by itself, so that what
    follows the brackets cannot be an extension.
    """
    if " " in text and (" -" in text or "- " in text or _looks_joined(text)):
        return None
    bare = text.replace(" ", "").replace("-", "")
    if bare[:1] == "(" and bare[4:5] == ")":
        bare = bare[1:4] + bare[5:]
    digits = bare.removeprefix("+")
    return bare if digits.isascii() and digits.isdigit() else None


def read_number(text: str, is_number: Check, is_vanity: Check) -> str:
    """Return the only number in a text as digits with an optional leading `+`.

    `is_vanity` returns whether digits are a number of a kind that is published in letters, such as a toll-free number.
    The result may be an invalid number, if that is its only fault. Raises Unreadable.
    """
    typed = _in_ascii(text)
    if not any("0" <= c <= "9" for c in typed):
        raise Unreadable("phone_no_digits")
    if _pattern(_MASKS).search(typed):
        raise Unreadable("phone_masked")
    typed = _without_label(_without_parameters(_of_spreadsheet(_unwrapped(typed))))
    if _pattern(_HOURS).search(typed) and _pattern(_BEFORE_HOURS).search(_before_letters(typed)):
        raise Unreadable("phone_unreadable")
    typed = _without_ordinal(typed, is_number)
    found = _before_what_follows(typed, is_number)
    if found is not None:
        return found
    if any(c.isalpha() for c in typed):
        return read_vanity(typed, is_vanity)
    if not _pattern(r"[(\[]*\+?[0-9 ()\[\]./\-]+").fullmatch(typed):
        raise Unreadable("phone_two_numbers" if _are_two(typed, is_number) else "phone_unreadable")
    whole = _digits(typed)
    if _is_joined(typed, is_number):
        raise Unreadable("phone_two_numbers")
    if not is_number(whole):
        optional = _digits(_pattern(r"\(\s*0\s*\)").sub("", typed))
        if is_number(optional):
            return optional
        if _are_two(typed, is_number):
            raise Unreadable("phone_two_numbers")
    return whole


def _in_ascii(text: str) -> str:
    """Return a text with its digits, brackets, dashes and spaces in ASCII, and `|` for line breaks and tabs."""
    if text.isascii() and text.isprintable():
        return text
    lines = _pattern("[\t\n\x0b\x0c\r\x85\u2028\u2029]+").split(text)
    return "".join(map(_to_ascii, "|".join(comparable(line) for line in lines if line.strip())))


def _to_ascii(character: str) -> str:
    if character.isascii():
        return character
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if "\uff01" <= character <= "\uff5e":  # full width
        return chr(ord(character) - 0xFEE0)
    kind = unicodedata.category(character)
    if kind == "Zs":
        return " "
    return "-" if kind == "Pd" else character.translate(_SIGNS)


def _unwrapped(text: str) -> str:
    """Return a text without the marks of a spreadsheet or quotation around it: `'…`, `="…"`."""
    return text.strip().removeprefix("=").strip(" \"'`´‘’“”„|").rstrip(",;.")


def _of_spreadsheet(text: str) -> str:
    """Return a number without the `.0` that a spreadsheet appended. Raises Unreadable for a number that lost digits."""
    if _pattern(_QUANTITY).fullmatch(text):
        return text.rstrip("0").rstrip(".,")
    if _pattern(r"\+?[0-9]+(?:[.,][0-9]+)?e\+?[0-9]+|\+?[0-9]{7,}[.,][0-9]{1,2}").fullmatch(text):
        raise Unreadable("phone_unreadable")
    return text


def _without_parameters(text: str) -> str:
    """Return a number without the scheme and parameters of a `tel:` URI (RFC 3966). Raises Unreadable for a local
    number that needs a context.
    """
    scheme = _pattern(r"tel:(?://)?").match(text)
    if scheme is None:
        return text
    number, _, parameters = unquote(text[scheme.end() :]).partition(";")
    if "phone-context" in parameters.lower() and not number.lstrip().startswith("+"):
        raise Unreadable("phone_unreadable")
    return number.strip()


def _without_label(text: str) -> str:
    """Return a number without the word before it that names its kind: `Tel.: …`, `mobile …`."""
    start = next((at for at, c in enumerate(text) if c in "+(" or "0" <= c <= "9"), None)
    if start is None:
        raise Unreadable("phone_no_digits")
    before = text[:start]
    words = _pattern(r"[^\W_]+").findall(before.casefold())
    if before.rstrip().endswith(":") or not words or all(word in _LABELS for word in words):
        # A symbol, such as a telephone, may precede a number; the `#` of a service code may not.
        return text if "#" in before else text[start:]
    return text


def _before_what_follows(text: str, is_number: Check) -> str | None:
    """Return the valid number before the first word, bracket, slash or other number, or None."""
    for separator in _pattern(r"[^0-9 .\-]").finditer(text):
        at = separator.start()
        head, tail = text[:at], text[at:]
        plus = max(head.find("+"), 0)
        if _digits(head[:plus]):  # another number, before one with its country code
            continue
        if _pattern(_LETTER_BETWEEN_DIGITS).search(head):
            return None
        number = _digits(head[plus:])
        if number and is_number(number):
            before = text[:at].rstrip()
            if _is_joined(before, is_number):
                raise Unreadable("phone_two_numbers")
            _require_left_out(tail, number, attached=before == text[:at], is_number=is_number)
            return number
    return None


def _require_left_out(tail: str, number: str, *, attached: bool, is_number: Check) -> None:
    """Raise Unreadable if the text after a number may be a part of it."""
    digits = _digits(tail).lstrip("+")
    if _pattern(_EXTENSION).fullmatch(tail):
        if attached and tail[0] in "xpw" and is_number(number + "0" + digits):
            raise Unreadable("phone_masked")  # the letter may mask a digit
        return
    if attached and tail[0] == ":" and tail[1:2].isdigit():  # a time
        raise Unreadable("phone_unreadable")
    if attached and not any(c.isalnum() for c in tail) and tail[0] not in ",;()[]/|":
        raise Unreadable("phone_masked" if tail[0] == "#" else "phone_unreadable")
    if tail[0] == "+":
        raise Unreadable("phone_two_numbers")
    if tail[0].isalpha():
        if attached:
            raise Unreadable("phone_letters")
        longest = _SHORTEST_NUMBER - 1
    else:
        longest = _LONGEST_ENDING if tail[0] in "/\\(|[" else _SHORTEST_NUMBER - 1
    if any(c.isalpha() for c in tail):
        longest = _SHORTEST_NUMBER - 1
    if len(digits) > longest or "+" in tail:
        raise Unreadable("phone_two_numbers")


def _before_letters(text: str) -> str:
    """Return the start of a text up to its first letter."""
    return text[: next((at for at, c in enumerate(text) if c.isalpha()), len(text))]


def _without_ordinal(text: str, is_number: Check) -> str:
    """Return a number without the position in a list that was typed before it: `2. 030 2312500`. Raises Unreadable
    where it may be a part of the number.
    """
    ordinal = _pattern(_ORDINAL).match(text)
    if ordinal is None:
        return text
    rest = text[ordinal.end() :]
    has_prefix = _pattern(_TRUNK).match(rest) is not None
    if has_prefix and ordinal[2]:
        return rest
    # `8 0` begins numbers within Belarus, whose trunk prefix is 8 (ITU, "National Numbering Plans").
    if not (has_prefix or ordinal[2]) or (ordinal[1] == "8" and not ordinal[2]):
        return text
    digits = _digits(_before_letters(rest))
    if is_number(digits) and is_number(ordinal[1] + digits) and not is_number(f"+{ordinal[1]}{digits}"):
        raise Unreadable("phone_two_numbers")
    return text


def _is_joined(text: str, is_number: Check) -> bool:
    """Return whether a text of digits may be a number and the start of something else after a space: another number,
    which begins with `0`, a year, or hours. An extension of up to three digits may follow ` - `.
    """
    for gap in _pattern(_GAPS).finditer(text):
        before, after = text[: gap.start()], text[gap.end() :]
        has_dash = "-" in gap[0]
        is_other = (
            _pattern("0[0-9]").match(after)
            or _pattern("(?:19|20)[0-9]{2}").fullmatch(after)
            or _pattern(r"[0-9]{1,2}\s*-\s*[0-9]{1,2}").fullmatch(after)
            or (has_dash and len(_digits(after)) > _LONGEST_EXTENSION)
        )
        if is_other and len(_digits(before)) >= _FULL and is_number(_digits(before)):
            return True
    return False


def _looks_joined(text: str) -> bool:
    """Return whether digits and spaces may be more than a number; see `_is_joined` and `_without_ordinal`."""
    return (
        " 0" in text[_FULL:]
        or text[-5:-2] in (" 19", " 20")
        or ("-" in text[-5:] and len(text.rpartition("-")[2].strip()) <= _LONGEST_HOUR)
        or (" 0" in text[1:4] and text[0] not in "+(0")
    )


def read_vanity(text: str, is_vanity: Check) -> str:
    """Return the digits of a number that is published in letters, with an optional leading `+`.

    `is_vanity`: as for `read_number`. Raises Unreadable for any other text: one or two letters among digits, or an `x`
    without a letter beside it, are a mask or an error of typing.
    """
    has_words = sum(c.isalpha() for c in text) >= _LEAST_LETTERS and not _pattern(_LONE_X).search(
        text.casefold()
    )
    if has_words and _pattern(r"[(\[]*\+?[0-9][0-9a-z ()\[\].\-]*").fullmatch(text) and text.isascii():
        number = _digits(text.casefold().translate(_KEYPAD))
        if is_vanity(number):
            return number
    raise Unreadable("phone_letters")


def _are_two(text: str, is_number: Check) -> bool:
    """Return whether a text is a number up to some position and another number after it."""
    places = [match.end() for match in _pattern(r"(?<=[0-9])[^0-9]+(?=[0-9+(])").finditer(text)]
    return any(is_number(_digits(text[:at])) and is_number(_digits(text[at:])) for at in places)


def _digits(text: str) -> str:
    plus = "+" if text.lstrip(" ([").startswith("+") else ""
    return plus + "".join(c for c in text if "0" <= c <= "9")
