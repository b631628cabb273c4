"""Users: people who sign in for a tenant, with a role.

Every change is a method that returns the new record and its event.
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
"""An id of the scheduling product: printable ASCII without spaces, as `shared.domain.bookings.event` takes it."""

MAX_USERS = 500
"""The largest number of users of a tenant. Lists read all users and filter them."""
MAX_ID = 255
"""The longest id of a user, in characters: the token's `sub` (OpenID Connect Core 1.0, section 2)."""
MAX_USERNAME = 128
"""The longest address to sign in with, in characters (AdminCreateUser in the Amazon Cognito API Reference)."""

OWN_FIELDS = frozenset({"first_name", "last_name"})
"""The fields that users may change in their own record."""


def normalize_sign_in_email(email: str) -> str:
    """Return the stored form of an e-mail address that a user will sign in with. Raises Invalid."""
    username = normalize_email(email)
    if len(username) > MAX_USERNAME:
        raise invalid_sign_in_email()
    return username


def invalid_sign_in_email() -> Invalid:
    """Return the error for an address that no user pool accepts as a username."""
    return Invalid.field("email", "email", "Nobody can sign in with this address. Give another one.")


def is_user_id(text: str) -> bool:
    """Return whether `text` can be the id of a user. The issuer of tokens decides its form."""
    return 0 < len(text) <= MAX_ID and text.isascii() and text.isprintable()


class UserPatch(BaseModel):
    """A JSON merge patch (RFC 7396) of a user: absent fields stay, null clears a name."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    role: UserRole | None = Field(None, description="Requires `tenant:admin`.", examples=["admin"])
    is_active: bool | None = Field(
        None,
        description="Requires `tenant:admin`. An inactive user cannot sign in, and their tokens stop working within a "
        "minute.",
    )
    first_name: Name | None = Field(None, examples=["Ada"])
    last_name: Name | None = Field(None, examples=["Lovelace"])
    scheduling_id: SchedulingId | None = Field(
        None,
        description="Requires `tenant:admin`. The user's id in the scheduling product, with which bookings name their "
        "organizer. Unique within the tenant.",
        examples=["org-17"],
    )

    def given_fields(self) -> dict[str, Any]:
        """Return the fields that the patch names, in stored form.

        Raises Invalid for null in a field that needs a value.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for name in ("role", "is_active"):
            if given.get(name, "") is None:
                raise Invalid.field(name, "required", "This cannot be without a value.")
        return {name: "" if value is None and name in OWN_FIELDS else value for name, value in given.items()}


class User(Recorded):
    """A user.

    `id`: the `sub` of the user's tokens. `scheduling_id`: the user's id in the scheduling product. `username`: the name
    that the user chose to sign in with, or else the e-mail address, which can always be used to sign in. `version`
    counts the changes, from 1.
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
        """Whether the user is an active admin, of whom a tenant always has at least one."""
        return self.role == "admin" and self.is_active

    def creation_event(self, caller: Caller, **data: Any) -> Event:
        """Return the `user.created` event. `data`: ids of related records."""
        event = self._build_creation_event(USER_CREATED, caller)
        event.data.update(data)
        return event

    def admit(self, *, username: str, email: str, role: UserRole, stamp: Stamp) -> tuple[User, Event]:
        """Return the user, active and with a role, username and address, and its `user.updated` event."""
        given = {"username": username, "email": email, "role": role, "is_active": True}
        return self._build_change(USER_UPDATED, given, stamp)

    def change(self, given: dict[str, Any], *, stamp: Stamp) -> tuple[User, Event] | None:
        """Return the user with the given fields, and its `user.updated` event; None if nothing changes."""
        changed = self._build_change(USER_UPDATED, given, stamp)
        return changed if changed[1].changes else None

    def delete(self, *, stamp: Stamp) -> tuple[User, Event]:
        """Return the last version of the user, and its `user.deleted` event."""
        return self._build_removal(USER_DELETED, {}, stamp)

    def _audited_fields(self) -> dict[str, Any]:
        kept = {
            name: getattr(self, name)
            for name in ("email", "first_name", "last_name", "role", "is_active", "scheduling_id")
        }
        return {name: value for name, value in kept.items() if value not in ("", None)}
