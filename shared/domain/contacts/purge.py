"""The end of a deleted contact: what is removed when its time to be restored has run out, and what stays.

Everything in the contact's partition goes, its audit entries among it: they hold the person's data, and there is no
reason any more to keep it. What stays is one event, `contact.purged`, which says that there was a contact and when it
went, without a value of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.callers import system_caller
from shared.domain.contacts.record import RESTORABLE_SECONDS
from shared.domain.events import CONTACT_PURGED, Event
from shared.domain.timestamps import plus


@dataclass(frozen=True, slots=True)
class Expired:
    """A deleted contact whose time has run out.

    `version`: the record's. `purged_by`: the id of its `contact.purged` once its purge has begun.
    """

    tenant_id: str
    contact_id: str
    deleted_at: str
    version: int
    purged_by: str | None = None

    @property
    def due_at(self) -> str:
        """From when on it is purged."""
        return plus(self.deleted_at, RESTORABLE_SECONDS)

    def purge(self, *, event_id: str, at: str) -> Event:
        """The event that its purge leaves behind."""
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
