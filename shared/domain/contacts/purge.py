"""The purge of a deleted contact, once it can no longer be restored.

Everything in the contact's partition is removed, including its audit entries: they hold the person's data, and there
is no longer a reason to keep it. One event stays, `contact.purged`, which says that there was a contact and when it
was purged, without any of its values.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.callers import system_caller
from shared.domain.contacts.presence import RESTORABLE_SECONDS
from shared.domain.events import CONTACT_PURGED, Event
from shared.domain.timestamps import plus


@dataclass(frozen=True, slots=True)
class Expired:
    """A deleted contact that can no longer be restored.

    `version`: the version of its record. `last_event`: the id of its last event. `purged_by`: that of its
    `contact.purged` once the purge has begun. `merged_from`: the contacts merged into it, which are purged with it.
    """

    tenant_id: str
    contact_id: str
    deleted_at: str
    version: int
    last_event: str = ""
    purged_by: str | None = None
    merged_from: tuple[str, ...] = ()

    @property
    def due_at(self) -> str:
        """The time from which it is purged."""
        return plus(self.deleted_at, RESTORABLE_SECONDS)

    def purge(self, *, event_id: str, at: str) -> Event:
        """Return the event that stays after its purge."""
        return Event(
            id=event_id,
            type=CONTACT_PURGED,
            entity="contact",
            entity_id=self.contact_id,
            at=at,
            actor=system_caller(self.tenant_id, "purge", "system").actor,
            origin="system",
            version=self.version + 1,
        )
