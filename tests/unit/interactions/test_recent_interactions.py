"""Interactions in the last days are counted exactly, in any time zone and over changes of the clocks."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.interactions.interaction import Interaction
from shared.domain.stamp import Stamp
from shared.domain.timestamps import normalize
from shared.projections.engine import Projection
from shared.projections.purged_entries import PurgedEntries
from shared.services.interactions.statistics import InteractionStatistics
from shared.services.reading_budget import Budget
from shared.table.hours import HourlyCounts
from shared.table.interactions.items import interaction_to_item
from shared.table.item import Item
from shared.table.keys import lists as list_keys
from shared.table.store import Store
from tests.support.memory_table import MemoryTable

TENANT = "t1"
CONTACT = "01996f3a-7c00-7000-8000-000000000001"
ADMIN = Caller(TENANT, "user", "u1", "admin")
STAMP = Stamp("01996f3a-7c00-7000-8000-000000000100", "2026-05-04T12:00:00.000Z", ADMIN)
KINDS = ("call", "meeting", "booking_created")
# A moment of a day on which, or in the month after which, the zone's clocks change, or its offset is no whole hour.
SCENES = (
    ("UTC", "2026-05-04T12:00:00+00:00"),
    ("Europe/Berlin", "2026-03-29T22:30:00+02:00"),
    ("Europe/Berlin", "2026-10-25T00:10:00+02:00"),
    ("Europe/Berlin", "2026-11-05T23:59:59+01:00"),
    ("America/New_York", "2026-03-10T00:00:00-04:00"),
    ("America/Havana", "2025-11-02T12:00:00-05:00"),
    ("America/Sao_Paulo", "2018-11-08T01:00:00-02:00"),
    ("America/St_Johns", "2026-07-01T23:45:00-02:30"),
    ("Asia/Kolkata", "2026-05-04T00:14:59+05:30"),
    ("Asia/Kathmandu", "2026-05-04T23:59:00+05:45"),
    ("Australia/Lord_Howe", "2026-04-06T06:00:00+10:30"),
    ("Pacific/Chatham", "2026-04-07T00:00:00+12:45"),
    ("Pacific/Apia", "2012-01-02T10:00:00+14:00"),
)


def item(number: int, at: datetime, kind: str) -> Item:
    """Return the item of an interaction that occurred at a time."""
    given = {"type": kind, "description": "A", "occurred_at": normalize(at), "performed_by": "Ann"}
    interaction_id = f"01996f3a-7c00-7000-8000-{number:012x}"
    return interaction_to_item(
        TENANT, Interaction.create(given, interaction_id=interaction_id, contact_id=CONTACT, stamp=STAMP)
    )


def recent(table: MemoryTable, zone: str) -> dict[str, Any]:
    counts = HourlyCounts(Store(table, "table"), TENANT, list_keys.INTERACTIONS)
    unused: Any = None
    return InteractionStatistics(ADMIN, counts, unused, unused, lambda: zone, Budget()).recent()


def expected(times: list[tuple[datetime, str]], zone: str, now: datetime, days: int) -> dict[str, Any]:
    """Count over the records: those of the last days of the calendar in the zone."""
    today = now.astimezone(ZoneInfo(zone)).date()
    wanted = {today - timedelta(days=number) for number in range(days)}
    by_type = Counter(kind for at, kind in times if at.astimezone(ZoneInfo(zone)).date() in wanted)
    return {"total": by_type.total(), "by_type": dict(sorted(by_type.items()))}


@pytest.mark.parametrize(("zone", "moment"), SCENES)
def test_days_are_those_of_the_calendar_in_the_tenant_s_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str, moment: str
) -> None:
    """A random interaction about every three hours, and one at each side of each midnight."""
    now = datetime.fromisoformat(moment)
    monkeypatch.setattr(timestamps, "now", lambda: normalize(now))
    chosen = random.Random(1)
    times = [
        (
            now + timedelta(milliseconds=chosen.randrange(-35 * 86_400_000, 3 * 86_400_000)),
            chosen.choice(KINDS),
        )
        for _ in range(300)
    ]
    local = ZoneInfo(zone)
    for number in range(-32, 3):
        day = now.astimezone(local).date() + timedelta(days=number)
        midnight = datetime(day.year, day.month, day.day, tzinfo=local).astimezone(UTC)
        times += [(midnight, "call"), (midnight - timedelta(milliseconds=1), "meeting")]
    table = MemoryTable()
    Projection(Store(table, "table")).project([item(n, at, kind) for n, (at, kind) in enumerate(times)])
    found = recent(table, zone)
    assert found == {
        "interactions_last_7_days": expected(times, zone, now, 7),
        "interactions_last_30_days": expected(times, zone, now, 30),
    }
    assert found["interactions_last_30_days"]["total"] > found["interactions_last_7_days"]["total"] > 40


def test_what_happened_to_purged_contacts_stays_counted_and_deleted_interactions_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    monkeypatch.setattr(timestamps, "now", lambda: normalize(now))
    table = MemoryTable()
    projection = Projection(Store(table, "table"))
    kept, purged, deleted = (item(number, now, "call") for number in range(3))
    projection.project([kept, purged, deleted])
    PurgedEntries(projection).remove(TENANT, CONTACT, [purged])
    projection.project([{**deleted, "deleted_at": {"S": ""}, "version": {"N": "2"}}])
    figure = {"total": 2, "by_type": {"call": 2}}
    assert recent(table, "UTC") == {"interactions_last_7_days": figure, "interactions_last_30_days": figure}


def test_without_interactions_there_are_none() -> None:
    none = {"total": 0, "by_type": {}}
    assert recent(MemoryTable(), "UTC") == {
        "interactions_last_7_days": none,
        "interactions_last_30_days": none,
    }
