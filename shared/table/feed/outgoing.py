"""Events that are to be published, as their items say."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain import timestamps
from shared.domain.events import Event
from shared.domain.feed import FeedEntry
from shared.table import event_items
from shared.table.item import Item, item_size
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import Key, key_of, tenant_of_item
from shared.table.keys.work import WORK_SK

POSITION = "feed_position"
"""The attribute of an event's item with its position in the feed. Only an event that was published late has it."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event that is to be published.

    `written`: its place in the index by which publication is checked, `<time of the write>#<id>`. `follows`: the id of
    the previous event of its record, if it has one. `position`: that in the feed, if its item has it. `size`: the bytes
    of its item.
    """

    tenant_id: str
    key: Key
    event: Event
    written: str
    follows: str | None
    position: int | None
    size: int

    @classmethod
    def of_item(cls, item: Item) -> Outgoing:
        """Return the event of an item. Raises one of NOT_A_RECORD if the item is no event."""
        event = event_items.event_from_item(item)
        return cls(
            tenant_of_item(item),
            key_of(item),
            event,
            item[WORK_SK]["S"] if WORK_SK in item else event.at,
            item["follows"]["S"] if "follows" in item else None,
            int(item[POSITION]["N"]) if POSITION in item else None,
            item_size(item),
        )

    @property
    def id(self) -> str:
        """The event's id."""
        return self.event.id

    @property
    def written_at(self) -> str:
        """When the event was written, which may be later than its change."""
        return timestamps.of_position(self.written)

    @property
    def record(self) -> tuple[str, str, str]:
        """The record that the event is about, as (tenant id, entity, id)."""
        return self.tenant_id, self.event.entity, self.event.entity_id

    def keys_of_previous(self) -> list[Key]:
        """Return the keys that the record's previous event can have."""
        if self.follows is None:
            return []
        ways = (False, True) if self.event.entity == "contact" else (False,)
        return [
            event_keys.event(
                self.tenant_id, self.event.entity, self.event.entity_id, self.follows, is_of_entry=way
            )
            for way in ways
        ]

    def to_entry(self, position: int, published_at: str) -> FeedEntry:
        """Return the entry of the event at a position."""
        return FeedEntry(
            position=position,
            id=self.event.id,
            type=self.event.type,
            entity=self.event.entity,
            entity_id=self.event.entity_id,
            version=self.event.version,
            at=self.event.at,
            actor=self.event.actor,
            origin=self.event.origin,
            published_at=published_at,
            is_of_entry=self.event.is_of_entry,
        )
