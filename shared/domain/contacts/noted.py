"""The changes of a contact that follow from its notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from shared.domain.contacts.figures import TimelineFigures
from shared.domain.events import (
    NOTE_CREATED,
    NOTE_DELETED,
    NOTE_PROCESSED,
    NOTE_PROCESSING_FAILED,
    NOTE_UPDATED,
    Changes,
    Event,
)
from shared.domain.stamp import Stamp


class NotedFields(TimelineFigures):
    """The part of a contact that changes with its notes.

    Every write of a note changes the contact in the same transaction, so `note_count`, which the API does not show,
    is exact, and the events of a contact's notes are in the order of the contact's versions.
    """

    if TYPE_CHECKING:
        note_count: int

    def record_note(self, note_id: str, *, stamp: Stamp) -> tuple[Self, Event]:
        """Return the contact after a new note, and its `note.created`."""
        return self._note_event(NOTE_CREATED, note_id, {"note_count": self.note_count + 1}, stamp)

    def change_note(self, note_id: str, changes: Changes, *, stamp: Stamp) -> tuple[Self, Event]:
        """Return the contact after a change of a note, and its `note.updated`. `changes`: the note's fields."""
        return self._note_event(NOTE_UPDATED, note_id, {}, stamp, note_changes=_shown(changes))

    def remove_note(self, note_id: str, changes: Changes, *, stamp: Stamp) -> tuple[Self, Event]:
        """Return the contact after the deletion of a note, and its `note.deleted`. `changes`: the note's fields."""
        given = {"note_count": self.note_count - 1}
        return self._note_event(NOTE_DELETED, note_id, given, stamp, note_changes=_shown(changes))

    def process_note(self, note_id: str, counts: dict[str, int], *, stamp: Stamp) -> tuple[Self, Event]:
        """Return the contact after the processing of a note, and its `note.processed`.

        `counts`: how many findings of each kind the note has.
        """
        return self._note_event(NOTE_PROCESSED, note_id, {}, stamp, found=counts)

    def fail_note(self, note_id: str, reason: str, *, stamp: Stamp) -> tuple[Self, Event]:
        """Return the contact after the processing of a note was given up, and its `note.processing_failed`."""
        return self._note_event(NOTE_PROCESSING_FAILED, note_id, {}, stamp, reason=reason)

    def _note_event(
        self, type: str, note_id: str, given: dict[str, Any], stamp: Stamp, **data: Any
    ) -> tuple[Self, Event]:
        contact, event = self._build_change(type, given, stamp)
        event.data.update(note_id=note_id, **data)
        return contact, event


def _shown(changes: Changes) -> dict[str, Any]:
    return {name: {"old": old, "new": new} for name, (old, new) in changes.items()}
