"""The faults that cleaning finds in an input that was already refused for its form.

With them, one answer lists all faults. Loaded only after a refusal.
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
"""How many entries of a list are checked. A longer list is refused for its length."""


def faults_in(
    given: object, settings: TenantSettings, *, whole: bool, may_be_over_limits: bool = False
) -> tuple[FieldError, ...]:
    """Return the faults that `clean` finds in a caller's input for a contact, whose form has not been checked.

    `whole`: whether fields left out are empty, as in a creation. `may_be_over_limits`: as for `clean`. Values of a
    wrong type are skipped: they are faults of form.
    """
    if not isinstance(given, dict):
        return ()
    fields = dict(_checkable_fields(given))
    if whole and "email" not in given:
        fields["email"] = None
    return collect_faults(lambda: clean(fields, settings, may_be_over_limits=may_be_over_limits))


def _checkable_fields(given: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in _ONE_OF_EACH:
        value = given.get(name)
        if name in given and (value is None or isinstance(value, str)):
            yield name, value
    if isinstance(tags := given.get("tags"), list):
        yield "tags", [one for one in tags[: _MOST + 1] if isinstance(one, str)]
    # A placeholder for a value of a wrong type keeps the positions of the others.
    if isinstance(emails := given.get("other_emails"), list):
        yield "other_emails", [one if isinstance(one, str) else "" for one in emails[:_MOST]]
    if isinstance(phones := given.get("other_phones"), list):
        yield "other_phones", [_phone(one) for one in phones[:_MOST]]
    if isinstance(custom := given.get("custom_fields"), dict):
        yield "custom_fields", custom


def _phone(given: object) -> OtherPhoneInput:
    number = given.get("number") if isinstance(given, dict) else None
    return OtherPhoneInput.model_construct(label="", number=number if isinstance(number, str) else "")
