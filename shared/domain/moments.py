"""Times as callers write them: in bodies, and as bounds of lists."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.days import is_date
from shared.domain.timestamps import FIRST_YEAR, normalize

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)
# An unescaped plus sign in a URL is a space.
_SPACE_FOR_PLUS = re.compile(r" (?=\d\d:?\d\d$)")
_MAX_LENGTH = 64


def _text_of(given: Any) -> str:
    """Return a time as it was written, without white space around it. Raises ValueError if it is not a short text."""
    text = given.isoformat() if isinstance(given, datetime) else given
    if not isinstance(text, str) or len(text) > _MAX_LENGTH:
        raise ValueError
    return text.strip()


def _timestamp_of(text: str) -> str:
    """Return a time with an offset as a timestamp. Raises ValueError for any other text."""
    if not _TIME.fullmatch(text):
        raise ValueError
    return normalize(datetime.fromisoformat(text.upper()))


def _parse_time(given: Any) -> str:
    """Return a time as a timestamp."""
    try:
        return _timestamp_of(_text_of(given))
    except ValueError:
        raise PydanticCustomError(
            "time",
            "This must be a time with its offset from UTC, such as 2026-05-04T09:30:00Z, of the years 1970 to 9999.",
        ) from None


def _parse_moment(given: Any) -> str:
    """Return a time as a timestamp, and a date unchanged: it means the whole day in the tenant's time zone."""
    try:
        text = _text_of(given)
        if is_date(text):
            if date.fromisoformat(text).year < FIRST_YEAR:
                raise ValueError
            return text
        return _timestamp_of(_SPACE_FOR_PLUS.sub("+", text) if text[10:11] in ("T", "t") else text)
    except ValueError:
        raise PydanticCustomError(
            "time",
            "This must be a date, such as 2026-05-04, or a time with its offset from UTC, such as "
            "2026-05-04T09:30:00Z, of the years 1970 to 9999.",
        ) from None


GivenTime = Annotated[
    str, PlainValidator(_parse_time), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A time in a body, which becomes a timestamp of `shared.domain.timestamps`."""

Moment = Annotated[
    str,
    PlainValidator(_parse_moment),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
    ),
]
"""A bound of a range: a time, or a date, which means the whole day in the tenant's time zone."""
FROM = "At or after this time; or on or after this day, in the tenant's time zone."
TO = "At or before this time; or on or before this day, in the tenant's time zone."
