"""Every operation on a timeline costs the same, however long the timeline is."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.ids import derived_id, new_id
from shared.domain.interactions.conditions import InteractionFilter
from shared.domain.interactions.follow_up import FollowUp, FollowUpState
from shared.domain.interactions.follow_up_filter import FollowUpFilter
from shared.domain.interactions.follow_up_inputs import FollowUpCompletion, FollowUpPatch
from shared.domain.interactions.inputs import InteractionInput, InteractionPatch
from shared.domain.stamp import Stamp
from shared.table.contacts.items import contact_to_item
from shared.table.interactions.follow_up_items import follow_up_to_item
from shared.table.item import Item
from shared.table.keys import follow_ups as follow_up_keys
from shared.table.keys import interactions as interaction_keys
from tests.properties.interactions.test_figures import ADA, TENANT, Timeline
from tests.support.item_size import item_size

FEW, MANY = 10, 20_000
START = timestamps.to_milliseconds("2020-01-01T00:00:00.000Z")
NOW, LATER = "2026-05-04T09:30:00.000Z", "2026-01-01T00:00:00Z"
DUE = "2030-01-01T00:00:00.000Z"

Work = tuple[str, list[int], list[int]]
"""A call: the operation, and the units of the items that it returned and that it wrote, in order."""


class Long(Timeline):
    """A contact with `size` interactions, half of them of bookings, an hour apart."""

    def __init__(self, size: int) -> None:
        self.called: list[str] = []
        super().__init__()
        self.size = size
        items = [self._item(number) for number in range(size)]
        for item in items:
            self.table.put(item)
        self.oldest = items[0]["id"]["S"]
        self._put_follow_ups()
        contact = self.contacts.get(self.id)
        assert contact is not None
        figures = {
            "interaction_count": size,
            "interaction_counts": {"booking_created": size // 2, "call": size // 2},
            "last_contacted_at": items[-2]["occurred_at"]["S"],
            "next_follow_up_at": DUE,
            "version": 2,
        }
        self.table.put(contact_to_item(TENANT, contact.with_fields(figures)))

    def _put_follow_ups(self) -> None:
        """Put as many follow-ups as there are interactions into the table, half of them done, an hour apart."""
        stamp = Stamp(new_id(), NOW, ADA)
        for number in range(self.size):
            made = FollowUp.schedule(
                follow_up_id=derived_id(START, self.id, "follow-up", str(number)),
                contact_id=self.id,
                title="x" * 20,
                due_at=timestamps.plus(DUE, 3_600 * number),
                assignee_id=ADA.id,
                stamp=stamp,
            )
            item = follow_up_to_item(TENANT, made.complete("", stamp=stamp) if number % 2 else made)
            locator = follow_up_keys.locator(TENANT, made.id)
            self.table.put(item)
            self.table.put({**locator, "contact_id": {"S": self.id}, "entry": item["SK"]})
            if number in (0, 2, self.size - 2):
                self.scheduled.append(made.id)

    def _item(self, number: int) -> Item:
        milliseconds = START + 3_600_000 * number
        interaction_id = derived_id(milliseconds, self.id, str(number))
        occurred_at = timestamps.from_milliseconds(milliseconds)
        by_system = number % 2 == 1
        texts = {
            "id": interaction_id,
            "contact_id": self.id,
            "type": "booking_created" if by_system else "call",
            "description": "x" * 50,
            "occurred_at": occurred_at,
            "performed_by": "Ada",
            "created_at": occurred_at,
            "created_by": ADA.actor,
            "updated_at": occurred_at,
            "updated_by": ADA.actor,
        }
        key = interaction_keys.interaction(TENANT, self.id, interaction_id, occurred_at, by_system=by_system)
        return {**key, **{name: {"S": text} for name, text in texts.items()}, "version": {"N": "1"}}

    def work_of(self, operation: Callable[[Long], object]) -> list[Work]:
        """Return the calls that an operation makes."""
        calls: list[Work] = []
        start = len(self.table.stream)

        def answered(answer: Any) -> None:
            nonlocal start
            returned = answer.get("Items", [])
            for found in answer.get("Responses", {}).values():
                returned = [*returned, *found]
            returned = [*returned, answer["Item"]] if "Item" in answer else returned
            written = [max(map(item_size, filter(None, pair))) for pair in self.table.stream[start:]]
            start = len(self.table.stream)
            calls.append(
                (
                    self.called[-1],
                    sorted(ceil(item_size(item) / 4096) for item in returned),
                    [ceil(size / 1024) for size in written],
                )
            )

        self.table.on_answer = answered
        operation(self)
        self.table.on_answer = lambda answer: None
        return calls

    def _before_call(self, operation: str) -> None:
        self.called.append(operation)

    def shown(self, wanted: InteractionFilter | None = None, *, skip: int = 0) -> object:
        return self.lists.of_contact(self.id, wanted or InteractionFilter(), limit=4, cursor=None, skip=skip)

    def call_again(self) -> None:
        given = InteractionInput(type="call", description="x", occurred_at=LATER)
        self.recorded.append(self.service.create(self.id, given).id)

    def shown_follow_ups(self, state: FollowUpState) -> object:
        return self.follow_up_lists.of_contact(self.id, FollowUpFilter(state=state), limit=4, cursor=None)

    def patch(self, which: str, **given: Any) -> object:
        return self.service.change(self.id, which, InteractionPatch(**given), None)


OPERATIONS: dict[str, Callable[[Long], object]] = {
    "first page": lambda long: long.shown(),
    "last page, by its number": lambda long: long.shown(skip=long.size - 3),
    "page before the last, by its number": lambda long: long.shown(skip=long.size - 5),
    "first page of a type": lambda long: long.shown(InteractionFilter(type="booking_created")),
    "first page from a time on": lambda long: long.shown(InteractionFilter(first="2020-01-01T00:00:00.000Z")),
    "read": lambda long: long.service.read(long.id, long.oldest),
    "record": lambda long: long.call_again(),
    "record another": lambda long: long.call_again(),
    "change": lambda long: long.patch(long.oldest, outcome="signed"),
    "move the latest back": lambda long: long.patch(long.recorded[1], occurred_at="2019-06-01T00:00:00Z"),
    "delete the latest": lambda long: long.service.delete(long.id, long.recorded[0], None),
    "delete the oldest": lambda long: long.service.delete(long.id, long.oldest, None),
    "first page of open follow-ups": lambda long: long.shown_follow_ups("open"),
    "first page of follow-ups that are done": lambda long: long.shown_follow_ups("done"),
    "read a follow-up": lambda long: long.follow_up_service.read(long.scheduled[2]),
    "schedule a follow-up": lambda long: long.schedule(9),
    "move the first follow-up to the end": lambda long: long.follow_up_service.change(
        long.scheduled[0], FollowUpPatch(due_at="2039-01-01T00:00:00Z"), None
    ),
    "complete the first follow-up": lambda long: long.follow_up_service.complete(
        long.scheduled[1], FollowUpCompletion(), None
    ),
    "cancel the last follow-up": lambda long: long.follow_up_service.cancel(long.scheduled[2], None),
}


def test_a_contact_with_20000_interactions_costs_what_one_with_ten_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """check 2, for timelines with as many follow-ups: pages and every write make the same calls, of as many units."""
    monkeypatch.setattr(timestamps, "now", lambda: NOW)
    few, many = Long(FEW), Long(MANY)
    different = {}
    for name, operation in OPERATIONS.items():
        works = [long.work_of(operation) for long in (few, many)]
        assert works[0]
        if works[0] != works[1]:
            different[name] = works
    assert different == {}
    # Two were recorded and two deleted: the very last page has the one that was moved back.
    page = many.lists.of_contact(many.id, InteractionFilter(), limit=4, cursor=None, skip=MANY - 1)
    assert (page.total, page.next_cursor) == (MANY, None)
    assert [one.id for one in page.items] == [many.recorded[1]]
    assert few.service.read(few.id, few.recorded[1]).occurred_at == "2019-06-01T00:00:00.000Z"
