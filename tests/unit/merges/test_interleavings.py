"""Merges beside other calls, in the orders in which their calls of the table can interleave, and killed at each."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.support.interleaving import Schedule, Turns, explored
from tests.unit.merges.room import Room, id_of

Work = Callable[[Room], object]


def two() -> Room:
    """Two contacts, the second one with another address."""
    room = Room()
    room.create("ada", "ada@example.com")
    room.create("bob", "bob@example.com", other_emails=["bob@home.example.com"])
    return room


def merged() -> Room:
    """A contact into which another one was merged."""
    room = two()
    room.merge("ada", "bob")
    return room


def shed() -> Room:
    """A survivor that no longer has an address whose lock is in the name of the merged contact."""
    room = merged()
    room.change("ada", other_emails=["bob@home.example.com"])
    return room


def gone() -> Room:
    """A survivor that was deleted."""
    room = merged()
    room.delete("ada")
    return room


def of_a_customer() -> Room:
    """Three contacts of a customer; the first one is primary."""
    room = Room()
    room.create_customer("acme", 1)
    for name in ("ada", "bob", "eve"):
        room.create(name, f"{name}@example.com", "acme")
    return room


RACES: dict[str, tuple[Callable[[], Room], Work, Work]] = {
    "two merges into one another (check 29)": (
        two,
        lambda room: room.merge("ada", "bob"),
        lambda room: room.merge("bob", "ada"),
    ),
    "a merge and a change of the merged contact": (
        two,
        lambda room: room.merge("ada", "bob"),
        lambda room: room.change("bob", email="new@example.com"),
    ),
    "a merge and a deletion of the survivor": (
        two,
        lambda room: room.merge("ada", "bob"),
        lambda room: room.delete("ada"),
    ),
    "a merge and a deletion of the merged contact": (
        two,
        lambda room: room.merge("ada", "bob"),
        lambda room: room.delete("bob"),
    ),
    "a merge and a booking of the merged contact": (
        two,
        lambda room: room.merge("ada", "bob"),
        lambda room: room.book("bob@example.com"),
    ),
    "a merge of the primary contact and the deletion of another one": (
        of_a_customer,
        lambda room: room.merge("bob", "ada"),
        lambda room: room.delete("bob"),
    ),
    "an undo and a change of the survivor": (
        merged,
        lambda room: room.undo(),
        lambda room: room.change("ada", email="new@example.com"),
    ),
    "two undos": (merged, lambda room: room.undo(), lambda room: room.undo()),
    "an undo and a new contact with an address that the survivor shed": (
        shed,
        lambda room: room.undo(),
        lambda room: room.create("eve", "bob@example.com"),
    ),
    "a survivor that takes an address back and a new contact with it": (
        shed,
        lambda room: room.change("ada", other_emails=["bob@home.example.com", "bob@example.com"]),
        lambda room: room.create("eve", "bob@example.com"),
    ),
    "a restored survivor and a new contact with an address of a merged one": (
        gone,
        lambda room: room.restore("ada"),
        lambda room: room.create("eve", "bob@example.com"),
    ),
    "an undo and a purge": (gone, lambda room: room.undo(), lambda room: room.purge()),
    "a new contact with an address of a merged one, and a purge": (
        gone,
        lambda room: room.create("eve", "bob@example.com"),
        lambda room: room.purge(),
    ),
}


@cache
def prepared(make: Callable[[], Room]) -> Room:
    return make()


@pytest.mark.parametrize("race", RACES)
def test_calls_beside_a_merge_leave_no_orphans(race: str) -> None:
    """check 24, check 28, check 29: locks, customers, events and parts are whole after each order of calls."""
    make, *workers = RACES[race]
    rooms: list[Room] = []

    def run(schedule: Schedule) -> Turns:
        rooms.append(prepared(make).copy())
        return rooms[-1].run(*workers, schedule=schedule)

    # A purge makes so many calls that two switches would take a minute.
    orders = list(explored(run, switches=1 if "purge" in race else 2))
    assert len(orders) >= 8
    if race.endswith("(check 29)"):
        for room in rooms:
            assert [one.code for one in room.refusals] == ["merged"] and len(room.merges) == 1


KILLED: dict[str, tuple[Callable[[], Room], Work]] = {
    "a merge": (of_a_customer, lambda room: room.merge("bob", "ada", "eve")),
    "an undo": (merged, lambda room: room.undo()),
    "a creation with an address that a survivor shed": (
        shed,
        lambda room: room.create("eve", "bob@example.com"),
    ),
    "a purge of a survivor": (gone, lambda room: room.purge()),
}


@pytest.mark.parametrize("name", KILLED)
def test_what_is_killed_at_any_call_is_done_wholly_or_not_and_can_be_repeated(name: str) -> None:
    """check 13, check 28"""
    make, work = KILLED[name]
    done = prepared(make).copy()
    calls = len(done.run(work).steps)
    assert calls > 1 and not done.refusals
    for number in range(1, calls + 1):
        room = prepared(make).copy()
        is_purge = name == "a purge of a survivor"
        if is_purge:
            run_unchecked(room, work, number)
        else:
            assert room.run(work, kills={0: number}).killed == {0}
        room.run(work)
        assert {one.code for one in room.refusals} <= {"merged"}
        assert shape(room) == shape(done), number


def run_unchecked(room: Room, work: Work, number: int) -> None:
    """Kill work that is done in portions, so that it is whole at its end only."""
    room.turns = turns = Turns([lambda: work(room) and None], kills={0: number})
    turns.run()
    room.turns = None


def shape(room: Room) -> list[tuple[str, str]]:
    """The keys of the items, without ids that differ from run to run."""
    named = {id_of(name): name for name in ("ada", "bob", "eve", "acme")}
    found = []
    for item in room.table.all():
        partition, sort_key = item["PK"]["S"], item["SK"]["S"]
        for contact_id, name in named.items():
            partition, sort_key = partition.replace(contact_id, name), sort_key.replace(contact_id, name)
        kind = sort_key.partition("#")[0] if sort_key.startswith(("EVENT#", "MERGE#")) else sort_key
        found.append((partition, "" if partition.endswith("MERGES") else kind))
    return sorted(found)
