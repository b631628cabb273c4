"""The payload of each event type, and its JSON Schema."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from shared.domain import events
from shared.domain.payloads import contacts, records
from shared.domain.payloads.parts import Data, drop_titles
from shared.domain.timestamps import Timestamp

DIALECT = "https://json-schema.org/draft/2020-12/schema"

DATA: dict[str, type[Data]] = {
    events.CONTACT_CREATED: contacts.ContactCreated,
    events.CONTACT_UPDATED: contacts.ContactUpdated,
    events.CONTACT_DELETED: contacts.ContactDeleted,
    events.CONTACT_RESTORED: contacts.ContactRestored,
    events.CONTACT_PURGED: contacts.ContactPurged,
    events.CONTACT_MERGED: contacts.ContactMerged,
    events.CONTACT_UNMERGED: contacts.ContactUnmerged,
    events.CONTACT_CONSENT_CHANGED: contacts.ContactConsentChanged,
    events.CONTACT_STATUS_CHANGED: contacts.ContactStatusChanged,
    events.INTERACTION_CREATED: contacts.InteractionCreated,
    events.INTERACTION_UPDATED: contacts.InteractionUpdated,
    events.INTERACTION_DELETED: contacts.InteractionDeleted,
    events.FOLLOW_UP_CREATED: contacts.FollowUpCreated,
    events.FOLLOW_UP_UPDATED: contacts.FollowUpUpdated,
    events.FOLLOW_UP_COMPLETED: contacts.FollowUpCompleted,
    events.FOLLOW_UP_CANCELLED: contacts.FollowUpCancelled,
    events.FOLLOW_UP_DUE: contacts.FollowUpDue,
    events.NOTE_CREATED: contacts.NoteCreated,
    events.NOTE_UPDATED: contacts.NoteUpdated,
    events.NOTE_DELETED: contacts.NoteDeleted,
    events.NOTE_PROCESSED: contacts.NoteProcessed,
    events.NOTE_PROCESSING_FAILED: contacts.NoteProcessingFailed,
    events.TAG_CREATED: records.TagCreated,
    events.TAG_UPDATED: records.TagUpdated,
    events.TAG_DELETED: records.TagDeleted,
    events.TYPE_CREATED: records.TypeCreated,
    events.TYPE_UPDATED: records.TypeUpdated,
    events.TYPE_DELETED: records.TypeDeleted,
    events.GROUP_CREATED: records.GroupCreated,
    events.GROUP_UPDATED: records.GroupUpdated,
    events.GROUP_DELETED: records.GroupDeleted,
    events.GROUP_MEMBER_ADDED: records.GroupMemberAdded,
    events.GROUP_MEMBER_REMOVED: records.GroupMemberRemoved,
    events.CUSTOMER_CREATED: records.CustomerCreated,
    events.CUSTOMER_UPDATED: records.CustomerUpdated,
    events.CUSTOMER_DELETED: records.CustomerDeleted,
    events.TENANT_CREATED: records.TenantCreated,
    events.TENANT_UPDATED: records.TenantUpdated,
    events.USER_CREATED: records.UserCreated,
    events.USER_UPDATED: records.UserUpdated,
    events.USER_DELETED: records.UserDeleted,
    events.USER_INVITED: records.UserInvited,
    events.INVITATION_REVOKED: records.UserInvitationRevoked,
    events.API_CLIENT_CREATED: records.ApiClientCreated,
    events.API_CLIENT_UPDATED: records.ApiClientUpdated,
    events.API_CLIENT_DELETED: records.ApiClientDeleted,
    events.API_CLIENT_KEY_ROTATED: records.ApiClientKeyRotated,
    events.IMPORT_COMPLETED: records.ImportCompleted,
    events.IMPORT_UNDONE: records.ImportUndone,
    events.BULK_JOB_COMPLETED: records.BulkJobCompleted,
    events.EXPORT_COMPLETED: records.ExportCompleted,
    events.WEBHOOK_CREATED: records.WebhookCreated,
    events.WEBHOOK_UPDATED: records.WebhookUpdated,
    events.WEBHOOK_DELETED: records.WebhookDeleted,
    events.WEBHOOK_ENABLED: records.WebhookEnabled,
    events.WEBHOOK_DISABLED: records.WebhookDisabled,
    events.WEBHOOK_SECRET_ROTATED: records.WebhookSecretRotated,
    events.WEBHOOK_TEST: records.WebhookTest,
}
"""The model of `data` for each type of event that webhooks receive."""


@cache
def payload(event_type: str) -> type[BaseModel]:
    """Return the model of the body of a request with an event of a type. Raises KeyError for an unknown type."""
    data = DATA[event_type]
    members: dict[str, Any] = {
        "type": (Literal[event_type], Field(description="The type of the event.")),
        "timestamp": (Timestamp, Field(description="When it happened, not when it was sent.")),
        "schema_version": (
            Literal[events.SCHEMA_VERSION],
            Field(
                description="The version of the schema. It changes when a member is removed or changes its meaning."
            ),
        ),
        "data": (data, ...),
    }
    return create_model(
        f"{data.__name__}Event",
        __config__=ConfigDict(json_schema_extra=drop_titles, defer_build=True),
        __doc__=describe(event_type),
        **members,
    )


def describe(event_type: str) -> str:
    """Return when an event of a type happens, in Markdown. Raises KeyError for an unknown type."""
    return " ".join((DATA[event_type].__doc__ or "").split())


def json_schema(event_type: str) -> dict[str, Any]:
    """Return the JSON Schema of the body of a request with an event of a type. Raises KeyError for an unknown type."""
    return {"$schema": DIALECT, **payload(event_type).model_json_schema(mode="serialization")}
