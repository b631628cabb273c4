"""The changes of a contact, and the contact as it was at one of its versions.

The events of a contact are stored under their ids. These are almost in the order of the versions, but not always: a
bulk job derives the ids of its events from its own id, and the clocks of two processes differ. So events are read in
the order of their ids, and those that come too early are held back. Every version has exactly one event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from heapq import merge
from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.history import (
    MAX_VERSIONS_BACK,
    HistoryEntry,
    made_by,
    undo,
    with_present_names,
)
from shared.domain.contacts.record import Contact
from shared.domain.errors import NotFound, RuleBroken
from shared.domain.events import Event
from shared.domain.labels.record import Labels
from shared.services.contacts.parts import portion_of_part
from shared.services.contacts.reading import ContactReading
from shared.services.paging import Cursors, Page
from shared.services.reading_budget import Budget, BudgetSpent

_PORTION = 100
"""Events that are read at once to reconstruct a version, at most: an event can have more than 100 kB."""

Position = tuple[int, str | None]
"""The version of the next event, and the id before which it is found; None for the newest."""
Place = tuple[int, str | None, str | None]
"""The position in a contact's own events, and the id before which the next events of merged contacts are found."""


class Events(Protocol):
    """The events of one tenant's contacts; see `shared.table.contacts.history.ContactEvents`."""

    def walk(self, contact_id: str, *, after: str | None, portion: int) -> Iterator[Event]: ...


class ActorNames(Protocol):
    """The names of one tenant's callers; see `shared.table.contacts.names.NameTable`."""

    def read_actors(self, actors: Collection[str]) -> Mapping[str, str]: ...


class ContactChanges:
    """The changes of the contacts that one caller may see. Any other contact raises NotFound.

    `labels` returns the labels as of now.
    """

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        events: Events,
        names: ActorNames,
        labels: Callable[[], Labels],
        cursors: Cursors,
        budget: Budget,
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._events = events
        self._names = names
        self._labels = labels
        self._cursors = cursors
        self._budget = budget

    def list_changes(self, contact_id: str, *, limit: int, cursor: str | None) -> Page[HistoryEntry]:
        """Return a page of a contact's changes, newest first. It is shorter, with a cursor, if the budget is spent.

        The changes of contacts merged into it are among them, in the order of time.
        """
        contact = self._reading.read(contact_id)
        self._budget.restart()
        scope = self._caller.scope("history", contact.id)
        start: Place = contact.version, None, None
        if cursor is not None:
            version, after, *merged_after = self._cursors.open(scope, cursor)
            start = version, after, merged_after[0] if merged_after else None
        found: list[tuple[Event, Position | Place]] = []
        has_more = False
        try:
            for event, position in self._with_merged(contact, start, limit + 1):
                if len(found) == limit:
                    has_more = True
                    break
                found.append((event, position))
        except BudgetSpent:
            has_more = True

        def cursor_after(number: int) -> str:
            return self._cursors.seal(scope, found[number][1])

        return Page(
            self._show(contact, [event for event, _ in found]),
            cursor_after(len(found) - 1) if has_more else None,
            cursor_after=cursor_after,
        )

    def read_version(self, contact_id: str, version: int) -> Contact:
        """Return a contact as it was at a version.

        Raises NotFound for a version that does not exist, and RuleBroken as `at_version` does.
        """
        return self.at_version(self._reading.read(contact_id), version)

    def at_version(self, contact: Contact, version: int) -> Contact:
        """Return a contact, as of now, as it was at a version.

        Its labels have their present names; deleted ones have those that they had. Reads one event for each version
        since then. Raises NotFound for a version that does not exist, and RuleBroken, with code `version_too_old`, for
        one that is more than MAX_VERSIONS_BACK changes back, or too far back for the budget.
        """
        if version == contact.version:
            return contact
        if not 0 < version < contact.version:
            raise NotFound("Version")
        oldest = max(1, contact.version - MAX_VERSIONS_BACK)
        if version < oldest:
            raise _too_old(oldest)
        self._budget.restart()
        count = contact.version - version + 1
        has_other_labels = False
        try:
            found = self._in_order(
                contact.id, (contact.version, None), min(count, _PORTION), may_find_none=True
            )
            for event, _ in found:
                if event.version == version:
                    past = made_by(contact, event)
                    return with_present_names(past, self._labels()) if has_other_labels else past
                has_other_labels |= bool(event.label_ids_before)
                contact = undo(contact, event)
        except BudgetSpent:
            raise _too_old(contact.version) from None
        raise NotFound("Version")

    def _with_merged(
        self, contact: Contact, start: Place, count: int
    ) -> Iterator[tuple[Event, Position | Place]]:
        """Yield a contact's events as `_in_order` does, and among them those of the contacts merged into it, all in the
        order of time, each with the position after it. `count`: how many are likely to be taken.
        """
        version, after, merged_after = start
        portion = portion_of_part(count, contact)
        own = self._in_order(contact.id, (version, after), portion)
        if not contact.merged_from:
            yield from own
            return
        walks = [self._events.walk(one, after=merged_after, portion=portion) for one in contact.merged_from]
        merged = merge(*walks, key=lambda event: event.id, reverse=True)
        following = next(merged, None)  # before the first own event, after which the budget may end the walk
        head = next(own, None)
        position: Position = version, after
        while head is not None or following is not None:
            if head is not None and (following is None or head[0].id > following.id):
                event, position = head
                yield event, (*position, merged_after)
                head = next(own, None)
            elif following is not None:
                merged_after = following.id
                self._budget.advance()
                yield following, (*position, merged_after)
                following = next(merged, None)

    def _in_order(
        self, contact_id: str, start: Position, portion: int, *, may_find_none: bool = False
    ) -> Iterator[tuple[Event, Position]]:
        """Yield a contact's events in the descending order of their versions, each with the position after it.

        Raises BudgetSpent only after it has yielded one, so that each request makes progress; with `may_find_none`,
        after it has read one.
        """
        events = self._events.walk(contact_id, after=start[1], portion=portion)
        if may_find_none:
            events = self._advance_with_each(events)
        for event, position in in_version_order(events, start):
            self._budget.advance()
            yield event, position

    def _advance_with_each(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            self._budget.advance()
            yield event

    def _show(self, contact: Contact, events: list[Event]) -> list[HistoryEntry]:
        names = self._names.read_actors({event.actor for event in events})
        return [
            HistoryEntry.of(
                event,
                names.get(event.actor),
                contact_id=None if event.entity_id == contact.id else event.entity_id,
            )
            for event in events
        ]


def in_version_order(events: Iterator[Event], start: Position) -> Iterator[tuple[Event, Position]]:
    """Yield events, which are in the descending order of their ids, in the descending order of their versions, each
    with the position after it.

    Events that are newer than the start are left out. An event that is missing is passed over at the end only.
    """
    version, after = start
    early: dict[int, Event] = {}
    read: deque[Event] = deque()
    for event in events:
        read.append(event)
        if event.version <= version:
            early[event.version] = event
        while version in early:
            following = early.pop(version)
            version -= 1
            while read and read[0].version > version:
                after = read.popleft().id
            yield following, (version, after)
    for version in sorted(early, reverse=True):
        yield early[version], (version - 1, after)


def _too_old(oldest: int) -> RuleBroken:
    return RuleBroken(
        f"The contact can be read as it was at version {oldest} and later. Older changes are in its history.",
        code="version_too_old",
    )
