"""Whatever is done to a timeline, in whatever order and by whom at once, its figures are those of a recount."""

from __future__ import annotations

import contextlib
import json
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
from shared.domain.errors import ConcurrentChange, Conflict, NotFound
from shared.domain.ids import new_id, new_id_at
from shared.domain.interactions.conditions import InteractionFilter
from shared.domain.interactions.follow_up_filter import FollowUpFilter
from shared.domain.interactions.follow_up_inputs import FollowUpCompletion, FollowUpInput, FollowUpPatch
from shared.domain.interactions.inputs import InteractionInput, InteractionPatch
from shared.domain.interactions.interaction import Interaction
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.tag_rules import TagRules
from shared.services.interactions.due import DueFollowUps
from shared.services.interactions.follow_up_lists import FollowUpLists
from shared.services.interactions.follow_ups import FollowUpService
from shared.services.interactions.lists import InteractionLists
from shared.services.interactions.service import DueInteractions, InteractionService
from shared.services.reading_budget import Budget
from shared.table.contacts.repository import ContactTable
from shared.table.cursors import Cursors
from shared.table.interactions.follow_up_index import FollowUpIndex
from shared.table.interactions.follow_up_items import follow_up_from_item
from shared.table.interactions.follow_ups import FollowUpTable
from shared.table.interactions.index import InteractionIndex
from shared.table.interactions.items import interaction_from_item
from shared.table.interactions.repository import InteractionTable
from shared.table.keys import follow_ups as follow_up_keys
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
    scheduled: list[str] = field(default_factory=list)
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
        self.follow_up_service = FollowUpService(
            ADA,
            reading,
            self.follow_ups,
            lambda: "Ada",
            TagRules(TenantSettings, _no_labels),
            is_active_user=lambda _: True,
            sleep=lambda seconds: None,
        )
        self.due = DueInteractions(TENANT, self.interactions, sleep=lambda seconds: None)
        self.due_follow_ups = DueFollowUps(TENANT, self.follow_ups, sleep=lambda seconds: None)
        budget = Budget()
        self.lists = InteractionLists(
            ADA, reading, InteractionIndex(store, TENANT, budget), Cursors(b"k" * 32), budget
        )
        self.follow_up_lists = FollowUpLists(
            ADA, reading, FollowUpIndex(store, TENANT, Budget()), Cursors(b"k" * 32)
        )

    def _before_call(self, operation: str) -> None:
        if operation == "transact_write_items" and self.overtaking:
            self.overtaking.pop()()

    def record(self, type: str, day: int, follow_up: int | None = None) -> None:
        self._note(self.service.create(self.id, self._given(type, day, follow_up)))

    def _given(self, type: str, day: int, follow_up: int | None) -> InteractionInput:
        at = None if follow_up is None else DAYS[follow_up]
        return InteractionInput(type=type, description="x", occurred_at=DAYS[day], scheduled_follow_up=at)  # type: ignore[arg-type]

    def _note(self, made: Interaction) -> None:
        self.recorded.append(made.id)
        if made.follow_up_id:
            self.scheduled.append(made.follow_up_id)

    def schedule(self, day: int) -> None:
        given = FollowUpInput(title="x", due_at=DAYS[day])
        self.scheduled.append(self.follow_up_service.create(self.id, given).id)

    def move(self, which: int, day: int) -> None:
        if self.scheduled:
            patch = FollowUpPatch(due_at=DAYS[day])
            self.follow_up_service.change(self.scheduled[which % len(self.scheduled)], patch, None)

    def complete(self, which: int, type: str | None, day: int, follow_up: int | None) -> None:
        if not self.scheduled:
            return
        made = self._given(type, day, follow_up) if type else None
        follow_up_id = self.scheduled[which % len(self.scheduled)]
        done = self.follow_up_service.complete(follow_up_id, FollowUpCompletion(interaction=made), None)
        if done.outcome_interaction_id:
            self._note(self.service.read(self.id, done.outcome_interaction_id))

    def cancel(self, which: int) -> None:
        if self.scheduled:
            self.follow_up_service.cancel(self.scheduled[which % len(self.scheduled)], None)

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
            changed = self.service.change(
                self.id, self.recorded[which % len(self.recorded)], InteractionPatch(**given), None
            )
            if changed.follow_up_id and changed.follow_up_id not in self.scheduled:
                self.scheduled.append(changed.follow_up_id)

    def delete(self, which: int) -> None:
        if self.recorded:
            self.service.delete(self.id, self.recorded[which % len(self.recorded)], None)

    def wait(self) -> None:
        """Let a day pass, and do what is due."""
        self.now = min(self.now + 1, len(DAYS) - 1)
        for item in self.table.all():
            if "WSK" not in item or item["WSK"]["S"] > f"{DAYS[self.now]}$":
                continue
            if "occurred_at" in item:
                self.due.settle(self.id, item["id"]["S"])
            elif "due_at" in item:
                self.due_follow_ups.announce(self.id, item["SK"]["S"])
                again = self.due_follow_ups.announce(self.id, item["SK"]["S"])
                assert again.done == "passed_over"

    def do(self, step: tuple[str, Any]) -> None:
        name, arguments = step
        # The record that a step names may be deleted or closed, and `book` does not repeat a write that was overtaken.
        refusals = (NotFound, ConcurrentChange) if name == "book" else (NotFound, Conflict)
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
        self._assert_follow_ups(contact, found)
        ordered = sorted(found, key=lambda one: (one.occurred_at, one.id), reverse=True)
        for limit in (1, 3, 100):
            assert self.walk(limit) == ordered
            pages = [self.page(skip=skip, limit=limit) for skip in range(0, len(ordered) + 1, limit)]
            assert [one for page in pages for one in page] == ordered

    def _assert_follow_ups(self, contact: Contact, interactions: list[Interaction]) -> None:
        items = [item for item in self.table.all() if follow_up_keys.id_of(item) is not None]
        found = [follow_up_from_item(item) for item in items]
        assert sorted(one.id for one in found) == sorted(self.scheduled)
        assert contact.next_follow_up_at == min((one.due_at for one in found if one.is_open), default=None)
        known = {one.id: one for one in interactions}
        for one, item in zip(found, items, strict=True):
            assert self.follow_up_service.read(one.id) == one
            assert ("WSK" in item) == (one.is_open and one.notified_at is None)
            if one.is_open and one.interaction_id is not None:
                assert known[one.interaction_id].follow_up_id == one.id
                assert known[one.interaction_id].scheduled_follow_up is not None
        named = Counter(
            json.loads(item["data"]["S"])["follow_up_id"]
            for item in self.table.all()
            if item.get("type") == {"S": "follow_up.due"}
        )
        # One event for each version that announces it, and no version announces it twice.
        assert all(named[one.id] < one.version for one in found)
        assert all(named[one.id] for one in found if one.notified_at)
        for is_open, state in ((True, "open"), (False, "done"), (False, "cancelled")):
            page = self.follow_up_lists.of_contact(
                self.id,
                FollowUpFilter(state=state),
                limit=100,
                cursor=None,  # type: ignore[arg-type]
            )
            expected = [one for one in found if one.state == state]
            expected.sort(key=lambda one: (one.sorts_at, one.id), reverse=not is_open)
            assert page.items == expected

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
maybe_days = st.one_of(st.none(), days)
steps = st.one_of(
    st.tuples(st.just("record"), st.tuples(types, days, maybe_days)),
    st.tuples(st.just("schedule"), st.tuples(days)),
    st.tuples(st.just("move"), st.tuples(which, days)),
    st.tuples(st.just("complete"), st.tuples(which, st.one_of(st.none(), types), days, maybe_days)),
    st.tuples(st.just("cancel"), st.tuples(which)),
    st.tuples(st.just("book"), st.tuples(days)),
    st.tuples(
        st.just("change"),
        st.tuples(
            which,
            st.one_of(
                st.builds(lambda day: {"occurred_at": DAYS[day]}, days),
                st.builds(lambda type, day: {"type": type, "occurred_at": DAYS[day]}, types, days),
                st.builds(lambda text: {"outcome": text}, st.sampled_from("ab")),
                st.builds(
                    lambda day: {"scheduled_follow_up": None if day is None else DAYS[day]}, maybe_days
                ),
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
    """check 28, for interactions and follow-ups: a step may be overtaken by another between its reads and its write."""
    timeline = Timeline()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timestamps, "now", lambda: DAYS[timeline.now])
        for step, overtaking in made:
            if overtaking is not None and overtaking[0] != "wait":
                timeline.overtaking.append(lambda other=overtaking: timeline.do(other))
            timeline.do(step)
            timeline.overtaking.clear()
        timeline.assert_exact()
