"""The form of a problem document (RFC 9457), for the OpenAPI document and for answers that hold several."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def _is_absent(value: Any) -> bool:
    return value is None


class ProblemField(BaseModel):
    """One refused field."""

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
        None, exclude_if=_is_absent, description="For `duplicate`: the user that has the value."
    )
    invitation_id: str | None = Field(
        None, exclude_if=_is_absent, description="For `duplicate`: the open invitation that has the value."
    )


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(defer_build=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="One sentence a person can act on.")
    code: str = Field(description="A stable word for programs.")
    errors: list[ProblemField] | None = Field(None, exclude_if=_is_absent)
    request_id: str


class OAuthError(BaseModel):
    """Why there is no token (RFC 6749, section 5.2)."""

    model_config = ConfigDict(defer_build=True)

    error: str = Field(description="A word of RFC 6749, section 5.2.")
    error_description: str = Field(description="One sentence a person can act on.")
