"""A feed with more events in six minutes than a process keeps entries: batches do not read again what is in memory."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain import timestamps
from shared.table.feed import known
from shared.table.feed.appending import FeedAppender
from shared.table.feed.items import head_from_item
from shared.table.feed.known import KnownEntries
from shared.table.feed.outgoing import Outgoing
from shared.table.keys import feed as feed_keys
from shared.table.store import Store
from tests.properties.feed.publications import NOW, event_item
from tests.support.memory_table import MemoryTable

MOST, BATCH, EVERY = 50, 7, 0.5
"""Entries kept, events in a batch, and seconds from one batch to the next."""


@pytest.mark.parametrize("lag", [1, 5])
def test_batches_of_a_busy_feed_read_no_pages_and_older_events_only_the_pages_that_were_forgotten(
    lag: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "EARLY_SECONDS", 2)
    monkeypatch.setattr(known, "LATE_SECONDS", 6)
    monkeypatch.setattr(known, "_MOST_ENTRIES", MOST)
    store = Store(MemoryTable(), "table")
    read: list[int] = []
    query = store.query

    def counted(partition: str, **options: Any) -> Any:
        rows = query(partition, **options)
        read.extend(map(feed_keys.last_position_of, rows))
        return rows

    monkeypatch.setattr(store, "query", counted)
    entries = KnownEntries(store)
    feeds = FeedAppender(store, entries)
    written: list[Outgoing] = []
    for number in range(80):
        at = timestamps.plus(NOW, number * EVERY)
        moment = timestamps.plus(at, lag)
        monkeypatch.setattr(timestamps, "now", lambda moment=moment: moment)
        batch = [Outgoing.of_item(event_item(f"r{number}-{one}", 1, at)) for one in range(BATCH)]
        situation = feeds.look_up(batch)
        assert not situation.published
        feeds.append("t", batch, situation.heads["t"])
        written += batch
    assert read == [], "of more entries than are kept"
    assert len(written) > 10 * MOST

    entries.forget_surplus()
    head = head_from_item(store.get(feed_keys.head("t")))
    tail = entries._tails["t"]
    assert MOST < len(tail) <= 9 / EVERY * BATCH, "of eight seconds"
    edge = tail.first
    older = [(one.id, one.written_at) for one in written[edge - 1 - 2 * BATCH : edge + 2 * BATCH]]
    found = entries.find("t", head, older, consistent=False)
    assert found == {event_id for event_id, _ in older}
    assert read and max(read) < edge + 60, "no page after the one that the memory begins in"
