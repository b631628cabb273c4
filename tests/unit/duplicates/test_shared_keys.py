"""Markers of shared match keys agree with the rows when all is quiet, however projectors and the pass interleave."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from shared.domain import timestamps
from shared.projections import repair_notes
from shared.projections.engine import Projection
from shared.projections.shared_keys import SharedKeys
from shared.projections.work import Work
from shared.services.backoff import HOT, RetryPolicy
from shared.table.item import Item
from shared.table.keys import duplicates as duplicate_keys
from tests.support.budgets import FACTOR, repetitions
from tests.support.interleaving import Killed, Schedule, Turns, explored
from tests.unit.duplicates.people import NOW, People, person, removed
from tests.unit.projections.shop import Batches, Shop

pytestmark = pytest.mark.usefixtures("untraced")

Workers = Callable[[People], list[Callable[[], None]]]


@pytest.fixture(autouse=True)
def standing_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is fixed, no worker waits, and the pass walks two partitions instead of 103."""
    monkeypatch.setattr(repair_notes, "new_id", lambda: Shop.running.note_id())
    monkeypatch.setattr(timestamps, "now", lambda: NOW)
    monkeypatch.setattr("shared.table.postings.HOT", RetryPolicy(HOT.attempts, 0, 0))
    all_sections = duplicate_keys.sections

    def sections(tenant_id: str) -> Iterator[tuple[str, str, str]]:
        for partition, start, before in all_sections(tenant_id):
            if start.startswith("1#") or start.endswith("37"):
                yield partition, start, before

    monkeypatch.setattr(duplicate_keys, "sections", sections)


A, PLAIN_A = person(1, 1, "a+x@example.com"), person(1, 1)
B, PLAIN_B = person(2, 1, "a+y@example.com"), person(2, 1)
C = person(3, 1, "a+z@example.com")
A_LEAVES, B_LEAVES = person(1, 2, "b@example.com"), person(2, 2, "c@example.com")
A_JOINS, B_JOINS = person(1, 2, "a+x@example.com"), person(2, 2, "a+y@example.com")

SCENES: dict[str, tuple[Batches, Batches, Batches]] = {
    "both join": ([[PLAIN_A], [PLAIN_B]], [[A_JOINS]], [[B_JOINS]]),
    "both are new": ([], [[A]], [[B]]),
    "both leave": ([[A], [B]], [[A_LEAVES]], [[B_LEAVES]]),
    "one joins, one leaves a pair": ([[B], [C], [PLAIN_A]], [[A_JOINS]], [[B_LEAVES]]),
    "one joins, the only other one leaves": ([[B], [PLAIN_A]], [[A_JOINS]], [[B_LEAVES]]),
    "one is removed, one is new": ([[B]], [[A]], [[removed(B)]]),
    "one is late with what it left again": (
        [[A], [B]],
        [[A_LEAVES]],
        [[A_LEAVES], [person(1, 3, "a@example.com")]],
    ),
}
"""The states projected before, and those that each of two projectors receives."""


def last_states(*batches: Batches) -> list[Item]:
    """Return the last state of each contact."""
    latest: dict[str, Item] = {}
    for one in batches:
        for image in (image for batch in one for image in batch):
            held = latest.get(image["id"]["S"])
            if held is None or int(held["version"]["N"]) < int(image["version"]["N"]):
                latest[image["id"]["S"]] = image
    return list(latest.values())


def failures(
    scene: str, *, switches: int, projection: type[Projection] = Projection
) -> tuple[int, list[Schedule]]:
    """Return the number of interleavings of a scene, and those after which markers and rows differ."""
    before, one, other = SCENES[scene]
    worlds: list[People] = []

    def run(schedule: Schedule) -> Turns:
        worlds.append(People(last_states(*SCENES[scene]), before, projection=projection))
        return worlds[-1].run([worlds[-1].projector(one), worlds[-1].projector(other)], schedule)

    runs, failed = 0, []
    for schedule, _ in explored(run, switches=switches):
        runs += 1
        world = worlds.pop()
        if world.disagreeing() or world.differences() != ({}, []):
            failed.append(schedule)
    return runs, failed


@pytest.mark.parametrize("scene", SCENES)
def test_markers_agree_with_rows_however_the_calls_of_two_projectors_fall(scene: str) -> None:
    runs, failed = failures(scene, switches=2 if FACTOR == 1 or "late" in scene else 3)
    assert failed == []
    assert runs > 50, "calls did fall between calls"


class Hasty(SharedKeys):
    """Markers that are written without a second look at the rows."""

    def _correct(self, tenant_id: str, keys: object) -> set[duplicate_keys.MatchKey]:
        super()._correct(tenant_id, keys)  # type: ignore[arg-type]
        return set()


@pytest.mark.parametrize("scene", ["one joins, one leaves a pair", "one joins, the only other one leaves"])
def test_the_interleavings_find_the_fault_when_the_rows_are_not_counted_again(
    scene: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.projections.engine.SharedKeys", Hasty)
    assert failures(scene, switches=2)[1]


def coming_again(work: Callable[[], None]) -> Callable[[], None]:
    """Return a worker that is started again when it was killed."""

    def twice() -> None:
        try:
            work()
        except Killed:
            work()

    return twice


def run_at_random(seed: int) -> People:
    """Run four workers in a random order, each killed at some call or not; return the world after that.

    They are two projectors of one contact's states, one of another contact's, and the pass or the sweep.
    """
    chosen = random.Random(seed)
    before, one, other = SCENES[chosen.choice(sorted(SCENES))]
    is_due = chosen.random() < 0.5
    world = People(last_states(before, one, other), before, is_due=is_due)
    workers = [
        world.projector(one),
        world.projector(other),
        world.projector(one),
        world.walker() if is_due else world.sweeper_of(last_states(one, other)),
    ]
    kills = {worker: chosen.randint(1, 16) for worker in range(4) if chosen.random() < 0.4}
    is_soon = chosen.random() < 0.5  # a killed worker repeats beside the others, or after they have ended
    switches = sorted(chosen.sample(range(1, 60), chosen.randint(0, 10)))
    schedule = ((0, chosen.randrange(4)), *((at, chosen.randrange(4)) for at in switches))
    turns = world.run([coming_again(work) if is_soon else work for work in workers], schedule, kills)
    if not is_soon:
        for killed in sorted(turns.killed):
            workers[killed]()
    return world


@pytest.mark.parametrize("number", range(repetitions(2)))
def test_markers_agree_with_rows_after_projectors_the_sweep_and_the_pass_were_killed(number: int) -> None:
    for seed in range(number * 100, number * 100 + 100):
        world = run_at_random(seed)
        assert world.disagreeing() == set(), f"seed {seed}"
        assert world.differences() == ({}, []), f"seed {seed}"


def left_by_a_killed_projector() -> Iterator[set[str]]:
    """Yield the markers that differ from the rows after a projector was killed, for each call and each switch.

    Another projector has the same batch, and then that of the other contact, which leaves. The killed one is repeated.
    """
    before, [joins], [leaves] = SCENES["one joins, the only other one leaves"]
    is_killed, at = True, 0
    while is_killed:
        at += 1
        worlds: list[People] = []

        def run(schedule: Schedule, at: int = at, worlds: list[People] = worlds) -> Turns:
            world = People(last_states(before, [joins], [leaves]), before)
            worlds.append(world)
            return world.run([world.projector([joins]), world.projector([joins, leaves])], schedule, {0: at})

        is_killed = False
        for _, turns in explored(run, switches=1):
            is_killed = is_killed or bool(turns.killed)
            world = worlds.pop()
            world.projector([joins])()
            yield world.disagreeing()


def test_a_batch_that_comes_again_settles_what_a_killed_projector_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The killed projector may have written an outdated marker, after another one had done all the rest of its work."""
    assert not any(left_by_a_killed_projector())
    monkeypatch.setattr(Work, "unsettle_all_rows", lambda work: None)
    assert any(left_by_a_killed_projector())
