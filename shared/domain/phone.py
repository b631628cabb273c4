"""Telephone numbers in E.164 form (ITU-T E.164), by the library phonenumbers."""

from __future__ import annotations

from functools import lru_cache

from shared.domain.errors import Invalid

MAX_LENGTH = 64


def normalize_phone(raw: str, default_country: str, field: str = "phone", *, clean: bool = True) -> str:
    """A number as E.164, such as `+14155550100`.

    `default_country` (ISO 3166-1 alpha-2) is assumed when there is no leading `+`. With `clean` off,
    anything that is not E.164 already is refused. The number must be possible and valid.
    Raises Invalid naming `field`; the message never repeats the number.
    """
    text = raw.strip()
    if len(text) > MAX_LENGTH:
        raise Invalid.field(field, "phone", f"A telephone number has at most {MAX_LENGTH} characters.")
    e164 = _parse(text, default_country)
    if e164 is None:
        raise Invalid.field(
            field, "phone", f"This is not a valid telephone number (assumed country: {default_country})."
        )
    if not clean and e164 != text:
        raise Invalid.field(
            field, "phone_not_e164", "Telephone numbers must be given as E.164, such as +14155550100."
        )
    return e164


def is_country(code: str) -> bool:
    """Whether a code (ISO 3166-1 alpha-2, in capitals) is of a country whose telephone numbers are known."""
    import phonenumbers

    return code in phonenumbers.SUPPORTED_REGIONS


def as_typed(raw: str, e164: str) -> str | None:
    """What is kept of how a number was typed: white space tidied, None when it was E.164 already."""
    if raw == e164:
        return None
    text = " ".join("".join(c if c.isprintable() else " " for c in raw).split())
    return text if text != e164 else None


@lru_cache(maxsize=4096)
def _parse(text: str, default_country: str) -> str | None:
    import phonenumbers  # here, not above: it would add a tenth to the cold start of calls without a number

    try:
        number = phonenumbers.parse(text, default_country)
    except phonenumbers.NumberParseException:
        return None
    if (
        number.extension
        or not phonenumbers.is_possible_number(number)
        or not phonenumbers.is_valid_number(number)
    ):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
