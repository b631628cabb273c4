"""check 99: the tenant's list of interactions and the counts by hour equal the entries of timelines."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.bookings.booking import Booking, BookingEntry
from shared.domain.bookings.event import BookingState
from shared.domain.callers import system_caller
from shared.domain.interactions.interaction import Interaction
from shared.domain.stamp import Stamp
from shared.projections import repair_notes
from shared.projections.comparison import find_discrepancies
from shared.projections.engine import Projection
from shared.projections.purged_entries import PurgedEntries
from shared.table.bookings.items import booking_to_item
from shared.table.interactions.items import interaction_to_item
from shared.table.item import Item
from shared.table.keys import hours as hour_keys
from shared.table.keys import lists as list_keys
from shared.table.keys.spelling import Identity, identity_of, key_of
from shared.table.store import Store
from tests.support.interleaving import Turns, explored
from tests.support.memory_table import MemoryTable
from tests.unit.projections.shop import ID, TENANT, Shop
from tests.unit.projections.test_interleavings import batches_of, coming_again

NOW = "2026-05-04T12:00:00.000Z"
MORNING, NOON, EVENING = "2026-05-04T09:20:00.000Z", "2026-05-04T12:40:00.000Z", "2026-05-04T18:59:59.999Z"
STAMP = Stamp("01996f3a-7c00-7000-8000-000000000100", NOW, system_caller(TENANT, "test", "api"))


@pytest.fixture(autouse=True)
def standing_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair_notes, "new_id", lambda: Shop.running.note_id())
    monkeypatch.setattr(timestamps, "now", lambda: NOW)


def call(version: int, at: str = MORNING, **fields: Any) -> Item:
    """Return the item of an interaction that occurred at a time."""
    given = {"type": "call", "description": "Called", "occurred_at": at, "performed_by": "Ann", **fields}
    interaction = Interaction.create(
        given, interaction_id="01996f3a-7c00-7000-8000-0000000000aa", contact_id=ID, stamp=STAMP
    )
    return interaction_to_item(TENANT, interaction.with_fields({"version": version}))


def removed(item: Item) -> Item:
    """Return what the stream's consumer makes of the removal of an item."""
    return {**item, "deleted_at": {"S": ""}, "version": {"N": str(int(item["version"]["N"]) + 1)}}


def moved(version: int, start: str, end: str) -> list[Item]:
    """Return the changes that move an interaction to another time: at a version, from a time to a time."""
    return [removed(call(version - 1, start)), call(version, end)]


OTHER_ID = "01996f3a-7c00-7000-8000-000000000002"


def booked(version: int, at: str = MORNING, state: BookingState = "created", contact_id: str = ID) -> Item:
    """Return the item of a booking that starts at a time."""
    entry = BookingEntry(
        event_id=f"e{version}",
        state=state,
        occurred_at=NOW,
        starts_at=at,
        version=version,
        interaction_id="01996f3a-7c00-7000-8000-0000000000aa",
    )
    booking = Booking(
        id="b#1", contact_id=contact_id, state=state, starts_at=at, events=[entry], version=version
    )
    return booking_to_item(TENANT, booking)


def rebooked(before: Item, after: Item) -> list[Item]:
    """Return the changes that move a booking from one key to another."""
    return [removed(before), after]


PATHS: dict[str, list[Item]] = {
    "changed": [call(1), call(2, type="meeting"), call(3, type="email")],
    "moved": [call(1), *moved(2, MORNING, NOON), call(3, NOON, type="meeting")],
    "moved and back": [call(1), *moved(2, MORNING, EVENING), *moved(3, EVENING, MORNING)],
    "deleted": [call(1), call(2, type="meeting"), removed(call(2, type="meeting"))],
    "booking completed": [booked(1), booked(2), booked(3, state="completed")],
    "booking rescheduled": [booked(1), *rebooked(booked(1), booked(2, NOON, "rescheduled")), booked(3, NOON)],
    "booking cancelled": [booked(1), booked(2), *rebooked(booked(2), booked(3, state="cancelled"))],
    "booking cancelled and back": [
        booked(1),
        *rebooked(booked(1), booked(2, state="cancelled")),
        *rebooked(booked(2, state="cancelled"), booked(3)),
    ],
    "booking moved to another contact and back": [
        booked(1),
        *rebooked(booked(1), booked(2, NOON, contact_id=OTHER_ID)),
        *rebooked(booked(2, NOON, contact_id=OTHER_ID), booked(3)),
    ],
    "moved and deleted": [call(1), *moved(2, MORNING, NOON), removed(call(2, NOON))],
}


def last_states(path: Sequence[Item]) -> list[Item]:
    """Return the items that exist at the end of a path."""
    last: dict[Identity, Item] = {identity_of(item): item for item in path}
    return [item for item in last.values() if "deleted_at" not in item]


def shop_at_end(path: Sequence[Item], projected: Sequence[Item]) -> Shop:
    return Shop(None, [projected] if projected else [], events=last_states(path))


@pytest.mark.parametrize("name", PATHS)
def test_two_projectors_of_an_entry_end_with_what_the_timeline_says_however_their_calls_fall(
    name: str,
) -> None:
    path = PATHS[name]
    shops: list[Shop] = []

    def run(schedule: Any) -> Turns:
        shops.append(shop_at_end(path, path[:1]))
        one, other = shops[-1].projector([path[:2], path[2:]]), shops[-1].projector([path])
        return shops[-1].run([one, other], schedule)

    runs = 0
    for schedule, _ in explored(run, switches=3):
        runs += 1
        assert shops.pop().differences() == ({}, []), schedule
    assert runs > 20, "calls did fall between calls"


@pytest.mark.parametrize("number", range(4))
def test_projectors_of_entries_killed_or_not_end_with_what_the_timeline_says(number: int) -> None:
    for seed in range(number * 50, number * 50 + 50):
        chosen = random.Random(seed)
        path = PATHS[chosen.choice(sorted(PATHS))]
        shop = shop_at_end(path, path[: chosen.randrange(len(path))])
        late = path[: chosen.randint(1, len(path))]
        workers = [shop.projector(batches_of(late, chosen)), shop.projector(batches_of(path, chosen))]
        kills = {worker: chosen.randint(1, 12) for worker in range(2) if chosen.random() < 0.5}
        switches = sorted(chosen.sample(range(1, 40), chosen.randint(0, 6)))
        schedule = ((0, chosen.randrange(2)), *((at, chosen.randrange(2)) for at in switches))
        shop.run([coming_again(one) for one in workers], schedule, kills)
        assert shop.differences() == ({}, []), f"seed {seed}"


def counts(table: MemoryTable) -> dict[str, int]:
    """Return the counts by hour that are not zero, as `<hour> <name>`."""
    return {
        f"{item['SK']['S']} {name}": int(amount["N"])
        for item in table.all()
        if hour_keys.is_hour(item)
        for name, amount in item.items()
        if name not in ("PK", "SK") and amount["N"] != "0"
    }


def listed(table: MemoryTable) -> list[str]:
    partition = list_keys.partition(TENANT, list_keys.INTERACTIONS)
    return [item["SK"]["S"] for item in table.all() if item["PK"]["S"] == partition]


def test_an_entry_is_listed_and_counted_in_its_quarter_of_an_hour() -> None:
    table = MemoryTable()
    projection = Projection(Store(table, "table"))
    projection.project([call(1, "2026-05-04T09:44:59.999Z"), call(1, "2026-05-04T09:45:00.000Z")])
    assert counts(table) == {"2026-05-04T09 call.2": 1, "2026-05-04T09 call.3": 1}
    assert listed(table) == [
        f"2026-05-04T09:44:59.999Z#01996f3a-7c00-7000-8000-0000000000aa#{ID}",
        f"2026-05-04T09:45:00.000Z#01996f3a-7c00-7000-8000-0000000000aa#{ID}",
    ]


def test_a_deleted_entry_is_no_longer_counted() -> None:
    table = MemoryTable()
    projection = Projection(Store(table, "table"))
    projection.project([call(1)])
    projection.project([removed(call(1))])
    projection.project([call(1)])  # delivered again
    assert (counts(table), listed(table)) == ({}, [])


def test_entries_of_a_purged_contact_are_off_the_list_and_stay_counted_apart() -> None:
    """However often the purge repeats, and whatever the stream delivers again."""
    table = MemoryTable()
    projection = Projection(Store(table, "table"))
    entries = [call(1), call(1, NOON, type="booking_created")]
    for entry in entries:
        table.put(entry)
    projection.project(entries)
    for _ in range(2):
        PurgedEntries(projection).remove(TENANT, ID, entries)
    assert counts(table) == {"2026-05-04T09 purged.call.1": 1, "2026-05-04T12 purged.booking_created.2": 1}
    Store(table, "table").write_many(delete=[key_of(entry) for entry in entries])
    projection.project([removed(entry) for entry in entries])
    projection.project(entries)
    assert counts(table) == {"2026-05-04T09 purged.call.1": 1, "2026-05-04T12 purged.booking_created.2": 1}
    assert listed(table) == []
    assert find_discrepancies(TENANT, table.all()) == ({}, [])


def test_an_entry_that_was_not_projected_before_its_contact_is_purged_is_counted_apart_all_the_same() -> None:
    table = MemoryTable()
    projection = Projection(Store(table, "table"))
    PurgedEntries(projection).remove(TENANT, ID, [call(1)])
    projection.project([call(1), removed(call(1))])
    assert counts(table) == {"2026-05-04T09 purged.call.1": 1}
    assert listed(table) == []


def test_a_booking_is_in_the_list_of_its_range_under_its_start() -> None:
    table = MemoryTable()
    projection = Projection(Store(table, "table"))

    def listed_bookings() -> dict[str, list[str]]:
        names = (list_keys.BOOKINGS, list_keys.CANCELLED_BOOKINGS)
        partitions = {list_keys.partition(TENANT, name): name for name in names}
        found: dict[str, list[str]] = {name: [] for name in names}
        for item in table.all():
            if item["PK"]["S"] in partitions:
                found[partitions[item["PK"]["S"]]].append(item["SK"]["S"])
        return found

    projection.project([booked(1)])
    assert listed_bookings() == {"bookings": [f"{MORNING}#b%231#{ID}"], "cancelled_bookings": []}
    cancelled = booked(2, state="cancelled")
    projection.project(rebooked(booked(1), cancelled))
    assert listed_bookings() == {"bookings": [], "cancelled_bookings": [f"{MORNING}#b%231#{ID}"]}
    PurgedEntries(projection).remove(TENANT, ID, [cancelled])
    projection.project([removed(cancelled)])
    assert listed_bookings() == {"bookings": [], "cancelled_bookings": []}


def test_the_comparison_finds_wrong_counts_and_a_rebuild_keeps_those_of_purged_contacts() -> None:
    table = MemoryTable()
    store = Store(table, "table")
    projection = Projection(store)
    table.put(call(1))
    projection.project([call(1)])
    PurgedEntries(projection).remove(TENANT, ID, [call(1, "2026-05-04T09:31:00.000Z")])
    hour = hour_keys.hour(TENANT, list_keys.INTERACTIONS, "2026-05-04T09")
    right = counts(table)
    (held,) = [item for item in table.all() if identity_of(item) == identity_of(hour)]
    table.put({**held, "call.1": {"N": "7"}})
    differing, surplus = find_discrepancies(TENANT, table.all())
    assert ([*differing], surplus) == ([identity_of(hour)], [])
    store.write_many(put=list(differing.values()), delete=surplus)
    assert counts(table) == right == {"2026-05-04T09 call.1": 1, "2026-05-04T09 purged.call.2": 1}
