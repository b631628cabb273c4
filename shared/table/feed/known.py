"""Entries of feeds that this process has read or written, by which it knows whether an event is in its feed.

An event can be at two kinds of places. One that was published within `LATE_SECONDS` after it was written is among the
entries published from a minute before that time to then. One that was published later has its position in its own
item. So the search for an event reads a few minutes of its feed at most, and nothing twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.domain import timestamps
from shared.domain.feed import FeedEntry
from shared.domain.ids import is_id
from shared.table.feed.items import Head, Page, head_from_item
from shared.table.feed.pages import FeedPages
from shared.table.feed.reading import FeedTable
from shared.table.keys import feed as feed_keys
from shared.table.store import Store

EARLY_SECONDS = 60
"""Seconds before the time at which an event was written from which it is looked for: the clocks of two processes
differ."""
LATE_SECONDS = 300
"""Seconds after that time until which it is looked for. The stream brings an event within a second or two."""
_MOST_ENTRIES = 50_000
"""Entries kept in memory, and beyond them those that the next batches need: see `KnownEntries.forget_surplus`."""


def is_in_window(written_at: str, published_at: str) -> bool:
    """Return whether an event that was written at a time is looked for among the entries published at another."""
    first, last = _window(written_at)
    return first <= published_at <= last


class KnownEntries:
    """The entries of the feeds of all tenants, as far as this process knows them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tails: dict[
            str, _Span
        ] = {}  # up to the last position read; the tenant that was used last is the last
        self._windows: dict[str, _Span] = {}  # further back, for a sweep that has much to check
        self._window_since = ""  # from which the last of these was needed

    def holds(self, tenant_id: str, event_id: str) -> bool:
        """Return whether an event is known to be in its tenant's feed."""
        tail, window = self._tails.get(tenant_id), self._windows.get(tenant_id)
        return (tail is not None and event_id in tail) or (window is not None and event_id in window)

    def find(
        self, tenant_id: str, head: Head, events: Iterable[tuple[str, str]], *, consistent: bool
    ) -> set[str]:
        """Return the ids of those of some events, each (id, time at which it was written), that are in the feed of a
        tenant up to its head. An event that was published late is not found.

        Costs a call and half a read unit (or one if `consistent`) for each four kilobytes of pages that are needed and
        not known; none if the head has all entries since. A head that is older than what is known, as an eventually
        consistent read can show it, is read again.
        """
        wanted = list(events)
        times = _joined(written_at for _, written_at in wanted)
        if not times:
            return set()
        known = self._tails.get(tenant_id)
        if known is not None and head.position < known.last:
            head = head_from_item(self._store.get(feed_keys.head(tenant_id)))
        tail = self._caught_up(tenant_id, head, times[-1].first, consistent=consistent)
        found: set[str] = set()
        for time in times:
            if tail.reaches(time.first):
                pass
            elif time.last >= tail.before:
                self._extend_back(tenant_id, tail, time.first, head, consistent=consistent)
            else:
                self._read_window(tenant_id, time, head, consistent=consistent)
            # At once: the next time may need other pages in memory.
            found |= {event_id for event_id, _ in wanted if self.holds(tenant_id, event_id)}
        return found

    def catch_up(self, tenant_id: str, head: Head) -> None:
        """Read the entries up to a head that is newer than what is known."""
        self._extend(tenant_id, self._tails[tenant_id], head, consistent=True)

    def add(self, tenant_id: str, entries: Sequence[FeedEntry]) -> None:
        """Add entries that this process has just appended to a feed, up to whose last entry before them it knows it."""
        self._tails[tenant_id].append(entries)

    def _caught_up(self, tenant_id: str, head: Head, since: str, *, consistent: bool) -> _Span:
        """Return the entries of a feed up to its head, without those of before `since` that have to be read."""
        tail = self._tails.pop(tenant_id, None)
        if tail is None or (tail.until < since and tail.last < head.position):
            tail = _span_of(head)
        self._tails[tenant_id] = tail
        self._extend(tenant_id, tail, head, consistent=consistent)
        return tail

    def _extend(self, tenant_id: str, span: _Span, head: Head, *, consistent: bool) -> None:
        for page in _read_after(FeedPages(self._store, tenant_id), span.last, head, consistent=consistent):
            span.append(page.entries())
        span.append(head.entries())

    def _extend_back(self, tenant_id: str, span: _Span, since: str, head: Head, *, consistent: bool) -> None:
        if span.first > head.first:  # the first entries of the head were forgotten
            span.prepend(head.entries())
            if span.reaches(since):
                return
        for page in _read_before(FeedPages(self._store, tenant_id), span, consistent=consistent):
            if not page.first <= span.first - 1 <= page.last:
                break  # the page between has expired, or cannot be seen yet
            span.prepend(page.entries())
            if span.reaches(since):
                return
        if not consistent and span.first > 1:
            self._extend_back(tenant_id, span, since, head, consistent=True)
            return
        span.before = ""  # all that was before has expired

    def _read_window(self, tenant_id: str, time: _Times, head: Head, *, consistent: bool) -> None:
        self._window_since = time.first
        span = self._windows.get(tenant_id)
        if span is None or not span.reaches(time.first) or span.until < time.first:
            start = FeedTable(self._store, tenant_id).position_at(time.first)
            span = self._windows[tenant_id] = _Span(start + 1, timestamps.plus(time.first, -0.001))
        if span.until > time.last:
            return
        for page in _read_after(FeedPages(self._store, tenant_id), span.last, head, consistent=consistent):
            span.append(page.entries())
            if page.published_until > time.last:
                return
        span.append(head.entries())

    def forget_surplus(self) -> None:
        """Forget entries that are too many to keep, those of the tenants that were used least recently first.

        Entries in which the next batches look for their events are kept however many they are, or each batch would read
        them again: of all feeds those of the last six minutes, and of the sweep's place those from there on. At a
        thousand events a second, six minutes have 360,000 entries.

        Not between `find` and the append that relies on what it has read.
        """
        latest = max((span.until for span in self._tails.values()), default="")
        recent = timestamps.plus(latest, -EARLY_SECONDS - LATE_SECONDS) if latest else ""
        for spans, needed_since in ((self._windows, self._window_since), (self._tails, recent)):
            surplus = sum(map(len, spans.values())) - _MOST_ENTRIES
            for tenant_id in list(spans):
                if surplus <= 0:
                    break
                surplus -= spans[tenant_id].forget(surplus, needed_since)
                if not len(spans[tenant_id]):
                    del spans[tenant_id]


_Id = bytes | str


def _compact(event_id: str) -> _Id:
    """Return an id as its 16 bytes, which take half the memory of its text."""
    return bytes.fromhex(event_id.replace("-", "")) if is_id(event_id) else event_id


class _Span:
    """Consecutive entries of a feed, by their events' ids.

    `first` and `last`: their positions. `is_at_start_of_page`: whether the first one is the first of a page. `before`:
    no entry at an earlier position was published later than this. `until`: when the last one was published.
    """

    def __init__(self, first: int, before: str) -> None:
        self.first, self.last = first, first - 1
        self.is_at_start_of_page = True
        self.before = "" if first == 1 else before
        self.until = self.before
        self._parts: deque[tuple[str, list[_Id]]] = deque()  # (when the last one was published, ids)
        self._ids: set[_Id] = set()

    def __contains__(self, event_id: str) -> bool:
        return _compact(event_id) in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def reaches(self, time: str) -> bool:
        """Return whether all entries published since a time are here, up to the last."""
        return self.before < time

    def append(self, entries: Sequence[FeedEntry]) -> None:
        """Add those of some entries that follow the last."""
        new = [entry for entry in entries if entry.position > self.last]
        if not new:
            return
        if new[0].position != self.last + 1:
            raise ValueError("entries between are missing")
        self.last, self.until = new[-1].position, new[-1].published_at
        ids = [_compact(entry.id) for entry in new]
        self._parts.append((self.until, ids))
        self._ids.update(ids)

    def prepend(self, entries: Sequence[FeedEntry]) -> None:
        """Add those of a page's entries, or of the head's, that are before the first one."""
        new = [entry for entry in entries if entry.position < self.first]
        if not new or new[-1].position != self.first - 1:
            raise ValueError("entries between are missing")
        ids = [_compact(entry.id) for entry in new]
        self._parts.appendleft((new[-1].published_at, ids))
        self._ids.update(ids)
        self.first = new[0].position
        self.is_at_start_of_page = True
        self.before = "" if self.first == 1 else new[0].published_at

    def forget(self, count: int, needed_since: str) -> int:
        """Forget at least so many entries, the oldest first, as far as there are and were published before a time;
        return how many.
        """
        before = len(self)
        while self._parts and before - len(self) < count and self._parts[0][0] < needed_since:
            published_until, ids = self._parts.popleft()
            self.first += len(ids)
            self.is_at_start_of_page = False
            self.before = published_until
            self._ids.difference_update(ids)
        return before - len(self)


def _span_of(head: Head) -> _Span:
    """Return the newest entries, those of a head."""
    newest = head.entries()
    span = _Span(head.first, newest[0].published_at if newest else head.published_at)
    span.append(newest)
    return span


@dataclass(frozen=True, slots=True)
class _Times:
    """The times, both included, between which events are looked for."""

    first: str
    last: str


def _window(written_at: str) -> tuple[str, str]:
    return timestamps.plus(written_at, -EARLY_SECONDS), timestamps.plus(written_at, LATE_SECONDS)


def _joined(written: Iterable[str]) -> list[_Times]:
    """Return the times between which events are looked for, in order; those that overlap as one."""
    joined: list[_Times] = []
    for written_at in sorted(set(written)):
        first, last = _window(written_at)
        if joined and first <= joined[-1].last:
            joined[-1] = _Times(joined[-1].first, last)
        else:
            joined.append(_Times(first, last))
    return joined


def _read_before(pages: FeedPages, span: _Span, *, consistent: bool) -> Iterator[Page]:
    """Yield the pages before a span, the last first; at first the one whose last entries the span has, if it begins
    within a page.
    """
    if not span.is_at_start_of_page and span.first > 1:
        page = pages.first_from(span.first - 1, consistent=consistent)
        if page is None:
            return
        yield page
    yield from pages.before(span.first, consistent=consistent)


def _read_after(pages: FeedPages, position: int, head: Head, *, consistent: bool) -> Iterator[Page]:
    """Yield the pages after a position up to the head, read again consistently from where one is missing."""
    for page in (
        pages.after(position, head.first - 1, consistent=consistent) if position + 1 < head.first else ()
    ):
        if page.first > position + 1:
            break
        yield page
        position = page.last
    if position + 1 < head.first and not consistent:
        yield from _read_after(pages, position, head, consistent=True)
