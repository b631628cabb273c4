"""From what callers give for a contact to what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from shared.domain.characters import comparable
from shared.domain.contacts import custom_fields
from shared.domain.contacts.communication import NO_PREFERENCE, CommunicationInput, CommunicationPatch
from shared.domain.contacts.fields import ContactFields, empty_value
from shared.domain.contacts.other_phones import normalize_other_phones
from shared.domain.email import normalize_email
from shared.domain.errors import FieldError, Invalid
from shared.domain.phone import as_typed, normalize_phone
from shared.domain.tenant import TenantSettings
from shared.domain.text import unique_names


def clean(
    given: Mapping[str, Any], settings: TenantSettings, *, may_be_over_limits: bool = False
) -> ContactFields:
    """Return fields in their stored form under a tenant's settings: addresses, numbers and names of labels normalized,
    null replaced by the field's empty value.

    `given` holds the fields of an input or a patch that are to be set, one or all. `may_be_over_limits`: the lengths of
    lists are not checked, since the contact may have as many entries already; see `list_limits`. Raises Invalid,
    naming every refused field.
    """
    cleaned = {name: empty_value(name) if value is None else value for name, value in given.items()}
    refusals: list[Invalid] = []
    for name, clean_field in (_CLEANERS_OVER_LIMITS if may_be_over_limits else _CLEANERS).items():
        if name in given:
            try:
                cleaned[name] = clean_field(given[name], settings)
            except Invalid as refusal:
                refusals.append(refusal)
    if refusals:
        errors = tuple(error for refusal in refusals for error in refusal.errors)
        raise Invalid(refusals[0].detail, errors=errors)
    for name in ("phone", "whatsapp"):
        if name in given:
            number = cleaned[name]
            cleaned[f"{name}_raw"] = as_typed(given[name], number) if number else None
    if "communication" in cleaned:
        communication = cleaned.pop("communication")
        if not _is_empty_patch(communication):
            cleaned["preferred"] = (communication and communication.preferred) or NO_PREFERENCE
    return cast("ContactFields", cleaned)


def _first_name(value: str | None, _: TenantSettings) -> str:
    if not value:
        raise Invalid.field("first_name", "required", "A first name is required.")
    return value


def _email(value: str | None, settings: TenantSettings) -> str | None:
    if value is not None and comparable(value):
        return normalize_email(value)
    if settings.require_email:
        raise Invalid.field("email", "required", "An e-mail address is required.")
    return None


def _phone(value: str | None, settings: TenantSettings, field: str = "phone") -> str | None:
    if value is None or not comparable(value):
        return None
    return normalize_phone(value, settings.default_country, field, clean=settings.auto_clean_phone_numbers)


def _whatsapp(value: str | None, settings: TenantSettings) -> str | None:
    return _phone(value, settings, "whatsapp")


def _tags(value: list[str] | None, settings: TenantSettings) -> list[str]:
    tags = unique_names(value or [])
    limit = settings.max_tags_per_contact
    if len(tags) > limit:
        raise Invalid.field("tags", "too_many_tags", f"A contact has at most {limit} tags.")
    return tags


def _label_names(value: list[str] | None, _: TenantSettings) -> list[str]:
    return unique_names(value or [])


def _other_emails(value: list[str] | None, _: TenantSettings) -> list[str]:
    emails: dict[str, None] = {}
    errors: list[FieldError] = []
    for position, email in enumerate(value or ()):
        try:
            emails[normalize_email(email, f"other_emails.{position}")] = None
        except Invalid as error:
            errors += error.errors
    if errors:
        raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))
    return list(emails)


def _custom_fields(value: dict[str, Any] | None, _: TenantSettings) -> dict[str, Any] | None:
    return custom_fields.clean_custom_fields(value) if value else value


def _many_custom_fields(value: dict[str, Any] | None, _: TenantSettings) -> dict[str, Any] | None:
    most = custom_fields.MAX_GIVEN
    return custom_fields.clean_custom_fields(value, most=most) if value else value


_CLEANERS: dict[str, Callable[[Any, TenantSettings], Any]] = {
    "first_name": _first_name,
    "email": _email,
    "phone": _phone,
    "whatsapp": _whatsapp,
    "tags": _tags,
    "types": _label_names,
    "groups": _label_names,
    "other_emails": _other_emails,
    "other_phones": normalize_other_phones,
    "custom_fields": _custom_fields,
}
"""The cleaners of fields that need more than an empty value, in the order in which refusals name the fields."""
_CLEANERS_OVER_LIMITS: dict[str, Callable[[Any, TenantSettings], Any]] = {
    **_CLEANERS,
    "tags": _label_names,
    "custom_fields": _many_custom_fields,
}


def _is_empty_patch(communication: CommunicationInput | CommunicationPatch | None) -> bool:
    return isinstance(communication, CommunicationPatch) and not communication.model_fields_set
