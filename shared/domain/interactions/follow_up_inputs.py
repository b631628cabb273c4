"""The inputs that schedule, change and complete follow-ups."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.inputs import MergePatch
from shared.domain.errors import FieldError, Invalid
from shared.domain.interactions.inputs import InteractionInput
from shared.domain.moments import GivenTime
from shared.domain.text import GivenLine, ShortText


class FollowUpInput(BaseModel):
    """The fields of a new follow-up."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    title: GivenLine = Field(examples=["Send the contract"])
    due_at: GivenTime
    assignee_id: str | None = Field(
        None,
        max_length=100,
        description="The active user who is to do it. Default: the caller if that is a user, else the contact's owner.",
    )


class FollowUpPatch(MergePatch):
    """A JSON merge patch (RFC 7396) of an open follow-up: fields left out stay as they are, null clears a field."""

    title: GivenLine | None = None
    due_at: GivenTime | None = None
    assignee_id: str | None = Field(None, max_length=100, description="The active user who is to do it.")

    def given_fields(self) -> dict[str, Any]:
        """Return the fields that were given. Raises Invalid for null in a required field."""
        given = super().given_fields()
        required = [name for name in ("title", "due_at") if given.get(name, "") is None]
        if required:
            errors = tuple(FieldError(name, "required", "This is required.") for name in required)
            raise Invalid(f"{required[0]}: This is required.", errors=errors)
        return given


class FollowUpCompletion(BaseModel):
    """The outcome of a follow-up."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    outcome: ShortText = Field("", examples=["signed"])
    interaction: InteractionInput | None = Field(
        None,
        description="An interaction to record with the contact in the same transaction, such as the call that was due.",
    )
