"""Follow-ups: what is to be done about a contact, and when."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.characters import one_line
from shared.domain.errors import Conflict
from shared.domain.events import Changes, compare_fields
from shared.domain.records import BOOKKEEPING, Recorded
from shared.domain.stamp import Stamp
from shared.domain.timestamps import Timestamp

FollowUpState = Literal["open", "done", "cancelled"]

MAX_TITLE = 200
"""The maximum length of a title, in characters: that of a line of text."""


class FollowUp(Recorded):
    """Something to do about a contact at a time.

    `interaction_id`: the interaction that scheduled it, null if it was made without one. `assignee_id`: the user who is
    to do it. `outcome_interaction_id`: the interaction that was recorded together with its completion. `notified_at`:
    when `follow_up.due` was emitted, null before; a new due time makes it null again.
    """

    entity: ClassVar[str] = "follow_up"

    id: str
    contact_id: str
    interaction_id: str | None = None
    title: str
    state: FollowUpState = "open"
    due_at: Timestamp
    assignee_id: str | None = None
    notified_at: Timestamp | None = None
    done_at: Timestamp | None = None
    cancelled_at: Timestamp | None = None
    outcome: str = ""
    outcome_interaction_id: str | None = None
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    last_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""

    @classmethod
    def schedule(
        cls,
        *,
        follow_up_id: str,
        contact_id: str,
        title: str,
        due_at: str,
        assignee_id: str | None,
        interaction_id: str | None = None,
        stamp: Stamp,
    ) -> FollowUp:
        """Return a new open follow-up of a contact."""
        return cls._from_fields(
            id=follow_up_id,
            contact_id=contact_id,
            interaction_id=interaction_id,
            title=title,
            due_at=due_at,
            assignee_id=assignee_id,
            **stamp.creation_fields(),
        )

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.state == "open"

    @property
    def is_announced(self) -> bool:
        """Whether `follow_up.due` was emitted for its due time, or will never be, since it is closed."""
        return not self.is_open or self.notified_at is not None

    @property
    def sorts_at(self) -> str:
        """The time by which lists sort it: when it is due, or once it is closed, when that was."""
        return self.done_at or self.cancelled_at or self.due_at

    def change(self, fields: dict[str, Any], *, stamp: Stamp) -> tuple[FollowUp, Changes] | None:
        """Return the follow-up with some fields changed, and the changes; None when nothing changes.

        Raises Conflict when it is no longer open.
        """
        self._require_open()
        if "due_at" in fields:
            fields = {**fields, **self._due_fields(fields["due_at"])}
        after = self._next_version(fields, stamp)
        changes = compare_fields(self._audited_fields(), after._audited_fields())
        return (after, changes) if changes else None

    def reschedule(self, due_at: str, *, stamp: Stamp) -> FollowUp:
        """Return the follow-up with a due time, for which it is announced again if it is another one.

        Raises Conflict when it is no longer open.
        """
        self._require_open()
        return self._next_version(self._due_fields(due_at), stamp)

    def complete(self, outcome: str, *, outcome_interaction_id: str | None = None, stamp: Stamp) -> FollowUp:
        """Return the follow-up as done. Raises Conflict when it is no longer open."""
        self._require_open()
        return self._next_version(
            {
                "state": "done",
                "done_at": stamp.at,
                "outcome": outcome,
                "outcome_interaction_id": outcome_interaction_id,
            },
            stamp,
        )

    def cancel(self, *, stamp: Stamp) -> FollowUp:
        """Return the follow-up as cancelled. Raises Conflict when it is no longer open."""
        self._require_open()
        return self._next_version({"state": "cancelled", "cancelled_at": stamp.at}, stamp)

    def announce(self, *, stamp: Stamp) -> FollowUp:
        """Return the follow-up as announced: `follow_up.due` is emitted with this change."""
        return self._next_version({"notified_at": stamp.at}, stamp)

    def facts(self) -> dict[str, Any]:
        """Return the facts that events about it state."""
        return {
            "follow_up_id": self.id,
            "interaction_id": self.interaction_id,
            "title": self.title,
            "due_at": self.due_at,
            "assignee_id": self.assignee_id,
        }

    def _due_fields(self, due_at: str) -> dict[str, Any]:
        """Return the fields that change with the due time."""
        return {} if due_at == self.due_at else {"due_at": due_at, "notified_at": None}

    def _audited_fields(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _NOT_AUDITED and value}

    def _require_open(self) -> None:
        if not self.is_open:
            raise Conflict(f"This follow-up is {self.state}. Schedule another one.", code="follow_up_closed")


def title_of(next_action: str, description: str) -> str:
    """Return the title of the follow-up that an interaction schedules: its next action, or the beginning of its
    description.
    """
    title = one_line(next_action or description)
    if len(title) <= MAX_TITLE:
        return title
    return f"{title[: MAX_TITLE - 1].rpartition(' ')[0] or title[: MAX_TITLE - 1]}…"


def earliest(*times: str | None) -> str | None:
    """Return the earliest of some times, None where there is none."""
    return min(filter(None, times), default=None)


_NOT_AUDITED = BOOKKEEPING | {"contact_id", "notified_at"}
