"""Events: one for each change of a record, written in the transaction of the change.

The same event is the audit entry, the entry of the change feed, the outbox entry and the source of webhooks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CONTACT_CREATED = "contact.created"
CONTACT_UPDATED = "contact.updated"
CONTACT_DELETED = "contact.deleted"
CONTACT_RESTORED = "contact.restored"
CONTACT_PURGED = "contact.purged"
CONTACT_MERGED = "contact.merged"
CONTACT_UNMERGED = "contact.unmerged"
CONTACT_CONSENT_CHANGED = "contact.consent_changed"
CONTACT_STATUS_CHANGED = "contact.status_changed"
INTERACTION_CREATED = "interaction.created"
INTERACTION_UPDATED = "interaction.updated"
INTERACTION_DELETED = "interaction.deleted"
FOLLOW_UP_CREATED = "follow_up.created"
FOLLOW_UP_UPDATED = "follow_up.updated"
FOLLOW_UP_COMPLETED = "follow_up.completed"
FOLLOW_UP_CANCELLED = "follow_up.cancelled"
FOLLOW_UP_DUE = "follow_up.due"
NOTE_CREATED = "note.created"
NOTE_UPDATED = "note.updated"
NOTE_DELETED = "note.deleted"
NOTE_PROCESSED = "note.processed"
NOTE_PROCESSING_FAILED = "note.processing_failed"
TAG_CREATED = "tag.created"
TAG_UPDATED = "tag.updated"
TAG_DELETED = "tag.deleted"
TYPE_CREATED = "type.created"
TYPE_UPDATED = "type.updated"
TYPE_DELETED = "type.deleted"
GROUP_CREATED = "group.created"
GROUP_UPDATED = "group.updated"
GROUP_DELETED = "group.deleted"
GROUP_MEMBER_ADDED = "group.member_added"
GROUP_MEMBER_REMOVED = "group.member_removed"
CUSTOMER_CREATED = "customer.created"
CUSTOMER_UPDATED = "customer.updated"
CUSTOMER_DELETED = "customer.deleted"
TENANT_CREATED = "tenant.created"
TENANT_UPDATED = "tenant.updated"
USER_CREATED = "user.created"
USER_UPDATED = "user.updated"
USER_DELETED = "user.deleted"
USER_INVITED = "user.invited"
INVITATION_REVOKED = "user.invitation_revoked"
API_CLIENT_CREATED = "api_client.created"
API_CLIENT_UPDATED = "api_client.updated"
API_CLIENT_DELETED = "api_client.deleted"
API_CLIENT_KEY_ROTATED = "api_client.key_rotated"
IMPORT_COMPLETED = "import.completed"
IMPORT_UNDONE = "import.undone"
BULK_JOB_COMPLETED = "bulk_job.completed"
EXPORT_COMPLETED = "export.completed"
WEBHOOK_CREATED = "webhook.created"
WEBHOOK_UPDATED = "webhook.updated"
WEBHOOK_DELETED = "webhook.deleted"
WEBHOOK_ENABLED = "webhook.enabled"
WEBHOOK_DISABLED = "webhook.disabled"
WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated"  # noqa: S105 - an event type
WEBHOOK_TEST = "webhook.test"
"""The type of the event that a subscriber asks for to test a webhook. It goes to that webhook only."""

EVENT_TYPES = (
    CONTACT_CREATED,
    CONTACT_UPDATED,
    CONTACT_DELETED,
    CONTACT_RESTORED,
    CONTACT_PURGED,
    CONTACT_MERGED,
    CONTACT_UNMERGED,
    CONTACT_CONSENT_CHANGED,
    CONTACT_STATUS_CHANGED,
    INTERACTION_CREATED,
    INTERACTION_UPDATED,
    INTERACTION_DELETED,
    FOLLOW_UP_CREATED,
    FOLLOW_UP_UPDATED,
    FOLLOW_UP_COMPLETED,
    FOLLOW_UP_CANCELLED,
    FOLLOW_UP_DUE,
    NOTE_CREATED,
    NOTE_UPDATED,
    NOTE_DELETED,
    NOTE_PROCESSED,
    NOTE_PROCESSING_FAILED,
    TAG_CREATED,
    TAG_UPDATED,
    TAG_DELETED,
    TYPE_CREATED,
    TYPE_UPDATED,
    TYPE_DELETED,
    GROUP_CREATED,
    GROUP_UPDATED,
    GROUP_DELETED,
    GROUP_MEMBER_ADDED,
    GROUP_MEMBER_REMOVED,
    CUSTOMER_CREATED,
    CUSTOMER_UPDATED,
    CUSTOMER_DELETED,
    TENANT_CREATED,
    TENANT_UPDATED,
    USER_CREATED,
    USER_UPDATED,
    USER_DELETED,
    USER_INVITED,
    INVITATION_REVOKED,
    API_CLIENT_CREATED,
    API_CLIENT_UPDATED,
    API_CLIENT_DELETED,
    API_CLIENT_KEY_ROTATED,
    IMPORT_COMPLETED,
    IMPORT_UNDONE,
    BULK_JOB_COMPLETED,
    EXPORT_COMPLETED,
    WEBHOOK_CREATED,
    WEBHOOK_UPDATED,
    WEBHOOK_DELETED,
    WEBHOOK_ENABLED,
    WEBHOOK_DISABLED,
    WEBHOOK_SECRET_ROTATED,
)
"""The event types that a webhook can subscribe to."""

ENTITIES = (
    "contact",
    "customer",
    "tag",
    "type",
    "group",
    "tenant",
    "user",
    "invitation",
    "api_client",
    "import",
    "bulk_job",
    "export",
    "webhook",
)
"""The kinds of records that events are about."""

DERIVED_TYPES = frozenset({GROUP_MEMBER_ADDED, GROUP_MEMBER_REMOVED})
"""The event types that webhooks receive in addition to the event they follow from. They are no entries of the feed."""

SCHEMA_VERSION = 1
"""The version of the payloads of events, which every payload states. The schemas are in `docs/events/`."""

_IMPORT = "system:import:"
"""The beginning of the actor of an import's changes; the import's id follows."""

FIGURES = frozenset(
    {"interaction_count", "last_contacted_at", "next_follow_up_at", "total_bookings", "last_booking_at"}
)
"""Fields of a contact that follow from the entries of its timeline."""

MAX_CHANGED_NAMES = 50
"""The most names of changed fields in a notice. A batch of ten messages stays within the 256 kB that SNS accepts."""

Changes = dict[str, tuple[Any, Any]]
"""Field name to (old value, new value); None stands for no value. Entries of a nested field have a name of their own,
such as `custom_fields.colour` or `communication.opt_outs.email`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change of a record.

    `entity` and `entity_id`: the kind (contact, customer, label, user, …) and id of the record in whose partition the
    event is stored. `at`: RFC 3339. `actor`: such as `user:0190…`. `origin`: api, import, booking or system.
    `version`: the record's version after the change. `data`: further facts, such as the ids of other records that the
    change created. `label_ids_before`: the old values of a contact's fields with the ids of labels, if they changed.
    `groups_joined`, `groups_left`: the ids of the static groups that a contact joined and left. These three are stored
    with the event and not published.
    """

    id: str
    type: str
    entity: str
    entity_id: str
    at: str
    actor: str
    origin: str
    version: int
    changes: Changes = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    label_ids_before: dict[str, list[str]] = field(default_factory=dict)
    groups_joined: list[str] = field(default_factory=list)
    groups_left: list[str] = field(default_factory=list)

    @property
    def is_of_entry(self) -> bool:
        """Whether it is about an entry of a contact's timeline, and changes no fields of the contact but figures."""
        return (
            self.entity == "contact"
            and not self.type.startswith("contact.")
            and FIGURES.issuperset(self.changes)
        )

    @property
    def changed_names(self) -> list[str]:
        """The names of the fields that changed. A contact's `groups` changed if it joined or left one, even if the
        names of the groups were not known.
        """
        names = list(self.changes)
        if (self.groups_joined or self.groups_left) and "groups" not in self.changes:
            names.append("groups")
        return names

    @property
    def import_id(self) -> str | None:
        """The import that made the change; None for a change from elsewhere."""
        return self.actor.removeprefix(_IMPORT) if self.actor.startswith(_IMPORT) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The announcement of an event within the system: its ids and type, without the changes.

    `id`: the id of the event, which is stored in the partition of `entity` and `entity_id`. `note_id`: the note that
    the event is about, if it is about one. `changed`: the names of the fields in the event's `changes`, without values;
    None when they are not known: there are more than MAX_CHANGED_NAMES, or an earlier version wrote the message.

    `source_id` and `group_id`: of a derived event (see DERIVED_TYPES), the id of the contact's event from which it
    follows, and the group it is about. `entity` and `entity_id` are those of the contact.
    """

    id: str
    type: str
    tenant_id: str
    at: str
    entity: str
    entity_id: str
    version: int
    origin: str
    note_id: str | None = None
    changed: tuple[str, ...] | None = None
    source_id: str | None = None
    group_id: str | None = None

    @property
    def subject_id(self) -> str:
        """The id of the record that the event is about."""
        return self.group_id or self.entity_id


def compare_fields(old: dict[str, Any], new: dict[str, Any]) -> Changes:
    """Return the fields whose values differ between two states, each with both values."""
    changes: Changes = {}
    for name in {**old, **new}:
        before, after = old.get(name), new.get(name)
        if differ(before, after):
            changes[name] = (before, after)
    return changes


def differ(one: Any, other: Any) -> bool:
    """Return whether two values differ as JSON. In Python, 1 == True, also within lists and dicts."""
    if type(one) is not type(other) or one != other:
        return True
    if isinstance(one, dict):
        return any(differ(value, other[name]) for name, value in one.items())
    return isinstance(one, list) and any(map(differ, one, other))
