"""The events of entries of the feed."""

from __future__ import annotations

from collections.abc import Sequence

from shared import observability
from shared.domain.errors import NOT_A_RECORD
from shared.domain.events import Event
from shared.domain.feed import FeedEntry
from shared.services.feed.reading import EventContent
from shared.table import event_items
from shared.table.item import Item, item_size
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import Key, identity_of
from shared.table.store import Store


class FeedContents:
    """The events of one tenant's entries. They are read by key, so an event that was purged is missing."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def read(self, entries: Sequence[FeedEntry]) -> dict[str, EventContent]:
        """Return the events of entries that still exist, by their ids. One that cannot be read is logged, and has no
        content: it must not stop the readers of the feed.

        A hundred events are one eventually consistent call, half a read unit for 4 kB of each. Those that it does not
        find are read again as of now: an event may have been published before the reader's copy of the table had it.
        """
        keys = {entry.id: self._key(entry) for entry in entries}
        found = self._store.get_many(list(keys.values()), consistent=False)
        missing = [key for key in keys.values() if identity_of(key) not in found]
        if missing:
            found |= self._store.get_many(missing)
        contents = {}
        for event_id, key in keys.items():
            if item := found.get(identity_of(key)):
                contents[event_id] = EventContent(_event_of(item), item_size(item))
        return contents

    def _key(self, entry: FeedEntry) -> Key:
        return event_keys.event(
            self._tenant, entry.entity, entry.entity_id, entry.id, is_of_entry=entry.is_of_entry
        )


def _event_of(item: Item) -> Event | None:
    try:
        return event_items.event_from_item(item)
    except NOT_A_RECORD:
        observability.warn("not an event", trace=observability.trace())
        return None
