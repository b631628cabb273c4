"""The items of events."""

from __future__ import annotations

import json
from functools import cache

from shared.domain import timestamps
from shared.domain.errors import TooLarge
from shared.domain.events import Event
from shared.table.codec import to_json
from shared.table.guards import Guard
from shared.table.item import Item, item_size
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import key_of
from shared.table.keys.work import WORK_PK, WORK_SK
from shared.table.transactions import Transaction

_OPTIONAL = frozenset({"follows", "data", "label_ids_before", "groups_joined", "groups_left"})
"""Attributes that not every event has."""
_MOST_BYTES = 400 * 1_024 - 100
"""The most bytes of a new event's item. DynamoDB takes 400 KB; the rest is room for what is written into the item
later: its position in the feed, if it is published late, and the longer name of the partition of left over events."""


def add_event(
    transaction: Transaction, tenant_id: str, event: Event, *, follows: str = "", guard: Guard | None = None
) -> None:
    """Add the write of an event to a transaction, under the condition of `guard`. `follows`: see `event_to_item`.

    Work that is done twice writes the same event again, perhaps after it was published. It is looked for in the feed by
    the time at which it was written first, so its entry in the outbox and its position in the feed stay as they are.

    Raises TooLarge.
    """
    item = event_to_item(tenant_id, event, follows=follows)
    key = key_of(item)
    written = {name: value for name, value in item.items() if name not in key}
    transaction.update(
        key,
        _expression(tuple(written)),
        # A guard may use the value of an attribute, by the same name.
        {f":{name}": value for name, value in written.items()} | (guard["values"] if guard else {}),
        names={f"#{name}": name for name in written.keys() | _OPTIONAL},
        condition=guard["condition"] if guard else None,
        refusal=guard["refusal"] if guard else None,
    )


@cache
def _expression(names: tuple[str, ...]) -> str:
    """Return the update expression that sets some attributes of an event's item, and removes the optional others."""
    kept = (WORK_PK, WORK_SK)
    values = [f"if_not_exists(#{name}, :{name})" if name in kept else f":{name}" for name in names]
    assigned = ", ".join(f"#{name} = {value}" for name, value in zip(names, values, strict=True))
    absent = ", ".join(f"#{name}" for name in sorted(_OPTIONAL.difference(names)))
    return f"SET {assigned} REMOVE {absent}" if absent else f"SET {assigned}"


def event_to_item(tenant_id: str, event: Event, *, follows: str = "") -> Item:
    """Return the item of an event, with an entry in the outbox index so that its publication is checked.

    `follows`: the id of the previous event of the same record, which must be published first; empty for the first.
    The entry has the present time, not the event's: work that is repeated later may write an event of an earlier time.
    Raises TooLarge.
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
    if item_size(item) > _MOST_BYTES:
        raise TooLarge("The record would be larger than 400 KB, the most one record can hold.")
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
