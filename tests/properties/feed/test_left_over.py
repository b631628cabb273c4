"""What a sweep leaves over holds nothing else: neither other tenants, nor the tenant's own later events, nor memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

import pytest

from shared.domain import timestamps
from shared.publishing import sweep as sweeping
from shared.table.feed import outbox
from shared.table.item import Item
from shared.table.keys import events as event_keys
from shared.table.keys import feed as feed_keys
from shared.table.keys.spelling import Key
from tests.properties.feed.publications import NOW, Publications, event_item

JUST_NOW = timestamps.plus(NOW, -150)
END = timestamps.plus(NOW, -120)


@pytest.fixture(autouse=True)
def small_and_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is fixed, portions are small, and a portion that fails is no sign of an outage."""
    monkeypatch.setattr(timestamps, "now", lambda: NOW)
    monkeypatch.setattr(sweeping, "_FEW", 12)
    monkeypatch.setattr(outbox, "_PORTION", 12)
    monkeypatch.setattr(event_keys, "OUTBOX_SHARDS", 1)


def events_of(tenant_id: str, count: int, *, since: str = JUST_NOW) -> list[Item]:
    """Return the events of as many contacts, a millisecond apart."""
    return [
        event_item(
            f"{tenant_id}{since}{number}", 1, timestamps.plus(since, number / 1000), tenant_id=tenant_id
        )
        for number in range(count)
    ]


def ids(items: Sequence[Item]) -> set[str]:
    return {event_keys.id_of(item) for item in items}


def swept_until(world: Publications) -> str:
    item = world.store.get(event_keys.SWEEP_CHECKPOINT)
    assert item is not None
    return str(item["checked_until"]["S"])


def test_check_18_later_events_pass_more_left_over_ones_than_a_sweep_tries() -> None:
    """Three portions of events that the topic never takes, then one that it takes after a while."""
    never, later = events_of("t", 36), events_of("t", 3, since=timestamps.plus(JUST_NOW, 10))
    world = Publications([*never, *later])
    world.topic.refused = ids(never) | ids(later)
    world.process().sweep()
    world.topic.refused = ids(never)
    tried = [world.process().sweep().failed for _ in range(4)]
    assert max(tried) <= 12, "a sweep tries one portion that fails"
    assert {entry.id for entry in world.entries()} == ids(later)
    world.topic.refused = set()
    while world.process().sweep().published:
        pass
    assert {entry.id for entry in world.entries()} == ids(never) | ids(later)


def test_check_18_events_left_over_meanwhile_do_not_begin_the_turn_again() -> None:
    never, later = events_of("t", 24), events_of("t", 1, since=timestamps.plus(JUST_NOW, 10))
    world = Publications([*never, *later])
    world.topic.refused = ids(never) | ids(later)
    world.process().sweep()
    world.topic.refused = ids(never)
    for minute in range(1, 5):
        more = event_item(f"m{minute}", 1, timestamps.plus(JUST_NOW, minute * 60))
        world.table.put(more)
        world.topic.refused |= ids([more])
        world.process().sweep(timestamps.plus(NOW, minute * 60))
        assert swept_until(world) == timestamps.plus(END, minute * 60)
    assert {entry.id for entry in world.entries()} == ids(later)


def test_check_18_damaged_feeds_of_several_tenants_are_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A portion with nothing but their events holds the checkpoint of the others no more than one tenant's does."""
    events = [*events_of("bad", 6), *events_of("worse", 6)]
    monkeypatch.setattr(sweeping, "_FEW", 10)
    world = Publications(events)
    for tenant_id in ("bad", "worse"):
        world.table.put({**feed_keys.head(tenant_id), "last_position": {"N": "4"}})
    report = world.process().sweep()
    assert (report.left_over, swept_until(world)) == (12, END)
    assert world.topic.accepted == []


class Row(dict[str, Any]):
    """An item that can be counted as long as it is in memory."""

    __hash__ = object.__hash__


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_sweep_has_few_items_in_memory(is_refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hundred events of the greatest size would be more than a function has."""
    monkeypatch.setattr(outbox, "_PORTION", 500)
    monkeypatch.setattr(sweeping, "_AT_ONCE", 5)
    events = events_of("t", 60)
    world = Publications(events)
    world.topic.refused = ids(events) if is_refused else set()
    read, alive, most = world.store.get_many, WeakSet[Row](), 0

    def counted(keys: Sequence[Key], **how: Any) -> dict[tuple[str, str], Item]:
        nonlocal most
        rows = {place: Row(item) for place, item in read(keys, **how).items()}
        alive.update(row for (_, sk), row in rows.items() if sk.startswith(event_keys.EVENT))
        most = max(most, len(alive))
        return dict(rows)

    monkeypatch.setattr(world.store, "get_many", counted)
    report = world.process().sweep()
    assert (report.published, report.failed) == ((0, 60) if is_refused else (60, 0))
    assert 0 < most <= 10
