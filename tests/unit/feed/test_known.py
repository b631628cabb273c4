"""What a process knows of feeds: whether an event is in its feed, with each page read once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import timestamps
from shared.domain.feed import FeedEntry
from shared.domain.ids import new_id
from shared.table.feed import known
from shared.table.feed.items import Head, head_from_item, pack
from shared.table.feed.known import KnownEntries, is_in_window
from shared.table.keys import feed as feed_keys
from shared.table.store import Store
from tests.support.budgets import repetitions
from tests.unit.feed.feeds import entry, store_with


@pytest.fixture(autouse=True)
def small_blocks_and_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_keys, "BLOCK", 8)
    monkeypatch.setattr(known, "EARLY_SECONDS", 2)
    monkeypatch.setattr(known, "LATE_SECONDS", 6)


def pages_of(count: int, size: int) -> list[list[FeedEntry]]:
    """Return the entries of so many seconds in pages; the last list is the head's."""
    entries = [entry(position) for position in range(1, count + 1)]
    return [entries[start : start + size] for start in range(0, count, size)] or [[]]


def head_of(store: Store) -> Head:
    return head_from_item(store.get(feed_keys.head("t")))


def earlier_head(pages: list[list[FeedEntry]], lag: int) -> Head:
    """Return what the head was so many pages earlier, as an eventually consistent read may show it."""
    newest = pages[max(len(pages) - 1 - lag, 0)]
    if not newest:
        return Head()
    return Head(newest[-1].position, newest[-1].published_at, pack(newest), newest[0].position)


@settings(max_examples=repetitions(60))
@given(
    st.integers(0, 60),
    st.sampled_from([1, 2, 4]),
    st.lists(
        st.tuples(
            st.lists(st.integers(1, 70), min_size=1, max_size=6), st.integers(-3, 7), st.integers(-3, 12)
        ),
        max_size=6,
    ),
    st.sets(st.integers(1, 60)),
    st.sampled_from([0, 3, 50_000]),
)
def test_an_event_is_found_if_it_was_published_about_when_it_was_written(
    count: int,
    size: int,
    searches: list[tuple[list[int], int, int]],
    hidden: set[int],
    most: int,
) -> None:
    """Whatever was searched before, what was forgotten since, and what cannot be seen yet: pages, and a newer head. A
    search with a lag below 0 is consistent.
    """
    pages = pages_of(count, size)
    store = store_with(pages[:-1], pages[-1], sorted(hidden))
    entries = KnownEntries(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known, "_MOST_ENTRIES", most)
        for positions, delay, lag in searches:
            consistent = lag < 0
            head = head_of(store) if consistent else earlier_head(pages, lag)
            events = [(entry(one), timestamps.plus(entry(one).published_at, -delay)) for one in positions]
            found = entries.find(
                "t", head, [(one.id, written) for one, written in events], consistent=consistent
            )
            there = {one.id for one, _ in events if one.position <= count}
            shown = {one.id for one, _ in events if one.position <= head.position}
            wanted = {one.id for one, written in events if is_in_window(written, one.published_at)}
            assert shown & wanted <= found <= there
            entries.forget_surplus()


@pytest.mark.parametrize("lag", [1, 2, 5])
@pytest.mark.parametrize("position", [30, 34, 36])
def test_a_head_that_a_read_shows_late_leaves_no_gap_in_what_is_known(lag: int, position: int) -> None:
    pages = pages_of(40, 4)
    store = store_with(pages[:-1], pages[-1])
    entries = KnownEntries(store)
    newest, wanted = entry(40), entry(position)
    entries.find("t", head_of(store), [(newest.id, newest.published_at)], consistent=True)
    for head, consistent in ((earlier_head(pages, lag), False), (head_of(store), True)):
        event = (wanted.id, wanted.published_at)
        assert entries.find("t", head, [event], consistent=consistent) == {wanted.id}


@pytest.mark.parametrize("kept", [13, 17, 33])
def test_a_late_event_is_looked_for_where_all_earlier_entries_have_expired(kept: int) -> None:
    """A tenant is back after more than the 400 days for which entries are kept."""
    pages = pages_of(60, 4)
    store = store_with([page for page in pages[:-1] if page[0].position >= kept], pages[-1])
    wanted, entries = entry(kept + 3), KnownEntries(store)
    for searched in (new_id(), wanted.id):
        event = (searched, entry(kept).published_at)
        assert entries.find("t", head_of(store), [event], consistent=True) <= {wanted.id}
    assert entries.holds("t", wanted.id)


class Reads:
    """A store that counts how often each page is read."""

    def __init__(self, store: Store) -> None:
        self._store, self.pages, self.calls = store, Counter[str](), 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def query(self, partition: str, **options: Any) -> Any:
        self.calls += 1
        rows = self._store.query(partition, **options)
        self.pages.update(row["SK"]["S"] for row in rows)
        return rows


def test_a_sweep_that_is_late_reads_each_page_once_and_no_newer_ones() -> None:
    """But for those by which it finds where to begin."""
    pages = pages_of(2_000, 4)
    reads = Reads(store_with(pages[:-1], pages[-1]))
    entries = KnownEntries(reads)  # type: ignore[arg-type]
    first = entry(400)
    entries.find("t", head_of(reads), [(first.id, first.published_at)], consistent=False)  # type: ignore[arg-type]
    began = Counter(reads.pages)
    for position in range(402, 600, 5):
        one = entry(position)
        assert entries.find("t", head_of(reads), [(one.id, one.published_at)], consistent=False) == {one.id}  # type: ignore[arg-type]
    again = reads.pages - began
    assert max(again.values()) <= 2, (
        "a call may read some pages more than are needed, which the next one reads again"
    )
    assert sum(began.values()) <= 60 and max(map(int, again)) <= 900


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_feed_whose_head_has_all_recent_entries_is_not_read_further(count: int) -> None:
    pages = [
        [entry(1), entry(2)],
        [entry(position, second=100 + position) for position in range(3, 3 + count)],
    ]
    reads = Reads(store_with(pages[:-1], pages[-1]))
    entries = KnownEntries(reads)  # type: ignore[arg-type]
    written_at = entry(9, second=106).published_at
    assert entries.find("t", head_of(reads), [(new_id(), written_at)], consistent=True) == set()  # type: ignore[arg-type]
    assert reads.calls == 0
