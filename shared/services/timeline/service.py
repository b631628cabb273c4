"""The timeline of a contact: entries of all kinds in one list."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.events import Event
from shared.domain.timeline.entry import AnyEntry, Found, Kind
from shared.services.contacts.parts import portion_of_part
from shared.services.contacts.reading import ContactReading
from shared.services.paging import Cursors, Page
from shared.services.reading_budget import Budget
from shared.services.walks import Step, Walk, take


class Entries(Protocol):
    """The timelines of one tenant's contacts; see `shared.table.timeline.index.TimelineIndex`."""

    def contact(self, contact_id: str) -> Contact | None: ...

    def walk(
        self, contact: Contact, kinds: Collection[Kind], *, after: Any, portion: int
    ) -> Iterator[tuple[Any, Found | None]]: ...


class ActorNames(Protocol):
    """The names of one tenant's callers; see `shared.table.contacts.names.NameTable`."""

    def read_actors(self, actors: Collection[str]) -> Mapping[str, str]: ...


class ContactTimeline:
    """The timelines of the contacts that one caller may see. Any other contact raises NotFound."""

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        entries: Entries,
        names: ActorNames,
        cursors: Cursors,
        budget: Budget,
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._entries = entries
        self._names = names
        self._cursors = cursors
        self._budget = budget

    def list(
        self, contact_id: str, kinds: Collection[Kind], *, limit: int, cursor: str | None
    ) -> Page[AnyEntry]:
        """Return a page of the entries of some kinds, the latest first. It is shorter, with a cursor, when the budget
        is spent.
        """
        contact = self._reading.read(contact_id, find=self._entries.contact)
        self._budget.restart()
        scope = self._caller.scope("timeline", contact.id, *kinds)
        after = self._cursors.open(scope, cursor) if cursor is not None else None
        portion = portion_of_part(limit + 1, contact)
        taken = take(Walk(self._steps(contact, kinds, after, portion), after), limit)
        found = [one for _, one in taken.found]
        actors = {one.record.actor for one in found if isinstance(one.record, Event)}
        names = self._names.read_actors(actors)
        return Page(
            [one.to_entry(names) for one in found],
            None if taken.is_through else self._cursors.seal(scope, taken.position),
            cursor_after=lambda number: self._cursors.seal(scope, taken.found[number][0]),
        )

    def _steps(
        self, contact: Contact, kinds: Collection[Kind], after: Any, portion: int
    ) -> Iterator[Step[Found]]:
        for position, found in self._entries.walk(contact, kinds, after=after, portion=portion):
            self._budget.advance()
            yield position, found is not None, found
