"""check 99: whatever two or three projectors, the sweep and the purge do side by side, projections equal records."""

from __future__ import annotations

import pytest

from shared.domain import timestamps
from shared.domain.contact import Contact
from shared.projections.records import Projection
from shared.projections.work import Work
from shared.table import items
from shared.table.items import contact_from_item
from shared.table.store import Item
from tests.support.interleaving import Schedule, Turns, explored
from tests.unit.projections.shop import Batches, Shop, alpha, beta, deleted, gamma

NOW = "2026-05-04T12:00:00.000Z"


@pytest.fixture(autouse=True)
def standing_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands, nobody waits, and what an item says is worked out once."""
    known: dict[tuple[str, ...], Contact] = {}

    def contact_of(item: Item) -> Contact:
        told = (
            item["version"]["N"],
            item["last_name"]["S"],
            str("deleted_at" in item),
            str(item.get("tag_ids")),
        )
        if told not in known:
            known[told] = contact_from_item(item)
        return known[told]

    monkeypatch.setattr(items, "contact_from_item", contact_of)
    monkeypatch.setattr(timestamps, "now", lambda: NOW)
    monkeypatch.setattr("shared.table.postings.pause_after", lambda *_, **__: 0)


A1, B2, A3, C3 = alpha(1), beta(2), alpha(3), gamma(3)

# What is projected before, and what each of two projectors is handed, one batch after the other.
SCENES: dict[str, tuple[Batches, Batches, Batches]] = {
    "A, B, A: one is late with B": ([[A1]], [[B2]], [[B2], [A3]]),
    "A, B, A: one is late with B, the other has both at once": ([[A1]], [[B2]], [[B2, A3]]),
    "A, B, C: one is late with B": ([[A1]], [[B2]], [[B2], [C3]]),
    "A, B, C: nothing is projected": ([], [[A1], [B2]], [[A1, B2, C3]]),
    "A, B, A: nothing is projected": ([], [[A1]], [[B2], [A3]]),
    "A, gone, A": ([[A1]], [[deleted(A1, 2)]], [[deleted(A1, 2)], [A3]]),
    "A, B, gone: nothing is projected": ([], [[A1], [B2]], [[A1, B2], [deleted(B2, 3)]]),
}


def last_of(batches: Batches) -> Item:
    return batches[-1][-1]


def failures(
    scene: str, *, switches: int, projection: type[Projection] = Projection
) -> tuple[int, list[Schedule]]:
    """How many interleavings there are of a scene, and those after which projections and record differ."""
    before, one, other = SCENES[scene]
    shops: list[Shop] = []

    def run(schedule: Schedule) -> Turns:
        shops.append(Shop(last_of(other), before, projection=projection))
        return shops[-1].run([shops[-1].projector(one), shops[-1].projector(other)], schedule)

    runs, failed = 0, []
    for schedule, _ in explored(run, switches=switches):
        runs += 1
        if shops.pop().differences() != ({}, []):
            failed.append(schedule)
    return runs, failed


@pytest.mark.parametrize("scene", SCENES)
def test_two_projectors_end_with_what_the_record_says_however_their_calls_fall(scene: str) -> None:
    runs, failed = failures(scene, switches=4)
    assert failed == []
    assert runs > 50, "calls did fall between calls"


class Unmended(Projection):
    """Leaves when its batch has nothing to say, whatever it has written on the way: as it was once."""

    def _look(self, works: list[Work]) -> None:
        super()._look(works)
        works[:] = [work for work in works if work.state.version < work.change.version]


@pytest.mark.parametrize("scene", [scene for scene in SCENES if "late with B" in scene])
def test_the_interleavings_find_the_fault_when_the_overtaken_do_not_mend(scene: str) -> None:
    _, failed = failures(scene, switches=2, projection=Unmended)
    assert failed
