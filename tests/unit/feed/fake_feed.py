"""A feed in memory, with the same methods as the table's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.domain import timestamps
from shared.domain.callers import Caller, ContactOwners
from shared.domain.events import Event
from shared.domain.feed import FeedEntry, FeedHead
from shared.domain.ids import new_id
from shared.services.feed.reading import EventContent, FeedReading
from shared.services.reading_budget import Budget

NOW = "2026-05-31T12:00:00.000Z"
ADMIN = Caller("t1", "user", "admin", "admin")


def ago(days: float = 0, *, seconds: float = 0) -> str:
    """Return a time before NOW."""
    return timestamps.plus(NOW, -days * 86_400 - seconds)


@dataclass
class FakeFeed:
    """The feed of a tenant. `calls`: the names of the methods called. `visible`: the last position that a head shows
    that is read without `consistent`.
    """

    entries: list[FeedEntry] = field(default_factory=list)
    contents: dict[str, EventContent] = field(default_factory=dict)
    contacts: dict[str, ContactOwners] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    checkpoint: str | None = None
    visible: int | None = None
    given: int = 0

    def add(
        self,
        event_type: str = "contact.updated",
        *,
        entity: str = "contact",
        entity_id: str = "c1",
        at: str = NOW,
        published_at: str = "",
        actor: str = "user:u1",
        version: int = 1,
        size: int = 100,
    ) -> FeedEntry:
        """Append an event."""
        self.given += 1
        entry = FeedEntry(
            position=self.given,
            id=new_id(),
            type=event_type,
            entity=entity,
            entity_id=entity_id,
            version=version,
            at=at,
            actor=actor,
            origin="api",
            published_at=published_at or at,
            is_of_entry=False,
        )
        self.entries.append(entry)
        event = Event(
            id=entry.id,
            type=event_type,
            entity=entity,
            entity_id=entity_id,
            at=at,
            actor=actor,
            origin="api",
            version=version,
            changes={"company": ("", f"at {self.given}")},
        )
        self.contents[entry.id] = EventContent(event, size)
        return entry

    def add_contact(self, contact_id: str, owner_id: str | None, *organizers: str, size: int = 1_000) -> None:
        """Add a contact, which events may be about."""
        self.contacts[contact_id] = ContactOwners(owner_id, list(organizers), size)

    def expire(self, until: int) -> None:
        """Remove the entries up to a position, as time to live does."""
        self.entries = [entry for entry in self.entries if entry.position > until]

    def reading(self, caller: Caller = ADMIN, budget: Budget | None = None, *, now: str = NOW) -> FeedReading:
        """Return the service that reads the feed for a caller."""
        return FeedReading(
            caller,
            self,
            FakeContents(self),
            self.find_contacts,
            lambda: self.checkpoint,
            budget or Budget(),
            now=lambda: now,
        )

    def find_contacts(self, contact_ids: Sequence[str]) -> Mapping[str, ContactOwners]:
        """Return the owners of contacts by their ids."""
        self.calls.append(f"contacts {len(contact_ids)}")
        return {one: self.contacts[one] for one in contact_ids if one in self.contacts}

    # The methods of the table's feed

    def head(self, *, consistent: bool = False) -> FeedHead:
        self.calls.append("head")
        position = self.given if consistent or self.visible is None else self.visible
        newest = [entry for entry in self.entries if entry.position <= position]
        return FeedHead(position, newest[-1].published_at if newest else None)

    def read(self, after: int, limit: int) -> list[FeedEntry]:
        self.calls.append("read")
        return [entry for entry in self.entries if entry.position > after][:limit]

    def position_at(self, time: str) -> int:
        self.calls.append("position_at")
        before = [entry.position for entry in self.entries if entry.published_at < time]
        oldest = self.entries[0].position if self.entries else self.given + 1
        return before[-1] if before else oldest - 1

    def find(self, event_id: str, charge: Callable[[int], None]) -> FeedEntry | None:
        charge(len(self.entries))
        return next((entry for entry in self.entries if entry.id == event_id), None)


@dataclass
class FakeContents:
    """The events of a feed's entries."""

    feed: FakeFeed

    def read(self, entries: Sequence[FeedEntry]) -> Mapping[str, EventContent]:
        self.feed.calls.append(f"contents {len(entries)}")
        return {one.id: self.feed.contents[one.id] for one in entries if one.id in self.feed.contents}


def caller(kind: str = "client", name: str = "u1", **granted: str) -> Caller:
    """Return an API client with permissions, such as `contacts_read="own"`."""
    permissions = {word.replace("_", ":", 1): level for word, level in granted.items()}
    made = Caller("t1", "client", name, "client", permissions)  # type: ignore[arg-type]
    return made if kind == "client" else replace(made, kind="user", role="user")
