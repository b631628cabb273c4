"""Days in a time zone: a date without a time stands for the whole of it."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

from shared.domain.timestamps import LAST, normalize, plus

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_date(text: str) -> bool:
    """Whether a text has the form of a date (RFC 3339, `full-date`). Whether there is such a day is not looked at."""
    return _DATE.fullmatch(text) is not None


@lru_cache(maxsize=256)
def first_moment(day: str, zone: str) -> str:
    """The timestamp at which a day (`2026-05-04`, one there is) begins in a zone of the IANA database.

    Where the clocks skip midnight, the day begins when they are put on.
    """
    return _start_of(date.fromisoformat(day), zone)


@lru_cache(maxsize=256)
def last_moment(day: str, zone: str) -> str:
    """The last timestamp of a day: a millisecond before the next one begins, however long the day is."""
    start = date.fromisoformat(day)
    if start == date.max:
        return LAST
    following = _start_of(start + timedelta(days=1), zone)
    return max(plus(following, -0.001), _EARLIEST) if following > _EARLIEST else _EARLIEST


_EARLIEST = "1970-01-01T00:00:00.000Z"


def _start_of(day: date, zone: str) -> str:
    # By need: most calls name no day, and zones are read from files.
    from zoneinfo import ZoneInfo

    # With fold 0, a midnight that the clocks skip is read by the offset before: that is the moment of the change.
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    try:
        return normalize(midnight)
    except ValueError:  # in the zone it is 1970 or 9999 when in UTC it is not, or no longer
        return _EARLIEST if day.year < 2000 else LAST
