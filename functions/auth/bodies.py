"""Bodies of requests and answers of registration and sign-in."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.accounts.credentials import Tokens
from shared.domain.accounts.registration import Founding

SCOPE: Literal["contacts"] = "contacts"
"""The only scope: the rights of a user follow from their role."""


class RegisteredTenant(BaseModel):
    """The tenant that was created."""

    model_config = ConfigDict(defer_build=True)

    id: str
    name: str


class RegisteredUser(BaseModel):
    """The first admin of the tenant."""

    model_config = ConfigDict(defer_build=True)

    id: str
    username: str
    role: Literal["admin"] = "admin"


class Registered(BaseModel):
    """A new tenant and its first admin."""

    model_config = ConfigDict(defer_build=True)

    tenant: RegisteredTenant
    user: RegisteredUser

    @classmethod
    def of(cls, founding: Founding) -> Registered:
        """Return the answer to a registration."""
        tenant, member = founding.tenant, founding.member
        return cls(
            tenant=RegisteredTenant(id=tenant.id, name=tenant.name),
            user=RegisteredUser(id=member.sub, username=member.username),
        )


class TokenRequest(BaseModel):
    """A request for tokens (RFC 6749, sections 4.3.2 and 6). Unknown parameters are ignored."""

    model_config = ConfigDict(defer_build=True)

    grant_type: str | None = Field(
        None,
        description="Default: `password`.",
        json_schema_extra={"enum": ["password", "refresh_token", None]},
    )
    username: str | None = Field(
        None, description="For `password`: the user's e-mail address or username. Case does not matter."
    )
    password: str | None = Field(
        None, description="For `password`.", json_schema_extra={"format": "password"}
    )
    refresh_token: str | None = Field(None, description="For `refresh_token`.")
    scope: str | None = Field(None, description=f"Has no effect: the scope is always `{SCOPE}`.")
    client_id: str | None = Field(None, description="Has no effect: clients are not registered.")
    client_secret: str | None = Field(None, description="Has no effect. A Basic header has none either.")


class TokenAnswer(BaseModel):
    """Tokens (RFC 6749, section 5.1)."""

    model_config = ConfigDict(defer_build=True)

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 (a word of RFC 6750)
    expires_in: int = Field(description="Seconds for which the access token is valid.")
    refresh_token: str
    scope: Literal["contacts"] = SCOPE

    @classmethod
    def of(cls, tokens: Tokens) -> TokenAnswer:
        """Return the answer with these tokens."""
        return cls(
            access_token=tokens.access_token,
            expires_in=tokens.expires_in,
            refresh_token=tokens.refresh_token,
        )
