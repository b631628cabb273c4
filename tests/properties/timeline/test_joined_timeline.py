"""The joined timeline is all entries sorted, at any kinds, limits and times; a page costs the same at any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.bookings.booking import Booking, BookingEntry
from shared.domain.callers import Caller
from shared.domain.contacts.consent import ConsentEntry
from shared.domain.contacts.record import Contact
from shared.domain.contacts.status import StatusEntry
from shared.domain.events import (
    CONTACT_CONSENT_CHANGED,
    CONTACT_STATUS_CHANGED,
    CONTACT_UPDATED,
    INTERACTION_CREATED,
    Event,
)
from shared.domain.ids import new_id, new_id_at
from shared.domain.interactions.interaction import Interaction
from shared.domain.notes.note import Note
from shared.domain.stamp import Stamp
from shared.domain.timeline.entry import KINDS, AnyEntry, Kind
from shared.domain.timestamps import from_milliseconds
from shared.services.contacts.reading import ContactReading
from shared.services.reading_budget import Budget
from shared.services.timeline.service import ContactTimeline
from shared.table.bookings.items import booking_to_item
from shared.table.contacts.items import consent_to_item, contact_to_item, status_to_item
from shared.table.contacts.names import NameTable
from shared.table.contacts.repository import ContactTable
from shared.table.cursors import Cursors
from shared.table.event_items import event_to_item
from shared.table.interactions.items import interaction_to_item
from shared.table.item import Item
from shared.table.notes.items import note_to_item
from shared.table.store import Store
from shared.table.timeline.index import TimelineIndex
from tests.support.budgets import repetitions
from tests.support.item_size import item_size
from tests.support.memory_table import MemoryTable

TENANT = "t1"
ADA = Caller(TENANT, "user", "u1", "admin")
START = 1_767_225_600_000


@dataclass
class Timeline:
    """A contact in a table in memory, with entries of all kinds that were put there one by one.

    `entries`: of each entry its place, the number of its kind, and its id.
    """

    budget: Budget = field(default_factory=Budget)
    entries: list[tuple[str, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = MemoryTable(lambda operation: None)
        store = Store(self.table, "table", sleep=lambda seconds: None)
        contacts = ContactTable(store, TENANT)
        stamp = Stamp(new_id_at(START - 1), from_milliseconds(START - 1), ADA)
        contact, created = Contact.create(
            {"first_name": "Ada"}, contact_id=new_id(), stamp=stamp, source="api"
        )
        self.id = contact.id
        figures = {
            "interaction_count": 2,
            "interaction_counts": {"call": 1, "booking_created": 1},
            "note_count": 1,
            "total_bookings": 1,
            "status_changed_at": stamp.at,
            "communication": {"preferred": "none", "opt_outs": {"sms": {"opted_out": True}}},
        }
        self.table.put(contact_to_item(TENANT, contact.with_fields(figures)))
        self.table.put(event_to_item(TENANT, created))
        self._note("change", START - 1, created.id)
        self.timeline = ContactTimeline(
            ADA,
            ContactReading(ADA, contacts),
            TimelineIndex(store, TENANT, self.budget),
            NameTable(store, TENANT),
            Cursors(b"k" * 32),
            self.budget,
        )

    def _note(self, kind: Kind, at: int, place_id: str, entry_id: str | None = None) -> None:
        place = f"{from_milliseconds(at)}#{place_id}"
        self.entries.append((place, KINDS.index(kind), entry_id or place_id))

    def add(self, what: str, at: int, *, flag: bool = False, entry_id: str | None = None) -> None:
        """Put an entry at a time. `flag`: of a booking's event, pinned, cancelled. `entry_id`: its id."""
        getattr(self, f"_{what}")(START + at, flag, entry_id or new_id_at(START + at))

    def _interaction(self, at: int, flag: bool, entry_id: str) -> None:
        interaction = Interaction(
            id=entry_id,
            contact_id=self.id,
            type="booking_created" if flag else "call",
            description="x",
            occurred_at=from_milliseconds(at),
            performed_by="Ada",
            **_bookkeeping(at),
        )
        self.table.put(interaction_to_item(TENANT, interaction, is_settled=True))
        # Whenever it occurred, it was recorded after all else, and has an event that is no entry.
        self._event(INTERACTION_CREATED, START + 10_000, {"interaction_count": (1, 2)})
        self._note("interaction", at, entry_id)

    def _text(self, at: int, flag: bool, entry_id: str) -> None:
        note = Note(id=entry_id, contact_id=self.id, body="x", is_pinned=flag, **_bookkeeping(at))
        self.table.put(note_to_item(TENANT, note))
        self._note("note", at, entry_id)

    def _booking(self, at: int, flag: bool, entry_id: str) -> None:
        start = from_milliseconds(at)
        entry = BookingEntry(
            event_id="e", state="created", occurred_at=start, starts_at=start, version=1, interaction_id="i"
        )
        booking = Booking(
            id=entry_id,
            contact_id=self.id,
            state="cancelled" if flag else "created",
            starts_at=start,
            events=[entry],
        )
        self.table.put(booking_to_item(TENANT, booking))
        self._note("booking", at, entry_id)

    def _status(self, at: int, flag: bool, entry_id: str) -> None:
        version = len(self.entries) + 10
        entry = StatusEntry(
            id=entry_id,
            new_status="prospect",
            new_lifecycle_stage="awareness",
            changed_by="Ada",
            timestamp=from_milliseconds(at),
            source="api",
        )
        self.table.put(status_to_item(TENANT, self.id, version, entry))
        self._event(CONTACT_STATUS_CHANGED, at, {"relationship_status": ("prospect", "inactive")})
        self._note("status", at, f"{version:010d}", entry_id)

    def _consent(self, at: int, flag: bool, entry_id: str) -> None:
        entry = ConsentEntry(
            id=entry_id, channel="sms", opted_out=True, at=from_milliseconds(at), by=ADA.actor, source="x"
        )
        self.table.put(consent_to_item(TENANT, self.id, entry))
        self._event(CONTACT_CONSENT_CHANGED, at, {"communication.opt_outs.sms": (None, {})}, entry_id)
        self._note("consent", at, entry_id)

    def _change(self, at: int, flag: bool, entry_id: str) -> None:
        """Put a change of the company, or of a figure, which is no entry."""
        name = "total_bookings" if flag else "company"
        self._event(CONTACT_UPDATED, at, {name: (None, "A")}, entry_id)
        if not flag:
            self._note("change", at, entry_id)

    def _event(
        self, type: str, at: int, changes: dict[str, tuple[Any, Any]], entry_id: str | None = None
    ) -> None:
        event = Event(
            id=entry_id or new_id_at(at),
            type=type,
            entity="contact",
            entity_id=self.id,
            at=from_milliseconds(at),
            actor=ADA.actor,
            origin="api",
            version=len(self.entries) + 1,
            changes=changes,
        )
        self.table.put(event_to_item(TENANT, event))

    def sorted(self, kinds: Sequence[Kind]) -> list[tuple[Kind, str]]:
        """Return the kind and id of all entries of some kinds, in order."""
        numbers = {KINDS.index(kind) for kind in kinds}
        ordered = sorted((one for one in self.entries if one[1] in numbers), reverse=True)
        return [(KINDS[number], entry_id) for _, number, entry_id in ordered]

    def page(
        self, kinds: Sequence[Kind], limit: int, cursor: str | None
    ) -> tuple[list[AnyEntry], str | None]:
        page = self.timeline.list(self.id, kinds, limit=limit, cursor=cursor)
        return list(page.items), page.next_cursor


def _bookkeeping(at: int) -> dict[str, Any]:
    time = from_milliseconds(at)
    return {"created_at": time, "created_by": ADA.actor, "updated_at": time, "updated_by": ADA.actor}


IDS = [new_id_at(START + number // 2) for number in range(8)]
things = st.tuples(
    st.sampled_from(["interaction", "text", "booking", "status", "consent", "change"]),
    st.integers(0, 3),
    st.booleans(),
    st.one_of(st.none(), st.sampled_from(IDS), st.sampled_from(["a", "b!", "zz", "01"])),
)
"""Entries at few times, so that many have the same; some with ids that others have, or with ids of no time."""


def put(timeline: Timeline, thing: tuple[str, int, bool, str | None], known: set[tuple[str, str]]) -> None:
    what, at, flag, entry_id = thing
    if what not in ("booking", "interaction") and entry_id is not None and entry_id not in IDS:
        entry_id = None  # only bookings have ids that callers chose
    if what == "interaction" and entry_id not in (None, *IDS):
        entry_id = None
    if entry_id in IDS and what in ("text", "consent", "change"):
        at = IDS.index(entry_id) // 2
    if entry_id is not None:
        group = "event" if what in ("consent", "change") else what
        if (group, entry_id) in known:
            return
        known.add((group, entry_id))
    timeline.add(what, at, flag=flag, entry_id=entry_id)


@settings(max_examples=repetitions(100))
@given(
    first=st.lists(things, max_size=25),
    further=st.lists(things, max_size=10),
    limits=st.lists(st.integers(1, 7), min_size=1),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, unique=True),
)
@example(
    first=[("booking", 0, False, "zz"), ("text", 0, False, None)], further=[], limits=[1], kinds=list(KINDS)
)
@example(
    first=[("booking", 0, False, "0"), ("text", 0, False, None)], further=[], limits=[1], kinds=list(KINDS)
)
@example(
    first=[("booking", 0, False, IDS[0]), ("text", 0, False, IDS[0])],
    further=[],
    limits=[1],
    kinds=list(KINDS),
)
def test_a_walk_of_any_kinds_yields_each_entry_once_in_order_while_others_are_added(
    first: list[Any], further: list[Any], limits: list[int], kinds: list[Kind]
) -> None:
    """As if all entries were sorted, at any limits."""
    timeline, known = Timeline(), set[tuple[str, str]]()
    for thing in first:
        put(timeline, thing, known)
    there = timeline.sorted(kinds)
    added = iter(further)
    walked: list[tuple[Kind, str]] = []
    cursor: str | None = None
    for turn in range(1_000):
        items, cursor = timeline.page(kinds, limits[turn % len(limits)], cursor)
        walked += [(one.kind, one.id) for one in items]
        if cursor is None:
            break
        for thing in added:
            put(timeline, thing, known)
            break
    assert [one for one in walked if one in there] == there
    everything = timeline.sorted(kinds)
    assert walked == [one for one in everything if one in walked], "in order, and none twice"


@given(first=st.lists(things, max_size=12), rows=st.integers(1, 8))
def test_a_walk_with_a_small_budget_yields_each_entry_once(first: list[Any], rows: int) -> None:
    timeline, known = Timeline(Budget(rows)), set[tuple[str, str]]()
    for thing in first:
        put(timeline, thing, known)
    walked: list[tuple[Kind, str]] = []
    cursor: str | None = None
    for _ in range(200):
        items, cursor = timeline.page(KINDS, 5, cursor)
        walked += [(one.kind, one.id) for one in items]
        if cursor is None:
            break
    assert walked == timeline.sorted(KINDS)


def work_of(timeline: Timeline, kinds: Sequence[Kind], cursor: str | None) -> list[int]:
    """Return the read units of each call that a page makes."""
    calls: list[int] = []

    def answered(answer: Any) -> None:
        items: list[Item] = [*answer.get("Items", []), *([answer["Item"]] if "Item" in answer else [])]
        for found in answer.get("Responses", {}).values():
            items += found
        calls.append(max(1, ceil(sum(map(item_size, items)) / 4096)))

    timeline.table.on_answer = answered
    timeline.page(kinds, 3, cursor)
    timeline.table.on_answer = lambda answer: None
    return calls


def test_a_page_costs_the_same_with_ten_entries_of_a_kind_and_with_thousands() -> None:
    """check 2, for joined timelines: the first page and the second, of all kinds and of each, interactions being many
    and each with an event: 2,000, or 20,000 in the long budget.
    """
    works: list[dict[str, Any]] = []
    for many in (10, repetitions(2_000)):
        timeline = Timeline()
        for number in range(10):
            for order, what in enumerate(("text", "booking", "status", "consent", "change")):
                timeline.add(what, 100 * number + order)
        for number in range(many):
            timeline.add("interaction", 100 * (number % 10), flag=number % 2 == 1)
        work: dict[str, Any] = {}
        choices: list[Sequence[Kind]] = [KINDS, *((kind,) for kind in KINDS)]
        for kinds in choices:
            _, cursor = timeline.page(kinds, 3, None)
            work[",".join(kinds)] = (work_of(timeline, kinds, None), work_of(timeline, kinds, cursor))
        works.append(work)
    assert works[0] == works[1]
    assert sum(works[1][",".join(KINDS)][0]) <= 12
