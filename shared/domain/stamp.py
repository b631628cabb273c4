"""The stamp of a change: the event that records it, its time and the caller who makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.ids import new_id


@dataclass(frozen=True, slots=True)
class Stamp:
    """Identifies one change of one record; every method that changes a record takes one.

    `event_id`: the id of the event that the change emits. `at`: when the change is written, as a timestamp.
    `caller`: who makes the change.
    """

    event_id: str
    at: str
    caller: Caller

    @classmethod
    def now(cls, caller: Caller, *, event_id: str | None = None) -> Stamp:
        """Return the stamp of a change that `caller` makes now.

        The event gets a new id, unless the caller derived one so that a repeated attempt makes the same event.
        """
        return cls(event_id or new_id(), timestamps.now(), caller)

    def creation_fields(self, *, created_at: str | None = None) -> dict[str, Any]:
        """Return the bookkeeping fields of a new record.

        `created_at`: the time the record counts as created, if it differs from the time it is written.
        """
        return {
            "created_at": created_at or self.at,
            "created_by": self.caller.actor,
            "updated_at": self.at,
            "updated_by": self.caller.actor,
            "last_event": self.event_id,
        }

    def change_fields(self) -> dict[str, Any]:
        """Return the bookkeeping fields that change with every new version of a record."""
        return {"updated_at": self.at, "updated_by": self.caller.actor, "last_event": self.event_id}
