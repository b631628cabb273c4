"""The feed of a tenant: its published events in one order, each at a position.

Positions count from 1 without a gap. An entry has no personal data: what changed is in the event's own item, which is
removed when its contact is purged; the entry stays.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """A published event in its tenant's feed.

    `position`: its place, which never changes. `published_at`: when it got its place; it never decreases from one
    position to the next. `at`: when the change was made. `is_of_entry`: see `Event.is_of_entry`. All others are as in
    Event.
    """

    position: int
    id: str
    type: str
    entity: str
    entity_id: str
    version: int
    at: str
    actor: str
    origin: str
    published_at: str
    is_of_entry: bool


@dataclass(frozen=True, slots=True)
class FeedHead:
    """The end of a feed: the last position, and when it was given. In an empty feed these are 0 and None."""

    position: int
    published_at: str | None
