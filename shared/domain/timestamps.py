"""Timestamps, as they are stored and shown: RFC 3339, UTC, millisecond precision, `Z`.

All have the same width, so that they sort as the times do.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

FIRST_YEAR = 1970
LAST = "9999-12-31T23:59:59.999Z"
"""The latest timestamp."""
_LAST_MILLISECONDS = 253_402_300_799_999
"""LAST in Unix milliseconds."""

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

_WIDTH = len("2026-05-04T09:30:00.000Z")


def from_milliseconds(milliseconds: int) -> str:
    """Return Unix milliseconds as a timestamp, such as `2026-05-04T09:30:00.000Z`.

    Returns the first timestamp of 1970 for earlier times and LAST for later ones: ids have room for the year 10889.
    """
    milliseconds = min(max(milliseconds, 0), _LAST_MILLISECONDS)
    whole = time.gmtime(milliseconds // 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', whole)}.{milliseconds % 1000:03d}Z"


def now() -> str:
    """Return the present time."""
    return from_milliseconds(time.time_ns() // 1_000_000)


def to_milliseconds(timestamp: str) -> int:
    """Return the Unix milliseconds of a timestamp made by this module."""
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)


def plus(timestamp: str, seconds: float) -> str:
    """Return a timestamp `seconds` later, or earlier if negative, within the years 1970 to 9999."""
    return from_milliseconds(to_milliseconds(timestamp) + round(seconds * 1000))


def of_position(position: str) -> str:
    """Return the timestamp at the start of a position in an order by time, such as the sort key of an index."""
    return position[:_WIDTH]


def normalize(moment: datetime) -> str:
    """Return an aware datetime as a timestamp.

    Raises ValueError for a datetime without an offset, which could be any of 26 hours, and for one outside the years
    1970 to 9999.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError("a time needs an offset, such as Z or +02:00")
    try:
        milliseconds = (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
            milliseconds=1
        )
    except OverflowError as error:
        raise ValueError("the time lies outside the years 1970 to 9999") from error
    if milliseconds < 0:
        raise ValueError("the time lies outside the years 1970 to 9999")
    return from_milliseconds(milliseconds)
