"""The items of a feed: the head with the newest entries, and the pages with all others.

Entries are packed as JSON rows, compressed: about 70 bytes for one of a dozen single changes, 23 bytes for one of a
hundred rows of an import. Readers ignore attributes, and members of a row, that they do not know.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain import timestamps
from shared.domain.feed import FeedEntry
from shared.table.item import Item, binary
from shared.table.keys import feed as feed_keys

KEPT_SECONDS = 400 * 86_400
"""Seconds that entries are kept after publication: thirteen months, so that an audit of a year finds all of it."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a feed: the last position given, and when (0 and "" in an empty feed); and the newest entries, which
    are in no page yet.
    """

    position: int = 0
    published_at: str = ""
    packed: bytes = b""
    first: int = 1
    """The position of the first of those entries; the next position when there are none."""

    def entries(self) -> list[FeedEntry]:
        """Return the entries that are in no page yet."""
        return unpack(self.packed, self.first)


@dataclass(frozen=True, slots=True)
class Page:
    """Entries at consecutive positions from `first` to `last`, published from one time to the other."""

    first: int
    last: int
    published_from: str
    published_until: str
    packed: bytes

    @classmethod
    def of(cls, entries: Sequence[FeedEntry]) -> Page:
        """Return the page with some entries."""
        first, last = entries[0], entries[-1]
        return cls(first.position, last.position, first.published_at, last.published_at, pack(entries))

    def entries(self) -> list[FeedEntry]:
        """Return the page's entries."""
        return unpack(self.packed, self.first)


def pack(entries: Sequence[FeedEntry]) -> bytes:
    """Return entries at consecutive positions as bytes."""
    rows = [
        (
            entry.id,
            entry.type,
            entry.entity,
            entry.entity_id,
            entry.version,
            entry.at,
            entry.actor,
            entry.origin,
            int(entry.is_of_entry),
            entry.published_at,
        )
        for entry in entries
    ]
    text = json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()
    return zlib.compress(text, 9)


def unpack(packed: bytes, first: int) -> list[FeedEntry]:
    """Return packed entries; `first` is the position of the first one. The inverse of `pack`.

    Raises one of NOT_A_RECORD if the bytes are no packed entries.
    """
    if not packed:
        return []
    try:
        text = zlib.decompress(packed)
    except zlib.error as error:  # it is none of NOT_A_RECORD
        raise ValueError("not packed entries") from error
    rows = json.loads(text)
    return [
        FeedEntry(
            position=position,
            id=row[0],
            type=row[1],
            entity=row[2],
            entity_id=row[3],
            version=row[4],
            at=row[5],
            actor=row[6],
            origin=row[7],
            is_of_entry=bool(row[8]),
            published_at=row[9],
        )
        for position, row in enumerate(rows, first)
    ]


def head_from_item(item: Item | None) -> Head:
    """Return the head of an item; None is the head of an empty feed."""
    if not item:
        return Head()
    return Head(
        position=int(item["last_position"]["N"]),
        published_at=item["published_at"]["S"],
        packed=binary(item["packed"]),
        first=int(item["first_unpaged"]["N"]),
    )


def page_to_item(tenant_id: str, page: Page) -> Item:
    """Return the item of a page."""
    expires_at = timestamps.to_milliseconds(page.published_until) // 1000 + KEPT_SECONDS
    return {
        **feed_keys.page(tenant_id, page.last),
        "first_position": {"N": str(page.first)},
        "published_from": {"S": page.published_from},
        "published_until": {"S": page.published_until},
        "packed": {"B": page.packed},
        "expires_at": {"N": str(expires_at)},
    }


def page_from_item(item: Item) -> Page:
    """Return the page of an item."""
    return Page(
        first=int(item["first_position"]["N"]),
        last=feed_keys.last_position_of(item),
        published_from=item["published_from"]["S"],
        published_until=item["published_until"]["S"],
        packed=binary(item["packed"]),
    )
