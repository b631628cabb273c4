"""Days in a time zone: a date without a time stands for the whole day."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

from shared.domain.timestamps import LAST, normalize, plus

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_date(text: str) -> bool:
    """Return whether a text has the form of a date (RFC 3339, `full-date`). The day need not exist."""
    return _DATE.fullmatch(text) is not None


def first_of(bound: str, zone: str) -> str:
    """Return a lower bound of a range, a timestamp or a date, as a timestamp."""
    return first_moment(bound, zone) if is_date(bound) else bound


def last_of(bound: str, zone: str) -> str:
    """Return an upper bound of a range, a timestamp or a date, as a timestamp."""
    return last_moment(bound, zone) if is_date(bound) else bound


@lru_cache(maxsize=256)
def first_moment(day: str, zone: str) -> str:
    """Return the timestamp at which an existing day, such as `2026-05-04`, begins in a zone of the IANA database.

    Where the clocks skip midnight, the day begins when they are set forward.
    """
    return _start_of(date.fromisoformat(day), zone)


@lru_cache(maxsize=256)
def last_moment(day: str, zone: str) -> str:
    """Return the last timestamp of a day, a millisecond before the next day begins, however long the day is."""
    start = date.fromisoformat(day)
    if start == date.max:
        return LAST
    following = _start_of(start + timedelta(days=1), zone)
    return max(plus(following, -0.001), _EARLIEST) if following > _EARLIEST else _EARLIEST


def last_days(now: str, zone: str, count: int) -> tuple[str, str]:
    """Return the first and the last timestamp of the last `count` days in a zone, of which the last is today."""
    from zoneinfo import ZoneInfo

    today = datetime.fromisoformat(now).astimezone(ZoneInfo(zone)).date()
    first = today - timedelta(days=count - 1)
    return first_moment(first.isoformat(), zone), last_moment(today.isoformat(), zone)


_EARLIEST = "1970-01-01T00:00:00.000Z"


def _start_of(day: date, zone: str) -> str:
    # Imported when needed: most calls name no day, and zones are read from files.
    from zoneinfo import ZoneInfo

    # With fold 0, a skipped midnight is read with the offset before the change, which gives the moment of the change.
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    try:
        return normalize(midnight)
    except ValueError:  # the year in UTC is before 1970 or after 9999
        return _EARLIEST if day.year < 2000 else LAST
