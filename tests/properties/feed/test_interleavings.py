"""A feed has each event once, without a gap, and in the order of each record's versions: however two publishers and
the sweep interleave at every call, killed or not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from shared.domain import timestamps
from shared.domain.errors import Unavailable
from shared.domain.feed import FeedEntry
from shared.services.backoff import HOT, RetryPolicy
from shared.table.feed import appending, known, outbox
from shared.table.feed.items import Head
from shared.table.feed.reading import FeedTable
from shared.table.item import Item
from shared.table.keys import events as event_keys
from shared.table.keys import feed as feed_keys
from tests.properties.feed.publications import NOW, Process, Publications, event_item
from tests.support.budgets import repetitions
from tests.support.interleaving import Killed, Schedule, Turns, explored

JUST_NOW = timestamps.plus(NOW, -150)  # the sweep looks at it, and it is not late
LONG_AGO = timestamps.plus(NOW, -1_200)


@pytest.fixture(autouse=True)
def small_and_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is fixed, nothing waits, and pages, blocks and transactions are full soon."""
    monkeypatch.setattr(timestamps, "now", lambda: NOW)
    monkeypatch.setattr(appending, "HOT", RetryPolicy(HOT.attempts, 0, 0))
    monkeypatch.setattr(appending, "_HEAD_BYTES", 300)
    monkeypatch.setattr(appending, "_MOST_LATE", 2)
    monkeypatch.setattr(feed_keys, "BLOCK", 5)
    monkeypatch.setattr(event_keys, "OUTBOX_SHARDS", 1)


def chain(record: str, count: int, written_at: str) -> list[Item]:
    """Return the events of a contact's versions, a millisecond apart."""
    return [
        event_item(record, version, timestamps.plus(written_at, version / 1000))
        for version in range(1, count + 1)
    ]


def ids(items: Sequence[Item]) -> list[str]:
    return [event_keys.id_of(item) for item in items]


Scene = tuple[list[Item], list[list[Item]], list[list[Item]]]
"""The events, and the batches that each of two publishers receives."""


def scenes() -> dict[str, Scene]:
    one, two, late = chain("one", 3, JUST_NOW), chain("two", 2, JUST_NOW), chain("late", 3, LONG_AGO)
    return {
        "different records": ([*one[:2], *two], [one[:2]], [two]),
        "a batch comes to both": ([*one[:1], *two], [one[:1], two], [[*one[:1], *two]]),
        "one has the versions after those of the other": (one, [one[:2]], [one[2:]]),
        "late events": (late, [late[:2]], [late]),
    }


@pytest.mark.parametrize("scene", scenes())
def test_two_publishers_and_a_sweep_append_each_event_once_however_their_calls_fall(scene: str) -> None:
    events, first, second = scenes()[scene]
    worlds: list[Publications] = []

    def run(schedule: Schedule) -> Turns:
        world = Publications(events)
        worlds.append(world)
        one, other, sweeper = world.process(), world.process(), world.process()
        return world.run([bringing(one, first), bringing(other, second), sweeper.sweep], schedule)

    runs = 0
    for _ in explored(run, switches=2, workers=3):
        runs += 1
        world = worlds.pop()
        world.entries()
        world.process().sweep()
        assert {entry.id for entry in world.entries()} == set(ids(events))
    assert runs > 50, "calls did fall between calls"


def bringing(process: Process, batches: Sequence[Sequence[Item]]) -> Callable[[], None]:
    def work() -> None:
        for batch in batches:
            process.deliver(*ids(batch))

    return work


@pytest.mark.parametrize("written_at", [JUST_NOW, LONG_AGO], ids=["in time", "late"])
@pytest.mark.parametrize("again", ["the stream", "the sweep"])
def test_check_13_a_publisher_killed_at_any_call_loses_nothing_and_appends_nothing_twice(
    written_at: str, again: str
) -> None:
    events = [*chain("one", 3, written_at), *chain("two", 3, written_at)]
    killed, at = True, 0
    while killed:
        at += 1
        world = Publications(events)
        process = world.process()
        killed = bool(world.run([bringing(process, [events])], kills={0: at}).killed)
        if again == "the stream":
            process.deliver(*ids(events))
        else:
            world.process().sweep()
        assert {entry.id for entry in world.entries()} == set(ids(events)), f"killed before call {at}"
    assert at > 3


def test_check_13_a_sweep_killed_at_any_call_loses_nothing_and_appends_nothing_twice() -> None:
    events = [*chain("late", 5, LONG_AGO), *chain("one", 3, JUST_NOW)]
    killed, at = True, 0
    while killed:
        at += 1
        world = Publications(events)
        world.process().publish(*ids(events[:2]))
        killed = bool(world.run([world.process().sweep], kills={0: at}).killed)
        world.process().sweep()
        assert {entry.id for entry in world.entries()} == set(ids(events)), f"killed before call {at}"
    assert at > 8


def test_a_sweep_publishes_versions_whose_clocks_disagree_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.publishing.sweep._AT_ONCE", 1)
    later, earlier = timestamps.plus(JUST_NOW, 0.3), timestamps.plus(JUST_NOW, 0.1)
    world = Publications(
        [event_item("one", 1, later), event_item("one", 2, earlier), *chain("two", 2, JUST_NOW)]
    )
    report = world.process().sweep()
    assert (report.published, report.failed) == (4, 0)
    assert len(world.entries()) == 4


@pytest.mark.parametrize("damage", [{}, {"packed": {"B": b"xx"}}], ids=["no entries", "broken bytes"])
@pytest.mark.parametrize("part", ["head", "page"])
def test_check_13_a_damaged_feed_holds_no_other_tenant_back(part: str, damage: Item) -> None:
    """check 18"""
    bad, good = event_item("a", 1, JUST_NOW, tenant_id="bad"), chain("good", 2, JUST_NOW)
    world = Publications([bad, *good])
    head = Head(4, LONG_AGO, b"", 5)
    page = {**feed_keys.page("bad", 4), "first_position": {"N": "1"}}
    page |= {"published_from": {"S": LONG_AGO}, "published_until": {"S": JUST_NOW}}
    fields = {"last_position": {"N": "4"}, "published_at": {"S": JUST_NOW}, "first_unpaged": {"N": "5"}}
    whole = {**feed_keys.head("bad"), **fields, "packed": {"B": head.packed}}
    world.table.put({**feed_keys.head("bad"), **fields, **damage} if part == "head" else whole)
    if part == "page":
        world.table.put(page | damage)
    process = world.process()
    result = process.publish(*ids([bad, good[0]]))
    assert (result.set_aside, result.failed, result.faulty_tenants) == ({0}, set(), {"bad"})
    report = world.process().sweep()
    assert (report.published, report.failed) == (1, 1)
    assert {entry.id for entry in world.entries()} == set(ids(good))
    assert event_keys.id_of(bad) not in world.topic.accepted


def swept_until(world: Publications) -> str:
    item = world.store.get(event_keys.SWEEP_CHECKPOINT)
    assert item is not None
    return str(item["checked_until"]["S"])


END = timestamps.plus(NOW, -120)


@pytest.mark.parametrize("fault", ["the feed is not written", "the feed is not read"])
def test_check_18_a_tenant_whose_feed_is_unavailable_holds_neither_others_nor_the_checkpoint(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """check 13"""
    monkeypatch.setattr(outbox, "_PORTION", 12)
    bad = [event_item(f"b{n}", 1, timestamps.plus(LONG_AGO, n), tenant_id="bad") for n in range(80)]
    good = [event_item("g", 1, JUST_NOW), event_item("h", 1, timestamps.plus(LONG_AGO, 40))]
    world = Publications([*bad, *good])
    update, read, commit = world.store.update_or_read, world.store.get_many, world.store.commit

    def refuse(key: object) -> None:
        if str(feed_keys.head("bad")["PK"]["S"]) in repr(key):
            raise Unavailable()

    with monkeypatch.context() as patch:
        if fault == "the feed is not written":
            patch.setattr(
                world.store, "update_or_read", lambda key, *a, **b: (refuse(key), update(key, *a, **b))[1]
            )
            patch.setattr(world.store, "commit", lambda steps: (refuse(steps.steps), commit(steps))[1])
        else:
            patch.setattr(world.store, "get_many", lambda keys, **b: (refuse(keys), read(keys, **b))[1])
        report = world.process().sweep()
        assert (report.published, report.left_over) == (2, 80)
        assert swept_until(world) == END
        assert {entry.id for entry in world.entries()} == set(ids(good))
        again = world.process().sweep()
        assert (again.published, again.left_over) == (0, 0)
        assert again.failed == 12, "later sweeps try one portion"
    assert world.process().sweep().published == 80
    assert world.process().sweep().failed == 0
    assert {entry.id for entry in world.entries("bad")} == set(ids(bad))


def test_check_18_what_the_sweep_left_over_is_published_in_the_order_of_versions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The checkpoint has passed the first version, but it is not published."""
    one = chain("one", 3, JUST_NOW)
    world = Publications(one)
    world.topic.refused = {ids(one)[0]}
    for _ in range(2):
        world.process().sweep(timestamps.plus(NOW, 60))
        assert swept_until(world) == timestamps.plus(END, 60)
        assert world.process().publish(ids(one)[1]).waiting == {0}
        assert world.entries() == []
    world.topic.refused = set()
    assert world.process().sweep(timestamps.plus(NOW, 60)).published == 3
    assert [entry.version for entry in world.entries()] == [1, 2, 3]
    note = world.store.get(event_keys.left_over_note("t"))
    monkeypatch.setattr(timestamps, "now", lambda: timestamps.plus(NOW, 4_000))
    world.process().sweep(timestamps.plus(NOW, 60))
    assert note and world.store.get(event_keys.left_over_note("t")) is None
    world.topic.refused = {"nothing"}
    assert world.process().publish(ids(one)[1]).unpublished == set()


@pytest.mark.parametrize("is_refused", [True, False], ids=["leaving over", "publishing what was left over"])
def test_check_13_a_sweep_killed_at_any_call_loses_nothing_that_is_left_over(is_refused: bool) -> None:
    events = [*chain("one", 2, JUST_NOW), *chain("two", 1, LONG_AGO)]
    refused = {ids(events)[0], ids(events)[2]}
    killed, at = True, 0
    while killed:
        at += 1
        world = Publications(events)
        world.topic.refused = set(refused)
        if not is_refused:
            world.process().sweep()
            world.topic.refused = set()
        killed = bool(world.run([world.process().sweep], kills={0: at}).killed)
        world.topic.refused = set()
        for _ in range(2):
            world.process().sweep()
        assert {entry.id for entry in world.entries()} == set(ids(events)), f"killed before call {at}"
    assert at > 5


def test_an_event_that_cannot_be_read_or_is_gone_holds_no_later_version_back() -> None:
    """check 18"""
    gone, damaged = chain("gone", 2, JUST_NOW), chain("damaged", 2, JUST_NOW)
    world = Publications([gone[1], damaged[0] | {"changes": {"S": "{"}}, damaged[1]])
    result = world.process().publish(*ids([gone[1], damaged[1]]))
    assert result.unpublished == set()
    report = world.process().sweep()
    assert (report.unreadable, report.failed) == (1, 0)
    assert {entry.id for entry in world.entries()} == set(ids([gone[1], damaged[1]]))


@pytest.mark.parametrize("number", range(repetitions(1)))
def test_publishers_sweeps_and_readers_at_random_killed_or_not(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches come in any order, twice or never; the topic refuses some; clocks differ; memory is short."""
    for seed in range(number * 150, number * 150 + 150):
        chosen = random.Random(seed)
        monkeypatch.setattr(known, "_MOST_ENTRIES", chosen.choice([0, 3, 50_000]))
        events = [
            item
            for record in ("one", "two", "three")
            for item in chain(record, chosen.randint(0, 5), chosen.choice([JUST_NOW, LONG_AGO]))
        ]
        world = Publications(events)
        world.topic.refused = set(chosen.sample(ids(events), chosen.randint(0, len(events) // 3)))
        skews = [chosen.uniform(-20, 20) for _ in range(5)]
        monkeypatch.setattr(
            timestamps,
            "now",
            lambda skews=skews, world=world: timestamps.plus(
                NOW, skews[world.turns.turn if world.turns else 4]
            ),
        )
        processes = [world.process() for _ in range(3)]
        workers: list[Callable[[], object]] = [
            coming_again(bringing(process, batches_of(events, chosen))) for process in processes[:2]
        ]
        workers.append(coming_again(processes[2].sweep))
        seen: list[FeedEntry] = []
        workers.append(reading(world, seen))
        kills = {worker: chosen.randint(1, 12) for worker in range(3) if chosen.random() < 0.4}
        switches = sorted(chosen.sample(range(1, 50), chosen.randint(0, 8)))
        schedule = ((0, chosen.randrange(4)), *((at, chosen.randrange(4)) for at in switches))
        world.run(workers, schedule, kills)
        read = world.entries()
        assert read[: len(seen)] == seen, f"seed {seed}: a reader met each position once"
        world.topic.refused.clear()
        for _ in range(4):  # versions whose clocks disagree wait for the next sweep
            processes[chosen.randrange(3)].sweep()
        entries = world.entries()
        assert entries[: len(read)] == read, f"seed {seed}: positions never change"
        assert {entry.id for entry in entries} == set(ids(events)), f"seed {seed}"


def reading(world: Publications, seen: list[FeedEntry]) -> Callable[[], None]:
    """Return a worker that reads the feed on from where it is, a few entries at a time."""

    def work() -> None:
        for _ in range(8):
            seen.extend(FeedTable(world.store, "t").read(len(seen), 3))

    return work


def batches_of(events: Sequence[Item], chosen: random.Random) -> list[list[Item]]:
    """Return batches of events in a random order, with some twice and some left out."""
    drawn = [item for item in events if chosen.random() < 0.8]
    if chosen.random() < 0.5:
        chosen.shuffle(drawn)
    drawn += chosen.sample(drawn, len(drawn) // 4)
    size = chosen.randint(1, 6)
    return [drawn[start : start + size] for start in range(0, len(drawn), size)]


def coming_again(work: Callable[[], object]) -> Callable[[], object]:
    """Return a worker that is started again when it was killed."""

    def twice() -> None:
        try:
            work()
        except Killed:
            work()

    return twice
