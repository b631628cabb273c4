"""Single notes: users and API clients write, change and delete them, and request their processing again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.errors import NotFound
from shared.domain.events import Changes, Event
from shared.domain.ids import is_id, new_id
from shared.domain.notes.inputs import NoteInput, NotePatch
from shared.domain.notes.note import Note
from shared.domain.stamp import Stamp
from shared.services.backoff import HOT
from shared.services.contacts.parts import TimelineChange, of_contact
from shared.services.contacts.reading import ContactReading
from shared.services.idempotency import Announce, no_key
from shared.services.optimistic import IfMatch, require_match, retry_on_conflict

_PERMISSION = "interactions:write"


class NoteRepository(Protocol):
    """The notes of one tenant; see `shared.table.notes.repository.NoteTable`."""

    def contact(self, contact_id: str) -> Contact | None: ...

    def find(
        self, contact_id: str, note_id: str, *, of_deleted: bool = False
    ) -> tuple[Contact | None, Note | None]: ...

    def add(self, before: Contact, after: Contact, note: Note, event: Event) -> None: ...

    def replace(self, before: Contact, after: Contact, old: Note, new: Note, event: Event) -> None: ...

    def remove(self, change: TimelineChange, note: Note) -> None: ...

    def part(self, contact: Contact, note: Note) -> Contact | None: ...


class NoteService:
    """Notes, as one caller may see and change them. A contact that the caller may not see raises NotFound.

    Every write also changes the contact, under the contact's version.
    """

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        notes: NoteRepository,
        *,
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._notes = notes
        self._sleep = sleep
        self._announce = announce

    def create(self, contact_id: str, given: NoteInput) -> Note:
        """Write a note. It is processed in the background."""
        self._caller.require(_PERMISSION)
        fields = given.given_fields()

        def attempt() -> Note:
            contact = self._reading.read(contact_id, find=self._notes.contact)
            self._require_right(contact)
            stamp = Stamp.now(self._caller)
            note = Note.create(fields, note_id=new_id(), contact_id=contact.id, stamp=stamp)
            after, event = contact.record_note(note.id, stamp=stamp)
            self._announce(note)
            self._notes.add(contact, after, note, event)
            return note

        return retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def read(self, contact_id: str, note_id: str) -> Note:
        """Return a note. Raises NotFound if the contact or the note does not exist."""
        contact, note = self._find(contact_id, note_id)
        return of_contact(note, contact.id)

    def replace(self, contact_id: str, note_id: str, given: NoteInput, if_match: IfMatch | None) -> Note:
        """Replace a note. A changed text is processed in the background."""
        self._caller.require(_PERMISSION)
        return self._change(contact_id, note_id, given.given_fields(), if_match)

    def patch(self, contact_id: str, note_id: str, given: NotePatch, if_match: IfMatch | None) -> Note:
        """Change the given fields of a note (RFC 7396). A changed text is processed in the background."""
        self._caller.require(_PERMISSION)
        return self._change(contact_id, note_id, given.given_fields(), if_match)

    def retry(self, contact_id: str, note_id: str) -> Note:
        """Request again the processing that failed or has not ended. Raises Conflict for a processed note."""
        self._caller.require(_PERMISSION)
        return self._write(
            contact_id, note_id, None, lambda note, stamp: note.request_processing(stamp=stamp)
        )

    def delete(self, contact_id: str, note_id: str, if_match: IfMatch | None) -> None:
        """Delete a note."""
        self._caller.require(_PERMISSION)

        def attempt() -> None:
            contact, note = self._find_changeable(contact_id, note_id, if_match)
            stamp = Stamp.now(self._caller)

            def decide(record: Contact, _: Contact | None) -> tuple[Contact, Event]:
                return record.remove_note(note.id, note.list_removed_fields(), stamp=stamp)

            self._notes.remove(TimelineChange.of(contact, self._notes.part(contact, note), decide), note)

        retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def _change(
        self, contact_id: str, note_id: str, fields: dict[str, Any], if_match: IfMatch | None
    ) -> Note:
        return self._write(
            contact_id, note_id, if_match, lambda note, stamp: note.change(fields, stamp=stamp)
        )

    def _write(
        self,
        contact_id: str,
        note_id: str,
        if_match: IfMatch | None,
        decide: Callable[[Note, Stamp], tuple[Note, Changes] | None],
    ) -> Note:
        def attempt() -> Note:
            contact, before = self._find_changeable(contact_id, note_id, if_match)
            stamp = Stamp.now(self._caller)
            changed = decide(before, stamp)
            if changed is None:
                return of_contact(before, contact.id)
            note, changes = changed
            after, event = contact.change_note(note.id, changes, stamp=stamp)
            shown = of_contact(note, contact.id)
            self._announce(shown)
            self._notes.replace(contact, after, before, note, event)
            return shown

        return retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def _find(self, contact_id: str, note_id: str) -> tuple[Contact, Note]:
        found: list[Note | None] = []

        def find(known_id: str) -> Contact | None:
            contact, note = self._notes.find(known_id, note_id)
            found.append(note)
            return contact

        if not is_id(note_id):
            self._reading.read(contact_id, find=self._notes.contact)
            raise NotFound("Note")
        contact = self._reading.read(contact_id, find=find)
        (note,) = found
        if note is None:
            raise NotFound("Note")
        return contact, note

    def _find_changeable(
        self, contact_id: str, note_id: str, if_match: IfMatch | None
    ) -> tuple[Contact, Note]:
        contact, note = self._find(contact_id, note_id)
        self._require_right(contact)
        require_match(if_match, note.version)
        return contact, note

    def _require_right(self, contact: Contact) -> None:
        self._caller.require_on(_PERMISSION, contact.owner_id, contact.organizer_ids)
