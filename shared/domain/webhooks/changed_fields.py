"""The names of fields that events list among their changes, and that filters of webhooks may name.

A list of names, since the payloads that describe the fields are documents, which no function loads. A test compares the
two.
"""

from __future__ import annotations

from shared.domain.field_names import nearest

OPEN = "custom_fields"
"""The field whose members have any name."""
CHANGED_FIELDS = (
    "about",
    "acts_as",
    "auto_clean_phone_numbers",
    "category",
    "color",
    "communication.opt_outs.email",
    "communication.opt_outs.phone",
    "communication.opt_outs.sms",
    "communication.opt_outs.whatsapp",
    "communication.preferred",
    "company",
    "contact_count",
    "created_at",
    "customer_id",
    "default_country",
    "default_owner_id",
    "department",
    "description",
    "disabled_reason",
    "duplicate_key",
    "email",
    "email_verification",
    "email_verified",
    "events",
    "filter",
    "first_name",
    "full_name",
    "groups",
    "header_names",
    "import_defaults.default_country",
    "import_defaults.delimiter",
    "import_defaults.dry_run",
    "import_defaults.encoding",
    "import_defaults.groups",
    "import_defaults.mapping",
    "import_defaults.match_on",
    "import_defaults.on_duplicate",
    "import_defaults.owner_id",
    "import_defaults.tags",
    "include",
    "interaction_count",
    "is_active",
    "is_primary",
    "is_verified",
    "job_title",
    "kind",
    "last_booking_at",
    "last_contacted_at",
    "last_name",
    "lifecycle_stage",
    "max_tags_per_contact",
    "merged_from",
    "name",
    "national_id",
    "next_follow_up_at",
    "number",
    "organizer_ids",
    "other_emails",
    "other_phones",
    "owner_id",
    "permissions.audit:read",
    "permissions.contacts:delete",
    "permissions.contacts:merge",
    "permissions.contacts:read",
    "permissions.contacts:write",
    "permissions.exports:run",
    "permissions.imports:run",
    "permissions.interactions:write",
    "permissions.tenant:admin",
    "permissions.webhooks:manage",
    "phone",
    "phone_raw",
    "primary_contact",
    "rate_limit.burst",
    "rate_limit.requests_per_second",
    "relationship_status",
    "require_email",
    "role",
    "scheduling_id",
    "source",
    "state",
    "suspended",
    "tag_rules",
    "tags",
    "timezone",
    "total_bookings",
    "types",
    "unique_scope",
    "url",
    "username",
    "visibility",
    "whatsapp",
    "whatsapp_raw",
)
"""The names of all fields in `changes`, without custom fields."""


def is_changed_field(name: str) -> bool:
    """Return whether changes may have a field with a name, or fields within it."""
    if name == OPEN or name.startswith(f"{OPEN}."):
        return True
    return name in CHANGED_FIELDS or any(one.startswith(f"{name}.") for one in CHANGED_FIELDS)


def explain_unknown_field(name: str) -> str:
    """Return the sentences for a name that is none of a field: what was probably meant, or where the names are."""
    if meant := nearest(name, [OPEN, *CHANGED_FIELDS]):
        return f"Events have no such field. Did you mean `{meant}`?"
    return "Events have no such field. Give names as in the `changes` of events, such as `email`."
