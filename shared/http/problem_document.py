"""Models of problem documents (RFC 9457), for the OpenAPI document and for answers that contain several problems."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def _is_absent(value: Any) -> bool:
    return value is None


class ProblemField(BaseModel):
    """A refused field."""

    model_config = ConfigDict(defer_build=True)

    field: str
    code: str
    message: str
    contact_id: str | None = Field(
        None,
        exclude_if=_is_absent,
        description="For `duplicate`: the contact that has the value, if the caller may see it.",
    )
    customer_id: str | None = Field(
        None,
        exclude_if=_is_absent,
        description="For `duplicate`: the customer that has the value, if the caller may see it.",
    )
    user_id: str | None = Field(
        None, exclude_if=_is_absent, description="For `duplicate`: the user who has the value."
    )
    invitation_id: str | None = Field(
        None, exclude_if=_is_absent, description="For `duplicate`: the open invitation that has the value."
    )


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(defer_build=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="A sentence that tells a person what to do.")
    code: str = Field(description="A code for programs, which does not change.")
    errors: list[ProblemField] | None = Field(None, exclude_if=_is_absent)
    survivor_id: str | None = Field(
        None,
        exclude_if=_is_absent,
        description="For `merged`: the contact into which the contact was merged.",
    )
    recovery_id: str | None = Field(
        None,
        exclude_if=_is_absent,
        description="For `recovery_under_way`: the recovery of the webhook that is under way.",
    )
    request_id: str


class OAuthError(BaseModel):
    """An error of the token endpoint (RFC 6749, section 5.2)."""

    model_config = ConfigDict(defer_build=True)

    error: str = Field(description="A code of RFC 6749, section 5.2.")
    error_description: str = Field(description="A sentence that tells a person what to do.")
