"""Holds every event that a test writes, and every body that reaches a `Receiver`, to the published JSON Schemas.

The schemas allow members that they do not name, since later versions may add some. Here they allow none: an event with
a member that docs/events/ does not describe is a fault.

Most events of a run have the same shape: the same members with values of the same types. A few of each shape are
compared with the schema, so that this takes little time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from shared.domain.events import Event
from shared.publishing.contracts import to_payload
from shared.table import event_items
from shared.table.item import Item

FOLDER = Path(__file__).parents[2] / "docs" / "events"
_OF_EACH_SHAPE = 3
_seen: Counter[object] = Counter()
faults: list[str] = []
"""The faults that were found and not reported yet. Code under test may catch any exception, so none is raised."""


@cache
def validator(event_type: str) -> Draft202012Validator:
    """Return what validates the payload of an event of a type, and allows no members that the schema does not name.

    Raises FileNotFoundError for a type without a schema.
    """
    schema = json.loads((FOLDER / f"{event_type}.json").read_text(encoding="utf-8"))
    _close(schema)
    return Draft202012Validator(schema)


def find_fault(payload: dict[str, Any]) -> str | None:
    """Return the fault of a payload, as JSON has it, under the schema of its type; None if it has none."""
    try:
        found = best_match(validator(payload["type"]).iter_errors(payload))
    except FileNotFoundError:
        return f"{payload['type']} has no schema: see shared/domain/payloads/registry.py"
    return f"{payload['type']}: {found.json_path}: {found.message}" if found else None


def check_event(event: Event) -> None:
    """Note the fault of an event's payload, if it has one and its shape was not compared often enough."""
    changes = [(_name(name), _shape(old), _shape(new)) for name, (old, new) in event.changes.items()]
    data = [(name, _shape(value)) for name, value in event.data.items()]
    if _is_rare((event.type, event.entity, event.origin, *changes, *data)):
        _note_fault(to_payload(event))


def check_body(payload: dict[str, Any]) -> None:
    """Note the fault of a payload that was sent, if it has one and its shape was not compared often enough."""
    if _is_rare((payload["type"], _shape(payload))):
        _note_fault(payload)


def _is_rare(shape: object) -> bool:
    _seen[shape] += 1
    return _seen[shape] <= _OF_EACH_SHAPE


def _note_fault(payload: dict[str, Any]) -> None:
    if fault := find_fault(json.loads(json.dumps(payload))):
        faults.append(fault)


@contextmanager
def events_are_checked() -> Iterator[None]:
    """Check each event whose item is made in this process."""
    to_item = event_items.event_to_item

    def checked_item(tenant_id: str, event: Event, **named: Any) -> Item:
        check_event(event)
        return to_item(tenant_id, event, **named)

    with patch.object(event_items, "event_to_item", checked_item):
        yield


def _shape(value: Any) -> object:
    """Return what values of the same members and types have in common."""
    kind = type(value)
    if kind is dict:
        return frozenset((_name(name), _shape(one)) for name, one in value.items())
    return frozenset(map(_shape, value)) if kind is list or kind is tuple else kind


def _name(name: str) -> str:
    """Return the name of a field; of a custom field, whose names are endless, only that it is one."""
    return "custom_fields." if name.startswith("custom_fields.") else name


def _close(schema: Any) -> None:
    """Forbid the members that the objects of a schema do not name."""
    if isinstance(schema, list):
        for one in schema:
            _close(one)
    elif isinstance(schema, dict):
        for one in schema.values():
            _close(one)
        if isinstance(schema.get("properties"), dict) and "type" in schema:
            schema.setdefault("additionalProperties", False)
