"""Late events of large items: DynamoDB limits a transaction by the items that it changes, and refuses it as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.errors import TooLarge
from shared.domain.events import Event
from shared.domain.ids import derived_id
from shared.domain.stamp import Stamp
from shared.table import event_items
from shared.table.contacts.repository import ContactTable
from shared.table.feed.outgoing import POSITION
from shared.table.item import Item
from shared.table.item import item_size as table_item_size
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import key_of
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

    def _update_item(self, **request: Any) -> dict[str, Any]:
        before = dict(self._items.get((request["Key"]["PK"]["S"], request["Key"]["SK"]["S"]), {}))
        answer = super()._update_item(**request)
        if item_size(answer["Attributes"]) > LARGEST_ITEM:
            self.put(before)
            raise refused("ValidationException", "Item size to update has exceeded the maximum allowed size")
        return answer


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


def test_the_largest_event_that_is_written_can_be_left_over_and_published_late() -> None:
    """check 13: it has room for the partition of left over events and for its position."""
    tenant_id, event_id = (derived_id(timestamps.to_milliseconds(NOW), kind) for kind in ("tenant", "event"))

    def written(size: int) -> Item:
        event = Event(
            id=event_id,
            type="contact.created",
            entity="contact",
            entity_id="c",
            at=LONG_AGO,
            actor="user:u1",
            origin="api",
            version=1,
            changes={"about": ("", "x" * size)},
        )
        return event_items.event_to_item(tenant_id, event) | event_keys.outbox(event.id, LONG_AGO)

    rest = LARGEST_ITEM - 100 - table_item_size(written(0))
    with pytest.raises(TooLarge):
        written(rest + 1)
    largest = written(rest)
    world = Publications([largest])
    world.topic.refused = {event_keys.id_of(largest)}
    assert world.process().sweep().left_over == 1
    world.topic.refused = set()
    assert world.process().sweep().published == 1
    (entry,) = world.entries(tenant_id)
    row = world.store.get(key_of(largest))
    assert row is not None and row[POSITION] == {"N": str(entry.position)}


def test_check_41_of_contacts_written_together_only_the_one_whose_event_is_too_large_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_items, "_MOST_BYTES", 3_000)
    world = Publications([])
    changes = []
    for name, about in (("Ada", ""), ("Long", "x" * 3_000), ("Grace", "")):
        stamp = Stamp.now(Caller("t", "user", "u1", "admin"))
        given = {"first_name": name, "about": about}
        contact_id = derived_id(timestamps.to_milliseconds(NOW), name)
        changes.append((None, *Contact.create(given, contact_id=contact_id, stamp=stamp, source="api")))
    outcomes = {
        one: type(refusal)
        for ids, refusal in ContactTable(world.store, "t").write_together(changes)
        for one in ids
    }
    first, too_large, last = (contact.id for _, contact, _ in changes)
    assert outcomes == {first: type(None), too_large: TooLarge, last: type(None)}
    kept = ContactTable(world.store, "t")
    assert kept.get(first) and kept.get(last) and kept.get(too_large) is None
