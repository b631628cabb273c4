"""The pass over match keys: markers agree with rows after it, in portions, killed at any call and run twice at once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from shared.domain import timestamps
from shared.domain.duplicates.keys import MatchKey
from shared.projections import matching, shared_keys
from shared.projections.matching import MatchingPass
from shared.projections.shared_keys import request_pass
from shared.table.item import Item
from shared.table.keys import duplicates as duplicate_keys
from tests.support.budgets import repetitions
from tests.support.interleaving import Turns
from tests.unit.duplicates.people import LATER, NOW, People, person
from tests.unit.projections.shop import TENANT

pytestmark = pytest.mark.usefixtures("untraced")

_VALUES: dict[str, tuple[str, ...]] = {
    "key": ("national_id=1234",),
    "mailbox": ("a@example.com", "a@example.com.example", "b#%@example.com", "müller@example.com"),
    "phone": ("10", "1055141", "10551419", "7355141"),
    "name": ("acme/ada", "acme/ada lee", "acme!/ada"),
}


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is fixed; pages have five rows, portions about ten, and a key of more than four contacts counts as
    none. The pass walks four of the hundred partitions of telephone numbers.
    """
    monkeypatch.setattr(timestamps, "now", lambda: NOW)
    monkeypatch.setattr(matching, "_PAGE", 5)
    monkeypatch.setattr(matching, "_PORTION", 10)
    monkeypatch.setattr(matching, "_LEAST_PER_QUERY", 1)
    monkeypatch.setattr(matching, "MOST_CONTACTS", 4)
    monkeypatch.setattr(shared_keys, "MOST_CONTACTS", 4)
    all_sections = duplicate_keys.sections

    def sections(tenant_id: str) -> Iterator[tuple[str, str, str]]:
        for partition, start, before in all_sections(tenant_id):
            if not start.startswith("2#") or start[-2:] in ("00", "10", "73", "99"):
                yield partition, start, before

    monkeypatch.setattr(duplicate_keys, "sections", sections)


def rows_and_markers(chosen: random.Random) -> list[Item]:
    """Return rows of match keys of random numbers of contacts, and random markers."""
    items: list[Item] = []
    for kind, values in _VALUES.items():
        for value in values:
            key = MatchKey(kind, value)  # type: ignore[arg-type]
            contacts = range(chosen.choice([0, 1, 2, 3, 4, 5, 6, 13]))
            items.extend(duplicate_keys.match(TENANT, key, f"{number:036}") for number in contacts)
            if chosen.random() < 0.5:
                items.append(duplicate_keys.shared(TENANT, key))
    return items


def world_of(items: list[Item]) -> People:
    world = People(items, is_due=True)
    assert world.is_due()
    return world


@pytest.mark.parametrize("seed", range(repetitions(20)))
def test_the_pass_brings_all_markers_in_line(seed: int) -> None:
    world = world_of(rows_and_markers(random.Random(seed)))
    world.walker()()
    assert world.disagreeing() == set()
    assert not world.is_due()


def test_a_pass_without_time_continues_at_its_place_in_the_next_run() -> None:
    for seed in range(5):
        world = world_of(rows_and_markers(random.Random(seed)))
        runs = 0
        while world.is_due():
            runs += 1
            world.walker(has_time=first_times(2))()  # the tenant, and one portion
        assert runs > 2
        assert world.disagreeing() == set(), f"seed {seed}"


def first_times(count: int) -> Callable[[], bool]:
    """Return a function that returns True so many times."""
    left = iter([True] * count)
    return lambda: next(left, False)


def test_a_pass_killed_at_any_call_is_continued() -> None:
    items = rows_and_markers(random.Random(7))
    killed, at = True, 0
    while killed:
        at += 1
        world = world_of(items)
        turns: Turns = world.run([world.walker()], kills={0: at})
        killed = bool(turns.killed)
        world.walker()()
        assert world.disagreeing() == set(), f"killed before call {at}"
        assert not world.is_due()
    assert at > 20


def test_two_passes_at_once_end_with_what_the_rows_say() -> None:
    for seed in range(20):
        chosen = random.Random(seed)
        world = world_of(rows_and_markers(chosen))
        switches = sorted(chosen.sample(range(1, 80), 10))
        world.run([world.walker(), world.walker()], ((0, 0), *((at, chosen.randrange(2)) for at in switches)))
        assert world.disagreeing() == set(), f"seed {seed}"
        assert not world.is_due()


def test_a_pass_waits_for_the_end_of_large_batches_but_not_for_ever() -> None:
    world = world_of([duplicate_keys.shared(TENANT, MatchKey("name", "acme/ada"))])
    for minute in range(1, 12):
        _request(world, timestamps.plus(NOW, 60 * minute - 10))
        world.walker(timestamps.plus(NOW, 60 * minute))()
        assert (not world.disagreeing()) == (minute == 11)
    assert world.is_due(), "there was a request within the minute before the pass began"
    world.walker(timestamps.plus(NOW, 12 * 60))()
    assert not world.is_due()


def _request(world: People, at: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(timestamps, "now", lambda: at)
        request_pass(world.store(), TENANT)


def test_a_large_batch_asks_for_the_pass_instead_of_counting_each_key() -> None:
    """check 99: a process asks once; its batch in half a minute relies on that."""
    world = People([])
    images = [person(number, 1, f"ada{number % 60}@example.com") for number in range(120)]
    projection = world.projection()
    projection.project(images[:60])
    assert world.is_due()
    projection.project(images[60:])
    for image in images:
        world.table.put(image)
    assert len(world.disagreeing()) == 60
    assert world.differences() == ({}, []), "markers are left out while the tenant is due"
    MatchingPass(world.store(), projection, now=lambda: LATER).run()
    assert not world.is_due()
    assert world.disagreeing() == set()
    assert world.differences() == ({}, [])
