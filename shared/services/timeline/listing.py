"""Lists of interactions."""

from __future__ import annotations

from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.timeline.interaction import Interaction
from shared.services.contacts.reading import ContactReading
from shared.services.paging import Cursors, Page, read_page


class Interactions(Protocol):
    """The interactions of one tenant; see `shared.table.timeline.interactions.InteractionTable`."""

    def list(self, contact_id: str, *, limit: int, after: str | None) -> list[tuple[str, Interaction]]: ...


class InteractionLists:
    """The interactions of the contacts that one caller may see. Any other contact raises NotFound."""

    def __init__(
        self, caller: Caller, reading: ContactReading, interactions: Interactions, cursors: Cursors
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._interactions = interactions
        self._cursors = cursors

    def of_contact(self, contact_id: str, *, limit: int, cursor: str | None) -> Page[Interaction]:
        """Return a page of a contact's interactions, newest first."""
        contact = self._reading.read(contact_id)
        return read_page(
            lambda count, after: self._interactions.list(contact.id, limit=count, after=after),
            lambda entry: entry[0],
            lambda entry: entry[1],
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("interactions", contact.id),
        )
