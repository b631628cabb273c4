"""The formats of published events: the message on the topic, and the body of a webhook request."""

from __future__ import annotations

import json
from typing import Any

from shared.domain.events import MAX_CHANGED_NAMES, SCHEMA_VERSION, Event, Notice
from shared.domain.webhooks.delivery import DeliveryRequest

_NOTICE_TEXTS = ("id", "type", "tenant_id", "at", "entity", "entity_id", "origin")
_REQUEST_TEXTS = ("tenant_id", "webhook_id", "event_id")


class MalformedMessage(ValueError):
    """A message does not have the format of its contract. The error does not repeat its content."""


def to_message(tenant_id: str, event: Event) -> str:
    """Return the message on the topic for an event: ids, types and names of changed fields, no personal data."""
    message: dict[str, Any] = {
        "id": event.id,
        "type": event.type,
        "tenant_id": tenant_id,
        "at": event.at,
        "entity": event.entity,
        "entity_id": event.entity_id,
        "version": event.version,
        "origin": event.origin,
    }
    if "note_id" in event.data:
        message["note_id"] = event.data["note_id"]
    changed = event.changed_names
    if len(changed) <= MAX_CHANGED_NAMES:
        message["changed"] = changed
    return json.dumps(message, separators=(",", ":"))


def from_message(message: str) -> Notice:
    """Return the notice in a message. Unknown members are ignored, so that a newer publisher may add some.

    Raises MalformedMessage.
    """
    members = _parse_object(message)
    changed = members.get("changed")
    if changed is not None and not _is_list_of_texts(changed):
        raise MalformedMessage("changed is no list of texts")
    return Notice(
        **_take_members(members, _NOTICE_TEXTS, "version", optional=("note_id",)),
        changed=None if changed is None else tuple(changed),
    )


def to_payload(event: Event, record: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the payload of the webhook request for an event, as `docs/events/` describes it.

    Standard Webhooks 1.0.0 recommends this form: `type`, `timestamp`, `data`. `record`: the record that the event is
    about, in JSON types, if it is to be sent too.
    """
    data: dict[str, Any] = {
        "object": event.entity,
        "id": event.entity_id,
        "version": event.version,
        "source": event.origin,
        "changes": {name: {"old": old, "new": new} for name, (old, new) in event.changes.items()},
    }
    for name, value in event.data.items():
        data.setdefault(name, value)
    if record is not None:
        data["record"] = record
    return {"type": event.type, "timestamp": event.at, "schema_version": SCHEMA_VERSION, "data": data}


def to_body(event: Event, record: dict[str, Any] | None = None) -> bytes:
    """Return the body of the webhook request for an event. Without a record, it has the same bytes at every attempt."""
    return json.dumps(to_payload(event, record), separators=(",", ":"), ensure_ascii=False).encode()


def to_request_message(request: DeliveryRequest) -> str:
    """Return the message on the deliveries queue for a request: only ids."""
    return json.dumps(
        {
            "tenant_id": request.tenant_id,
            "webhook_id": request.webhook_id,
            "event_id": request.event_id,
            "attempt": request.attempt,
        },
        separators=(",", ":"),
    )


def from_request_message(message: str) -> DeliveryRequest:
    """Return the request in a message of the deliveries queue. Raises MalformedMessage."""
    return DeliveryRequest(**_take_members(_parse_object(message), _REQUEST_TEXTS, "attempt"))


def _parse_object(message: str) -> dict[str, Any]:
    """Return the members of a JSON object. Raises MalformedMessage."""
    try:
        members = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("not JSON") from error
    if not isinstance(members, dict):
        raise MalformedMessage("not a JSON object")
    return members


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)


def _take_members(
    members: dict[str, Any], texts: tuple[str, ...], number: str, *, optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return some members of an object: `texts` are non-empty strings, `number` is an integer from 1.

    `optional`: non-empty strings that may be missing. Raises MalformedMessage.
    """
    given = tuple(name for name in optional if name in members)
    for name in (*texts, *given):
        value = members.get(name)
        if not isinstance(value, str) or not value:
            raise MalformedMessage(f"{name} is no text")
    count = members.get(number)
    if type(count) is not int or count < 1:
        raise MalformedMessage(f"{number} is no count")
    return {name: members[name] for name in (*texts, *given, number)}
