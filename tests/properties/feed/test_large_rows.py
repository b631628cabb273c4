"""Late events of large items: DynamoDB limits a transaction by the items that it changes, and refuses it as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.domain import timestamps
from shared.table.item import Item
from shared.table.keys import events as event_keys
from tests.properties.feed import publications
from tests.properties.feed.publications import NOW, Publications, event_item
from tests.support.item_size import item_size
from tests.support.memory_table import MemoryTable

LONG_AGO = timestamps.plus(NOW, -3_600)
LARGEST_ITEM, LARGEST_TRANSACTION = 400 * 1024, 4 * 1024 * 1024
"""Bytes (Amazon DynamoDB Developer Guide, "Quotas")."""


class Limited(MemoryTable):
    """A table that has DynamoDB's limits of the bytes of an item and of the items of a transaction."""

    def _transact_write_items(self, **request: Any) -> dict[str, Any]:
        steps = [next(iter(step.values())) for step in request["TransactItems"]]
        sizes = [
            item_size(one["Item"])
            if "Item" in one
            else item_size(self._items.get((one["Key"]["PK"]["S"], one["Key"]["SK"]["S"]), one["Key"]))
            + item_size(one["ExpressionAttributeValues"])
            for one in steps
        ]
        if sum(sizes) > LARGEST_TRANSACTION:
            raise refused(
                "ValidationException", "Transaction request exceeds the aggregate size limit of 4MB"
            )
        if max(sizes) > LARGEST_ITEM:
            reason = {
                "Code": "ValidationError",
                "Message": "Item size to update has exceeded the maximum allowed size",
            }
            raise refused(
                "TransactionCanceledException",
                "",
                CancellationReasons=[reason if size > LARGEST_ITEM else {"Code": "None"} for size in sizes],
            )
        return super()._transact_write_items(**request)


def refused(code: str, message: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": message}, **more}
    return ClientError(response, "TransactWriteItems")


def large(item: Item, size: int) -> Item:
    """Return an event's item with so many bytes."""
    rest = size - item_size(item | {"changes": {"S": '{"notes":["",""]}'}})
    return item | {"changes": {"S": f'{{"notes":["","{"x" * rest}"]}}'}}


@pytest.fixture(autouse=True)
def limited_and_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timestamps, "now", lambda: NOW)
    monkeypatch.setattr(publications, "MemoryTable", Limited)


def test_late_events_of_any_size_are_appended_in_as_many_transactions_as_they_need() -> None:
    items = [
        large(event_item(f"r{number}", 1, timestamps.plus(LONG_AGO, number / 1000)), 120_000)
        for number in range(40)
    ]
    world = Publications(items)
    report = world.process().sweep()
    assert (report.published, report.failed) == (40, 0)
    assert len(world.entries()) == 40


def test_one_event_that_cannot_be_appended_holds_back_only_those_of_its_record() -> None:
    items = [
        event_item(record, version, timestamps.plus(LONG_AGO, version))
        for record in ("one", "full", "two", "three")
        for version in (1, 2)
    ]
    items[2] = large(items[2], LARGEST_ITEM - 5)  # without room for its position
    world = Publications(items)
    result = world.process().publish(*map(event_keys.id_of, items))
    assert result.failed == {2, 3}
    assert {entry.entity_id for entry in world.entries()} == {"one", "two", "three"}
    assert len(world.entries()) == 6
