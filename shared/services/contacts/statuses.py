"""The use cases of a contact's status and lifecycle stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.contacts.status import Move, StatusChange, StatusEntry, StatusInput
from shared.domain.events import Event
from shared.domain.stamp import Stamp
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.writing import ContactWriting
from shared.services.optimistic import IfMatch
from shared.services.paging import Cursors, Page, read_page


class StatusHistory(Protocol):
    """The histories of one tenant's contacts; see `shared.table.contacts.history.ContactHistories`."""

    def statuses(self, contact: Contact, *, limit: int, after: Any) -> list[tuple[Any, StatusEntry]]: ...


class ContactStatuses:
    """The statuses and lifecycle stages of contacts, as one caller may see and change them. A contact that the caller
    may not see raises NotFound. `performer` returns the caller's name.
    """

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        writing: ContactWriting,
        history: StatusHistory,
        cursors: Cursors,
        performer: Callable[[], str],
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._writing = writing
        self._history = history
        self._cursors = cursors
        self._performer = performer

    def change(self, contact_id: str, given: StatusInput, if_match: IfMatch | None) -> StatusChange:
        """Set a contact's status, its lifecycle stage or both. Nothing is written if it has them.

        Raises Invalid if neither is given, and RuleBroken for a move that is not allowed or lacks its reason.
        """
        self._caller.require("contacts:write")
        given.check()
        results: list[StatusChange] = []

        def decide(contact: Contact) -> tuple[Contact, Event] | None:
            stamp, changed_by = Stamp.now(self._caller), self._performer()
            move = Move(
                stage=given.lifecycle_stage, reason=given.reason, notes=given.notes, changed_by=changed_by
            )
            moved = contact.change_status(given.relationship_status, move, stamp=stamp)
            after = moved[0] if moved else contact
            result = StatusChange(
                contact_id=contact.id,
                old_status=contact.relationship_status,
                new_status=after.relationship_status,
                old_lifecycle_stage=contact.lifecycle_stage,
                new_lifecycle_stage=after.lifecycle_stage,
                changed_by=changed_by,
                timestamp=(after.status_changed_at if moved else None) or stamp.at,
                reason=(given.reason or None) if moved else None,
                version=after.version,
            )
            results.append(result)
            return moved

        self._writing.change(contact_id, "contacts:write", if_match, decide)
        return results[-1]  # of the attempt that was written

    def list(self, contact_id: str, *, limit: int, cursor: str | None) -> Page[StatusEntry]:
        """Return a page of the history of a contact's status and lifecycle stage, newest first."""
        contact = self._reading.read(contact_id)
        return read_page(
            lambda count, after: self._history.statuses(contact, limit=count, after=after),
            lambda entry: entry[0],
            lambda entry: entry[1],
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("statuses", contact.id),
        )
