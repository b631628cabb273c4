"""An invitation to become a user of a tenant, and the token with which it is accepted."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.accounts.passwords import check_password
from shared.domain.accounts.user import User, UserRole, normalize_username
from shared.domain.accounts.usernames import Username
from shared.domain.errors import AlreadyAccepted
from shared.domain.events import INVITATION_REVOKED, USER_INVITED, Event
from shared.domain.ids import is_id
from shared.domain.records import Recorded
from shared.domain.stamp import Stamp
from shared.domain.text import Name
from shared.domain.timestamps import Timestamp, plus
from shared.domain.validators import following

VALID_SECONDS = 7 * 86_400
"""How long a token is good."""
KEPT_SECONDS = 30 * 86_400
"""How long an invitation is kept after it was accepted."""
MAX_OPEN = 100
"""How many invitations a tenant has at the most that nobody has accepted."""

InvitationState = Literal["open", "accepted"]


@dataclass(frozen=True, slots=True)
class InvitationToken:
    """What somebody needs to accept an invitation: `inv_<tenant, in hex>_<id, in hex>_<secret>`.

    It names the tenant, since who accepts is nobody yet. Whoever has it becomes the user: it is shown and e-mailed
    once, and kept as a hash.
    """

    tenant_id: str
    invitation_id: str
    secret: str

    @classmethod
    def issue(cls, tenant_id: str, invitation_id: str) -> InvitationToken:
        """A new token, with a secret of 256 random bits."""
        return cls(tenant_id, invitation_id, secrets.token_urlsafe(32))

    @classmethod
    def parse(cls, text: str) -> InvitationToken | None:
        """The token that `text` spells, or None. Each has one spelling."""
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
    """Whom to invite, and as what."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    email: Annotated[str, Field(max_length=254), following(normalize_username)] = Field(
        examples=["grace@example.com"]
    )
    role: UserRole = Field(examples=["user"])
    first_name: Name = Field("", examples=["Grace"])
    last_name: Name = Field("", examples=["Hopper"])


class Acceptance(BaseModel):
    """What somebody accepts an invitation with: a password to sign in with, or where people sign in with another issuer
    an access token of its."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    token: str = Field(min_length=1, max_length=1_000, repr=False, examples=["inv_64656d6f_01962e29…_Kx0…"])
    password: Annotated[str, following(check_password)] | None = Field(
        None,
        repr=False,
        description="12 to 256 characters, lower-case and upper-case letters and digits among them.",
        examples=["correct Horse 7 battery"],
    )
    username: Username | None = Field(
        None,
        description="A name to sign in with, beside the e-mail address: 3 to 64 letters, digits and `.`, `_`, `-`, "
        "without regard to case, unique among all users of the deployment.",
        examples=["grace.hopper"],
    )
    access_token: str | None = Field(
        None,
        max_length=12_288,
        repr=False,
        description="Where people sign in with another issuer: a valid access token of its, instead of a password.",
    )


class Invitation(Recorded):
    """An invitation as it is kept and shown.

    `state`: `open` until it is accepted, `accepted` once its user (`user_id`) is there. After `expires_at` its token is
    dead.
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
        """A new invitation, and `user.invited`."""
        invitation = cls(
            id=invitation_id,
            expires_at=plus(stamp.at, VALID_SECONDS),
            secret_hash=secret_hash,
            **stamp.creation_fields(),
            **given,
        )
        return invitation, invitation._build_creation_event(USER_INVITED, stamp.caller)

    def renew(self, *, secret_hash: str, stamp: Stamp) -> tuple[Invitation, Event]:
        """The invitation with another token and time to accept it, and `user.invited`. Raises AlreadyAccepted once
        there is a user.
        """
        if self.state != "open":
            raise AlreadyAccepted()
        given = {"secret_hash": secret_hash, "expires_at": plus(stamp.at, VALID_SECONDS)}
        after = self._next_version(given, stamp)
        return after, after._build_creation_event(USER_INVITED, stamp.caller)

    def revoke(self, *, stamp: Stamp) -> Event:
        """The event of the invitation's going. Raises AlreadyAccepted once there is a user."""
        if self.state != "open":
            raise AlreadyAccepted()
        return self._build_removal(INVITATION_REVOKED, {}, stamp)[1]

    def accept(self, *, username: str | None = None, stamp: Stamp) -> tuple[Invitation, User, Event]:
        """The invitation at its end, its user, who is the caller, and `user.created`. `username`: in stored form."""
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
        """Whether the time to accept it is over."""
        return self.expires_at <= now

    def with_token(self, token: InvitationToken, *, emailed: bool) -> IssuedInvitation:
        """The invitation as who made it sees it, this once."""
        return IssuedInvitation.model_construct(**self.__dict__, token=str(token), emailed=emailed)

    def _audited_fields(self) -> dict[str, Any]:
        return {"email": self.email, "role": self.role}


class IssuedInvitation(Invitation):
    """An invitation with its token, which is shown when it is made or renewed and never again.

    `emailed`: whether the token was e-mailed. If not, hand it on.
    """

    token: str = Field(repr=False, examples=["inv_64656d6f_01962e29…_Kx0…"])
    emailed: bool
