"""Records to items and back. Spelled out by hand: boto3's general serializer costs ten times as much."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from shared.domain import timestamps
from shared.domain.contacts.communication import NO_COMMUNICATION
from shared.domain.contacts.consent import ConsentEntry
from shared.domain.contacts.interaction import Interaction
from shared.domain.contacts.record import Contact
from shared.domain.events import Event
from shared.domain.records import blank_fields
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.table.store import Item

_CONTACT_TEXTS = (
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
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
    "deleted_at",
    "last_event",
)
_CONTACT_NUMBERS = ("version", "total_bookings", "interaction_count")
LABEL_IDS = ("tag_ids", "type_ids", "group_ids", "organizer_ids")
"""The attributes that hold ids of which each has a counter: those of a contact's labels and organizers."""
_CONTACT_LISTS = (*LABEL_IDS, "other_emails", "merged_from")
_CONTACT_JSON = ("other_phones", "custom_fields")
# Texts that most contacts have the default of.
_CONTACT_STATES = ("relationship_status", "lifecycle_stage", "unique_scope")
_TEXTS, _NUMBERS = frozenset((*_CONTACT_TEXTS, *_CONTACT_STATES)), frozenset(_CONTACT_NUMBERS)
_BLANK_CONTACT = blank_fields(Contact)
_STATES = tuple((name, _BLANK_CONTACT[name]) for name in _CONTACT_STATES)


def _json_of(attribute: dict[str, Any]) -> Any:
    return json.loads(attribute["S"])


def _texts_of(attribute: dict[str, Any]) -> list[str]:
    return [one["S"] for one in attribute["L"]]


def _flag_of(attribute: dict[str, Any]) -> bool:
    return bool(attribute["BOOL"])


_READERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    **dict.fromkeys(_CONTACT_LISTS, _texts_of),
    **dict.fromkeys((*_CONTACT_JSON, "communication"), _json_of),
    **dict.fromkeys(("is_active", "email_verified", "is_primary"), _flag_of),
}


def contact_to_item(tenant_id: str, contact: Contact) -> Item:
    """A contact's item. Empty values and defaults are left out. A deleted one waits to be purged."""
    item: Item = dict(contact_keys.contact(tenant_id, contact.id))
    values = contact.__dict__
    for name in _CONTACT_TEXTS:
        if value := values[name]:
            item[name] = {"S": value}
    for name in _CONTACT_NUMBERS:
        if number := values[name]:
            item[name] = {"N": str(number)}
    for name in _CONTACT_LISTS:
        if texts := values[name]:
            item[name] = {"L": [{"S": text} for text in texts]}
    for name in _CONTACT_JSON:
        if content := values[name]:
            item[name] = {"S": _to_json(content)}
    if contact.communication != NO_COMMUNICATION:
        item["communication"] = {"S": _to_json(contact.communication)}
    for name, default in _STATES:
        if values[name] != default:
            item[name] = {"S": values[name]}
    if not contact.is_active:
        item["is_active"] = {"BOOL": False}
    if contact.email_verified:
        item["email_verified"] = {"BOOL": True}
    if contact.is_primary:
        item["is_primary"] = {"BOOL": True}
    if contact.purge_at is not None:
        item.update(contact_keys.purge_due(contact.purge_at, contact.id))
    return item


def _to_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def contact_from_item(item: Item) -> Contact:
    """The contact of an item, or of a list row, which holds the same. Its labels are without their names."""
    values = _BLANK_CONTACT.copy()
    for name, attribute in item.items():
        if name in _TEXTS:
            values[name] = attribute["S"]
        elif name in _NUMBERS:
            values[name] = int(attribute["N"])
        elif name in _READERS:
            values[name] = _READERS[name](attribute)
    return Contact.from_stored(values)


def event_to_item(tenant_id: str, event: Event) -> Item:
    """An event's item, entered in the outbox index under the present time so that its publication is checked.

    The present and not the event's own time: work done again later may write an event of an earlier time.
    """
    item: Item = {
        **event_keys.event(tenant_id, event.entity, event.entity_id, event.id),
        **event_keys.outbox(event.id, timestamps.now()),
        "type": {"S": event.type},
        "at": {"S": event.at},
        "actor": {"S": event.actor},
        "origin": {"S": event.origin},
        "version": {"N": str(event.version)},
        "entity": {"S": event.entity},
        "entity_id": {"S": event.entity_id},
        "changes": {"S": _to_json(event.changes)},
    }
    if event.data:
        item["data"] = {"S": _to_json(event.data)}
    return item


def event_from_item(item: Item) -> Event:
    """The event of an item."""
    changes = json.loads(item["changes"]["S"])
    return Event(
        id=event_keys.id_of(item),
        type=item["type"]["S"],
        entity=item["entity"]["S"],
        entity_id=item["entity_id"]["S"],
        at=item["at"]["S"],
        actor=item["actor"]["S"],
        origin=item["origin"]["S"],
        version=int(item["version"]["N"]),
        changes={name: (old, new) for name, (old, new) in changes.items()},
        data=json.loads(item["data"]["S"]) if "data" in item else {},
    )


_INTERACTION_TEXTS = (
    "id",
    "contact_id",
    "type",
    "description",
    "occurred_at",
    "booking_id",
    "performed_by",
    "created_at",
)


def interaction_to_item(tenant_id: str, interaction: Interaction) -> Item:
    """An interaction's item, on its contact's timeline."""
    item: Item = dict(
        contact_keys.interaction(tenant_id, interaction.contact_id, interaction.occurred_at, interaction.id)
    )
    item.update({name: {"S": value} for name in _INTERACTION_TEXTS if (value := interaction.__dict__[name])})
    return item


def interaction_from_item(item: Item) -> Interaction:
    """The interaction of an item."""
    return Interaction.model_construct(
        **{name: item[name]["S"] for name in _INTERACTION_TEXTS if name in item}
    )


_CONSENT_TEXTS = ("id", "channel", "at", "by", "source", "reason")


def consent_to_item(tenant_id: str, contact_id: str, entry: ConsentEntry) -> Item:
    """The item of an entry in a contact's history of consents."""
    item: Item = dict(contact_keys.consent(tenant_id, contact_id, entry.id))
    item.update({name: {"S": value} for name in _CONSENT_TEXTS if (value := entry.__dict__[name])})
    item["opted_out"] = {"BOOL": entry.opted_out}
    return item


def consent_from_item(item: Item) -> ConsentEntry:
    """The history's entry of an item."""
    texts = {name: item[name]["S"] for name in _CONSENT_TEXTS if name in item}
    return ConsentEntry.model_construct(opted_out=item["opted_out"]["BOOL"], **texts)
