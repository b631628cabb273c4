"""What goes out: the message that tells of an event on the topic, and the body of a webhook request."""

from __future__ import annotations

import json
from typing import Any

from shared.domain.events import Event, Notice

_TEXTS = ("id", "type", "tenant_id", "at", "entity", "entity_id", "origin")


class MalformedMessage(ValueError):
    """A message is not of the form its contract gives. What it held is not repeated."""


def to_message(tenant_id: str, event: Event) -> str:
    """The message on the topic for an event: ids and kinds alone, no personal data."""
    return json.dumps(
        {
            "id": event.id,
            "type": event.type,
            "tenant_id": tenant_id,
            "at": event.at,
            "entity": event.entity,
            "entity_id": event.entity_id,
            "version": event.version,
            "origin": event.origin,
        },
        separators=(",", ":"),
    )


def from_message(message: str) -> Notice:
    """The notice in a message. Members unknown here are passed over, so that a newer publisher may add some.

    Raises MalformedMessage.
    """
    members = members_of(message, _TEXTS, ("version",))
    return Notice(**{name: members[name] for name in (*_TEXTS, "version")})


def to_body(event: Event) -> bytes:
    """The body of the webhook request for an event: the same bytes at every attempt.

    The form is that recommended by Standard Webhooks 1.0.0: `type`, `timestamp`, `data`; see docs/events.md.
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
    body = {"type": event.type, "timestamp": event.at, "data": data}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def members_of(message: str, texts: tuple[str, ...], numbers: tuple[str, ...]) -> dict[str, Any]:
    """The members of a JSON object, after a check that `texts` are non-empty strings and `numbers` integers
    from 1. Raises MalformedMessage.
    """
    try:
        members = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("not JSON") from error
    if not isinstance(members, dict):
        raise MalformedMessage("not a JSON object")
    for name in texts:
        value = members.get(name)
        if not isinstance(value, str) or not value:
            raise MalformedMessage(f"{name} is no text")
    for name in numbers:
        value = members.get(name)
        if type(value) is not int or value < 1:
            raise MalformedMessage(f"{name} is no count")
    return members
