"""The published schemas of events describe all that is written and sent, and are those of the program."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from local import event_schemas as generated
from shared.domain.events import EVENT_TYPES, SCHEMA_VERSION, WEBHOOK_TEST, Event
from shared.domain.ids import new_id
from shared.publishing.contracts import to_payload
from shared.table import event_items
from tests.contract.answers import DOCUMENT
from tests.support import event_schemas

EVENT = Event(
    id=new_id(),
    type="contact.updated",
    entity="contact",
    entity_id=new_id(),
    at="2026-05-04T09:30:00.000Z",
    actor="user:1",
    origin="api",
    version=2,
    changes={"first_name": ("Ada", "Augusta"), "custom_fields.visits": (None, 3)},
    data={"booking_id": "b-1"},
)


def test_the_schemas_and_the_table_of_types_are_those_of_the_models() -> None:
    rendered = generated.render()
    for file, text in rendered.items():
        assert file.read_text(encoding="utf-8") == text, "run `make openapi`"
    assert {file.name for file in generated.FOLDER.glob("*.json") if ".schema." not in file.name} == {
        f"{event_type}.json" for event_type in (*EVENT_TYPES, WEBHOOK_TEST)
    }


@pytest.mark.parametrize("event_type", [*EVENT_TYPES, WEBHOOK_TEST])
def test_each_schema_is_valid_names_its_type_and_version_and_is_described_in_the_document(
    event_type: str,
) -> None:
    schema = json.loads((generated.FOLDER / f"{event_type}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["type"]["const"] == event_type
    assert schema["properties"]["schema_version"]["const"] == SCHEMA_VERSION
    assert schema["description"]
    described = json.loads(DOCUMENT.read_text(encoding="utf-8"))["webhooks"][event_type]["post"]
    assert described["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith(schema["title"])


def test_receivers_may_be_sent_members_that_the_schema_does_not_name() -> None:
    schema = json.loads((generated.FOLDER / "contact.updated.json").read_text(encoding="utf-8"))
    payload = to_payload(replace(EVENT, data={"later": 1}))
    assert Draft202012Validator(schema).is_valid(payload)
    assert event_schemas.find_fault(payload)


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (replace(EVENT, data={"shoe_size": 42}), "shoe_size"),
        (replace(EVENT, changes={"shoe_size": (None, 42)}), "shoe_size"),
        (replace(EVENT, changes={"first_name": ("Ada", 1)}), "first_name"),
        (replace(EVENT, changes={"custom_fields.visits": (None, [])}), "custom_fields.visits"),
        (replace(EVENT, type="contact.consent_changed", data={"channel": "email"}), "opted_out"),
        (replace(EVENT, type="contact.exploded"), "has no schema"),
        (replace(EVENT, entity="customer"), "contact"),
    ],
)
def test_an_event_that_does_not_fit_its_schema_is_noticed_when_it_is_written(
    event: Event, fault: str
) -> None:
    assert event_schemas.find_fault(json.loads(json.dumps(to_payload(EVENT)))) is None
    event_items.event_to_item("T1", event)  # as every write of an event does
    found = [event_schemas.faults.pop() for _ in list(event_schemas.faults)]
    assert len(found) == 1
    assert fault in found[0]


def test_the_shapes_of_events_are_told_apart_by_members_and_types(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    find: Callable[..., None] = lambda payload: asked.append(payload["type"])  # noqa: E731
    monkeypatch.setattr(event_schemas, "find_fault", find)
    monkeypatch.setattr(event_schemas, "_seen", event_schemas.Counter())
    for number in range(10):
        event_schemas.check_event(replace(EVENT, changes={f"custom_fields.f{number}": (None, number)}))
    assert len(asked) == 3
    for value in ("text", None, [1]):
        event_schemas.check_event(replace(EVENT, changes={"custom_fields.f": (None, value)}))
    assert len(asked) == 6
    for _ in range(10):
        event_schemas.check_body(to_payload(EVENT, {"id": "1"}))
    assert len(asked) == 9
