"""Records to items and back. Spelled out by hand: boto3's general serializer costs ten times as much."""

from __future__ import annotations

import json
from typing import Any

from shared.domain import timestamps
from shared.domain.contact import Contact
from shared.domain.events import Event
from shared.domain.interaction import Interaction
from shared.table import keys
from shared.table.store import Item

_CONTACT_TEXTS = (
    "id",
    "first_name",
    "last_name",
    "full_name",
    "email",
    "phone",
    "whatsapp",
    "company",
    "department",
    "job_title",
    "about",
    "owner_id",
    "source",
    "last_booking_at",
    "last_contacted_at",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
    "deleted_at",
    "last_event",
)
_CONTACT_NUMBERS = ("version", "total_bookings", "interaction_count")
_TEXTS, _NUMBERS = frozenset(_CONTACT_TEXTS), frozenset(_CONTACT_NUMBERS)
_FIELDS = set(Contact.model_fields)
_EMPTY_CONTACT: dict[str, Any] = {
    name: field.default for name, field in Contact.model_fields.items() if not field.is_required()
}


def contact_to_item(tenant_id: str, contact: Contact) -> Item:
    """A contact's item. Empty values and defaults are left out."""
    item: Item = dict(keys.contact(tenant_id, contact.id))
    values = contact.__dict__
    for name in _CONTACT_TEXTS:
        if value := values[name]:
            item[name] = {"S": value}
    for name in _CONTACT_NUMBERS:
        if number := values[name]:
            item[name] = {"N": str(number)}
    if contact.tags:
        item["tags"] = {"L": [{"S": tag} for tag in contact.tags]}
    if not contact.is_active:
        item["is_active"] = {"BOOL": False}
    return item


def contact_from_item(item: Item) -> Contact:
    """The contact of an item, or of a list row, which holds the same."""
    values = _EMPTY_CONTACT.copy()
    for name, attribute in item.items():
        if name in _TEXTS:
            values[name] = attribute["S"]
        elif name in _NUMBERS:
            values[name] = int(attribute["N"])
    values["tags"] = [tag["S"] for tag in item["tags"]["L"]] if "tags" in item else []
    if "is_active" in item:
        values["is_active"] = item["is_active"]["BOOL"]
    # Our own data: written by a validated record, so not validated again.
    return Contact.model_construct(_FIELDS, **values)


def event_to_item(tenant_id: str, event: Event) -> Item:
    """An event's item, entered in the outbox index under the present time so that its publication is checked.

    The present and not the event's own time: work done again later may write an event of an earlier time.
    """
    item: Item = {
        **keys.event(tenant_id, event.entity, event.entity_id, event.id),
        **keys.outbox(event.id, timestamps.now()),
        "type": {"S": event.type},
        "at": {"S": event.at},
        "actor": {"S": event.actor},
        "origin": {"S": event.origin},
        "version": {"N": str(event.version)},
        "entity": {"S": event.entity},
        "entity_id": {"S": event.entity_id},
        "changes": {"S": json.dumps(event.changes, separators=(",", ":"), ensure_ascii=False)},
    }
    if event.data:
        item["data"] = {"S": json.dumps(event.data, separators=(",", ":"), ensure_ascii=False)}
    return item


def event_from_item(item: Item) -> Event:
    """The event of an item."""
    changes = json.loads(item["changes"]["S"])
    return Event(
        id=item[keys.SK]["S"].removeprefix(keys.EVENT),
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
        keys.interaction(tenant_id, interaction.contact_id, interaction.occurred_at, interaction.id)
    )
    item.update({name: {"S": value} for name in _INTERACTION_TEXTS if (value := interaction.__dict__[name])})
    return item


def interaction_from_item(item: Item) -> Interaction:
    """The interaction of an item."""
    return Interaction.model_construct(
        **{name: item[name]["S"] for name in _INTERACTION_TEXTS if name in item}
    )
