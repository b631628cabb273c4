"""Callers and their permissions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from shared.domain.errors import NotFound, PermissionDenied

Level = Literal["all", "own"]
Role = Literal["admin", "user", "client"]
Kind = Literal["user", "client", "system"]
Visibility = Literal["tenant", "owner"]
"""The contacts that regular users of a tenant see: all of the tenant (`tenant`) or only their own (`owner`)."""

PERMISSIONS = (
    "contacts:read",
    "contacts:write",
    "contacts:delete",
    "contacts:merge",
    "interactions:write",
    "imports:run",
    "exports:run",
    "webhooks:manage",
    "audit:read",
    "tenant:admin",
)
"""All permissions. A caller holds each at level `all` or `own`, or not at all."""

_ROLE_PERMISSIONS: dict[str, dict[str, Level]] = {
    "admin": dict.fromkeys(PERMISSIONS, "all"),
    "user": {
        "contacts:read": "all",
        "contacts:write": "own",
        "contacts:delete": "own",
        "contacts:merge": "own",
        "interactions:write": "own",
        "exports:run": "all",  # of the contacts that the user reads
    },
    "client": {},  # an API client only has the permissions granted to it
}


class OwnedContact(Protocol):
    """The fields of a contact that decide whether a caller owns it; see `shared.domain.contacts.record.Contact`."""

    @property
    def owner_id(self) -> str | None: ...

    @property
    def organizer_ids(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class ContactOwners:
    """The owner and organizers of a contact, and how many bytes of the table were read for them."""

    owner_id: str | None
    organizer_ids: list[str]
    size: int


@dataclass(frozen=True, slots=True)
class Caller:
    """An actor on the records of a tenant: a user, an API client, or the system itself.

    `granted`: permissions beyond those of the role, or at another level; they override the role's.
    `origin`: the channel of the caller's changes: api, import, booking or system. `job_id`: the bulk job that makes the
    changes for the caller, if there is one.
    """

    tenant_id: str
    kind: Kind
    id: str
    role: Role
    granted: dict[str, Level] = field(default_factory=dict)
    origin: str = "api"
    job_id: str | None = None

    @property
    def actor(self) -> str:
        """The caller's name in records and events, such as `user:0190…`."""
        return f"{self.kind}:{self.id}"

    def level(self, permission: str) -> Level | None:
        """Return the level at which the caller holds `permission`, or None."""
        return self.granted.get(permission) or _ROLE_PERMISSIONS[self.role].get(permission)

    def scope(self, *query: str) -> tuple[str, ...]:
        """Return what a cursor is bound to: the caller and the query."""
        return (self.tenant_id, self.id, *query)

    def has_all_rights_of(self, other: Caller) -> bool:
        """Return whether the caller holds every permission of `other`, at the same or a higher level."""
        return all(
            self.level(permission) in ("all", other.level(permission))
            for permission in PERMISSIONS
            if other.level(permission)
        )

    def require(self, permission: str) -> Level:
        """Return the level at which the caller holds `permission`. Raises PermissionDenied if there is none."""
        level = self.level(permission)
        if level is None:
            raise PermissionDenied.lacking(permission)
        return level

    @property
    def owner_of_new_contacts(self) -> str | None:
        """The owner of contacts that the caller creates without naming one: the caller, or None.

        A user owns its new contacts. So does an API client that may write only its own contacts, since it could not
        change them otherwise.
        """
        return self.id if self.kind == "user" or self.level("contacts:write") == "own" else None

    def owns(self, owner_id: str | None, organizer_ids: Iterable[str] = ()) -> bool:
        """Return whether the caller is the owner of a record, or an organizer of one of its bookings."""
        return owner_id == self.id or self.id in organizer_ids

    def owns_contact(self, contact: OwnedContact) -> bool:
        """Return whether the caller is the owner of a contact, or an organizer of one of its bookings."""
        return self.owns(contact.owner_id, contact.organizer_ids)

    def can_see_customer_of(self, creator: str) -> bool:
        """Return whether the caller may see a customer created by the actor `creator`.

        At level `own` a caller sees only the customers that the caller created.
        """
        return self.level("contacts:read") == "all" or creator == self.actor

    def require_all(self, *permissions: str) -> None:
        """Raises PermissionDenied unless the caller holds each of `permissions` at level `all`."""
        for permission in permissions:
            if self.require(permission) != "all":
                raise PermissionDenied.lacking(f"{permission}:all")

    def require_on(self, permission: str, owner_id: str | None, organizer_ids: Iterable[str] = ()) -> None:
        """Raises PermissionDenied unless the caller may do this to a record with this owner and these organizers."""
        if self.require(permission) == "own" and not self.owns(owner_id, organizer_ids):
            raise PermissionDenied.lacking(permission)

    def require_visible(self, owner_id: str | None, what: str, organizer_ids: Iterable[str] = ()) -> None:
        """Raises NotFound if the caller may not read this record, so that a hidden record looks missing.

        Raises PermissionDenied if the caller may not read any record.
        """
        if self.require("contacts:read") == "own" and not self.owns(owner_id, organizer_ids):
            raise NotFound(what)


def role_grants(role: str, visibility: Visibility) -> str:
    """Return the grants that a tenant's visibility adds to a user's role, in the text form of `parse_grants`."""
    return "contacts:read:own" if role == "user" and visibility == "owner" else ""


def parse_grants(text: str) -> dict[str, Level]:
    """Return the permissions in a text such as `contacts:read:all,contacts:write:own`.

    Raises ValueError for an unknown permission or level.
    """
    grants: dict[str, Level] = {}
    for word in filter(None, text.split(",")):
        permission, _, level = word.rpartition(":")
        if permission not in PERMISSIONS or level not in ("all", "own"):
            raise ValueError(f"not a permission: {word!r}")
        grants[permission] = "all" if level == "all" else "own"
    return grants


def format_grants(grants: Mapping[str, Level]) -> str:
    """Return permissions as text, in the order of PERMISSIONS; the inverse of `parse_grants`."""
    return ",".join(f"{word}:{grants[word]}" for word in PERMISSIONS if word in grants)


def system_caller(tenant_id: str, name: str, origin: str) -> Caller:
    """Return the caller for work that the system does for a tenant: an import, a booking, a nightly task."""
    return Caller(tenant_id, "system", name, "admin", origin=origin)
