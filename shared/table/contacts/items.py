"""The items of contacts, of their consents, and of their history of statuses."""

from __future__ import annotations

from shared.domain.contacts.consent import ConsentEntry
from shared.domain.contacts.record import Contact
from shared.domain.contacts.status import StatusEntry
from shared.domain.records import blank_fields
from shared.table.codec import AttributeCodec
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys

LABEL_IDS = ("tag_ids", "type_ids", "group_ids", "organizer_ids")
"""The attributes of ids that each have a counter: those of a contact's labels and organizers."""

DUPLICATE_KEY = "duplicate_key"
"""The attribute of a list row with the custom field by which its tenant had chosen to find duplicates when it was
projected. Records have none."""

_CONTACT = AttributeCodec(
    texts=(
        "id",
        "first_name",
        "last_name",
        "full_name",
        "email",
        "phone",
        "phone_raw",
        "whatsapp",
        "whatsapp_raw",
        "company",
        "department",
        "job_title",
        "about",
        "owner_id",
        "customer_id",
        "source",
        "last_booking_at",
        "last_contacted_at",
        "next_follow_up_at",
        "status_changed_at",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "deleted_at",
        "merged_into",
        "last_event",
        DUPLICATE_KEY,
    ),
    states=("relationship_status", "lifecycle_stage", "unique_scope"),
    numbers=("version", "total_bookings", "interaction_count", "note_count", "locks_lost"),
    flags=("is_active", "email_verified", "is_primary"),
    lists=(*LABEL_IDS, "other_emails", "merged_from"),
    json=(
        "other_phones",
        "custom_fields",
        "communication",
        "interaction_counts",
        "booking_counts",
        "booked",
        "unnamed_organizers",
    ),
    defaults=blank_fields(Contact),
)
_CONSENT = AttributeCodec(texts=("id", "channel", "at", "by", "source", "reason"), flags=("opted_out",))
_STATUS = AttributeCodec(texts=StatusEntry.model_fields)


def contact_to_item(tenant_id: str, contact: Contact) -> Item:
    """Return the item of a contact. A deleted contact has an entry in the index of work, to be purged."""
    item: Item = {
        **contact_keys.contact(tenant_id, contact.id),
        **_CONTACT.encode(contact.__dict__),
    }
    if contact.purge_at is not None:
        item.update(contact_keys.purge_due(contact.purge_at, contact.id))
    return item


def contact_from_item(item: Item) -> Contact:
    """Return the contact of an item, or of a list row, which has the same attributes. Its labels have no names yet."""
    return Contact.from_stored(_CONTACT.decode(item))


def consent_to_item(tenant_id: str, contact_id: str, entry: ConsentEntry) -> Item:
    """Return the item of an entry in a contact's consent history."""
    return {**contact_keys.consent(tenant_id, contact_id, entry.id), **_CONSENT.encode(entry.__dict__)}


def consent_from_item(item: Item) -> ConsentEntry:
    """Return the entry in a consent history of an item."""
    return ConsentEntry.model_construct(**_CONSENT.decode(item))


def status_to_item(tenant_id: str, contact_id: str, version: int, entry: StatusEntry) -> Item:
    """Return the item of an entry in a contact's history of statuses. `version`: the contact's after the change."""
    return {
        **contact_keys.status(tenant_id, contact_id, entry.timestamp, version),
        **_STATUS.encode(entry.__dict__),
    }


def status_from_item(item: Item) -> StatusEntry:
    """Return the entry in a history of statuses of an item."""
    return StatusEntry.model_construct(**_STATUS.decode(item))
