"""Feeds in a table in memory, for tests of what reads and appends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.domain import timestamps
from shared.domain.feed import FeedEntry
from shared.domain.ids import derived_id
from shared.table.feed.items import Page, pack, page_to_item
from shared.table.keys import feed as feed_keys
from shared.table.store import Store
from tests.support.memory_table import MemoryTable

START = timestamps.to_milliseconds("2026-05-04T09:30:00.000Z")


def entry(position: int, *, second: float | None = None) -> FeedEntry:
    """Return the entry at a position, published so many seconds after the start (one for each position)."""
    moment = START + round((position if second is None else second) * 1000)
    return FeedEntry(
        position=position,
        id=derived_id(moment - 400, str(position)),
        type="contact.updated",
        entity="contact",
        entity_id=derived_id(START, "contact", str(position)),
        version=position,
        at=timestamps.from_milliseconds(moment - 400),
        actor="user:u1",
        origin="api",
        published_at=timestamps.from_milliseconds(moment),
        is_of_entry=position % 2 == 0,
    )


class Lagging:
    """A client whose reads without `ConsistentRead` do not show some items, by their sort keys, nor the head if it is
    late.
    """

    def __init__(self, table: MemoryTable, hidden: Sequence[str], *, is_head_late: bool) -> None:
        self._table, self._hidden, self._is_head_late = table, hidden, is_head_late

    def get_item(self, **request: Any) -> Any:
        return (
            {}
            if self._is_head_late and not request.get("ConsistentRead")
            else self._table.get_item(**request)
        )

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._table, operation)

    def query(self, **request: Any) -> Any:
        answer = self._table.query(**request)
        if not request.get("ConsistentRead"):
            answer["Items"] = [item for item in answer["Items"] if item["SK"]["S"] not in self._hidden]
        return answer


def store_with(
    pages: Sequence[Sequence[FeedEntry]],
    newest: Sequence[FeedEntry],
    hidden: Sequence[int] = (),
    *,
    is_head_late: bool = False,
) -> Store:
    """Return a store with a feed of pages and of newest entries in its head; `hidden`: the last positions of pages that
    reads do not show yet. `is_head_late`: they do not show the head either.
    """
    table = MemoryTable()
    for entries in pages:
        table.put(page_to_item("t", Page.of(entries)))
    everything = [one for entries in (*pages, newest) for one in entries]
    if everything:
        last = everything[-1]
        head = {
            **feed_keys.head("t"),
            "last_position": {"N": str(last.position)},
            "published_at": {"S": last.published_at},
            "first_unpaged": {"N": str(last.position + 1 - len(newest))},
        }
        table.put(head | {"packed": {"B": pack(newest) if newest else b""}})
    keys = [feed_keys.page_sort_key(one) for one in hidden]
    return Store(Lagging(table, keys, is_head_late=is_head_late), "table")
