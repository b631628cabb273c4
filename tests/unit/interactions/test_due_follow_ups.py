"""A follow-up that is due, under all orders of the calls of two schedulers and of those who change it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.errors import Conflict
from shared.domain.ids import new_id
from shared.domain.interactions.follow_up_inputs import FollowUpCompletion, FollowUpInput, FollowUpPatch
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.tag_rules import TagRules
from shared.services.interactions.due import DueFollowUps
from shared.services.interactions.follow_ups import FollowUpService
from shared.services.labels.labelling import Labelling
from shared.table.contacts.repository import ContactTable
from shared.table.interactions.follow_ups import FollowUpTable
from shared.table.store import Store
from tests.support.interleaving import Schedule, Turns, explored
from tests.support.memory_table import Item, MemoryTable

TENANT = "t1"
ADA = Caller(TENANT, "user", "u1", "admin")
DUE, NOW, LATER = (f"2026-05-0{day}T09:30:00.000Z" for day in (1, 2, 3))


def _no_labels() -> Labelling:
    raise AssertionError("these settings have no tag rules")


class Scene:
    """A contact with one follow-up that is due, in a table in memory."""

    def __init__(self, before_call: Callable[[str], None]) -> None:
        self.table = MemoryTable(before_call)
        store = Store(self.table, "table", sleep=lambda _: None)
        contacts = ContactTable(store, TENANT)
        stamp = Stamp(new_id(), DUE, ADA)
        created = Contact.create({"first_name": "Ada"}, contact_id=new_id(), stamp=stamp, source="api")
        contacts.create(created)
        self.id = created[0].id
        follow_ups = FollowUpTable(store, TENANT)
        self.service = FollowUpService(
            ADA,
            ContactReading(ADA, contacts),
            follow_ups,
            lambda: "Ada",
            TagRules(TenantSettings, _no_labels),
            is_active_user=lambda _: True,
            sleep=lambda _: None,
        )
        self.due = DueFollowUps(TENANT, follow_ups, sleep=lambda _: None)
        self.made = self.service.create(self.id, FollowUpInput(title="x", due_at=DUE)).id
        self.place = self.item["SK"]["S"]
        self.outcomes: list[str] = []

    @property
    def item(self) -> Item:
        (item,) = [
            item for item in self.table.all() if item["SK"]["S"].startswith(("FOLLOWUP#", "FOLLOWUPX#"))
        ]
        return item

    @property
    def announced(self) -> list[str]:
        """The times for which it was announced."""
        return [
            json.loads(item["data"]["S"])["due_at"]
            for item in self.table.all()
            if item.get("type") == {"S": "follow_up.due"}
        ]

    def announce(self) -> None:
        self.outcomes.append(self.due.announce(self.id, self.place).done)

    def move(self) -> None:
        self.service.change(self.made, FollowUpPatch(due_at=LATER), None)

    def complete(self) -> None:
        self.service.complete(self.made, FollowUpCompletion(), None)

    def cancel(self) -> None:
        with contextlib.suppress(Conflict):
            self.service.cancel(self.made, None)


WORKERS = {
    "two schedulers": ("announce", "announce"),
    "a scheduler and a move": ("announce", "move"),
    "a scheduler and a completion": ("announce", "complete"),
    "two schedulers and a cancellation": ("announce", "announce", "cancel"),
}


@pytest.mark.parametrize("kills", [{}, {0: 1}, {0: 2}, {1: 2}], ids=str)
@pytest.mark.parametrize("scene", WORKERS)
def test_it_is_announced_once_at_most_and_never_for_a_time_that_it_no_longer_has(
    scene: str, kills: dict[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 13: after each order of calls, with a scheduler killed or not, the next run does what is left."""
    monkeypatch.setattr(timestamps, "now", lambda: NOW)
    scenes: list[Scene] = []

    def run(schedule: Schedule) -> Turns:
        running: list[Turns] = []
        made = Scene(lambda _: running[0].take() if running else None)
        scenes.append(made)
        works = [getattr(made, name) for name in WORKERS[scene]]
        turns = Turns(works, schedule, kills=kills, state=lambda: made.table.digest)
        running.append(turns)
        turns.run()
        running.clear()
        return turns

    runs = 0
    for _ in explored(run, switches=3, workers=len(WORKERS[scene])):
        made = scenes.pop()
        made.announce()  # the next run, which finds the entry where it was
        runs += 1
        assert made.outcomes.count("announced") == len(made.announced) <= 1
        assert set(made.announced) <= {DUE}
        is_open = made.item["SK"]["S"].startswith("FOLLOWUP#")
        is_moved = made.item["due_at"]["S"] == LATER
        if is_open and not is_moved:
            assert made.announced == [DUE]
        # It is due if nothing has announced its present time.
        assert ("WSK" in made.item) == (is_open and is_moved)
    assert runs > 3
