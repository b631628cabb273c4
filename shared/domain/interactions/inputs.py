"""The inputs that record and change interactions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.contacts.inputs import MergePatch
from shared.domain.errors import FieldError, Invalid
from shared.domain.interactions.interaction import GivenType, Interaction
from shared.domain.interactions.metadata import Metadata
from shared.domain.moments import GivenTime
from shared.domain.text import VISIBLE_ASCII, GivenLongText, ShortText

_BookingId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=VISIBLE_ASCII)]


class InteractionInput(BaseModel):
    """The fields of a new interaction."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    type: GivenType
    description: GivenLongText = Field(examples=["Talked about the offer."])
    occurred_at: GivenTime | None = Field(
        None, description="When it happened, or is to happen. Default: now."
    )
    outcome: ShortText = Field("", examples=["interested"])
    next_action: ShortText = Field("", examples=["send the contract"])
    scheduled_follow_up: GivenTime | None = Field(
        None,
        description="When to follow up. Schedules a follow-up, which `follow_up_id` of the answer names.",
    )
    booking_id: _BookingId | None = Field(None, description="The booking that it is about.")
    metadata: Metadata = Field(
        default_factory=dict,
        description="Any JSON object of at most 16 kB. Members that are null are left out.",
    )

    def given_fields(self) -> dict[str, Any]:
        """Return all fields."""
        return dict(self.__dict__)


class InteractionPatch(MergePatch):
    """A JSON merge patch (RFC 7396) of an interaction: fields left out stay as they are, null clears a field."""

    type: GivenType | None = None
    description: GivenLongText | None = None
    occurred_at: GivenTime | None = None
    outcome: ShortText | None = None
    next_action: ShortText | None = None
    scheduled_follow_up: GivenTime | None = Field(
        None,
        description="Another time moves the follow-up, null cancels it. A follow-up that is done stays "
        "done; then another time schedules a new one.",
    )
    booking_id: _BookingId | None = None
    metadata: Metadata | None = Field(
        None, description="Merged into the present metadata: null removes a member, at any level."
    )

    def given_fields(self) -> dict[str, Any]:
        """Return the fields that were given, null as the empty value. Raises Invalid for null in a required field."""
        given = super().given_fields()
        required = [name for name in ("type", "description", "occurred_at") if given.get(name, "") is None]
        if required:
            errors = tuple(FieldError(name, "required", "This is required.") for name in required)
            raise Invalid(f"{required[0]}: This is required.", errors=errors)
        blank = Interaction.model_fields
        return {
            name: blank[name].default if value is None and name != "metadata" else value
            for name, value in given.items()
        }
