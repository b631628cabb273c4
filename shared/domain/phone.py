"""Telephone numbers in E.164 form (ITU-T E.164), by the library phonenumbers.

A stored number has no digit that was not typed, but for the country's code and what the country's dialling rules put
in a trunk prefix's place. `shared.domain.typed_phone` says what of a text is the number: the library itself would take
letters for digits, and glue on what stands behind a number.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from shared.domain.characters import one_line
from shared.domain.errors import Invalid
from shared.domain.typed_phone import Unreadable, plain_number, read_number

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

MAX_LENGTH = 64

REFUSALS = {
    "phone": "This is not a valid telephone number (assumed country: {country}).",
    "phone_no_digits": "There is no telephone number in this text: it has no digits.",
    "phone_letters": "Letters stand in this telephone number. Give its digits alone; only a whole vanity number, such "
    "as 1-800-FLOWERS, may have letters.",
    "phone_masked": "Some digits of this telephone number are masked. Give all of them.",
    "phone_two_numbers": "There is more than one telephone number here. Give one, and further ones in `other_phones`.",
    "phone_unreadable": "This cannot be read as a telephone number: it has characters that none has, or a spreadsheet "
    "has changed it. Give its digits, such as +14155550100.",
    "phone_too_short": "This telephone number is too short. Is its area code missing (assumed country: {country})?",
    "phone_too_long": "This telephone number is too long (assumed country: {country}).",
    "phone_country_code": "No country has this telephone number's country code.",
}
"""Why a number is refused, by code."""


def normalize_phone(raw: str, default_country: str, field: str = "phone", *, clean: bool = True) -> str:
    """A number as E.164, such as `+14155550100`.

    `default_country` (ISO 3166-1 alpha-2) is assumed when there is no leading `+`. With `clean` off,
    anything that is not E.164 already is refused. The number must be possible and valid.
    Raises Invalid naming `field`, with one of the codes of REFUSALS or `phone_not_e164`; the message never repeats
    the number.
    """
    text = raw.strip()
    if len(text) > MAX_LENGTH:
        raise Invalid.field(
            field, "phone_too_long", f"A telephone number has at most {MAX_LENGTH} characters."
        )
    found = _read(text, default_country)
    if not found.startswith("+"):
        raise Invalid.field(field, found, REFUSALS[found].format(country=default_country))
    if not clean and found != text:
        raise Invalid.field(
            field, "phone_not_e164", "Telephone numbers must be given as E.164, such as +14155550100."
        )
    return found


def is_country(code: str) -> bool:
    """Whether a code (ISO 3166-1 alpha-2, in capitals) is of a country whose telephone numbers are known."""
    import phonenumbers

    return code in phonenumbers.SUPPORTED_REGIONS


def as_typed(raw: str, e164: str) -> str | None:
    """What is kept of how a number was typed: white space tidied, None when it was E.164 already."""
    if raw == e164:
        return None
    text = " ".join(one_line(raw).split())
    return text if text != e164 else None


@lru_cache(maxsize=4096)
def _read(text: str, country: str) -> str:
    """The E.164 form of a text, or a code of REFUSALS."""
    digits = plain_number(text)
    if digits is None or _parsed(digits, country) is None:
        try:
            digits = read_number(
                text,
                lambda number: _parsed(number, country) is not None,
                partial(_is_vanity, country=country),
            )
        except Unreadable as error:
            return error.code
    number = _parsed(digits, country)
    if number is None:
        return _fault_of(digits, country)
    import phonenumbers  # here, not above: it would add a tenth to the cold start of calls without a number

    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _parsed(digits: str, country: str) -> PhoneNumber | None:
    """A valid number of digits, perhaps behind a `+`; None when they are none.

    Behind `00` or `011` stands a country's code where the assumed country has no such number: `00` is what ITU-T E.123
    recommends for dialling abroad, `011` what North America dials.
    """
    number = _valid(digits, country)
    for prefix in ("00", "011"):
        if number is None and digits.startswith(prefix) and digits[len(prefix) :][:1] != "0":
            number = _valid("+" + digits.removeprefix(prefix), country)
    return number


def _valid(digits: str, country: str) -> PhoneNumber | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number(number) and phonenumbers.is_valid_number(number)
    return number if possible else None


def _is_vanity(digits: str, *, country: str) -> bool:
    """Whether digits are a number of a kind that is given in letters: others in letters are masks and words."""
    import phonenumbers

    kind = phonenumbers.PhoneNumberType
    number = _parsed(digits, country)
    return number is not None and phonenumbers.number_type(number) in (
        kind.TOLL_FREE,
        kind.PREMIUM_RATE,
        kind.SHARED_COST,
        kind.UAN,
    )


def _fault_of(digits: str, country: str) -> str:
    import phonenumbers

    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException as error:
        return {
            phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "phone_country_code",
            phonenumbers.NumberParseException.TOO_SHORT_NSN: "phone_too_short",
            phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "phone_too_short",
            phonenumbers.NumberParseException.TOO_LONG: "phone_too_long",
            phonenumbers.NumberParseException.NOT_A_NUMBER: "phone_too_short",  # a digit or two
        }.get(error.error_type, "phone")
    reason, words = phonenumbers.is_possible_number_with_reason(number), phonenumbers.ValidationResult
    return {
        words.TOO_SHORT: "phone_too_short",
        words.IS_POSSIBLE_LOCAL_ONLY: "phone_too_short",
        words.TOO_LONG: "phone_too_long",
        words.INVALID_COUNTRY_CODE: "phone_country_code",
    }.get(reason, "phone")
