"""The rights a caller needs to see an event: roughly those needed to read the record that the event is about.

EVENT_RIGHTS has an entry for each event type. It is checked when a webhook is created or changed, again for every
event, and when the feed is read, where administrative events take `audit:read`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared.domain import events
from shared.domain.callers import Caller
from shared.domain.errors import FieldError, PermissionDenied
from shared.domain.event_patterns import find_types

Reach = Literal["contact", "everything", "creator", "nothing"]
"""The records whose events a caller at level `own` may see. `contact`: the caller's own contacts; `everything`: all
records; `creator`: records that the caller created (at level `all` too, unless the caller is an admin); `nothing`:
no records."""


@dataclass(frozen=True, slots=True)
class EventRight:
    """The rights needed to see events of a type: all `permissions`; at level `own`, `reach` limits the records."""

    permissions: tuple[str, ...]
    reach: Reach

    def missing_permissions(self, caller: Caller) -> list[str]:
        """Return the permissions that the caller lacks or holds at too low a level, as error messages name them."""
        missing = []
        for permission in self.permissions:
            level = caller.level(permission)
            if level is None:
                missing.append(permission)
            elif level == "own" and self.reach == "nothing":
                missing.append(f"{permission}:all")
        return missing

    def depends_on_record(self, caller: Caller) -> bool:
        """Return whether it depends on the record if the caller may see an event about it."""
        if self.reach == "creator":
            return caller.role != "admin"
        return self.reach == "contact" and any(
            caller.level(permission) == "own" for permission in self.permissions
        )


_CONTACT = EventRight(("contacts:read",), "contact")
# Events of customers name contacts of any owner.
_CUSTOMER = EventRight(("contacts:read",), "nothing")
_LABEL = EventRight(("contacts:read",), "everything")
_ADMINISTRATION = EventRight(("tenant:admin",), "nothing")
AUDIT = "audit:read"
"""The permission to read the feed as the audit log: its administrative entries, and those older than 30 days."""
_AUDITED = EventRight((AUDIT,), "nothing")
_IMPORT = EventRight(("imports:run", "contacts:read"), "nothing")
_JOB = EventRight(("contacts:read",), "creator")
_EXPORT = EventRight(("exports:run", "contacts:read"), "creator")

EVENT_RIGHTS: dict[str, EventRight] = {
    events.CONTACT_CREATED: _CONTACT,
    events.CONTACT_UPDATED: _CONTACT,
    events.CONTACT_DELETED: _CONTACT,
    events.CONTACT_RESTORED: _CONTACT,
    events.CONTACT_PURGED: _CONTACT,
    events.CONTACT_MERGED: _CONTACT,
    events.CONTACT_UNMERGED: _CONTACT,
    events.CONTACT_CONSENT_CHANGED: _CONTACT,
    events.CONTACT_STATUS_CHANGED: _CONTACT,
    events.INTERACTION_CREATED: _CONTACT,
    events.INTERACTION_UPDATED: _CONTACT,
    events.INTERACTION_DELETED: _CONTACT,
    events.FOLLOW_UP_CREATED: _CONTACT,
    events.FOLLOW_UP_UPDATED: _CONTACT,
    events.FOLLOW_UP_COMPLETED: _CONTACT,
    events.FOLLOW_UP_CANCELLED: _CONTACT,
    events.FOLLOW_UP_DUE: _CONTACT,
    events.NOTE_CREATED: _CONTACT,
    events.NOTE_UPDATED: _CONTACT,
    events.NOTE_DELETED: _CONTACT,
    events.NOTE_PROCESSED: _CONTACT,
    events.NOTE_PROCESSING_FAILED: _CONTACT,
    events.TAG_CREATED: _LABEL,
    events.TAG_UPDATED: _LABEL,
    events.TAG_DELETED: _LABEL,
    events.TYPE_CREATED: _LABEL,
    events.TYPE_UPDATED: _LABEL,
    events.TYPE_DELETED: _LABEL,
    events.GROUP_CREATED: _LABEL,
    events.GROUP_UPDATED: _LABEL,
    events.GROUP_DELETED: _LABEL,
    # They name a contact.
    events.GROUP_MEMBER_ADDED: _CONTACT,
    events.GROUP_MEMBER_REMOVED: _CONTACT,
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
    events.IMPORT_UNDONE: _IMPORT,
    events.BULK_JOB_COMPLETED: _JOB,
    events.EXPORT_COMPLETED: _EXPORT,
    events.WEBHOOK_CREATED: _ADMINISTRATION,
    events.WEBHOOK_UPDATED: _ADMINISTRATION,
    events.WEBHOOK_DELETED: _ADMINISTRATION,
    events.WEBHOOK_ENABLED: _ADMINISTRATION,
    events.WEBHOOK_DISABLED: _ADMINISTRATION,
    events.WEBHOOK_SECRET_ROTATED: _ADMINISTRATION,
}
"""The rights needed to see events of each type. Events of a type that is missing here are shown to no caller."""


def right_in_feed(event_type: str) -> EventRight | None:
    """Return the right needed to see an event of a type in the feed; None for a type that is shown to no caller."""
    right = EVENT_RIGHTS.get(event_type)
    return _AUDITED if right == _ADMINISTRATION else right


def require_event_rights(caller: Caller, patterns: Iterable[str]) -> None:
    """Raises PermissionDenied unless the caller may see events of each type that the patterns cover now.

    The error names every missing permission and the patterns that need it.
    """
    missing: dict[str, list[str]] = {}
    faults = []
    for position, pattern in enumerate(patterns):
        if lacking := _missing_permissions(caller, pattern):
            for permission in lacking:
                missing.setdefault(permission, []).append(pattern)
            message = f"Takes {' and '.join(lacking)}."
            faults.append(FieldError(f"events.{position}", "permission_denied", message))
    if missing:
        summary = "; ".join(
            f"{permission} required for {', '.join(given)}" for permission, given in missing.items()
        )
        raise PermissionDenied(f"Insufficient permissions: {summary}", errors=tuple(faults))


def _missing_permissions(caller: Caller, pattern: str) -> list[str]:
    """Return the permissions that the caller lacks for the event types that a pattern covers, each once."""
    missing: dict[str, None] = {}
    for event_type in find_types(pattern):
        right = EVENT_RIGHTS.get(event_type)
        missing |= dict.fromkeys(["tenant:admin"] if right is None else right.missing_permissions(caller))
    # Level `all` of a permission includes level `own`.
    return [permission for permission in missing if f"{permission}:all" not in missing]
