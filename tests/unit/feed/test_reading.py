"""Reading a feed: without a gap, by time, and by the id of an event."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.feed import FeedEntry, FeedHead
from shared.domain.ids import new_id, new_id_at
from shared.table.feed.items import pack, unpack
from shared.table.feed.reading import FeedTable
from shared.table.keys import feed as feed_keys
from tests.support.budgets import repetitions
from tests.unit.feed.feeds import entry, store_with


def cut(entries: list[FeedEntry], sizes: list[int]) -> list[list[FeedEntry]]:
    """Return entries in pages of some sizes, none of which spans two blocks; the rest is the last list."""
    parts, start = [], 0
    for size in sizes:
        left = (
            feed_keys.BLOCK - (entries[start].position - 1) % feed_keys.BLOCK if start < len(entries) else 0
        )
        part = entries[start : start + min(size, left)]
        parts += [part] if part else []
        start += len(part)
    return [*parts, entries[start:]]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_keys, "BLOCK", 8)


FEEDS = st.builds(
    lambda seconds, sizes: cut(
        [entry(number, second=second) for number, second in enumerate(sorted(seconds), 1)], sizes
    ),
    st.lists(st.integers(0, 30), max_size=40),
    st.lists(st.integers(1, 6), max_size=12),
)


def test_entries_are_unpacked_as_they_were_packed() -> None:
    entries = [entry(position) for position in range(5, 9)]
    assert unpack(pack(entries), 5) == entries
    assert unpack(b"", 5) == []


@settings(max_examples=repetitions(60))
@given(FEEDS, st.integers(0, 45), st.integers(1, 12), st.sets(st.integers(1, 40)))
def test_a_feed_is_read_without_a_gap_from_any_position_whatever_is_not_visible_yet(
    feed: list[list[FeedEntry]], after: int, limit: int, hidden: set[int]
) -> None:
    everything = [one for part in feed for one in part]
    table = FeedTable(store_with(feed[:-1], feed[-1], sorted(hidden)), "t")
    assert table.read(after, limit) == everything[after : after + limit]


@settings(max_examples=repetitions(60))
@given(FEEDS, st.integers(0, 32))
def test_the_position_at_a_time_is_the_last_that_was_published_before_it(
    feed: list[list[FeedEntry]], second: int
) -> None:
    everything = [one for part in feed for one in part]
    time = entry(1, second=second).published_at
    table = FeedTable(store_with(feed[:-1], feed[-1]), "t")
    assert table.position_at(time) == sum(one.published_at < time for one in everything)


@settings(max_examples=repetitions(30))
@given(FEEDS, st.integers(0, 40), st.integers(0, 32), st.sets(st.integers(1, 40)))
def test_what_has_expired_is_left_out_and_was_before_any_time(
    feed: list[list[FeedEntry]], expired: int, second: int, hidden: set[int]
) -> None:
    pages = [page for page in feed[:-1] if page[-1].position > expired]
    kept = [one for part in (*pages, feed[-1]) for one in part]
    if not kept:
        return
    time = entry(1, second=second).published_at
    table = FeedTable(store_with(pages, feed[-1], sorted(hidden)), "t")
    assert table.read(0, 50) == kept
    assert table.position_at("") == kept[0].position - 1
    before = sum(one.published_at < time for one in kept)
    assert table.position_at(time) == kept[0].position - 1 + before


def test_a_reader_far_behind_reads_few_of_the_blocks_that_have_expired() -> None:
    """A request at position 0 is answered with 410 after some calls, not after one for each block."""
    newest = [entry(position) for position in range(7_993, 8_001)]
    store = store_with([newest[:4]], newest[4:])
    with mock.patch.object(store, "query", wraps=store.query) as query:
        assert FeedTable(store, "t").read(0, 1) == newest[:1]
    assert query.call_count < 80


def test_a_block_whose_page_is_not_visible_yet_has_not_expired() -> None:
    everything = [entry(position) for position in range(1, 20)]
    table = FeedTable(
        store_with([everything[:8], everything[8:16], everything[16:18]], everything[18:], [18]), "t"
    )
    assert [table.position_at(one.published_at) for one in everything] == list(range(19))


def test_an_event_is_found_by_its_id_in_pages_and_in_the_head() -> None:
    everything = [entry(position) for position in range(1, 24)]
    table = FeedTable(store_with([everything[:8], everything[8:16], everything[16:20]], everything[20:]), "t")
    read: list[int] = []
    assert [table.find(one.id, read.append) for one in everything] == everything
    assert sum(read) >= len(everything)
    assert table.find(new_id(), read.append) is None
    assert table.find("no id", read.append) is None


def test_an_id_of_a_year_after_9999_is_of_no_event() -> None:
    everything = [entry(position) for position in range(1, 24)]
    table = FeedTable(store_with([everything[:8], everything[8:16], everything[16:20]], everything[20:]), "t")
    read: list[int] = []
    assert table.find(new_id_at(2**48 - 1), read.append) is None
    assert read == []


@settings(max_examples=repetitions(40))
@given(FEEDS, st.sets(st.integers(1, 40)), st.booleans())
def test_an_event_is_found_whatever_is_not_visible_yet(
    feed: list[list[FeedEntry]], hidden: set[int], is_head_late: bool
) -> None:
    everything = [one for part in feed for one in part]
    table = FeedTable(store_with(feed[:-1], feed[-1], sorted(hidden), is_head_late=is_head_late), "t")
    assert [table.find(one.id, lambda _: None) for one in everything] == everything


def test_a_feed_of_no_entries_has_position_0() -> None:
    table = FeedTable(store_with([], []), "t")
    assert table.head() == FeedHead(0, None)
    assert (table.read(0, 10), table.position_at("2026")) == ([], 0)
