"""Which callers an event may be shown to: those who could read the record it is about.

One table has an entry for each event type. Webhooks are held to it when they are created and again for every event.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared.domain import events
from shared.domain.callers import Caller
from shared.domain.errors import FieldError, PermissionDenied

Reach = Literal["contact", "everything", "creator", "nothing"]
"""The records whose events a caller at level `own` may be shown. `contact`: the contacts that are the caller's own;
`everything`: all; `creator`: those of which the caller is the creator, and no others at level `all` either unless the
caller is an admin; `nothing`: none."""


@dataclass(frozen=True, slots=True)
class EventRight:
    """The rights it takes to be shown events of one type: each of `permissions`, and at level `own` see `reach`."""

    permissions: tuple[str, ...]
    reach: Reach

    def missing_permissions(self, caller: Caller) -> list[str]:
        """The permissions that the caller does not hold far enough, as refusals word them."""
        found = []
        for permission in self.permissions:
            level = caller.level(permission)
            if level is None:
                found.append(permission)
            elif level == "own" and self.reach == "nothing":
                found.append(f"{permission}:all")
        return found

    def depends_on_record(self, caller: Caller) -> bool:
        """Whether it takes a look at the record to know if this caller may be shown an event about it."""
        if self.reach == "creator":
            return caller.role != "admin"
        return self.reach == "contact" and any(
            caller.level(permission) == "own" for permission in self.permissions
        )


_CONTACT = EventRight(("contacts:read",), "contact")
# Their events name contacts of any owner.
_CUSTOMER = EventRight(("contacts:read",), "nothing")
_LABEL = EventRight(("contacts:read",), "everything")
_ADMINISTRATION = EventRight(("tenant:admin",), "nothing")
_IMPORT = EventRight(("imports:run", "contacts:read"), "nothing")
_JOB = EventRight(("contacts:read",), "creator")

EVENT_RIGHTS: dict[str, EventRight] = {
    events.CONTACT_CREATED: _CONTACT,
    events.CONTACT_UPDATED: _CONTACT,
    events.CONTACT_DELETED: _CONTACT,
    events.CONTACT_RESTORED: _CONTACT,
    events.CONTACT_PURGED: _CONTACT,
    events.CONTACT_CONSENT_CHANGED: _CONTACT,
    events.INTERACTION_CREATED: _CONTACT,
    events.TAG_CREATED: _LABEL,
    events.TAG_UPDATED: _LABEL,
    events.TAG_DELETED: _LABEL,
    events.TYPE_CREATED: _LABEL,
    events.TYPE_UPDATED: _LABEL,
    events.TYPE_DELETED: _LABEL,
    events.GROUP_CREATED: _LABEL,
    events.GROUP_UPDATED: _LABEL,
    events.GROUP_DELETED: _LABEL,
    events.CUSTOMER_CREATED: _CUSTOMER,
    events.CUSTOMER_UPDATED: _CUSTOMER,
    events.CUSTOMER_DELETED: _CUSTOMER,
    events.TENANT_CREATED: _ADMINISTRATION,
    events.TENANT_UPDATED: _ADMINISTRATION,
    events.USER_CREATED: _ADMINISTRATION,
    events.USER_UPDATED: _ADMINISTRATION,
    events.USER_DELETED: _ADMINISTRATION,
    events.USER_INVITED: _ADMINISTRATION,
    events.INVITATION_REVOKED: _ADMINISTRATION,
    events.API_CLIENT_CREATED: _ADMINISTRATION,
    events.API_CLIENT_UPDATED: _ADMINISTRATION,
    events.API_CLIENT_DELETED: _ADMINISTRATION,
    events.API_CLIENT_KEY_ROTATED: _ADMINISTRATION,
    events.IMPORT_COMPLETED: _IMPORT,
    events.BULK_JOB_COMPLETED: _JOB,
}
"""The rights it takes to be shown events of each type. A type that is missing here is shown to nobody."""


def require_event_rights(caller: Caller, event_types: Iterable[str]) -> None:
    """Raises PermissionDenied unless the caller may be shown events of each type; it names all that is missing, and for
    which types.
    """
    missing: dict[str, list[str]] = {}
    faults = []
    for position, event_type in enumerate(event_types):
        right = EVENT_RIGHTS.get(event_type)
        missing_permissions = ["tenant:admin"] if right is None else right.missing_permissions(caller)
        for permission in missing_permissions:
            missing.setdefault(permission, []).append(event_type)
        if missing_permissions:
            message = f"Takes {' and '.join(missing_permissions)}."
            faults.append(FieldError(f"events.{position}", "permission_denied", message))
    if missing:
        told = "; ".join(
            f"{permission} required for {', '.join(types)}" for permission, types in missing.items()
        )
        raise PermissionDenied(f"Insufficient permissions: {told}", errors=tuple(faults))
