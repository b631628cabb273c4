"""Lists of follow-ups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.interactions.follow_up import FollowUp
from shared.domain.interactions.follow_up_filter import FollowUpFilter
from shared.services.contacts.parts import portion_of_part
from shared.services.contacts.reading import ContactReading
from shared.services.paging import Cursors, Page
from shared.services.walks import Step, read_page_of_steps


class FollowUpIndex(Protocol):
    """The follow-ups of one tenant's contacts; see `shared.table.interactions.follow_up_index.FollowUpIndex`."""

    def contact(self, contact_id: str) -> Contact | None: ...

    def walk(
        self,
        contact: Contact,
        *,
        is_open: bool,
        first: str | None,
        last: str | None,
        after: str | None,
        portion: int,
    ) -> Iterator[tuple[str, FollowUp]]: ...


class FollowUpLists:
    """The follow-ups of the contacts that one caller may see. Any other contact raises NotFound."""

    def __init__(
        self, caller: Caller, reading: ContactReading, index: FollowUpIndex, cursors: Cursors
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._index = index
        self._cursors = cursors

    def of_contact(
        self, contact_id: str, conditions: FollowUpFilter, *, limit: int, cursor: str | None
    ) -> Page[FollowUp]:
        """Return a page of a contact's follow-ups that match: open ones earliest due first, others latest closed first.

        When the budget is spent the page ends with what was found, which may be nothing, and has a cursor.
        """
        contact = self._reading.read(contact_id, find=self._index.contact)

        def steps(after: str | None) -> Iterator[Step[FollowUp]]:
            first, last = conditions.bounds
            walk = self._index.walk(
                contact,
                is_open=conditions.is_open,
                first=first,
                last=last,
                after=after,
                portion=portion_of_part(limit + 1, contact),
            )
            for position, follow_up in walk:
                yield position, conditions.matches(follow_up), follow_up

        return read_page_of_steps(
            steps,
            lambda follow_up: follow_up,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("follow-ups", contact.id, repr(conditions)),
        )
