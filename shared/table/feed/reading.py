"""A feed, as its readers see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from shared.domain import timestamps
from shared.domain.feed import FeedEntry, FeedHead
from shared.domain.ids import is_id, milliseconds_of
from shared.table.feed.items import Head, Page, head_from_item
from shared.table.feed.pages import FeedPages, first_where
from shared.table.keys import feed as feed_keys
from shared.table.store import Store

_EARLY_SECONDS = 60
"""Seconds by which an event may be published before the time in its id: clocks differ."""
_FOUND_WITHIN_SECONDS = 3_600
"""Seconds after the time in its id within which an event is looked for."""
_FOUND_WITHIN_BYTES = 1_000_000
"""Bytes of packed entries in which an event is looked for: some 20,000 entries."""


class _NotVisibleYet(Exception):
    """An eventually consistent read does not show a page yet."""


class FeedTable:
    """The feed of one tenant. After `head`, entries and positions are those of the head that it returned: what is
    published later is not seen, and the head is not read again.
    """

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._pages = FeedPages(store, tenant_id)
        self._head: Head | None = None

    def head(self, *, consistent: bool = False) -> FeedHead:
        """Return the end of the feed, a moment late at times: half a read unit. `consistent`: as of now, for a unit."""
        head = self._head = self._read_head(consistent=consistent)
        return FeedHead(head.position, head.published_at or None)

    def read(self, after: int, limit: int) -> list[FeedEntry]:
        """Return the entries after a position, at most `limit`, in their order and without a gap.

        Returns fewer than `limit` only at the end of the feed. Entries that have expired are left out.

        Costs half a read unit for the head, which has the newest entries, unless `head` has read it, and half of one
        for each four kilobytes of pages. A page that is not visible yet is read again, consistently.
        """
        head = self._head or self._read_head()
        if after >= head.position or limit < 1:
            return []
        try:
            return self._read_after(after, limit, head, consistent=False)
        except _NotVisibleYet:  # the head may be newer than the pages that can be seen
            return self._read_after(after, limit, head, consistent=True)

    def position_at(self, time: str) -> int:
        """Return the last position that was published before a time; 0 if none was. Entries that have expired count as
        published before any time.

        Costs half a read unit for the head, and as much for each halving of the feed if the head does not answer it.
        """
        return self._position_at(time, self._head or self._read_head())

    def find(self, event_id: str, charge: Callable[[int], None]) -> FeedEntry | None:
        """Return the entry of an event; None when it has none. `charge` is called with the numbers of entries read.

        Looks among the entries published within an hour of the time in the event's id, up to a megabyte of them: an
        event that was published later is not found. Costs those of `position_at`, and half a read unit for each four
        kilobytes. Where pages are not visible yet, or the head that was seen ends within that hour, goes on with
        consistent reads.
        """
        if not is_id(event_id):
            return None
        at = milliseconds_of(event_id)
        first = timestamps.from_milliseconds(at - _EARLY_SECONDS * 1000)
        last = timestamps.from_milliseconds(at + _FOUND_WITHIN_SECONDS * 1000)
        head = self._read_head()
        after, size = self._position_at(first, head), 0
        for consistent in (False, True):
            head = self._read_head(consistent=True) if consistent else head
            try:
                for page in self._parts(after, head, consistent=consistent):
                    entries = page.entries()
                    charge(len(entries))
                    size += len(page.packed)
                    for entry in entries:
                        if entry.id == event_id:
                            return entry
                    if page.published_until > last or size > _FOUND_WITHIN_BYTES:
                        return None
                    after = page.last
            except _NotVisibleYet:
                continue
        return None

    def _read_head(self, *, consistent: bool = False) -> Head:
        return head_from_item(self._store.get(feed_keys.head(self._tenant), consistent=consistent))

    def _read_after(self, after: int, limit: int, head: Head, *, consistent: bool) -> list[FeedEntry]:
        """Return entries as `read` does. Raises _NotVisibleYet as `_parts` does."""
        found: list[FeedEntry] = []
        for page in self._parts(after, head, consistent=consistent):
            found += page.entries()[max(after + 1 - page.first, 0) :]
            if len(found) >= limit:
                break
        return found[:limit]

    def _parts(self, after: int, head: Head, *, consistent: bool) -> Iterator[Page]:
        """Yield the pages after a position, and the entries of the head as the last.

        Raises _NotVisibleYet where one is missing and the read is not consistent. What is missing from a consistent
        read has expired.
        """
        following = after + 1
        if following < head.first:
            for page in self._pages.after(after, head.first - 1, consistent=consistent):
                if page.first > following and not consistent:
                    raise _NotVisibleYet()
                yield page
                following = page.last + 1
        if following < head.first and not consistent:
            raise _NotVisibleYet()
        if head.packed and after < head.position:
            yield Page(
                head.first, head.position, head.entries()[0].published_at, head.published_at, head.packed
            )

    def _position_at(self, time: str, head: Head) -> int:
        if head.published_at < time:
            return head.position
        newest = head.entries()
        if newest and newest[0].published_at < time:
            return max(entry.position for entry in newest if entry.published_at < time)
        if head.first == 1:
            return 0
        paged = head.first - 1

        @cache
        def first_of_block(block: int) -> Page | None:
            return self._pages.first_from(block * feed_keys.BLOCK + 1)

        def reaches(block: int) -> bool:  # blocks that have expired were before any time
            page = first_of_block(block)
            return page is not None and page.published_from >= time

        def before_block(block: int) -> int:
            page = first_of_block(block)
            return paged if page is None else page.first - 1

        block = first_where(feed_keys.block_of(paged) + 1, reaches)
        if block == 0:
            return before_block(0)
        # The block before ends before the time if its first page does, but it may also have the time within it.
        low, high = (block - 1) * feed_keys.BLOCK, min(block * feed_keys.BLOCK, paged)
        while low < high:
            middle = (low + high) // 2
            page = self._pages.first_from(middle + 1)
            if page is None:  # the rest of this block has expired
                return before_block(block)
            if page.first > middle + 1:  # those between have expired
                low = page.first - 1
                if page.published_from >= time:
                    return low
            elif page.published_from >= time:
                high = middle
            elif page.published_until < time:
                low = page.last
            else:
                return max(entry.position for entry in page.entries() if entry.published_at < time)
        return low
