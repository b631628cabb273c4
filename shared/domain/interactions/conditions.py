"""The conditions on interactions, in the form of a query and in the form that lists check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.days import first_of, last_of
from shared.domain.interactions.interaction import SYSTEM_TYPES, Interaction, InteractionType
from shared.domain.moments import FROM, TO, Moment


class InteractionConditions(BaseModel):
    """Conditions that must all hold."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    type: InteractionType | None = Field(None, description="Only interactions of this type.")
    date_from: Moment | None = Field(None, description=FROM)
    date_to: Moment | None = Field(None, description=TO)
    performed_by_id: str | None = Field(
        None, min_length=1, max_length=100, description="The id of the user or API client who recorded it."
    )
    booking_id: str | None = Field(
        None, min_length=1, max_length=128, description="Only interactions about this booking."
    )


@dataclass(frozen=True, slots=True)
class InteractionFilter:
    """The interactions to list. `first` and `last`: the bounds of `occurred_at`, both included, as timestamps."""

    type: str | None = None
    first: str | None = None
    last: str | None = None
    performed_by_id: str | None = None
    booking_id: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any], *, timezone: str) -> InteractionFilter:
        """Return the filter for conditions. A date means the whole day in the time zone."""
        first, last = given.get("date_from"), given.get("date_to")
        return cls(
            type=given.get("type"),
            first=first and first_of(first, timezone),
            last=last and last_of(last, timezone),
            performed_by_id=given.get("performed_by_id"),
            booking_id=given.get("booking_id"),
        )

    @property
    def is_by_type_only(self) -> bool:
        """Whether it has no condition, or only one of the type."""
        return not (self.first or self.last or self.performed_by_id or self.booking_id)

    def excludes(self, *, but_type: bool = False) -> bool:
        """Whether a condition other than the bounds of time may exclude interactions. `but_type`: other than the type
        too.
        """
        has_type = self.type is not None and not but_type
        return has_type or self.performed_by_id is not None or self.booking_id is not None

    def reads(self, *, by_system: bool) -> bool:
        """Whether it may match interactions that the system recorded, or that callers recorded."""
        return self.type is None or (self.type in SYSTEM_TYPES) == by_system

    def matches(self, interaction: Interaction) -> bool:
        """Whether an interaction within the bounds of time meets all other conditions."""
        return (
            self.type in (None, interaction.type)
            and self.performed_by_id in (None, interaction.performed_by_id)
            and self.booking_id in (None, interaction.booking_id)
        )
