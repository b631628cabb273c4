"""check 99: projections equal records, however two or three projectors, the sweep and the purge interleave."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from shared.domain import timestamps
from shared.domain.contacts.record import Contact
from shared.projections import repair_notes
from shared.projections.engine import Projection
from shared.projections.kinds import contacts
from shared.projections.kinds.contacts import rows_of
from shared.projections.shared_keys import SharedKeys
from shared.projections.work import Work
from shared.services.backoff import HOT, RetryPolicy
from shared.services.side_by_side import SideBySide
from shared.table.contacts import items as contact_items
from shared.table.contacts.items import contact_from_item
from shared.table.item import Item
from tests.support.budgets import FACTOR, repetitions
from tests.support.interleaving import Killed, Schedule, Turns, explored
from tests.unit.projections.shop import (
    Batches,
    OneByOne,
    Shop,
    TakingTurns,
    alpha,
    beta,
    deleted,
    gamma,
    history,
)

pytestmark = pytest.mark.usefixtures("untraced")

NOW = "2026-05-04T12:00:00.000Z"


@pytest.fixture(autouse=True)
def standing_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is fixed, no worker waits, and each item is decoded once.

    The markers of shared match keys, of which one contact has none, have interleavings of their own
    (`tests/unit/duplicates`).
    """
    known: dict[tuple[str, ...], Contact] = {}

    def contact_of(item: Item) -> Contact:
        content = (
            item["version"]["N"],
            item["last_name"]["S"],
            str("deleted_at" in item),
            str(item.get("tag_ids")),
        )
        if content not in known:
            known[content] = contact_from_item(item)
        return known[content]

    def rows_once(tenant_id: str, contact: Contact) -> list[Item]:
        content = repr((contact.version, contact.last_name, contact.email, contact.phone, contact.updated_at))
        if content not in rows:
            rows[content] = list(rows_of(tenant_id, contact))
        return rows[content]

    rows: dict[str, list[Item]] = {}
    monkeypatch.setattr(SharedKeys, "settle", lambda keys, tenant_id, rows: None)
    monkeypatch.setattr(contact_items, "contact_from_item", contact_of)
    monkeypatch.setattr(contacts, "rows_of", rows_once)
    monkeypatch.setattr(repair_notes, "new_id", lambda: Shop.running.note_id())
    monkeypatch.setattr(timestamps, "now", lambda: NOW)
    monkeypatch.setattr("shared.table.postings.HOT", RetryPolicy(HOT.attempts, 0, 0))


A1, B2, A3, C3 = alpha(1), beta(2), alpha(3), gamma(3)

# The states projected before, and those that each of two projectors receives, one batch after the other.
SCENES: dict[str, tuple[Batches, Batches, Batches]] = {
    "A, B, A: one is late with B": ([[A1]], [[B2]], [[B2], [A3]]),
    "A, B, A: one is late with B, the other has both at once": ([[A1]], [[B2]], [[B2, A3]]),
    "A, B, C: one is late with B": ([[A1]], [[B2]], [[B2], [C3]]),
    "A, B, C: nothing is projected": ([], [[A1], [B2]], [[A1, B2, C3]]),
    "A, B, A: nothing is projected": ([], [[A1]], [[B2], [A3]]),
    "A, gone, A": ([[A1]], [[deleted(A1, 2)]], [[deleted(A1, 2)], [A3]]),
    "A, B, gone: nothing is projected": ([], [[A1]], [[A1, B2], [deleted(B2, 3)]]),
}


def last_of(batches: Batches) -> Item:
    return batches[-1][-1]


def failures(
    scene: str,
    *,
    switches: int,
    projection: type[Projection] = Projection,
    calls: SideBySide | None = None,
) -> tuple[int, list[Schedule]]:
    """Return the number of interleavings of a scene, and those after which projections and record differ."""
    before, one, other = SCENES[scene]
    shops: list[Shop] = []

    def run(schedule: Schedule) -> Turns:
        shops.append(Shop(last_of(other), before, projection=projection, calls=calls))
        return shops[-1].run([shops[-1].projector(one), shops[-1].projector(other)], schedule)

    runs, failed = 0, []
    for schedule, _ in explored(run, switches=switches):
        runs += 1
        if shops.pop().differences() != ({}, []):
            failed.append(schedule)
    return runs, failed


@pytest.mark.parametrize("scene", SCENES)
def test_two_projectors_end_with_what_the_record_says_however_their_calls_fall(scene: str) -> None:
    runs, failed = failures(scene, switches=3 if FACTOR == 1 else 4)
    assert failed == []
    assert runs > 50, "calls did fall between calls"


@pytest.mark.parametrize("scene", SCENES)
def test_two_projectors_whose_own_calls_are_side_by_side_end_with_what_the_record_says(scene: str) -> None:
    runs, failed = failures(scene, switches=2, calls=TakingTurns(1))
    assert failed == []
    assert runs > 50, "calls did fall between calls"


class Unmended(Projection):
    """A projection that returns as soon as its batch is outdated, whatever it has written: an earlier fault."""

    def _read_states(self, works: list[Work]) -> None:
        super()._read_states(works)
        works[:] = [work for work in works if work.state.version < work.change.version]


@pytest.mark.parametrize("scene", [scene for scene in SCENES if "late with B" in scene])
def test_the_interleavings_find_the_fault_when_the_overtaken_do_not_mend(scene: str) -> None:
    _, failed = failures(scene, switches=2, projection=Unmended)
    assert failed


@pytest.mark.parametrize("last", [A3, C3, deleted(B2, 3)], ids=["A", "C", "gone"])
@pytest.mark.parametrize("is_given_up", [True, False])
def test_a_projector_killed_at_any_call_leaves_nothing_that_the_next_batch_does_not_mend(
    last: Item, is_given_up: bool
) -> None:
    """The next batch contains only the next change, as after too many attempts, or both changes."""
    killed, at = True, 0
    while killed:
        at += 1
        shop = Shop(last, [[A1]])
        killed = bool(shop.run([shop.projector([[B2]])], kills={0: at}).killed)
        if is_given_up:
            shop.projection().project([last], replaced=[B2])
        else:
            shop.projection().project([B2, last])
        assert shop.differences() == ({}, []), f"killed before call {at}"
    assert at > 5


PATHS = {
    "A, B, A": (A1, B2, A3),
    "A, B, C": (A1, B2, C3),
    "A, gone, A": (A1, deleted(A1, 2), A3),
    "A, B, gone": (A1, B2, deleted(B2, 3)),
}


@pytest.mark.parametrize("calls", [OneByOne(1), TakingTurns(1)], ids=["one by one", "side by side"])
@pytest.mark.parametrize("number", range(repetitions(2)))
def test_three_workers_killed_or_not_end_with_what_the_record_says(number: int, calls: SideBySide) -> None:
    """Two projectors and the sweep, or the purge, in a random order, each killed at some call or not."""
    for seed in range(number * 100, number * 100 + 100):
        chosen = random.Random(seed)
        path = PATHS[chosen.choice(sorted(PATHS))]
        projected = [path[: chosen.randrange(len(path))]]
        shop = Shop(path[-1], projected if projected[0] else [], events=history(*path), calls=calls)
        is_purged = "deleted_at" in path[-1] and chosen.random() < 0.7
        late = path[: chosen.randint(1, len(path))]
        workers = [
            shop.projector(batches_of(late, chosen)),
            shop.projector(batches_of(path, chosen)),
            shop.purger() if is_purged else shop.sweeper(),
        ]
        kills = {worker: chosen.randint(1, 20) for worker in range(3) if chosen.random() < 0.4}
        is_soon = chosen.random() < 0.5  # a killed worker repeats beside the others, or after they have ended
        switches = sorted(chosen.sample(range(1, 60), chosen.randint(0, 8)))
        known = 3 if type(calls) is OneByOne else 20  # numbers of workers and of their parts
        schedule = ((0, chosen.randrange(3)), *((at, chosen.randrange(known)) for at in switches))
        turns = shop.run([coming_again(one) if is_soon else one for one in workers], schedule, kills)
        if not is_soon:
            # A stream may be read again in other batches than before.
            workers[0] = shop.projector(batches_of(late, chosen))
            workers[1] = shop.projector(batches_of(path, chosen))
            for killed in sorted(turns.killed):
                workers[killed]()
        assert shop.differences() == ({}, []), f"seed {seed}"
        if is_purged:
            left = [
                item for item in shop.table.all() if "expires_at" not in item
            ]  # notes of killed projectors expire
            assert not PERSONAL.search(repr(left)), f"seed {seed}"


PERSONAL = re.compile("alpha|beta|a@x|b@x|5552671|1762555", re.IGNORECASE)


def batches_of(path: Sequence[Item], chosen: random.Random) -> Batches:
    """Return states in their order, in one batch or in several."""
    cuts = [at for at in range(1, len(path)) if chosen.random() < 0.5]
    return [path[start:end] for start, end in pairwise([0, *cuts, len(path)])]


def coming_again(work: Callable[[], None]) -> Callable[[], None]:
    """Return a worker that is started again when it was killed."""

    def twice() -> None:
        try:
            work()
        except Killed:
            work()

    return twice
