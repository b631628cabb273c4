"""The status and the lifecycle stage of a contact: which moves are allowed, and the history of moves.

Each move between statuses is a method of the contact. All of them are decided by one table, `TRANSITIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.errors import FieldError, Invalid, RuleBroken
from shared.domain.events import CONTACT_STATUS_CHANGED, Event
from shared.domain.records import Recorded
from shared.domain.stamp import Stamp
from shared.domain.text import LongText, ShortText
from shared.domain.timestamps import Timestamp

RelationshipStatus = Literal[
    "prospect", "qualified_lead", "opportunity", "active_client", "past_client", "lost_lead", "inactive"
]
LifecycleStage = Literal["awareness", "interest", "consideration", "decision", "retention", "customer"]
STATUS_FIELDS = ("relationship_status", "lifecycle_stage")
"""The fields that a move changes."""

TRANSITIONS: Final[Mapping[RelationshipStatus, Mapping[RelationshipStatus, bool]]] = {
    "prospect": {"qualified_lead": False, "lost_lead": False, "inactive": False},
    "qualified_lead": {"opportunity": False, "lost_lead": False, "inactive": False},
    "opportunity": {"active_client": False, "lost_lead": False, "inactive": False},
    "active_client": {"past_client": False, "lost_lead": False, "inactive": False},
    "past_client": {"prospect": True, "lost_lead": False, "inactive": False},
    "lost_lead": {"prospect": True, "inactive": False},
    "inactive": {"prospect": True, "lost_lead": False},
}
"""For each status, the statuses to which a contact may move, each with whether the move requires a reason."""

STAGES: Final[Mapping[RelationshipStatus, LifecycleStage]] = {
    "prospect": "awareness",
    "qualified_lead": "interest",
    "opportunity": "consideration",
    "active_client": "customer",
    "past_client": "retention",
}
"""The lifecycle stage that a move to a status sets if none is given. `lost_lead` and `inactive` keep the present stage.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The circumstances of a move. `stage`: the lifecycle stage to set; None for the one that follows from the status.
    `changed_by`: the caller's name.
    """

    stage: LifecycleStage | None = None
    reason: str = ""
    notes: str = ""
    changed_by: str


class StatusInput(BaseModel):
    """A relationship status or a lifecycle stage to set, or both."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    relationship_status: RelationshipStatus | None = Field(
        None, description="Default: the status stays.", examples=["qualified_lead"]
    )
    lifecycle_stage: LifecycleStage | None = Field(
        None, description="Default: the stage follows from a new status, and stays without one."
    )
    reason: ShortText = Field(
        "", description="Required to make a prospect of a past client, a lost lead or an inactive contact."
    )
    notes: LongText = ""

    @property
    def has_status(self) -> bool:
        """Whether there is a status or a stage to set."""
        return self.relationship_status is not None or self.lifecycle_stage is not None

    def check(self) -> None:
        """Raise Invalid if there is neither a status nor a stage."""
        if not self.has_status:
            raise Invalid.field(
                "relationship_status", "required", "Give a relationship_status, a lifecycle_stage or both."
            )


class StatusEntry(BaseModel):
    """An entry of the history of a contact's status and lifecycle stage.

    The old values are null in the entry of a contact that was created with a status or a stage. `changed_by`: the name
    of the user or API client at that time; `changed_by_id`: the id, null for the system. `source`: api, import, booking
    or system.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    old_status: RelationshipStatus | None = None
    new_status: RelationshipStatus
    old_lifecycle_stage: LifecycleStage | None = None
    new_lifecycle_stage: LifecycleStage
    changed_by: str
    changed_by_id: str | None = None
    timestamp: Timestamp
    reason: str | None = None
    notes: str | None = None
    source: str
    import_id: str | None = Field(default=None, description="The import that created the contact.")
    job_id: str | None = Field(default=None, description="The bulk job that made the change.")


_ENTRY_DATA = frozenset(StatusEntry.model_fields) - {"id", "import_id"}
"""The members of an event's `data` that its history entry has."""


class StatusChange(BaseModel):
    """The result of setting a status or a lifecycle stage.

    If nothing changed, the old and the new values are the same, and `timestamp` is the time of the call.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    contact_id: str
    old_status: RelationshipStatus
    new_status: RelationshipStatus
    old_lifecycle_stage: LifecycleStage
    new_lifecycle_stage: LifecycleStage
    changed_by: str = Field(description="The name of the caller.")
    timestamp: Timestamp
    reason: str | None = None
    version: Annotated[int, SkipJsonSchema(), Field(exclude=True)]


class StatusFields(Recorded):
    """The part of a contact that moves between statuses and lifecycle stages.

    Each method that moves it returns the contact and its `contact.status_changed`, or None when nothing changes. It
    raises RuleBroken for a move that is not in `TRANSITIONS`, and for one without the reason that it requires.
    `status_changed_at`: the time of the latest entry of the history; None without entries.
    """

    if TYPE_CHECKING:
        relationship_status: RelationshipStatus
        lifecycle_stage: LifecycleStage
        status_changed_at: str | None

    def change_status(
        self, status: RelationshipStatus | None, move: Move, *, stamp: Stamp
    ) -> tuple[Self, Event] | None:
        """Return the contact with another status; with only `move.stage` set if `status` is None."""
        if status is None:
            return self._set_status(self.relationship_status, move.stage or self.lifecycle_stage, move, stamp)
        moves = {
            "prospect": self.reopen,
            "qualified_lead": self.progress_to_qualified_lead,
            "opportunity": self.progress_to_opportunity,
            "active_client": self.convert_to_client,
            "past_client": self.mark_as_past_client,
            "lost_lead": self.mark_as_lost_lead,
            "inactive": self.mark_as_inactive,
        }
        return moves[status](move, stamp=stamp)

    def reopen(self, move: Move, *, stamp: Stamp) -> tuple[Self, Event] | None:
        """Return a past client, lost lead or inactive contact as a prospect again. Requires a reason."""
        return self._move_to("prospect", move, stamp)

    def progress_to_qualified_lead(self, move: Move, *, stamp: Stamp) -> tuple[Self, Event] | None:
        """Return a prospect as a qualified lead."""
        return self._move_to("qualified_lead", move, stamp)

    def progress_to_opportunity(self, move: Move, *, stamp: Stamp) -> tuple[Self, Event] | None:
        """Return a qualified lead as an opportunity."""
        return self._move_to("opportunity", move, stamp)

    def convert_to_client(self, move: Move, *, stamp: Stamp) -> tuple[Self, Event] | None:
        """Return an opportunity as an active client."""
        return self._move_to("active_client", move, stamp)

    def mark_as_past_client(self, move: Move, *, stamp: Stamp) -> tuple[Self, Event] | None:
        """Return an active client as a past client."""
        return self._move_to("past_client", move, stamp)

    def mark_as_lost_lead(self, move: Move, *, stamp: Stamp) -> tuple[Self, Event] | None:
        """Return a contact of any status as a lost lead."""
        return self._move_to("lost_lead", move, stamp)

    def mark_as_inactive(self, move: Move, *, stamp: Stamp) -> tuple[Self, Event] | None:
        """Return a contact of any status as inactive. Its `is_active` stays."""
        return self._move_to("inactive", move, stamp)

    def status_entry(self, event: Event) -> StatusEntry | None:
        """Return the history entry of an event that led to this version; None if it has none."""
        if "new_status" not in event.data:
            return None
        kind, _, caller_id = event.actor.partition(":")
        data = {name: value for name, value in event.data.items() if name in _ENTRY_DATA}
        return StatusEntry.model_construct(
            **data,
            id=event.id,
            changed_by_id=caller_id if kind in ("user", "client") else None,
            timestamp=self.status_changed_at,
            source=event.origin,
            import_id=event.import_id,
        )

    def _move_to(self, status: RelationshipStatus, move: Move, stamp: Stamp) -> tuple[Self, Event] | None:
        present = self.relationship_status
        if status == present:
            return self._set_status(present, move.stage or self.lifecycle_stage, move, stamp)
        requires_reason = TRANSITIONS[present].get(status)
        if requires_reason is None:
            raise RuleBroken(
                f"Invalid status transition: cannot move from {present} to {status}",
                code="invalid_status_transition",
            )
        if requires_reason and not move.reason:
            message = f"A reason is needed to move from {present} to {status}."
            raise RuleBroken(
                message, code="reason_required", errors=(FieldError("reason", "required", message),)
            )
        return self._set_status(status, move.stage or STAGES.get(status, self.lifecycle_stage), move, stamp)

    def _set_status(
        self, status: RelationshipStatus, stage: LifecycleStage, move: Move, stamp: Stamp
    ) -> tuple[Self, Event] | None:
        if (status, stage) == (self.relationship_status, self.lifecycle_stage):
            return None
        given = {
            "relationship_status": status,
            "lifecycle_stage": stage,
            # Never earlier, so that the history is in the order of the moves even if clocks differ.
            "status_changed_at": max(stamp.at, self.status_changed_at or ""),
        }
        contact, event = self._build_change(CONTACT_STATUS_CHANGED, given, stamp)
        event.data.update(history_data(self, contact, move))
        return contact, event


def initial_status(
    status: RelationshipStatus | None, stage: LifecycleStage | None, *, at: str
) -> dict[str, Any]:
    """Return the fields of a contact that is created with a status, a stage or both; none if neither is given.

    The stage follows from the status if none is given.
    """
    if status is None and stage is None:
        return {}
    given: dict[str, Any] = {"status_changed_at": at}
    if status is not None:
        given["relationship_status"] = status
    if (stage := stage or (STAGES.get(status) if status else None)) is not None:
        given["lifecycle_stage"] = stage
    return given


def history_data(before: StatusFields | None, after: StatusFields, move: Move) -> dict[str, Any]:
    """Return the members of an event's `data` that make its history entry. `before`: None for a new contact."""
    return {
        "old_status": before.relationship_status if before else None,
        "new_status": after.relationship_status,
        "old_lifecycle_stage": before.lifecycle_stage if before else None,
        "new_lifecycle_stage": after.lifecycle_stage,
        "changed_by": move.changed_by,
        "reason": move.reason or None,
        "notes": move.notes or None,
    }
