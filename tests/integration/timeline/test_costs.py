"""What is done with a timeline costs the same however long it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto.dynamodb.models import dynamodb_backends

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.inputs import ContactInput
from shared.domain.ids import derived_id
from shared.domain.timeline.conditions import InteractionFilter
from shared.domain.timeline.inputs import InteractionInput, InteractionPatch
from shared.table.codec import to_json
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import timeline as timeline_keys
from shared.wiring.accounts import onboarding_service
from shared.wiring.base import store
from shared.wiring.contacts import contact_service
from shared.wiring.timeline import interaction_lists, interaction_service
from tests.support.aws import Stack
from tests.support.lambda_context import ACCOUNT, REGION
from tests.support.meter import meter
from tests.support.tenant_guard import acting_for, as_operator

TENANT = "t1"
ADMIN = Caller(TENANT, "user", "u1", "admin")
FEW, MANY = 10, 20_000
START = timestamps.to_milliseconds("2020-01-01T00:00:00.000Z")
EVERYTHING = InteractionFilter()
LATER = "2026-01-01T00:00:00Z"


class Long:
    """A contact with `size` interactions, half of them of bookings, an hour apart."""

    def __init__(self, stack: Stack, size: int) -> None:
        made = contact_service(ADMIN).create(ContactInput(first_name="Ada", email=f"ada{size}@example.com"))
        self.id, self.size = made.id, size
        items = [self._item(number) for number in range(size)]
        table = dynamodb_backends[ACCOUNT][REGION].tables[stack.table_name]
        for item in items:  # into moto's memory, since its API takes a millisecond for each
            table.put_item(item)
        self.recorded: list[str] = []
        self.oldest = items[0]["id"]["S"]
        record = store().get(contact_keys.contact(TENANT, self.id))
        assert record is not None
        calls = [item["occurred_at"]["S"] for item in items if item["type"]["S"] == "call"]
        store().put(
            {
                **record,
                "interaction_count": {"N": str(size)},
                "interaction_counts": {"S": to_json({"booking_created": size // 2, "call": size // 2})},
                "last_contacted_at": {"S": calls[-1]},
            }
        )

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
            "created_by": ADMIN.actor,
            "updated_at": occurred_at,
            "updated_by": ADMIN.actor,
        }
        key = timeline_keys.interaction(TENANT, self.id, interaction_id, occurred_at, by_system=by_system)
        return {**key, **{name: {"S": text} for name, text in texts.items()}, "version": {"N": "1"}}

    def page(self, wanted: InteractionFilter = EVERYTHING, **where: Any) -> Any:
        return interaction_lists(ADMIN).of_contact(self.id, wanted, **{"limit": 4, "cursor": None, **where})

    def record(self) -> None:
        given = InteractionInput(type="call", description="x", occurred_at=LATER)
        self.recorded.append(interaction_service(ADMIN).create(self.id, given).id)

    def change(self, which: str, **given: Any) -> Any:
        return interaction_service(ADMIN).change(self.id, which, InteractionPatch(**given), None)

    def delete(self, which: str) -> None:
        interaction_service(ADMIN).delete(self.id, which, None)


OPERATIONS: dict[str, Callable[[Long], object]] = {
    "first page": lambda long: long.page(),
    "last page, by its number": lambda long: long.page(skip=long.size - 3),
    "page before the last, by its number": lambda long: long.page(skip=long.size - 7),
    "first page of a type": lambda long: long.page(InteractionFilter(type="booking_created")),
    "first page from a time on": lambda long: long.page(InteractionFilter(first="2020-01-01T00:00:00.000Z")),
    "read": lambda long: interaction_service(ADMIN).read(long.id, long.oldest),
    "record": lambda long: long.record(),
    "change": lambda long: long.change(long.oldest, outcome="signed"),
    "move the latest back": lambda long: long.change(long.recorded[1], occurred_at="2019-06-01T00:00:00Z"),
    "delete the latest": lambda long: long.delete(long.recorded[0]),
    "delete the oldest": lambda long: long.delete(long.oldest),
}


@pytest.fixture
def acting(aws_stack: Stack) -> Iterator[None]:
    with acting_for(TENANT):
        with as_operator():
            onboarding_service().open_tenant(TENANT, "One")
            onboarding_service().add_member(ADMIN.id, TENANT, "admin", "admin@example.com")
        yield


@pytest.mark.usefixtures("acting")
def test_a_contact_with_20000_interactions_costs_what_one_with_ten_does(aws_stack: Stack) -> None:
    """check 2, for timelines: pages at both ends, and each write, in calls and units."""
    few, many = Long(aws_stack, FEW), Long(aws_stack, MANY)
    for long in (few, many):
        long.record()  # and the process knows the name of who performed it
        long.size += 1
    costs: dict[str, list[tuple[int, float, float]]] = {}
    for name, operation in OPERATIONS.items():
        for long in (few, many):
            with meter() as measured:
                operation(long)
            costs.setdefault(name, []).append((measured.calls, measured.read, measured.write))
    different = {name: pair for name, pair in costs.items() if pair[0] != pair[1]}
    assert different == {}
    assert costs["record"][0][2] <= 8
    # Two were recorded and two deleted: the very last page has the oldest that is left.
    last = many.page(skip=MANY - 1)
    assert (last.total, len(last.items), last.next_cursor) == (MANY, 1, None)
