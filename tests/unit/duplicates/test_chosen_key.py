"""A custom field of the tenant's choice is a match key of all contacts, also of those that have not changed since."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest

from shared.domain import timestamps
from shared.projections import repair_notes
from shared.projections.engine import Projection
from shared.projections.shared_keys import request_pass
from shared.services.backoff import HOT, RetryPolicy
from shared.table.item import Item
from shared.table.keys import accounts as account_keys
from shared.table.keys import duplicates as duplicate_keys
from shared.table.keys.spelling import key_of
from tests.support.budgets import repetitions
from tests.support.interleaving import Schedule, Turns, explored
from tests.unit.duplicates.people import LATER, NOW, People, person, removed
from tests.unit.projections.shop import TENANT, Batches, Shop

pytestmark = pytest.mark.usefixtures("untraced")


@pytest.fixture(autouse=True)
def standing_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is fixed, and no worker waits."""
    monkeypatch.setattr(repair_notes, "new_id", lambda: Shop.running.note_id())
    monkeypatch.setattr(timestamps, "now", lambda: NOW)
    monkeypatch.setattr("shared.table.postings.HOT", RetryPolicy(HOT.attempts, 0, 0))


def tenant_with(chosen: str | None) -> Item:
    """Return the item of the tenant with its choice."""
    settings = {"duplicate_key": {"S": chosen}} if chosen else {}
    texts = {"name": {"S": "One"}, "created_at": {"S": NOW}}
    return {**account_keys.tenant(TENANT), **texts, "settings": {"M": settings}}


def member(number: int, version: int, **fields: str) -> Item:
    """Return the item of a contact with custom fields."""
    values = ", ".join(f'"{name}": "{value}"' for name, value in fields.items())
    return person(number, version, custom_fields=f"{{{values}}}")


def world_after(before: str | None, now: str | None, projected: Batches, records: list[Item]) -> People:
    """Return a world whose contacts were projected under one choice, and whose tenant has made another one since."""
    projection = partial(Projection, duplicate_key_of=lambda _: before)
    world = People([*records, tenant_with(now)], projected, prepared_by=projection)
    world.choice = now
    request_pass(world.store(), TENANT, has_new_key=True)
    return world


A, B = member(1, 1, member="1234", badge="77-88"), member(2, 1, member="1234", badge="7788")
C = member(3, 1, size="large")


@pytest.mark.parametrize(("before", "now"), [(None, "member"), ("member", None), ("member", "badge")])
def test_the_pass_applies_a_choice_to_contacts_that_have_not_changed(
    before: str | None, now: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 99, in portions of two contacts"""
    monkeypatch.setattr("shared.projections.matching._CONTACTS_AT_ONCE", 2)
    world = world_after(before, now, [[A, B, C]], [A, B, C])
    world.walker()()
    assert not world.is_due()
    assert world.differences() == ({}, [])
    chosen = {
        row["SK"]["S"].split("=")[0] for row in world.table.all() if row["PK"]["S"].endswith("#MATCH#key")
    }
    assert chosen == ({now} if now else set())
    assert any(row["PK"]["S"] == duplicate_keys.all_shared(TENANT) for row in world.table.all()) == bool(now)


CHANGES: dict[str, Batches] = {
    "another value": [[member(1, 2, member="5678")]],
    "without the field": [[member(1, 2, size="large")]],
    "removed": [[removed(A)]],
    "changed twice": [[member(1, 2, member="5678")], [member(1, 3, member="1234")]],
}


def applying(world: People) -> Callable[[], None]:
    """Return a worker that applies the choice to all contacts."""
    return lambda: world.projection().apply_duplicate_key(TENANT, [key_of(A), key_of(B)])


@pytest.mark.parametrize("change", CHANGES)
def test_a_choice_applied_while_a_contact_changes_ends_with_what_the_record_says(change: str) -> None:
    worlds: list[People] = []

    def run(schedule: Schedule) -> Turns:
        worlds.append(world_after(None, "member", [[A], [B]], [CHANGES[change][-1][-1], B]))
        return worlds[-1].run([worlds[-1].projector(CHANGES[change]), applying(worlds[-1])], schedule)

    for schedule, _ in explored(run, switches=2):
        world = worlds.pop()
        world.walker()()
        assert world.differences() == ({}, []), schedule
        assert world.disagreeing() == set(), schedule


@pytest.mark.parametrize("number", range(repetitions(2)))
def test_a_choice_is_applied_though_workers_are_killed(number: int) -> None:
    for seed in range(number * 50, number * 50 + 50):
        chosen = random.Random(seed)
        batches = CHANGES[chosen.choice(sorted(CHANGES))]
        world = world_after("badge", "member", [[A], [B]], [batches[-1][-1], B])
        workers = [world.projector(batches), applying(world), world.walker()]
        kills = {worker: chosen.randint(1, 15) for worker in range(3) if chosen.random() < 0.4}
        switches = sorted(chosen.sample(range(1, 50), chosen.randint(0, 8)))
        turns = world.run(workers, ((0, 0), *((at, chosen.randrange(3)) for at in switches)), kills)
        for killed in sorted(turns.killed):
            workers[killed]()
        world.walker(timestamps.plus(LATER, 600))()
        assert not world.is_due()
        assert world.differences() == ({}, []), f"seed {seed}"
        assert world.disagreeing() == set(), f"seed {seed}"
