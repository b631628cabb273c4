"""The registration of a business and its first admin.

docs/decisions/0016-sign-in.md explains the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.accounts.credentials import Membership
from shared.domain.accounts.passwords import check_password
from shared.domain.accounts.user import User, normalize_sign_in_email
from shared.domain.accounts.usernames import Username, parse_username
from shared.domain.callers import Caller
from shared.domain.errors import FieldError, Invalid
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant
from shared.domain.text import GivenLine, Name
from shared.domain.validators import validated_by


class RegistrationInput(BaseModel):
    """The registration of a new tenant.

    In a deployment where users sign in with another issuer, `access_token` replaces `password`.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)

    tenant_name: GivenLine | None = Field(
        None,
        description="The name of the business; the username by default.",
        examples=["Analytical Engines"],
    )
    username: Username | None = Field(
        None,
        description="A name to sign in with, as an alternative to the e-mail address: 3 to 64 letters, digits and `.`, "
        "`_`, `-`, case-insensitive, unique among all users of the deployment.",
        examples=["ada.lovelace"],
    )
    email: Annotated[str, Field(max_length=254), validated_by(normalize_sign_in_email)] = Field(
        examples=["ada@example.com"]
    )
    password: Annotated[str, validated_by(check_password)] | None = Field(
        None, description="12 to 256 characters, with lower-case letters, upper-case letters and digits."
    )
    access_token: str | None = Field(
        None,
        max_length=12_288,
        description="If users sign in with another issuer: a valid access token of that issuer, instead of a password.",
    )
    first_name: Name = Field("", examples=["Ada"])
    last_name: Name = Field("", examples=["Lovelace"])

    @property
    def name(self) -> str | None:
        """The tenant's name: `tenant_name`, or else the username; None if both are absent."""
        return self.tenant_name or self.stored_username

    @property
    def stored_username(self) -> str | None:
        """The username in its stored form, or None."""
        return parse_username(self.username) if self.username is not None else None


TENANT_NAME_MISSING = FieldError(
    "tenant_name", "missing", "Give the name of your business, or a username, which then stands for it too."
)


@dataclass(frozen=True, slots=True)
class Founding:
    """The records that a registration creates: the tenant, its first admin, and an event for each."""

    tenant: Tenant
    member: Membership
    user: User
    events: tuple[Event, Event]

    @classmethod
    def of(cls, given: RegistrationInput, *, tenant_id: str, sub: str, email: str, since: int) -> Founding:
        """Return the records of a registration by the user `sub`, who is recorded as the creator of both.

        `since`: see Membership. Raises Invalid if no field names the tenant.
        """
        if (name := given.name) is None:
            raise Invalid(f"tenant_name: {TENANT_NAME_MISSING.message}", errors=(TENANT_NAME_MISSING,))
        stamp = Stamp.now(Caller(tenant_id, "user", sub, "admin"))
        username = given.stored_username or email
        user = User(
            id=sub,
            username=username,
            email=email,
            first_name=given.first_name,
            last_name=given.last_name,
            role="admin",
            **stamp.creation_fields(),
        )
        tenant, opened = Tenant.open(tenant_id, name, stamp=Stamp(new_id(), stamp.at, stamp.caller))
        return cls(
            tenant=tenant,
            member=Membership(sub, tenant_id, "admin", username, since=since),
            user=user,
            events=(opened, user.creation_event(stamp.caller)),
        )
