"""The rules for contacts, applied to an input that is refused for its form already: one answer has all faults.

Loaded only after something was refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.other_phones import OtherPhoneInput
from shared.domain.errors import FieldError
from shared.domain.faults import collect_faults
from shared.domain.tenant import TenantSettings

_ONE_OF_EACH = ("email", "phone", "whatsapp")
_MOST = 100
"""Of a list's entries. A longer list is refused for its length."""


def faults_in(given: object, settings: TenantSettings, *, whole: bool) -> tuple[FieldError, ...]:
    """The faults that `clean` finds in what a caller gave for a contact, whose form nobody has checked.

    `whole`: that what is left out counts as empty, as in a creation. Values of a wrong type are passed over: they are
    faults of form.
    """
    if not isinstance(given, dict):
        return ()
    fields = dict(_readable(given))
    if whole and "email" not in given:
        fields["email"] = None
    return collect_faults(lambda: clean(fields, settings))


def _readable(given: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in _ONE_OF_EACH:
        value = given.get(name)
        if name in given and (value is None or isinstance(value, str)):
            yield name, value
    if isinstance(tags := given.get("tags"), list):
        yield "tags", [one for one in tags[: _MOST + 1] if isinstance(one, str)]
    # A placeholder keeps the numbers of the others; its own fault is one of form, and named as that.
    if isinstance(emails := given.get("other_emails"), list):
        yield "other_emails", [one if isinstance(one, str) else "" for one in emails[:_MOST]]
    if isinstance(phones := given.get("other_phones"), list):
        yield "other_phones", [_phone(one) for one in phones[:_MOST]]
    if isinstance(custom := given.get("custom_fields"), dict):
        yield "custom_fields", custom


def _phone(given: object) -> OtherPhoneInput:
    number = given.get("number") if isinstance(given, dict) else None
    return OtherPhoneInput.model_construct(label="", number=number if isinstance(number, str) else "")
