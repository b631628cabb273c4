"""Whatever is done to a timeline, in whatever order and by whom at once, its figures are those of a recount."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import timestamps
from shared.domain.callers import Caller, system_caller
from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange, NotFound
from shared.domain.ids import new_id, new_id_at
from shared.domain.interactions.conditions import InteractionFilter
from shared.domain.interactions.inputs import InteractionInput, InteractionPatch
from shared.domain.interactions.interaction import Interaction
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.tag_rules import TagRules
from shared.services.interactions.lists import InteractionLists
from shared.services.interactions.service import DueInteractions, InteractionService
from shared.services.reading_budget import Budget
from shared.table.contacts.repository import ContactTable
from shared.table.cursors import Cursors
from shared.table.interactions.follow_ups import FollowUpTable
from shared.table.interactions.index import InteractionIndex
from shared.table.interactions.items import interaction_from_item
from shared.table.interactions.repository import InteractionTable
from shared.table.keys import interactions as interaction_keys
from shared.table.store import Store
from tests.support.budgets import repetitions
from tests.support.memory_table import MemoryTable

TENANT = "t1"
ADA = Caller(TENANT, "user", "u1", "admin")
DAYS = [f"2026-05-{day:02d}T09:30:00.000Z" for day in range(1, 11)]


def _no_labels() -> NoReturn:
    raise AssertionError("a tenant without rules needs no labels")


@dataclass
class Timeline:
    """A contact in a table in memory, and the interactions of it. `now`: the day, as its number in DAYS."""

    now: int = 4
    recorded: list[str] = field(default_factory=list)
    overtaking: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = MemoryTable(self._before_call)
        store = Store(self.table, "table", sleep=lambda seconds: None)
        contacts = ContactTable(store, TENANT)
        stamp = Stamp(new_id(), DAYS[0], ADA)
        created = Contact.create({"first_name": "Ada"}, contact_id=new_id(), stamp=stamp, source="api")
        contacts.create(created)
        self.id = created[0].id
        self.interactions = InteractionTable(store, TENANT)
        self.follow_ups = FollowUpTable(store, TENANT)
        self.contacts = contacts
        reading = ContactReading(ADA, contacts)
        self.service = InteractionService(
            ADA,
            reading,
            self.interactions,
            self.follow_ups,
            lambda: "Ada",
            TagRules(TenantSettings, _no_labels),
            sleep=lambda seconds: None,
        )
        self.due = DueInteractions(TENANT, self.interactions, sleep=lambda seconds: None)
        budget = Budget()
        self.lists = InteractionLists(
            ADA, reading, InteractionIndex(store, TENANT, budget), Cursors(b"k" * 32), budget
        )

    def _before_call(self, operation: str) -> None:
        if operation == "transact_write_items" and self.overtaking:
            self.overtaking.pop()()

    def record(self, type: str, day: int) -> None:
        given = InteractionInput(type=type, description="x", occurred_at=DAYS[day])  # type: ignore[arg-type]
        self.recorded.append(self.service.create(self.id, given).id)

    def book(self, day: int) -> None:
        """Record what a booking event does, as the system."""
        contact = self.contacts.get(self.id)
        assert contact is not None
        stamp = Stamp.now(system_caller(TENANT, "booking", "booking"))
        fields = {
            "type": "booking_created",
            "description": "x",
            "occurred_at": DAYS[day],
            "performed_by": "system",
        }
        interaction = Interaction.create(
            fields,
            interaction_id=new_id_at(timestamps.to_milliseconds(DAYS[day])),
            contact_id=self.id,
            stamp=stamp,
        )
        after, event = contact.record_interaction(
            interaction_id=interaction.id,
            type="booking_created",
            occurred_at=DAYS[day],
            by_system=True,
            stamp=stamp,
        )
        self.interactions.add(contact, after, interaction, event)

    def change(self, which: int, given: dict[str, Any]) -> None:
        if self.recorded:
            self.service.change(
                self.id, self.recorded[which % len(self.recorded)], InteractionPatch(**given), None
            )

    def delete(self, which: int) -> None:
        if self.recorded:
            self.service.delete(self.id, self.recorded[which % len(self.recorded)], None)

    def wait(self) -> None:
        """Let a day pass, and do what is due."""
        self.now = min(self.now + 1, len(DAYS) - 1)
        for item in self.table.all():
            if "WSK" in item and "occurred_at" in item and item["WSK"]["S"] <= f"{DAYS[self.now]}$":
                self.due.settle(self.id, item["id"]["S"])

    def do(self, step: tuple[str, Any]) -> None:
        name, arguments = step
        # The contact of a step may be deleted, and `book` does not repeat a write that was overtaken.
        refusals = (NotFound, ConcurrentChange) if name == "book" else (NotFound,)
        with contextlib.suppress(*refusals):
            getattr(self, name)(*arguments)

    def assert_exact(self) -> None:
        """Assert that figures, ids and lists are those of the items."""
        items = [item for item in self.table.all() if interaction_keys.is_interaction(item)]
        found = [interaction_from_item(item) for item in items]
        contact = self.contacts.get(self.id)
        assert contact is not None
        assert contact.interaction_count == len(found)
        assert contact.interaction_counts == Counter(one.type for one in found)
        past = [
            one.occurred_at for one in found if not one.is_by_system and one.occurred_at <= DAYS[self.now]
        ]
        assert contact.last_contacted_at == max(past, default=None)
        for one in found:
            assert self.service.read(self.id, one.id) == one
        ordered = sorted(found, key=lambda one: (one.occurred_at, one.id), reverse=True)
        for limit in (1, 3, 100):
            assert self.walk(limit) == ordered
            pages = [self.page(skip=skip, limit=limit) for skip in range(0, len(ordered) + 1, limit)]
            assert [one for page in pages for one in page] == ordered

    def walk(self, limit: int) -> list[Interaction]:
        walked: list[Interaction] = []
        cursor = None
        while True:
            page = self.lists.of_contact(self.id, InteractionFilter(), limit=limit, cursor=cursor)
            walked += page.items
            cursor = page.next_cursor
            if cursor is None:
                return walked

    def page(self, *, skip: int, limit: int) -> list[Interaction]:
        page = self.lists.of_contact(self.id, InteractionFilter(), limit=limit, cursor=None, skip=skip)
        return list(page.items)


days, which = st.integers(0, len(DAYS) - 1), st.integers(0, 50)
types = st.sampled_from(["call", "email"])
steps = st.one_of(
    st.tuples(st.just("record"), st.tuples(types, days)),
    st.tuples(st.just("book"), st.tuples(days)),
    st.tuples(
        st.just("change"),
        st.tuples(
            which,
            st.one_of(
                st.builds(lambda day: {"occurred_at": DAYS[day]}, days),
                st.builds(lambda type, day: {"type": type, "occurred_at": DAYS[day]}, types, days),
                st.builds(lambda text: {"outcome": text}, st.sampled_from("ab")),
            ),
        ),
    ),
    st.tuples(st.just("delete"), st.tuples(which)),
    st.tuples(st.just("wait"), st.just(())),
)


@settings(max_examples=repetitions(100))
@given(made=st.lists(st.tuples(steps, st.one_of(st.none(), steps)), max_size=25))
def test_any_sequence_ends_with_the_figures_of_a_recount(
    made: list[tuple[tuple[str, Any], tuple[str, Any] | None]],
) -> None:
    """check 28, for interactions: a step may be overtaken by another one between its reads and its write."""
    timeline = Timeline()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timestamps, "now", lambda: DAYS[timeline.now])
        for step, overtaking in made:
            if overtaking is not None and overtaking[0] != "wait":
                timeline.overtaking.append(lambda other=overtaking: timeline.do(other))
            timeline.do(step)
            timeline.overtaking.clear()
        timeline.assert_exact()
