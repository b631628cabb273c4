"""The cost of a history does not depend on its length; that of an earlier version depends on the changes since."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import pytest

from shared.domain.contacts.inputs import ContactPatch
from shared.domain.contacts.record import Contact
from shared.domain.errors import NotFound, RuleBroken
from shared.domain.ids import derived_id
from shared.domain.labels.record import NO_LABELS
from shared.domain.stamp import Stamp
from shared.services.contacts.changes import ContactChanges
from shared.services.contacts.reading import ContactReading
from shared.services.reading_budget import Budget
from shared.table.contacts.history import ContactEvents
from shared.table.contacts.names import NameTable
from shared.table.contacts.repository import ContactTable
from shared.table.cursors import Cursors
from shared.table.event_items import event_to_item
from shared.table.store import Store
from tests.properties.interactions.test_figures import ADA, TENANT
from tests.support.item_size import item_size
from tests.support.memory_table import MemoryTable

START = 1_767_225_600_000
UNITS_OF_500 = 150
"""The most read units that a version costs which is 500 changes of some 500 bytes back."""


class Long:
    """A contact in a table in memory that has been changed until it had a version.

    `is_late`: the last change was made by a job that was created before all changes. `rows`: the budget of reads.
    """

    def __init__(self, versions: int, *, is_late: bool = False, rows: float | None = None) -> None:
        self.table = MemoryTable(lambda operation: None)
        store = Store(self.table, "table", sleep=lambda seconds: None)
        contacts = ContactTable(store, TENANT)
        stamp = self._stamp(0)
        contact, event = Contact.create(
            {"first_name": "Ada", "about": "0"}, contact_id=derived_id(START, "c"), stamp=stamp, source="api"
        )
        events = [event]
        for number in range(1, versions):
            patch = ContactPatch(about=str(number)).given_fields()
            moment = -1 if is_late and number == versions - 1 else number
            changed = contact.change(patch, stamp=self._stamp(moment))  # type: ignore[arg-type]
            assert changed is not None
            contact, event = changed
            events.append(event)
        contacts.create((contact, events[0]))
        for event in events[1:]:
            self.table.put(event_to_item(TENANT, event))
        self.id, self.version = contact.id, contact.version
        budget = self.budget = Budget(rows)
        self.changes = ContactChanges(
            ADA,
            ContactReading(ADA, contacts),
            ContactEvents(store, TENANT, budget),
            NameTable(store, TENANT),
            lambda: NO_LABELS,
            Cursors(b"k" * 32),
            budget,
        )

    def _stamp(self, number: int) -> Stamp:
        return Stamp(derived_id(START + 1_000 * number, "e", str(number)), "2026-01-01T00:00:00.000Z", ADA)

    def cost(self, operation: Callable[[], object]) -> tuple[int, int]:
        """Return the calls that an operation makes, and the read units of what they return."""
        calls: list[int] = []

        def answered(answer: Any) -> None:
            items = [*answer.get("Items", []), *([answer["Item"]] if "Item" in answer else [])]
            for found in answer.get("Responses", {}).values():
                items += found
            calls.append(max(1, ceil(sum(map(item_size, items)) / 4096)))

        self.table.on_answer = answered
        operation()
        self.table.on_answer = lambda answer: None
        return len(calls), sum(calls)


def test_a_contact_with_2000_changes_costs_what_one_with_forty_does() -> None:
    """check 2, for histories: the first page of the history, and a version that is ten changes back."""
    few, many = Long(40), Long(2_000)
    assert few.cost(lambda: few.changes.list_changes(few.id, limit=25, cursor=None)) == many.cost(
        lambda: many.changes.list_changes(many.id, limit=25, cursor=None)
    )
    assert few.cost(lambda: few.changes.read_version(few.id, few.version - 10)) == many.cost(
        lambda: many.changes.read_version(many.id, many.version - 10)
    )


def test_the_oldest_version_that_can_be_read_costs_the_500_changes_since() -> None:
    long = Long(2_000)
    oldest = long.version - 500
    assert long.changes.read_version(long.id, oldest).about == str(oldest - 1)
    calls, units = long.cost(lambda: long.changes.read_version(long.id, oldest))
    assert calls <= 8
    assert 50 < units < UNITS_OF_500
    with pytest.raises(RuleBroken, match=f"version {oldest} and later"):
        long.changes.read_version(long.id, oldest - 1)
    for missing in (long.version + 1, 0, -1):
        with pytest.raises(NotFound):
            long.changes.read_version(long.id, missing)


def test_a_version_before_a_change_of_a_late_job_is_read_within_the_budget() -> None:
    enough, little = Long(100, is_late=True), Long(100, is_late=True, rows=20)
    assert enough.changes.read_version(enough.id, 99).about == "98"
    with pytest.raises(RuleBroken, match="version 100 and later"):
        little.changes.read_version(little.id, 99)
    assert little.budget.total <= 24
    page = little.changes.list_changes(little.id, limit=1, cursor=None)
    assert [one.version for one in page.items] == [100] and page.next_cursor is not None
