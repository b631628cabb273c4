"""The sweep keeps its position: with a simulated clock, over a table in memory."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import timestamps
from shared.domain.errors import Unavailable
from shared.publishing.publisher import PublishResult
from shared.publishing.sweep import SETTLE_SECONDS, sweep
from shared.table.feed import outbox
from shared.table.feed.known import KnownEntries
from shared.table.feed.outbox import EventTable
from shared.table.feed.outgoing import POSITION
from shared.table.item import Item
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import Key
from shared.table.keys.work import WORK_INDEX, WORK_PK, WORK_SK
from tests.support.budgets import repetitions

NOW = "2026-05-04T10:00:00.000Z"
START = "2026-05-04T09:30:00.000Z"
LIMIT = 60.0
RESERVE = 15.0


class KilledError(Exception):
    """The function's time was up."""


@dataclass
class Clock:
    """Seconds since a function began."""

    seconds: float = 0.0

    def spend(self, seconds: float) -> None:
        self.seconds += seconds
        if self.seconds > LIMIT:
            raise KilledError

    def has_time(self) -> bool:
        return LIMIT - self.seconds > RESERVE


class MemoryStore:
    """The part of a store that events need; each call takes a while."""

    def __init__(self, clock: Clock, call_seconds: float) -> None:
        self._clock, self._call_seconds = clock, call_seconds
        self._items: dict[tuple[str, str], Item] = {}
        self._index: dict[str, list[tuple[str, Item]]] = {}
        self._is_sorted = False

    def add(self, item: Item) -> None:
        self._items[item["PK"]["S"], item["SK"]["S"]] = item
        self._index.setdefault(item["WPK"]["S"], []).append((item["WSK"]["S"], item))

    def sort(self) -> None:
        for entries in self._index.values():
            entries.sort(key=lambda entry: entry[0])

    def query(
        self,
        partition: str,
        *,
        limit: int,
        between: tuple[str, str] = ("", "~"),
        index: tuple[str, str, str] | None = None,
        after: str | None = None,
        **options: Any,
    ) -> list[Item]:
        if index is None:
            found = [item for (_, sk), item in self._items.items() if sk.startswith(options["prefix"])]
            return sorted(found, key=lambda item: str(item["SK"]["S"]))
        assert index == (WORK_INDEX, WORK_PK, WORK_SK)
        self._clock.spend(self._call_seconds)
        entries = self._index.get(partition, [])
        first = bisect.bisect_left(entries, max(between[0], after or ""), key=lambda entry: entry[0])
        found = [item for sk, item in entries[first : first + limit + 1] if sk <= between[1] and sk != after]
        return [{name: item[name] for name in ("PK", "SK", "WPK", "WSK")} for item in found[:limit]]

    def get(self, key: Key) -> Item | None:
        return self._items.get((key["PK"]["S"], key["SK"]["S"]))

    def get_many(self, wanted: list[Key], *, consistent: bool = True) -> dict[tuple[str, str], Item]:
        self._clock.spend(self._call_seconds)
        found = [(key["PK"]["S"], key["SK"]["S"]) for key in wanted]
        return {place: self._items[place] for place in found if place in self._items}

    def put(self, item: Item, *, condition: str, values: Item) -> bool:
        place = item["PK"]["S"], item["SK"]["S"]
        standing = self._items.get(place)
        if standing and standing["checked_until"]["S"] > values[":until"]["S"]:
            return False
        self._items[place] = item
        return True

    def update(self, key: Key, expression: str, values: Item, *, condition: str = "") -> bool:
        """Move an event to another partition of the index, or change a note."""
        place = key["PK"]["S"], key["SK"]["S"]
        if expression != "SET WPK = :partition":
            _, name, _, value = expression.split()
            self._items[place] = {**self._items.get(place, key), name: values[value]}
            return True
        item = self._items[place]
        entries = self._index[item["WPK"]["S"]]
        entries[:] = [entry for entry in entries if entry[1]["SK"] != item["SK"]]
        self._items[place] = moved = {**item, "WPK": values[":partition"]}
        bisect.insort(
            self._index.setdefault(moved["WPK"]["S"], []),
            (moved["WSK"]["S"], moved),
            key=lambda entry: entry[0],
        )
        return True

    def append(self, event: Item) -> None:
        """Give an event a position, as if it were published late."""
        place = event["PK"]["S"], event["SK"]["S"]
        self._items[place] = {**self._items[place], POSITION: {"N": "1"}}


@dataclass
class Topic:
    """Accepts events, which takes a while for each, except those that are refused."""

    store: MemoryStore
    clock: Clock
    event_seconds: float
    refused: set[str] = field(default_factory=set)
    out: list[str] = field(default_factory=list)

    def publish(self, given: list[Item]) -> PublishResult:
        failed = set()
        for number, item in enumerate(given):
            self.clock.spend(self.event_seconds)
            name = item["SK"]["S"]
            if name in self.refused:
                failed.add(number)
            else:
                self.out.append(name)
                self.store.append(item)
        return PublishResult(failed)


@dataclass
class Records:
    """Projections of which some lag behind, and some cannot be repaired."""

    clock: Clock
    seconds: float = 0.0
    behind: set[str] = field(default_factory=set)
    stuck: dict[str, Exception] = field(default_factory=dict)

    def find_outdated(self, found: list[Key]) -> list[Key]:
        return [key for key in found if key["PK"]["S"] in self.behind]

    def reproject(self, record: Key) -> None:
        self.clock.spend(self.seconds)
        if record["PK"]["S"] in self.stuck:
            raise self.stuck[record["PK"]["S"]]
        self.behind.discard(record["PK"]["S"])


def event_item(number: int, written_at: str) -> Item:
    event_id = f"0190a8b0-0000-7000-8000-{number * 2_654_435_761 % 2**48:012x}"
    return {
        **event_keys.event("t", "contact", f"c{number:06d}", event_id),
        **event_keys.outbox(event_id, written_at),
    }


def table(clock: Clock, moments: list[str], *, call_seconds: float = 0.005) -> tuple[MemoryStore, list[Item]]:
    store = MemoryStore(clock, call_seconds)
    made = [event_item(number, moment) for number, moment in enumerate(moments)]
    for item in made:
        store.add(item)
    store.sort()
    store._items["S#SWEEP", "CHECKPOINT"] = {**event_keys.SWEEP_CHECKPOINT, "checked_until": {"S": START}}
    return store, made


def run(store: MemoryStore, clock: Clock, topic: Topic, records: Records) -> Any:
    clock.seconds = 0.0
    return sweep(
        EventTable(store, KnownEntries(store)),  # type: ignore[arg-type]
        topic,
        records,
        now=NOW,
        has_time=clock.has_time,
    )


def checkpoint(store: MemoryStore) -> str:
    return EventTable(store, KnownEntries(store)).checkpoint() or ""  # type: ignore[arg-type]


def until_done(store: MemoryStore, clock: Clock, topic: Topic, records: Records, *, most: int) -> int:
    """Run sweeps until one has reached the end; each must move the checkpoint, publish or repair."""
    end = timestamps.plus(NOW, -SETTLE_SECONDS)
    for number in range(1, most + 1):
        before = checkpoint(store)
        report = run(store, clock, topic, records)
        if checkpoint(store) == end:
            return number
        assert checkpoint(store) > before or report.published or report.mended
    raise AssertionError(f"not through after {most} sweeps")


def test_check_13_a_sweep_gets_through_a_slice_that_takes_many_minutes() -> None:
    clock = Clock()
    store, made = table(clock, ["2026-05-04T09:35:00.000Z"] * 5_000)
    topic = Topic(store, clock, event_seconds=0.12)
    assert until_done(store, clock, topic, Records(clock), most=20) > 5
    assert sorted(topic.out) == sorted(item["SK"]["S"] for item in made)


def test_the_checkpoint_lies_within_a_slice_and_what_is_before_it_is_not_looked_at_again() -> None:
    clock = Clock()
    moments = [timestamps.plus(START, number / 20) for number in range(4_000)]
    store, made = table(clock, moments)
    topic = Topic(store, clock, event_seconds=0.05)
    first = run(store, clock, topic, Records(clock))
    assert START < first.checked_until < timestamps.plus(START, 600)
    assert 0 < first.published < len(made)
    clock.seconds = 0.0
    second = run(store, clock, Topic(store, clock, event_seconds=0.0), Records(clock))
    assert second.checked <= len(made) - first.published + outbox._PORTION


def test_a_portion_whose_records_take_longer_than_a_sweep_is_through_at_last() -> None:
    clock = Clock()
    store, made = table(clock, ["2026-05-04T09:35:00.000Z"] * 500)
    records = Records(clock, seconds=0.5, behind={item["PK"]["S"] for item in made})
    topic = Topic(store, clock, event_seconds=0.1)
    until_done(store, clock, topic, records, most=20)
    assert records.behind == set()
    assert len(topic.out) == 500


def test_a_failed_event_is_left_over_and_holds_neither_the_checkpoint_nor_any_other_event() -> None:
    clock = Clock()
    store, made = table(clock, [timestamps.plus(START, number) for number in range(1_400)])
    bad = made[700]["SK"]["S"]
    topic = Topic(store, clock, event_seconds=0.0, refused={bad})
    for _ in range(3):
        report = run(store, clock, topic, Records(clock))
        assert report.failed >= 1
        assert checkpoint(store) == timestamps.plus(NOW, -SETTLE_SECONDS)
    assert len(topic.out) == len(set(topic.out)) == 1_399
    topic.refused.clear()
    assert run(store, clock, topic, Records(clock)).published == 1
    assert len(topic.out) == 1_400


def test_a_topic_that_is_away_ends_the_sweep_early() -> None:
    clock = Clock()
    store, made = table(clock, [timestamps.plus(START, number / 20) for number in range(4_000)])
    topic = Topic(store, clock, event_seconds=0.0, refused={item["SK"]["S"] for item in made})
    report = run(store, clock, topic, Records(clock))
    assert (report.failed, report.left_over) == (5 * outbox._PORTION, 0)
    assert checkpoint(store) == START


def test_a_sweep_gives_up_on_a_tenant_whose_records_cannot_be_mended() -> None:
    clock = Clock()
    store, made = table(clock, ["2026-05-04T09:35:00.000Z"] * 200)
    stuck: dict[str, Exception] = {item["PK"]["S"]: Unavailable() for item in made}
    records = Records(clock, seconds=1.0, behind=set(stuck), stuck=stuck)
    report = run(store, clock, Topic(store, clock, event_seconds=0.0), records)
    assert (report.published, report.failed, report.checked_until) == (200, 200, None)
    assert clock.seconds < 10


@pytest.mark.parametrize(
    ("fault", "held"),
    [
        (Unavailable(), True),
        (ValueError("no record"), False),
        (AttributeError("items"), False),
        (TypeError("int"), False),
    ],
)
def test_a_record_that_cannot_be_mended_keeps_no_other_from_it(fault: Exception, held: bool) -> None:
    clock = Clock()
    store, made = table(clock, ["2026-05-04T09:35:00.000Z"] * 20)
    records = Records(clock, behind={item["PK"]["S"] for item in made}, stuck={made[3]["PK"]["S"]: fault})
    report = run(store, clock, Topic(store, clock, event_seconds=0.0), records)
    assert (report.mended, report.published) == (19, 20)
    assert (report.checked_until is None) == held


@pytest.mark.parametrize("fault", [KeyError("version"), AttributeError("items"), TypeError("int")], ids=repr)
def test_a_record_that_cannot_be_compared_keeps_no_other_from_it(fault: Exception) -> None:
    clock = Clock()
    store, made = table(clock, ["2026-05-04T09:35:00.000Z"] * 20)
    damaged = made[3]["PK"]["S"]

    class Comparing(Records):
        def find_outdated(self, found: list[Key]) -> list[Key]:
            if any(key["PK"]["S"] == damaged for key in found):
                raise fault
            return super().find_outdated(found)

    records = Comparing(clock, behind={item["PK"]["S"] for item in made})
    report = run(store, clock, Topic(store, clock, event_seconds=0.0), records)
    assert (report.mended, report.unreadable, report.published) == (19, 1, 20)
    assert report.checked_until is not None


@settings(max_examples=repetitions(20))
@given(
    moments=st.lists(st.integers(0, 1_500), max_size=60),
    event_seconds=st.sampled_from([0.0, 0.5, 2.0, 9.0]),
    call_seconds=st.sampled_from([0.001, 0.05]),
    portion=st.integers(1, 7),
    page=st.integers(1, 4),
    refusals=st.sets(st.integers(0, 59), max_size=3),
)
def test_sweeps_get_on_whatever_there_is_and_whatever_it_takes(
    moments: list[int],
    event_seconds: float,
    call_seconds: float,
    portion: int,
    page: int,
    refusals: set[int],
) -> None:
    clock = Clock()
    store, made = table(
        clock, [timestamps.plus(START, second) for second in moments], call_seconds=call_seconds
    )
    names = [item["SK"]["S"] for item in made]
    topic = Topic(store, clock, event_seconds, {names[n] for n in refusals if n < len(names)})
    records = Records(clock)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "_PORTION", portion)
        patch.setattr(outbox, "_PAGE", page)
        patch.setattr("shared.publishing.sweep._AT_ONCE", 1)
        for _ in range(2):
            run(store, clock, topic, records)
        topic.refused.clear()
        until_done(store, clock, topic, records, most=100)
        while len(topic.out) < len(names):
            assert run(store, clock, topic, records).published, "what was left over is published"
    assert sorted(topic.out) == sorted(names), "each once, and none left out"
