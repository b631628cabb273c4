"""The conditions on follow-ups, as callers give them and in the form that lists check."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, Field

from shared.domain.days import first_of
from shared.domain.errors import Invalid
from shared.domain.interactions.follow_up import FollowUp, FollowUpState
from shared.domain.moments import Moment
from shared.domain.timestamps import plus


class FollowUpConditions(BaseModel):
    """The follow-ups to list. All conditions must hold."""

    state: FollowUpState | None = Field(
        None,
        description="Default: `open`. Open ones are listed earliest due first, others latest closed first.",
    )
    done: bool | None = Field(
        None, description="`true` is the same as `state=done`, `false` the same as `state=open`."
    )
    due_from: Moment | None = Field(
        None, description="Due at or after this time; or on or after this day, in the tenant's time zone."
    )
    due_before: Moment | None = Field(
        None, description="Due before this time; or before this day, in the tenant's time zone."
    )
    assignee_id: str | None = Field(
        None, min_length=1, max_length=100, description="The user who is to do the follow-up."
    )

    @property
    def wanted_state(self) -> FollowUpState:
        """The state of the follow-ups to list. Raises Invalid when `state` and `done` contradict each other."""
        by_done: FollowUpState = "done" if self.done else "open"
        if self.state is not None and self.done is not None and self.state != by_done:
            raise Invalid.field("done", "mixed", "`state` and `done` contradict each other. Give one.")
        return self.state or by_done


@dataclass(frozen=True, slots=True)
class FollowUpFilter:
    """The follow-ups to list. `due_from` and `due_before`: timestamps that bound `due_at`; the second is excluded.
    `owner_id`: that of the contact, for lists of all contacts.
    """

    state: FollowUpState = "open"
    due_from: str | None = None
    due_before: str | None = None
    assignee_id: str | None = None
    owner_id: str | None = None

    @classmethod
    def of(cls, given: FollowUpConditions, *, timezone: str, owner_id: str | None = None) -> FollowUpFilter:
        """Return the filter for conditions. A date means the beginning of the day in the time zone.

        Raises Invalid when `state` and `done` contradict each other.
        """
        return cls(
            state=given.wanted_state,
            due_from=given.due_from and first_of(given.due_from, timezone),
            due_before=given.due_before and first_of(given.due_before, timezone),
            assignee_id=given.assignee_id,
            owner_id=owner_id,
        )

    @property
    def is_open(self) -> bool:
        """Whether it matches open follow-ups, which lists sort by their due time."""
        return self.state == "open"

    @property
    def bounds(self) -> tuple[str | None, str | None]:
        """The bounds, both included, of the time by which lists sort the follow-ups; None for no bound."""
        if not self.is_open:
            return None, None
        return self.due_from, self.due_before and plus(self.due_before, -0.001)

    def excludes(self, *, but_assignee: bool = False) -> bool:
        """Whether a condition that is not a bound of the list's order may exclude follow-ups. `but_assignee`: other
        than the assignee.
        """
        has_assignee = self.assignee_id is not None and not but_assignee
        has_bounds = not self.is_open and (self.due_from or self.due_before)
        return bool(has_assignee or has_bounds or self.owner_id or self.state != "open")

    def matches(self, follow_up: FollowUp) -> bool:
        """Whether a follow-up meets the conditions on itself."""
        return (
            self.state == follow_up.state
            and (self.due_from or "") <= follow_up.due_at
            and (self.due_before is None or follow_up.due_at < self.due_before)
            and self.assignee_id in (None, follow_up.assignee_id)
        )
