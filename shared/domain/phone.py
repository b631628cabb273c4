"""Telephone numbers in E.164 form (ITU-T E.164), with the library phonenumbers.

A stored number has no digit that was not typed, except for the country code and the digits with which the dialling
rules of a country replace the trunk prefix. `shared.domain.typed_phone` decides which part of a text is the number: the
library would read letters as digits, and append whatever follows a number.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from shared.domain.characters import one_line
from shared.domain.errors import Invalid
from shared.domain.typed_phone import Unreadable, plain_number, read_number, read_vanity

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

MAX_LENGTH = 64

REFUSALS = {
    "phone": "This is not a valid telephone number (assumed country: {country}).",
    "phone_no_digits": "There is no telephone number in this text: it has no digits.",
    "phone_letters": "This telephone number has letters. Give only its digits; letters are allowed in a whole vanity "
    "number, such as 1-800-FLOWERS.",
    "phone_masked": "Some digits of this telephone number are masked. Give all of them.",
    "phone_two_numbers": "There is more than one telephone number here. Give one, and further ones in `other_phones`.",
    "phone_unreadable": "This cannot be read as a telephone number: it has characters that none has, or a spreadsheet "
    "has changed it. Give its digits, such as +14155550100.",
    "phone_too_short": "This telephone number is too short. Is its area code missing (assumed country: {country})?",
    "phone_too_long": "This telephone number is too long (assumed country: {country}).",
    "phone_country_code": "No country has this telephone number's country code.",
}
"""The reasons for refusing a number, by code."""


def normalize_phone(raw: str, default_country: str, field: str = "phone", *, clean: bool = True) -> str:
    """Return a number as E.164, such as `+14155550100`.

    `default_country` (ISO 3166-1 alpha-2) is assumed if there is no leading `+`. Without `clean`, only a number in
    E.164 form is accepted. The number must be possible and valid.
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


def normalize_vanity(text: str, country: str) -> str | None:
    """Return a number that is published in letters, such as 1-800-FLOWERS, as E.164; None for any other text.

    `country`: as `default_country` of `normalize_phone`.
    """
    try:
        digits = read_vanity(text, partial(_is_vanity, country=country))
    except Unreadable:
        return None
    number = _parse(digits, country)
    return None if number is None else _as_e164(number)


def with_lost_plus(text: str, found: str, country: str) -> str | None:
    """Return the E.164 number that a text without `+` means; None if that cannot be decided.

    `found`: as `normalize_phone` has read the text with the default `country`. Spreadsheets drop the `+` of a number,
    and what is left may also be a national number that begins with the digits of the country code. It is read with the
    `+` if it is longer as a national number than usual there, and with the `+` a valid number of a telephone at a place
    or a mobile one.
    """
    code = _country_code(country)
    national = found.removeprefix(f"+{code}")
    if len(national) == len(found) or not national.startswith(code):
        return found
    typed = _digits_of(text)
    if typed is None or not typed.startswith(national):
        return found
    import phonenumbers

    number, usual = _parse_valid(f"+{national}", country), _usual_lengths(country)
    if len(national) <= max(usual):
        if number is None:
            return found
        # Where numbers have no trunk prefix, a number of the usual length is a whole national number.
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
        is_whole = metadata is not None and metadata.national_prefix is None and len(national) in usual
        return found if is_whole and len(national) - len(code) not in usual else None
    kind = phonenumbers.PhoneNumberType
    ordinary = (kind.FIXED_LINE, kind.MOBILE, kind.FIXED_LINE_OR_MOBILE)
    is_ordinary = number is not None and phonenumbers.number_type(number) in ordinary
    return f"+{national}" if is_ordinary else None


def is_country(code: str) -> bool:
    """Return whether a code (ISO 3166-1 alpha-2, upper case) is of a country whose telephone numbers are known."""
    import phonenumbers

    return code in phonenumbers.SUPPORTED_REGIONS


def as_typed(raw: str, e164: str) -> str | None:
    """Return a number as it was typed, with single spaces; None if it was E.164."""
    if raw == e164:
        return None
    text = " ".join(one_line(raw).split())
    return text if text != e164 else None


def _digits_of(text: str) -> str | None:
    """Return the digits of a text in ASCII; None if it has a `+`."""
    typed = unicodedata.normalize("NFKC", text)
    return (
        None if "+" in typed else "".join(str(unicodedata.decimal(one)) for one in typed if one.isdecimal())
    )


@lru_cache(maxsize=64)
def _country_code(country: str) -> str:
    import phonenumbers

    return str(phonenumbers.country_code_for_region(country))


@lru_cache(maxsize=64)
def _usual_lengths(country: str) -> frozenset[int]:
    """Return how many digits the examples of a country have, without the country code, mobile or not."""
    import phonenumbers

    kind = phonenumbers.PhoneNumberType
    examples = (phonenumbers.example_number_for_type(country, one) for one in (kind.FIXED_LINE, kind.MOBILE))
    lengths = (len(phonenumbers.national_significant_number(one)) for one in examples if one is not None)
    return frozenset(lengths)


@lru_cache(maxsize=4096)
def _read(text: str, country: str) -> str:
    """Return the E.164 form of a text, or a code of REFUSALS."""
    digits = plain_number(text)
    number = _parse(digits, country) if digits is not None else None
    if digits is None or number is None:
        try:
            digits = read_number(
                text,
                lambda number: _parse(number, country) is not None,
                partial(_is_vanity, country=country),
            )
        except Unreadable as error:
            return error.code
        number = _parse(digits, country)
    if number is None:
        return _fault_of(digits, country)
    return _as_e164(number)


def _as_e164(number: PhoneNumber) -> str:
    import phonenumbers  # imported here, because it adds a tenth to the cold start of calls without a number

    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=64)  # reading a typed number tries the same digits several times
def _parse(digits: str, country: str) -> PhoneNumber | None:
    """Return the valid number of digits with an optional leading `+`, or None.

    If they are no number of the assumed country, a leading `00` or `011` is read as an international prefix: ITU-T
    E.123 recommends `00`, North America uses `011`.
    """
    number = _parse_valid(digits, country)
    for prefix in ("00", "011"):
        if number is None and digits.startswith(prefix) and digits[len(prefix) :][:1] != "0":
            number = _parse_valid("+" + digits.removeprefix(prefix), country)
    return number


def _parse_valid(digits: str, country: str) -> PhoneNumber | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number(number) and phonenumbers.is_valid_number(number)
    return number if possible else None


def _is_vanity(digits: str, *, country: str) -> bool:
    """Return whether digits are a number of a kind that is published in letters. Letters in other numbers are masks or
    words.
    """
    import phonenumbers

    kind = phonenumbers.PhoneNumberType
    number = _parse(digits, country)
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
