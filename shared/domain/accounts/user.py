"""The user: a person who signs in for a tenant, with a role, and what may be done to them.

Every change of state is a method that returns the new record and the event of the change.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from shared.domain.callers import Caller
from shared.domain.email import normalize_email
from shared.domain.errors import Invalid
from shared.domain.events import USER_CREATED, USER_DELETED, USER_UPDATED, Event
from shared.domain.records import Recorded
from shared.domain.stamp import Stamp
from shared.domain.text import VISIBLE_ASCII, Name
from shared.domain.timestamps import Timestamp

UserRole = Literal["admin", "user"]
SchedulingId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=VISIBLE_ASCII)]
"""An id of the scheduling product: printable ASCII without spaces, as `shared.domain.bookings` takes it."""

MAX_USERS = 500
"""How many users a tenant has at the most: lists of them are narrowed while they are read."""
MAX_ID = 255
"""Characters of a user's id: the token's `sub` (OpenID Connect Core 1.0, section 2)."""
MAX_USERNAME = 128
"""Characters of the address that a user signs in with (AdminCreateUser in the Amazon Cognito API Reference)."""

OWN_FIELDS = frozenset({"first_name", "last_name"})
"""Fields that everybody may change of themselves."""


def normalize_username(email: str) -> str:
    """The stored form of an address that somebody is to sign in with. Raises Invalid."""
    username = normalize_email(email)
    if len(username) > MAX_USERNAME:
        raise no_username()
    return username


def no_username() -> Invalid:
    """The refusal of an address by which no pool knows anybody."""
    return Invalid.field("email", "email", "Nobody can sign in with this address. Give another one.")


def is_user_id(text: str) -> bool:
    """Whether `text` may be a user's id. What it looks like is the issuer's affair."""
    return 0 < len(text) <= MAX_ID and text.isascii() and text.isprintable()


class UserPatch(BaseModel):
    """A JSON merge patch (RFC 7396) of a user: what is absent stays, null clears a name."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    role: UserRole | None = Field(None, description="Takes `tenant:admin`.", examples=["admin"])
    is_active: bool | None = Field(
        None,
        description="Takes `tenant:admin`. A user that is not active cannot sign in; tokens they hold end "
        "within a minute.",
    )
    first_name: Name | None = Field(None, examples=["Ada"])
    last_name: Name | None = Field(None, examples=["Lovelace"])
    scheduling_id: SchedulingId | None = Field(
        None,
        description="Takes `tenant:admin`. The user's id in the scheduling product, by which bookings name their "
        "organizer. No other user of the tenant may have it.",
        examples=["org-17"],
    )

    def as_given(self) -> dict[str, Any]:
        """The fields that were given, in their stored form. Raises Invalid for a null that is none of its values."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for name in ("role", "is_active"):
            if given.get(name, "") is None:
                raise Invalid.field(name, "required", "This cannot be without a value.")
        return {name: "" if value is None and name in OWN_FIELDS else value for name, value in given.items()}


class User(Recorded):
    """A user as it is kept and shown.

    `id`: the `sub` of the user's tokens. `scheduling_id`: by which the scheduling product
    knows the user. `username`: the name that was chosen to sign in with, else the e-mail
    address, which lets in always. `version` counts the changes, from 1.
    """

    entity: ClassVar[str] = "user"

    id: str
    username: str
    email: str
    first_name: str = ""
    last_name: str = ""
    role: UserRole
    is_active: bool = True
    scheduling_id: str | None = None
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    last_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""

    @property
    def is_active_admin(self) -> bool:
        """Whether it is one of those of whom a tenant always has one."""
        return self.role == "admin" and self.is_active

    def creation_event(self, caller: Caller, **data: Any) -> Event:
        """The event of a new user. `data`: ids of what else belongs to it."""
        event = self._build_creation_event(USER_CREATED, caller)
        event.data.update(data)
        return event

    def change(self, given: dict[str, Any], *, stamp: Stamp) -> tuple[User, Event] | None:
        """The user with other fields, and `user.updated`; None when they change nothing."""
        changed = self._build_change(USER_UPDATED, given, stamp)
        return changed if changed[1].changes else None

    def delete(self, *, stamp: Stamp) -> tuple[User, Event]:
        """The user as it was last, and `user.deleted`."""
        return self._build_removal(USER_DELETED, {}, stamp)

    def _audited_fields(self) -> dict[str, Any]:
        kept = {
            name: getattr(self, name)
            for name in ("email", "first_name", "last_name", "role", "is_active", "scheduling_id")
        }
        return {name: value for name, value in kept.items() if value not in ("", None)}
