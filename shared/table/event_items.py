"""The items of events."""

from __future__ import annotations

import json

from shared.domain import timestamps
from shared.domain.events import Event
from shared.table.codec import to_json
from shared.table.item import Item
from shared.table.keys import events as event_keys


def event_to_item(tenant_id: str, event: Event, *, follows: str = "") -> Item:
    """Return the item of an event, with an entry in the outbox index so that its publication is checked.

    `follows`: the id of the previous event of the same record, which must be published first; empty for the first.
    The entry has the present time, not the event's: work that is repeated later may write an event of an earlier time.
    """
    item: Item = {
        **event_keys.event(tenant_id, event.entity, event.entity_id, event.id, is_of_entry=event.is_of_entry),
        **event_keys.outbox(event.id, timestamps.now()),
        "type": {"S": event.type},
        "at": {"S": event.at},
        "actor": {"S": event.actor},
        "origin": {"S": event.origin},
        "version": {"N": str(event.version)},
        "entity": {"S": event.entity},
        "entity_id": {"S": event.entity_id},
        "changes": {"S": to_json(event.changes)},
    }
    if follows:
        item["follows"] = {"S": follows}
    if event.data:
        item["data"] = {"S": to_json(event.data)}
    if event.label_ids_before:
        item["label_ids_before"] = {"S": to_json(event.label_ids_before)}
    for name, group_ids in (("groups_joined", event.groups_joined), ("groups_left", event.groups_left)):
        if group_ids:
            item[name] = {"L": [{"S": group_id} for group_id in group_ids]}
    return item


def event_from_item(item: Item) -> Event:
    """Return the event of an item."""
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
        label_ids_before=json.loads(item["label_ids_before"]["S"]) if "label_ids_before" in item else {},
        groups_joined=_texts(item, "groups_joined"),
        groups_left=_texts(item, "groups_left"),
    )


def _texts(item: Item, name: str) -> list[str]:
    return [one["S"] for one in item[name]["L"]] if name in item else []
