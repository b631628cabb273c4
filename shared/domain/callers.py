"""Who calls, and what they may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from shared.domain.errors import NotFound, PermissionDenied

Level = Literal["all", "own"]
Role = Literal["admin", "user", "client"]
Kind = Literal["user", "client", "system"]
Visibility = Literal["tenant", "owner"]
"""Whose contacts a tenant's regular users see: all the tenant's, or their own."""

PERMISSIONS = (
    "contacts:read",
    "contacts:write",
    "contacts:delete",
    "interactions:write",
    "imports:run",
    "webhooks:manage",
    "tenant:admin",
)
"""The permission words there are. Each is held at level `all` or `own`."""

_ROLE_PERMISSIONS: dict[str, dict[str, Level]] = {
    "admin": dict.fromkeys(PERMISSIONS, "all"),
    "user": {
        "contacts:read": "all",
        "contacts:write": "own",
        "contacts:delete": "own",
        "interactions:write": "own",
    },
    "client": {},  # an API client has what its admin gave it, and nothing by default
}


class OwnedContact(Protocol):
    """The fields of a contact that say whose it is; see `shared.domain.contacts.record.Contact`."""

    @property
    def owner_id(self) -> str | None: ...

    @property
    def organizer_ids(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever acts on a tenant's records: a user, an API client, or the system itself.

    `granted`: the permissions this caller has beside those of its role, or at another level than the role.
    `origin` says by which door the change came: api, import, booking or system.
    """

    tenant_id: str
    kind: Kind
    id: str
    role: Role
    granted: dict[str, Level] = field(default_factory=dict)
    origin: str = "api"

    @property
    def actor(self) -> str:
        """The caller as records and events name it, such as `user:0190…`."""
        return f"{self.kind}:{self.id}"

    def level(self, permission: str) -> Level | None:
        """How far the caller holds `permission`; None when not at all."""
        return self.granted.get(permission) or _ROLE_PERMISSIONS[self.role].get(permission)

    def scope(self, *query: str) -> tuple[str, ...]:
        """What a cursor is bound to: who asks, and what for."""
        return (self.tenant_id, self.id, *query)

    def has_all_rights_of(self, other: Caller) -> bool:
        """Whether the caller may do all that `other` may."""
        return all(
            self.level(permission) in ("all", other.level(permission))
            for permission in PERMISSIONS
            if other.level(permission)
        )

    def require(self, permission: str) -> Level:
        """The level at which the caller holds `permission`; raises PermissionDenied when not at all."""
        level = self.level(permission)
        if level is None:
            raise PermissionDenied.lacking(permission)
        return level

    @property
    def owner_of_new_contacts(self) -> str | None:
        """Who owns the contacts that the caller makes, unless another owner is given: a user, and a program
        that may write its own alone, which could do nothing with them else.
        """
        return self.id if self.kind == "user" or self.level("contacts:write") == "own" else None

    def owns(self, owner_id: str | None, organizer_ids: Iterable[str] = ()) -> bool:
        """Whether a record with this owner, and these organizers of its bookings, is the caller's own."""
        return owner_id == self.id or self.id in organizer_ids

    def owns_contact(self, contact: OwnedContact) -> bool:
        """Whether a contact is the caller's own: the caller is its owner, or organizes a booking of it."""
        return self.owns(contact.owner_id, contact.organizer_ids)

    def can_see_customer_of(self, creator: str) -> bool:
        """Whether the caller may see a customer that an actor made: at level `own` these are the caller's own."""
        return self.level("contacts:read") == "all" or creator == self.actor

    def require_all(self, *permissions: str) -> None:
        """Raises PermissionDenied unless the caller holds each of `permissions` at level `all`."""
        for permission in permissions:
            if self.require(permission) != "all":
                raise PermissionDenied.lacking(f"{permission}:all")

    def require_on(self, permission: str, owner_id: str | None, organizer_ids: Iterable[str] = ()) -> None:
        """Raises PermissionDenied unless the caller may do this to a record of this owner and these organizers."""
        if self.require(permission) == "own" and not self.owns(owner_id, organizer_ids):
            raise PermissionDenied.lacking(permission)

    def require_visible(self, owner_id: str | None, what: str, organizer_ids: Iterable[str] = ()) -> None:
        """Raises NotFound when the caller may read, but not this one: a hidden record looks missing."""
        if self.require("contacts:read") == "own" and not self.owns(owner_id, organizer_ids):
            raise NotFound(what)


def role_grants(role: str, visibility: Visibility) -> str:
    """The grants of a user beside their role, in written form, where a tenant has this visibility."""
    return "contacts:read:own" if role == "user" and visibility == "owner" else ""


def parse_grants(text: str) -> dict[str, Level]:
    """Permissions from their written form, `contacts:read:all,contacts:write:own`.

    Raises ValueError for a word or level that does not exist.
    """
    grants: dict[str, Level] = {}
    for word in filter(None, text.split(",")):
        permission, _, level = word.rpartition(":")
        if permission not in PERMISSIONS or level not in ("all", "own"):
            raise ValueError(f"not a permission: {word!r}")
        grants[permission] = "all" if level == "all" else "own"
    return grants


def format_grants(grants: Mapping[str, Level]) -> str:
    """Permissions in their written form, in the order of PERMISSIONS."""
    return ",".join(f"{word}:{grants[word]}" for word in PERMISSIONS if word in grants)


def system_caller(tenant_id: str, name: str, origin: str) -> Caller:
    """The system acting for a tenant by itself: an import, a booking, a nightly task."""
    return Caller(tenant_id, "system", name, "admin", origin=origin)
