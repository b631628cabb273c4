"""Interactions: the calls, e-mails, booking events and so on of a contact's timeline."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.events import Changes, compare_fields
from shared.domain.interactions.metadata import merge_metadata
from shared.domain.records import BOOKKEEPING, Recorded
from shared.domain.stamp import Stamp
from shared.domain.timestamps import Timestamp

GivenType = Literal[
    "call",
    "email",
    "meeting",
    "proposal",
    "quote",
    "contract",
    "service",
    "follow_up",
    "note",
    "email_sent",
    "note_added",
    "manual_entry",
]
"""The types of interactions that users and API clients record."""
_SystemType = Literal["booking_created", "booking_completed", "booking_cancelled", "booking_rescheduled"]
InteractionType = Literal[GivenType, _SystemType]
TYPES: tuple[str, ...] = get_args(InteractionType)
SYSTEM_TYPES = frozenset(get_args(_SystemType))
"""The types of interactions that only the system records: one for each event of a booking."""


class Interaction(Recorded):
    """An entry of a contact's timeline.

    `occurred_at` orders the timeline; the time in `id` is the one that the interaction had when it was recorded.
    `performed_by`: the name, at that time, of the user or API client who recorded it; `performed_by_id`: the id.
    `follow_up_id`: the follow-up that `scheduled_follow_up` scheduled.
    """

    entity: ClassVar[str] = "interaction"

    id: str
    contact_id: str
    type: InteractionType
    description: str
    occurred_at: Timestamp
    outcome: str = ""
    next_action: str = ""
    scheduled_follow_up: Timestamp | None = None
    follow_up_id: str | None = None
    booking_id: str | None = None
    metadata: dict[str, Any] = {}
    performed_by: str
    performed_by_id: str | None = None
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    last_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""

    @classmethod
    def create(
        cls, fields: dict[str, Any], *, interaction_id: str, contact_id: str, stamp: Stamp
    ) -> Interaction:
        """Return a new interaction of a contact.

        `fields`: the type, the description, `occurred_at`, `performed_by` and any of the other fields, in their stored
        form. Raises Invalid for metadata that are too long.
        """
        metadata = merge_metadata({}, fields.get("metadata"))
        return cls._from_fields(
            id=interaction_id,
            contact_id=contact_id,
            **{**fields, "metadata": metadata},
            **stamp.creation_fields(),
        )

    def change(self, fields: dict[str, Any], *, stamp: Stamp) -> tuple[Interaction, Changes] | None:
        """Return the interaction with some fields changed, and the changes; None when nothing changes.

        The given metadata are merged into the present ones. Raises Invalid when the result is too long.
        """
        if "metadata" in fields:
            fields = {**fields, "metadata": merge_metadata(self.metadata, fields["metadata"])}
        after = self._next_version(fields, stamp)
        changes = compare_fields(self._audited_fields(), after._audited_fields())
        return (after, changes) if changes else None

    def list_removed_fields(self) -> Changes:
        """Return the changes of a deletion: all fields, as removed."""
        return compare_fields(self._audited_fields(), {})

    def _audited_fields(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _NOT_AUDITED and value}

    @property
    def is_by_system(self) -> bool:
        """Whether the system recorded it, so that callers cannot change it."""
        return self.type in SYSTEM_TYPES


_NOT_AUDITED = BOOKKEEPING | {"contact_id", "follow_up_id"}
