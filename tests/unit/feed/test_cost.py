"""What appending to a feed costs, in write units worked out from the sizes of the items."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.ids import new_id_at
from shared.domain.stamp import Stamp
from shared.table.event_items import event_to_item
from shared.table.feed.appending import FeedAppender
from shared.table.feed.items import Head
from shared.table.feed.known import KnownEntries
from shared.table.feed.outgoing import Outgoing
from shared.table.store import Store
from tests.support.item_size import item_size
from tests.support.memory_table import MemoryTable
from tests.unit.feed.feeds import START


class Units:
    """A client that counts the write units of single writes, and of transactions twice."""

    def __init__(self) -> None:
        self.table = MemoryTable()
        self.written = 0

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self.table, operation)

        def counted(**request: Any) -> Any:
            before = len(self.table.stream)
            answer = call(**request)
            sizes = [item_size(after) for _, after in self.table.stream[before:] if after is not None]
            self.written += sum(math.ceil(size / 1024) for size in sizes) * (
                1 + operation.startswith("transact")
            )
            return answer

        return counted


def changes(count: int, chosen: random.Random) -> list[Outgoing]:
    """Return events of different contacts, made by one of five users, some seconds apart."""
    users = [Caller("t", "user", new_id_at(START), "admin") for _ in range(5)]
    events = []
    for number in range(count):
        moment = START + number * chosen.randint(1_000, 9_000)
        stamp = Stamp(new_id_at(moment), timestamps.from_milliseconds(moment), chosen.choice(users))
        contact_id = new_id_at(moment - chosen.randint(0, 10**9))
        made = Contact.create({"first_name": "Ada"}, contact_id=contact_id, stamp=stamp, source="api")[1]
        events.append(Outgoing.of_item(event_to_item("t", made)))
    return events


@pytest.mark.parametrize(("at_once", "most"), [(1, 1.35), (100, 0.2)])
def test_an_event_alone_costs_less_than_two_write_units_and_in_batches_a_tenth_of_it(
    at_once: int, most: float
) -> None:
    client = Units()
    store = Store(client, "table")
    known = KnownEntries(store)
    feeds = FeedAppender(store, known)
    events = changes(500, random.Random(15))
    for start in range(0, len(events), at_once):
        batch = events[start : start + at_once]
        head: Head = feeds.look_up(batch).heads["t"]
        feeds.append("t", batch, head)
    assert client.written / len(events) <= most
