"""Invitations to become a user of a tenant, and the tokens with which they are accepted."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.accounts.passwords import check_password
from shared.domain.accounts.user import User, UserRole, normalize_sign_in_email
from shared.domain.accounts.usernames import Username
from shared.domain.errors import AlreadyAccepted
from shared.domain.events import INVITATION_REVOKED, USER_INVITED, Event
from shared.domain.ids import is_id
from shared.domain.records import Recorded
from shared.domain.stamp import Stamp
from shared.domain.text import Name
from shared.domain.timestamps import Timestamp, plus
from shared.domain.validators import validated_by

VALID_SECONDS = 7 * 86_400
"""How long a token is valid, in seconds."""
KEPT_SECONDS = 30 * 86_400
"""How long an invitation is kept after it was accepted, in seconds."""
MAX_OPEN = 100
"""The largest number of open invitations of a tenant."""

InvitationState = Literal["open", "accepted"]


@dataclass(frozen=True, slots=True)
class InvitationToken:
    """The token that accepts an invitation: `inv_<tenant, in hex>_<id, in hex>_<secret>`.

    It names the tenant, since the person who accepts belongs to none yet. Its holder becomes the user, so it is shown
    and e-mailed once, and only its hash is stored.
    """

    tenant_id: str
    invitation_id: str
    secret: str

    @classmethod
    def issue(cls, tenant_id: str, invitation_id: str) -> InvitationToken:
        """Return a new token with a secret of 256 random bits."""
        return cls(tenant_id, invitation_id, secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> InvitationToken | None:
        """Return the token of a text, or None if it is malformed. Each token has exactly one spelling."""
        parts = text.split("_", 3)
        if len(parts) != 4:
            return None
        _, tenant, number, secret = parts
        try:
            tenant_id = bytes.fromhex(tenant).decode()
        except ValueError:
            return None
        invitation_id = "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:]))
        token = cls(tenant_id, invitation_id, secret)
        return token if tenant_id and is_id(invitation_id) and str(token) == text else None

    def __str__(self) -> str:
        return f"inv_{self.tenant_id.encode().hex()}_{self.invitation_id.replace('-', '')}_{self.secret}"


class InvitationInput(BaseModel):
    """A new invitation: the person's e-mail address, role and name."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    email: Annotated[str, Field(max_length=254), validated_by(normalize_sign_in_email)] = Field(
        examples=["grace@example.com"]
    )
    role: UserRole = Field(examples=["user"])
    first_name: Name = Field("", examples=["Grace"])
    last_name: Name = Field("", examples=["Hopper"])


class Acceptance(BaseModel):
    """The acceptance of an invitation, with a password to sign in with.

    In a deployment where users sign in with another issuer, it has an access token of that issuer instead.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)

    token: str = Field(min_length=1, max_length=1_000, repr=False, examples=["inv_64656d6f_01962e29…_Kx0…"])
    password: Annotated[str, validated_by(check_password)] | None = Field(
        None,
        repr=False,
        description="12 to 256 characters, with lower-case letters, upper-case letters and digits.",
        examples=["correct Horse 7 battery"],
    )
    username: Username | None = Field(
        None,
        description="A name to sign in with, as an alternative to the e-mail address: 3 to 64 letters, digits and `.`, "
        "`_`, `-`, case-insensitive, unique among all users of the deployment.",
        examples=["grace.hopper"],
    )
    access_token: str | None = Field(
        None,
        max_length=12_288,
        repr=False,
        description="If users sign in with another issuer: a valid access token of that issuer, instead of a password.",
    )


class Invitation(Recorded):
    """An invitation to become a user.

    `state`: `open` until it is accepted, then `accepted`, with the id of the new user in `user_id`. The token is
    invalid after `expires_at`.
    """

    entity: ClassVar[str] = "invitation"

    id: str
    email: str
    role: UserRole
    first_name: str = ""
    last_name: str = ""
    state: InvitationState = "open"
    user_id: str | None = None
    expires_at: Timestamp
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    secret_hash: Annotated[str, SkipJsonSchema(), Field(exclude=True, repr=False)] = ""
    last_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""

    @classmethod
    def create(
        cls,
        given: dict[str, Any],
        *,
        invitation_id: str,
        secret_hash: str,
        stamp: Stamp,
    ) -> tuple[Invitation, Event]:
        """Return a new invitation and its `user.invited` event."""
        invitation = cls(
            id=invitation_id,
            expires_at=plus(stamp.at, VALID_SECONDS),
            secret_hash=secret_hash,
            **stamp.creation_fields(),
            **given,
        )
        return invitation, invitation._build_creation_event(USER_INVITED, stamp.caller)

    def renew(self, *, secret_hash: str, stamp: Stamp) -> tuple[Invitation, Event]:
        """Return the invitation with a new token and a new expiry, and its `user.invited` event.

        Raises AlreadyAccepted once it is accepted.
        """
        if self.state != "open":
            raise AlreadyAccepted()
        given = {"secret_hash": secret_hash, "expires_at": plus(stamp.at, VALID_SECONDS)}
        after = self._next_version(given, stamp)
        return after, after._build_creation_event(USER_INVITED, stamp.caller)

    def revoke(self, *, stamp: Stamp) -> Event:
        """Return the `user.invitation_revoked` event. Raises AlreadyAccepted once the invitation is accepted."""
        if self.state != "open":
            raise AlreadyAccepted()
        return self._build_removal(INVITATION_REVOKED, {}, stamp)[1]

    def accept(self, *, username: str | None = None, stamp: Stamp) -> tuple[Invitation, User, Event]:
        """Return the accepted invitation, the new user and its `user.created` event.

        The new user is the caller of `stamp`. `username`: in its stored form; the e-mail address by default.
        """
        after = self._next_version({"state": "accepted", "user_id": stamp.caller.id}, stamp)
        user = User(
            id=stamp.caller.id,
            username=username or self.email,
            email=self.email,
            first_name=self.first_name,
            last_name=self.last_name,
            role=self.role,
            **stamp.creation_fields(),
        )
        return after, user, user.creation_event(stamp.caller, invitation_id=self.id)

    def has_expired(self, now: str) -> bool:
        """Return whether the invitation can no longer be accepted."""
        return self.expires_at <= now

    def with_token(self, token: InvitationToken, *, emailed: bool) -> IssuedInvitation:
        """Return the invitation with its token, to be shown once."""
        return IssuedInvitation.model_construct(**self.__dict__, token=str(token), emailed=emailed)

    def _audited_fields(self) -> dict[str, Any]:
        return {"email": self.email, "role": self.role}


class IssuedInvitation(Invitation):
    """An invitation with its token, which is shown only when the invitation is created or renewed.

    `emailed`: whether the token was e-mailed. If not, pass it on to the invited person.
    """

    token: str = Field(repr=False, examples=["inv_64656d6f_01962e29…_Kx0…"])
    emailed: bool
