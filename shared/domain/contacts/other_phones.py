"""Additional telephone numbers of a contact, each with a label."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from shared.domain.errors import FieldError, Invalid
from shared.domain.phone import MAX_LENGTH, as_typed, normalize_phone
from shared.domain.tenant import TenantSettings
from shared.domain.text import Name

MAX_PHONES = 20


class OtherPhone(TypedDict):
    """A number in E.164 form. `raw`: the number as it was typed, null if that was E.164."""

    label: str
    number: str
    raw: str | None


class OtherPhoneInput(BaseModel):
    """An additional number in an input."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    label: Name = Field("", examples=["mobile"])
    number: str = Field(max_length=MAX_LENGTH, examples=["+12025550143"])


def normalize_other_phones(given: list[OtherPhoneInput] | None, settings: TenantSettings) -> list[OtherPhone]:
    """Return numbers in their stored form and order; of equal numbers only the first.

    Raises Invalid, naming every refused number.
    """
    stored: dict[str, OtherPhone] = {}
    errors: list[FieldError] = []
    for position, one in enumerate(given or ()):
        field = f"other_phones.{position}.number"
        try:
            number = normalize_phone(
                one.number, settings.default_country, field, clean=settings.auto_clean_phone_numbers
            )
        except Invalid as error:
            errors += error.errors
        else:
            stored.setdefault(
                number, {"label": one.label, "number": number, "raw": as_typed(one.number, number)}
            )
    if errors:
        raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))
    return list(stored.values())


def as_text(phone: OtherPhone) -> str:
    """Return a number as exports write it in a cell: with its label before it, such as `mobile: +12025550143`."""
    return f"{phone['label']}: {phone['number']}" if phone["label"] else phone["number"]


def split_label(text: str) -> tuple[str, str]:
    """Return the label and the number of a text that `as_text` has written. The label may contain colons."""
    label, _, number = text.rpartition(":")
    return label.strip(), number.strip()
