"""A date without a time stands for the whole day in the tenant's time zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.contacts.conditions import ContactConditions
from shared.domain.contacts.filter import ContactFilter
from shared.domain.days import first_moment, last_moment
from shared.domain.labels.record import NO_LABELS
from shared.domain.tenant import TenantSettings
from shared.domain.timestamps import to_milliseconds

ZONES = (
    "UTC", "Europe/London", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "Asia/Beirut",
    "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Chatham",
    "Africa/Casablanca", "America/St_Johns", "Africa/Cairo",
)  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "day", "first", "last"),
    [
        ("UTC", "2026-05-04", "2026-05-04T00:00:00.000Z", "2026-05-04T23:59:59.999Z"),
        ("Asia/Kolkata", "2026-05-04", "2026-05-03T18:30:00.000Z", "2026-05-04T18:29:59.999Z"),
        # 23 and 25 hours
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00.000Z", "2026-03-29T21:59:59.999Z"),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00.000Z", "2026-10-25T22:59:59.999Z"),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00:00.000Z", "2026-03-09T03:59:59.999Z"),
        # Midnight is skipped, and happens twice.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00.000Z", "2018-11-05T01:59:59.999Z"),
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00.000Z", "2018-02-18T02:59:59.999Z"),
        ("America/Havana", "2025-11-02", "2025-11-02T04:00:00.000Z", "2025-11-03T04:59:59.999Z"),
        # The ends of time.
        ("Asia/Tokyo", "1970-01-01", "1970-01-01T00:00:00.000Z", "1970-01-01T14:59:59.999Z"),
        ("Pacific/Apia", "9999-12-31", "9999-12-30T11:00:00.000Z", "9999-12-31T23:59:59.999Z"),
        ("America/New_York", "9999-12-31", "9999-12-31T05:00:00.000Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_day_begins_and_ends_by_the_clocks_of_its_zone(zone: str, day: str, first: str, last: str) -> None:
    if zone == "America/Sao_Paulo" and day == "2018-11-04":
        assert datetime(2018, 11, 4, 3, tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).hour == 1
    assert (first_moment(day, zone), last_moment(day, zone)) == (first, last)


def test_a_day_that_a_zone_skipped_is_empty() -> None:
    assert last_moment("2011-12-30", "Pacific/Apia") < first_moment("2011-12-30", "Pacific/Apia")


@given(st.dates(date(1970, 1, 3), date(2060, 1, 1)), st.sampled_from(ZONES))
def test_days_follow_one_another_without_gap_or_overlap_and_hold_their_own_times(
    day: date, zone: str
) -> None:
    """Each instant belongs to one day: the day of the calendar in the zone."""
    following = (day + timedelta(days=1)).isoformat()
    first, last = first_moment(day.isoformat(), zone), last_moment(day.isoformat(), zone)
    assert to_milliseconds(last) + 1 == to_milliseconds(first_moment(following, zone))
    if first < last:
        for moment in (first, last):
            assert datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).date() == day


RANGES = [name for name in ContactConditions.model_fields if name.endswith(("_from", "_to"))]


def test_every_range_takes_a_date_in_the_tenant_s_zone() -> None:
    assert len(RANGES) == 8
    conditions = ContactConditions.model_validate(dict.fromkeys(RANGES, "2026-05-04"))
    found = ContactFilter.of(conditions.__dict__, TenantSettings(timezone="Asia/Kolkata"), NO_LABELS.find)
    for name in RANGES:
        bound = first_moment if name.endswith("_from") else last_moment
        assert getattr(found, name) == bound("2026-05-04", "Asia/Kolkata"), name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-05-04", "2026-05-04"),
        (" 2026-05-04 ", "2026-05-04"),
        ("2026-05-04T09:30:00Z", "2026-05-04T09:30:00.000Z"),
        ("2026-05-04t09:30:00z", "2026-05-04T09:30:00.000Z"),
        ("2026-05-04T09:30Z", "2026-05-04T09:30:00.000Z"),
        ("2026-05-04T09:30:00.1239Z", "2026-05-04T09:30:00.123Z"),
        ("2026-05-04T09:30:00+02:00", "2026-05-04T07:30:00.000Z"),
        (
            "2026-05-04T09:30:00 02:00",
            "2026-05-04T07:30:00.000Z",
        ),  # an unescaped plus sign in a URL
        ("2026-05-04 09:30:00-0430", "2026-05-04T14:00:00.000Z"),
    ],
)
def test_times_and_dates_are_accepted_as_people_and_programs_write_them(given: str, kept: str) -> None:
    assert ContactConditions.model_validate({"created_from": given}).created_from == kept


@pytest.mark.parametrize(
    "given",
    ["2026-W19", "", "yesterday", "2026-02-30", "04.05.2026", "2026-5-4", "20260504", "1714000000", "2026",
     "2026-05-04T09:30:00", "2026-05-04T24:30:00Z", "1969-12-31", "0000-01-01", "1969-12-31T23:59:59Z", "2026-13-01",
     "9999-12-31T23:00:00-10:00", "2026-05-04T09:30:00Z" * 99, 5, 5.0, True, ["2026-05-04"], "２０２６-05-04"],
)  # fmt: skip
def test_the_refusal_of_anything_else_names_the_accepted_forms(given: object) -> None:
    with pytest.raises(ValidationError) as refusal:
        ContactConditions.model_validate({"created_to": given})
    (fault,) = refusal.value.errors()
    assert fault["type"] == "time"
    assert "2026-05-04" in fault["msg"] and "2026-05-04T09:30:00Z" in fault["msg"]
