"""Events in the table: the outbox index by which publication is checked, and the feed that acknowledges it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shared.domain import timestamps
from shared.table import event_items, walking
from shared.table.guards import IS_NEW
from shared.table.item import Item
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import Key, identity_of
from shared.table.store import Store

_PAGE = 100  # entries of each shard; those not processed when time runs out are read again
_PORTION = 500
_BUCKET_SECONDS = 600


class EventTable:
    """Events of all tenants, as the publisher and the sweeper see them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def acknowledge(self, published: Iterable[Item]) -> None:
        """Write published events into the feeds of their tenants, given by their items."""
        self._store.write_many(put=[_feed_row(item) for item in published])

    def written_between(self, start: str, end: str) -> Iterator[list[Key]]:
        """Yield the index entries of all events written from `start` to `end`, oldest first, at most 500 at a time.

        `start`: a timestamp, or a position (see `shared.table.keys.work.position_after`); `end`: a timestamp.
        Costs a half read unit for each twenty events, and one for each empty ten minutes and shard.
        """
        for bucket in _buckets(start, end):
            shards = [event_keys.outbox_partition(bucket, shard) for shard in range(event_keys.OUTBOX_SHARDS)]
            found = walking.walk_entries(self._store, shards, (start, end), page=_PAGE)
            yield from walking.portions(found, _PORTION)

    def unacknowledged(self, events: Sequence[Key]) -> list[Item]:
        """Return the items of those events (given by their keys) that are in no feed.

        Costs half a read unit an event.
        """
        feed_rows = [(event_keys.feed_of(key), key) for key in events]
        acknowledged = self._store.get_many([row for row, _ in feed_rows], consistent=False)
        missing = [key for row, key in feed_rows if identity_of(row) not in acknowledged]
        return list(self._store.get_many(missing).values()) if missing else []

    def checkpoint(self) -> str | None:
        """Return up to where the sweeper has checked: a time, or a position; None when it never ran."""
        item = self._store.get(event_keys.SWEEP_CHECKPOINT)
        return item["checked_until"]["S"] if item else None

    def set_checkpoint(self, checked_until: str) -> None:
        """Write up to where the sweeper has checked: a time, or a position. It never moves back."""
        moment = {"S": checked_until}
        is_first = IS_NEW
        is_later = "checked_until <= :until"
        self._store.put(
            {**event_keys.SWEEP_CHECKPOINT, "checked_until": moment},
            condition=f"{is_first} OR {is_later}",
            values={":until": moment},
        )


def _buckets(start: str, end: str) -> Iterator[str]:
    moment = timestamps.of_position(start)
    while event_keys.outbox_bucket(moment) <= event_keys.outbox_bucket(end):
        yield moment
        moment = timestamps.plus(moment, _BUCKET_SECONDS)


def _feed_row(item: Item) -> Item:
    event = event_items.event_from_item(item)
    return {
        **event_keys.feed_of(item),
        "type": {"S": event.type},
        "at": {"S": event.at},
        "entity": {"S": event.entity},
        "entity_id": {"S": event.entity_id},
    }
