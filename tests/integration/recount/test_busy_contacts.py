"""The recount of contacts that change while it counts them, or have more faults than a run has time for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from shared.projections import recounting
from shared.services.recount import recount as recounts
from shared.wiring.recount import recount
from tests.integration.recount.test_recount import (
    PREFIXES,
    enlist,
    full,
    progress_item,
    put,
    record,
    record_of,
    remove,
    run,
    run_for_turns,
)
from tests.integration.world import World
from tests.support.tenant_guard import acting_for, acting_for_system
from tests.support.transport import Attempt, Layer, Send, intercepting


@contextmanager
def before_each(
    operation: str, contact: dict[str, Any], change: Callable[[int], object]
) -> Iterator[list[int]]:
    """Call `change` with the number of each call of an operation that names a contact, before the call is sent.

    Yields the numbers so far. Calls that `change` makes are not counted.
    """
    numbers: list[int] = []
    is_changing = False

    def overtake(attempt: Attempt, send: Send) -> AWSResponse:
        nonlocal is_changing
        if attempt.operation == operation and contact["id"] in json.dumps(attempt.params) and not is_changing:
            numbers.append(len(numbers) + 1)
            is_changing = True
            try:
                with acting_for("T1"):
                    change(numbers[-1])
            finally:
                is_changing = False
        return send(attempt)

    with intercepting(Layer.SCHEDULER, overtake):
        yield numbers


def without_rows(world: World, count: int) -> dict[str, Any]:
    """A contact with so many interactions that none of the tenant's lists shows."""
    contact = world.create()
    for _ in range(count):
        record(world, contact)
    world.catch_up()
    for row in world.content.of("T#T1#LIST#interactions$"):
        remove(world, row)
    enlist("T1")
    return contact


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recounting, "_SETTLE_SECONDS", -3_600)


def test_a_dry_run_finds_nothing_wrong_in_a_contact_that_changes_meanwhile(
    world: World, waits: list[float]
) -> None:
    """check 25"""
    contact = full(world)
    world.catch_up()
    enlist("T1")

    def change(number: int) -> None:
        if number <= 4:
            record(world, contact)

    with before_each("Query", contact, change) as queries:
        report = run(world, dry_run=True)
    assert len(queries) > 4
    assert not [name for name in report if name.startswith("figure.") or name == "failed"]
    world.content.assert_whole()


def test_an_entry_that_changes_during_the_walk_is_not_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 25: its list row follows within moments."""
    contact = world.create()
    made = record(world, contact)
    world.catch_up()
    put(world, {**record_of(world, contact), "updated_at": {"S": "2026-01-01T00:00:00.000Z"}})
    monkeypatch.setattr(recounting, "_SETTLE_SECONDS", 120)
    enlist("T1")

    def change(number: int) -> None:
        if number == 2:  # the contact has been read, its entries have not
            path = f"/contacts/{contact['id']}/interactions/{made['id']}"
            assert world.send("PATCH", path, {"outcome": "agreed"}).status == 200

    with before_each("Query", contact, change) as queries:
        report = run(world, dry_run=True)
    assert len(queries) >= 2
    assert "entry_rows" not in report


def test_rows_of_entries_are_corrected_in_the_same_run_as_figures(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The correction of a figure is no change of an entry, for which the stream would have to be waited for."""
    contact = without_rows(world, 2)
    changed = {"updated_at": {"S": "2026-01-01T00:00:00.000Z"}, "interaction_count": {"N": "7"}}
    put(world, {**record_of(world, contact), **changed})
    monkeypatch.setattr(recounting, "_SETTLE_SECONDS", 120)
    report = run(world)
    assert report["figure.interaction_count"] == 1 and report["entry_rows"] == 2


def test_a_contact_with_many_wrong_rows_is_continued_by_the_next_run(world: World) -> None:
    without_rows(world, 4)
    corrected = []
    while not json.loads(progress_item(world)["last"]["S"]):
        report = run_for_turns(2)
        corrected.append(report.counts["entry_rows"])
        assert len(corrected) < 20
    assert sum(corrected) == 4 and max(corrected) <= 2
    last = json.loads(progress_item(world)["last"]["S"])
    assert (last["contacts"], last["entry_rows"]) == (1, 4)
    assert len(world.content.of("T#T1#LIST#interactions$")) == 4


def test_a_contact_with_many_wrong_rows_ends_a_run_without_units(world: World) -> None:
    without_rows(world, 3)
    with acting_for_system(*PREFIXES):
        limited = recount(lambda: True)
        units = itertools.chain([0.0], itertools.repeat(float(recounts.MAX_UNITS_A_NIGHT)))
        limited._units = lambda: next(units)
        report = limited.run()
    assert report.counts["entry_rows"] == 1 and not report.finished
    assert json.loads(progress_item(world)["place"]["S"]) == [0, ""]


def test_a_busy_contact_is_not_counted_again_when_time_is_over(world: World, waits: list[float]) -> None:
    contact = full(world)
    world.catch_up()
    put(world, {**record_of(world, contact), "note_count": {"N": "5"}})
    enlist("T1")

    def change(number: int) -> None:
        if number == 1:
            record(world, contact)

    with before_each("TransactWriteItems", contact, change):
        report = run_for_turns(1)
    assert report.counts["failed"] == report.counts["contacts"] == 1
    assert report.counts["figure.note_count"] == 0
