"""The chunks of imports that were begun, each with the contacts that it may have changed.

An attempt records them before its first write. So a later attempt finds what was written, even in contacts that no row
matches any more.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from shared.domain.ids import new_id
from shared.domain.imports.record import ImportRun
from shared.table import walking
from shared.table.guards import IS_NEW
from shared.table.item import Item
from shared.table.keys import imports as import_keys
from shared.table.keys.spelling import Key
from shared.table.store import Store

KEPT_SECONDS = 400 * 86_400
"""How long a begun chunk is kept: as long as what it wrote. The tenant of an import may be suspended meanwhile."""
_MOST = 3_000
"""Events in one item: each takes about 90 bytes, and an item holds 400 KB."""
_PAGE = 100

EventKey = tuple[str, str]
"""The id of a contact, and that of its event."""


class BegunChunkTable:
    """The begun chunks of one tenant's imports."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def begin(self, run: ImportRun, first_row: int, events: Sequence[EventKey]) -> list[EventKey] | None:
        """Record the beginning of a chunk, which is known by its first row, and the events that it may write to
        contacts that exist. Returns None for the first attempt, and otherwise the events of the earlier ones.
        """
        key = import_keys.begun(self._tenant, run.id, run.attempt, first_row)
        if self._store.put(_to_item(key, events[:_MOST]), condition=IS_NEW):
            self.add(run, first_row, events[_MOST:])
            return None
        earlier = self.find(run, first_row) or []
        self.add(run, first_row, [one for one in events if one not in set(earlier)])
        return earlier

    def find(self, run: ImportRun, first_row: int) -> list[EventKey] | None:
        """Return the events that a chunk may have written to contacts that existed; None when it was not begun."""
        partition, prefix = import_keys.begun_range(self._tenant, run.id, run.attempt, first_row)
        found = list(walking.walk(self._store, partition, page=_PAGE, prefix=prefix, consistent=True))
        return [one for item in found for one in _events_of(item)] if found else None

    def add(self, run: ImportRun, first_row: int, events: Sequence[EventKey]) -> None:
        """Record further events that a begun chunk may write."""
        for start in range(0, len(events), _MOST):
            key = import_keys.begun(self._tenant, run.id, run.attempt, first_row, new_id())
            self._store.put(_to_item(key, events[start : start + _MOST]))


def _to_item(key: Key, events: Sequence[EventKey]) -> Item:
    item: Item = {**key, "expires_at": {"N": str(int(time.time()) + KEPT_SECONDS)}}
    if events:
        item["events"] = {"S": " ".join(f"{contact_id}/{event_id}" for contact_id, event_id in events)}
    return item


def _events_of(item: Item) -> list[EventKey]:
    text: str = item.get("events", {"S": ""})["S"]
    pairs = (one.split("/") for one in text.split())
    return [(contact_id, event_id) for contact_id, event_id in pairs]
