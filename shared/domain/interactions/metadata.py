"""The metadata of an interaction: a JSON object that the system stores without interpreting it."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.errors import Invalid

MAX_BYTES = 16_000
"""The maximum length of the metadata, in bytes of JSON in UTF-8."""
MAX_DEPTH = 20
"""The maximum depth of nested objects and lists."""
_MAX_INTEGER = 2**53 - 1  # beyond it JSON readers differ (RFC 7493, section 2.2)


def _check(value: Any, depth: int = 1) -> None:
    if isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise PydanticCustomError(
                "too_deep", f"Objects and lists may be {MAX_DEPTH} levels within one another, and no more."
            )
        for one in value.values() if isinstance(value, dict) else value:
            _check(one, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("finite_number", "A number must be finite.")
    elif isinstance(value, int) and abs(value) > _MAX_INTEGER:
        raise PydanticCustomError(
            "number_too_large",
            f"A whole number lies within ±{_MAX_INTEGER:,}. Give longer ones as text.",
        )


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    _check(given)
    return given


Metadata = Annotated[
    dict[str, Any], AfterValidator(_checked), WithJsonSchema({"type": "object", "additionalProperties": True})
]


def merge_metadata(present: dict[str, Any], given: dict[str, Any] | None) -> dict[str, Any]:
    """Return `present` after a merge patch (RFC 7396); None removes all of it. Null removes a member at any level.

    Raises Invalid when the result is longer than MAX_BYTES.
    """
    merged = {} if given is None else _merge(present, given)
    if len(json.dumps(merged, separators=(",", ":"), ensure_ascii=False).encode()) > MAX_BYTES:
        message = f"The metadata has at most {MAX_BYTES:,} bytes, as JSON in UTF-8."
        raise Invalid.field("metadata", "too_long", message)
    return merged


def _merge(present: Any, given: dict[str, Any]) -> dict[str, Any]:
    merged = dict(present) if isinstance(present, dict) else {}
    for name, value in given.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value) if isinstance(value, dict) else value
    return merged
