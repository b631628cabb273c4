"""Custom fields: values of a contact under names that the tenant chooses."""

from __future__ import annotations

import json
import math
import re
from typing import Annotated, Any

from pydantic import WithJsonSchema

from shared.domain.characters import several_lines
from shared.domain.errors import FieldError, Invalid

MAX_FIELDS = 50
MAX_TEXT = 1_000
MAX_BYTES = 65_536
"""Bytes of all names and values together, as JSON in UTF-8. Fifty ASCII texts of the greatest length fit. Without this
limit, fifty of them in four-byte characters would make a record of 240 KB, and an event with old and new values twice
that, more than an item holds."""
MAX_GIVEN = 101 * MAX_FIELDS
"""Fields in one change of a contact. A contact may have more than MAX_FIELDS after merges: at most its own and those of
a hundred others. A change may keep them."""
_MAX_INTEGER = 2**53 - 1  # beyond it JSON readers differ (RFC 7493, section 2.2)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")

_VALUES: list[dict[str, Any]] = [
    {"type": "string", "maxLength": MAX_TEXT},
    {"type": "number"},
    {"type": "boolean"},
]
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "maxProperties": MAX_FIELDS,
    "propertyNames": {"pattern": f"^{_NAME.pattern}$"},
    "additionalProperties": {"anyOf": _VALUES},
}
_INPUT_SCHEMA = {**_SCHEMA, "additionalProperties": {"anyOf": [*_VALUES, {"type": "null"}]}}

CustomFields = Annotated[dict[str, Any], WithJsonSchema({**_SCHEMA, "maxProperties": MAX_GIVEN})]
CustomFieldsInput = Annotated[dict[str, Any], WithJsonSchema(_INPUT_SCHEMA)]
"""Checked by `clean_custom_fields`, whose refusals name one field: those of a pydantic union name each alternative."""
CustomFieldsChange = Annotated[dict[str, Any], WithJsonSchema({**_INPUT_SCHEMA, "maxProperties": MAX_GIVEN})]
"""The same in a change of a contact, which may have more of them after a merge."""


def is_field_name(text: str) -> bool:
    """Return whether a text may be the name of a custom field."""
    return _NAME.fullmatch(text) is not None


def clean_custom_fields(given: dict[str, Any], *, most: int = MAX_FIELDS) -> dict[str, Any]:
    """Return custom fields in their stored form, including None, which removes a field.

    Whole numbers become integers. Raises Invalid, naming every refused field, or for more than `most` fields.
    """
    if len(given) > most:
        raise _too_many()
    stored: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in given.items():
        field = f"custom_fields.{name[:60]}"
        if not is_field_name(name):
            message = "A name has 1 to 50 of the characters a-z, 0-9 and _, and starts with a letter."
            errors.append(FieldError(field, "name", message))
            continue
        try:
            stored[name] = _clean_value(field, value)
        except Invalid as error:
            errors += error.errors
    if errors:
        raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))
    return stored


def _clean_value(field: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = several_lines(value)
        if len(text) > MAX_TEXT:
            raise Invalid.field(field, "string_too_long", f"A text has at most {MAX_TEXT:,} characters.")
        if "\0" in text:
            raise Invalid.field(field, "control_characters", "The character NUL is not allowed here.")
        return text
    if isinstance(value, int | float):
        return _clean_number(field, value)
    raise Invalid.field(field, "type", "A value is a text, a number, true, false, or null to remove it.")


def _clean_number(field: str, value: float) -> float:
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid.field(field, "finite_number", "A number must be finite.")
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        message = f"A whole number lies within ±{_MAX_INTEGER:,}. Give longer ones as text."
        raise Invalid.field(field, "number_too_large", message)
    if isinstance(value, float) and value.is_integer() and abs(value) <= _MAX_INTEGER:
        return int(value)
    return value


def merge_custom_fields(
    present: dict[str, Any], given: dict[str, Any] | None, *, had: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return `present` after a merge patch (RFC 7396) of cleaned custom fields; None removes all fields.

    Raises Invalid when the result has too many fields or is too long, unless it is no larger than the fields that the
    contact `had`, by default `present`: those that were united by a merge may be over the limits.
    """
    if given is None:
        return {}
    before = present if had is None else had
    result = {name: value for name, value in {**present, **given}.items() if value is not None}
    if len(result) > max(MAX_FIELDS, len(before)):
        raise _too_many()
    if (size := _size(result)) > MAX_BYTES and size > _size(before):
        message = f"All custom fields together have at most {MAX_BYTES:,} bytes."
        raise Invalid.field("custom_fields", "too_long", message)
    return result


def _size(fields: dict[str, Any]) -> int:
    return len(json.dumps(fields, ensure_ascii=False).encode())


def as_text(value: Any) -> str:
    """Return the value of a custom field as exports write it in a cell: `true`, `3`, `0.5`, or the text itself."""
    return value if isinstance(value, str) else json.dumps(value)


def _too_many() -> Invalid:
    return Invalid.field("custom_fields", "too_long", f"A contact has at most {MAX_FIELDS} custom fields.")
