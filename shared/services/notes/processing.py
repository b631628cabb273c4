"""Processes notes after they were written or changed: tidies their texts and finds addresses, numbers, URLs and tags.

A message says only which note to process. What is processed is the note's text at that time, so an older message has no
older result, and a message that comes twice finds the note processed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, Protocol

from shared.domain.callers import system_caller
from shared.domain.contacts.record import Contact
from shared.domain.events import Event
from shared.domain.notes.note import Note
from shared.domain.notes.recognition import find_in
from shared.domain.notes.tidying import tidy
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant
from shared.services.backoff import HOT
from shared.services.optimistic import retry_on_conflict

MAX_ATTEMPTS = 5
"""The maximum number of attempts to process a text."""
EXHAUSTED = "exhausted"
"""The `failure_reason` of a note whose processing failed MAX_ATTEMPTS times."""

Outcome = Literal["processed", "nothing to do", "failed"]


class GivenUp(Exception):
    """The processing of a note was given up; its message is to reach the dead-letter queue."""


class TenantSuspended(Exception):
    """The note's tenant does not exist or is suspended. The message is retried later."""


class NoteRepository(Protocol):
    """The notes of one tenant; see `shared.table.notes.repository.NoteTable`."""

    def find(
        self, contact_id: str, note_id: str, *, of_deleted: bool = False
    ) -> tuple[Contact | None, Note | None]: ...

    def replace(self, before: Contact, after: Contact, old: Note, new: Note, event: Event) -> None: ...


class NoteProcessing:
    """Processes the notes of all tenants."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        notes: Callable[[str], NoteRepository],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tenant = tenant
        self._notes = notes
        self._sleep = sleep

    def process(
        self, tenant_id: str, contact_id: str, note_id: str, *, requested_by: str, attempt: int
    ) -> Outcome:
        """Process a note, unless it is processed or gone. A deleted contact's note is processed, since the contact can
        be restored.

        `requested_by`: the event that asked for it. `attempt`: how often this has been tried, with this time. After
        MAX_ATTEMPTS the note is not processed but marked as failed, if its text is still the event's; then raises
        GivenUp. Raises TenantSuspended, whichever attempt it is, and Unavailable and ConcurrentChange when the table is
        busy.
        """
        tenant = self._tenant(tenant_id)
        if tenant is None or tenant.suspended:
            raise TenantSuspended
        caller = system_caller(tenant_id, "notes", "system")
        notes = self._notes(tenant_id)
        is_over = attempt > MAX_ATTEMPTS

        def write() -> Outcome:
            contact, note = notes.find(contact_id, note_id, of_deleted=True)
            if contact is None or note is None or note.processing_state == "processed":
                return "nothing to do"
            stamp = Stamp.now(caller)
            if not is_over:
                body = tidy(note.sent)
                found = find_in(body, tenant.settings.default_country)
                done = note.complete(body, found, stamp=stamp)
                after, event = contact.process_note(note.id, done.counts, stamp=stamp)
                notes.replace(contact, after, note, done, event)
                return "processed"
            if note.requested_by != requested_by:
                return "nothing to do"
            if note.processing_state == "pending":
                failed = note.fail(EXHAUSTED, stamp=stamp)
                after, event = contact.fail_note(note.id, EXHAUSTED, stamp=stamp)
                notes.replace(contact, after, note, failed, event)
            return "failed"

        outcome = retry_on_conflict(write, sleep=self._sleep, policy=HOT)
        if outcome == "failed":
            raise GivenUp
        return outcome
