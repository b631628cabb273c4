"""The feed as the API shows it, and the conditions on its entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.history import FieldChange
from shared.domain.event_patterns import covers
from shared.domain.events import Event
from shared.domain.feed import FeedEntry
from shared.domain.timestamps import Timestamp


class FeedItem(BaseModel):
    """An entry of the feed: an event with its position, which is that of its publication."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    position: int
    id: str
    type: str
    occurred_at: Timestamp
    entity: str = Field(description="The kind of the record that the event is about, such as `contact`.")
    entity_id: str
    version: int = Field(description="The version of the record after the change.")
    actor: str = Field(
        description="Who made the change, such as `user:0190…`, `client:0190…` or `system:booking`."
    )
    source: str = Field(description="Where the change came from: `api`, `import`, `booking` or `system`.")
    changes: dict[str, FieldChange] | None = Field(
        description="The changed fields. Null for a contact that was purged: its values are removed, and "
        "`contact.purged` is in the feed."
    )
    data: dict[str, Any] | None = Field(
        description="Further facts, as in the event that webhooks receive. Null where `changes` is null."
    )

    @classmethod
    def of(cls, entry: FeedEntry, event: Event | None) -> FeedItem:
        """Return an entry with the content of its event; None for an event that was removed."""
        return cls.model_construct(
            position=entry.position,
            id=entry.id,
            type=entry.type,
            occurred_at=entry.at,
            entity=entry.entity,
            entity_id=entry.entity_id,
            version=entry.version,
            actor=entry.actor,
            source=entry.origin,
            changes=None
            if event is None
            else {name: FieldChange(old=old, new=new) for name, (old, new) in event.changes.items()},
            data=None if event is None else event.data,
        )


class FeedPage(BaseModel):
    """A part of the feed.

    `next_after`: the position after which to go on, with or without entries. `has_more`: whether there are further
    positions now.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    items: list[FeedItem]
    next_after: int = Field(description="Give this as `after` of the next call, even if `items` is empty.")
    has_more: bool = Field(
        description="Whether there are further positions now. If not, wait for some seconds before the next call."
    )


class FeedStart(BaseModel):
    """Where a replica begins to read the feed, and how it takes the snapshot that comes before."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    position: int = Field(description="Give this as `after` of the first call, once the snapshot is taken.")
    snapshot: str = Field(description="How to take the snapshot.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFilter:
    """Conditions on entries, which must all hold.

    `types`: patterns of event types, of which one must cover the entry's; none for all types. `actor_id`: the id of a
    user, of an API client or of a piece of work, or a whole actor such as `system:booking`. `first` and `last`: bounds
    of the time at which the event occurred, as timestamps.
    """

    types: tuple[str, ...] = ()
    entity: str | None = None
    entity_id: str | None = None
    actor_id: str | None = None
    first: str | None = None
    last: str | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether the time is bounded: such a list is the audit log."""
        return self.first is not None or self.last is not None

    def matches(self, entry: FeedEntry) -> bool:
        """Return whether an entry meets the conditions."""
        return (
            (not self.types or any(covers(pattern, entry.type) for pattern in self.types))
            and self.entity in (None, entry.entity)
            and self.entity_id in (None, entry.entity_id)
            and self.actor_id in (None, entry.actor, entry.actor.rpartition(":")[2])
            and (self.first is None or entry.at >= self.first)
            and (self.last is None or entry.at <= self.last)
        )


ALL_ENTRIES = FeedFilter()
"""No condition."""
