"""The pages of a feed in the table, read in either direction across their partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from shared.table import walking
from shared.table.feed.items import Page, page_from_item
from shared.table.keys import feed as feed_keys
from shared.table.store import Store

_FIRST_READ, _LARGEST_READ = 2, 32
"""Pages in the first call of a walk and in the largest: a page has from some ten entries to some hundred."""


class FeedPages:
    """The pages of one tenant's feed. Reads cost half a read unit for each four kilobytes, twice that if consistent."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def after(self, position: int, until: int, *, consistent: bool) -> Iterator[Page]:
        """Yield the pages with the positions after one up to another, in their order.

        The first may also have positions before these, and the last positions after them. Pages that have expired are
        left out, and those that a read without `consistent` does not show yet.
        """
        block, last = feed_keys.block_of(position + 1), feed_keys.block_of(until)
        while block <= last:
            items = walking.walk(
                self._store,
                feed_keys.pages(self._tenant, block),
                page=_FIRST_READ,
                largest=_LARGEST_READ,
                after=feed_keys.page_sort_key(position),
                consistent=consistent,
            )
            is_empty = True
            for page in map(page_from_item, items):
                is_empty = False
                if page.first > until:
                    return
                yield page
                if page.last >= until:
                    return
            block += 1
            if is_empty:  # so those after it may have expired too, in their order
                block += first_where(last - block, partial(self._is_kept, block))

    def before(self, position: int, *, consistent: bool) -> Iterator[Page]:
        """Yield the pages with the positions before one, the last first, as far back as they have not expired."""
        for block in range(feed_keys.block_of(position - 1), -1, -1):
            is_empty = True
            items = walking.walk(
                self._store,
                feed_keys.pages(self._tenant, block),
                page=_FIRST_READ,
                largest=_LARGEST_READ,
                after=feed_keys.page_sort_key(position),
                descending=True,
                consistent=consistent,
            )
            for item in items:
                is_empty = False
                yield page_from_item(item)
            if is_empty and block < feed_keys.block_of(position - 1):
                return  # everything before it has expired too

    def first_from(self, position: int, *, consistent: bool = False) -> Page | None:
        """Return the page with a position, or, if that has expired, the first page after it in its block; None if all
        have expired. Where a read without `consistent` does not show the page of the position, reads again.
        """
        partition = feed_keys.pages(self._tenant, feed_keys.block_of(position))
        before = feed_keys.page_sort_key(position - 1)
        items = self._store.query(partition, limit=1, after=before, consistent=consistent)
        page = page_from_item(items[0]) if items else None
        if (page is None or page.first > position) and not consistent:
            # It may have been written a moment ago, and not be visible yet.
            return self.first_from(position, consistent=True)
        return page

    def _is_kept(self, block: int, further: int) -> bool:
        """Return whether a block, so many after another, has a page."""
        return self.first_from((block + further) * feed_keys.BLOCK + 1) is not None


def first_where(count: int, holds: Callable[[int], bool]) -> int:
    """Return the first number below `count` for which a condition holds that holds for all numbers after it; `count`
    if there is none.
    """
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
