"""The published schemas of booking events describe what the code takes."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import ValidationError

from local import book
from shared.domain.bookings.event import STATES, BookingEvent
from tests.contract.answers import ROOT

SCHEMAS: dict[str, dict[str, Any]] = {
    schema["title"]: schema
    for schema in (json.loads(file.read_text()) for file in (ROOT / "docs" / "events").glob("*.schema.json"))
}
DETAIL = SCHEMAS["BookingCreated"]["properties"]["detail"]
REQUIRED = DETAIL["required"]
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


def check(event: Any) -> list[str]:
    """Return the faults of an event under the schema of its kind."""
    validator = Draft202012Validator(SCHEMAS[event["detail-type"]], format_checker=FormatChecker())
    return [error.json_path for error in validator.iter_errors(event)]


def take(event: dict[str, Any]) -> BookingEvent:
    return BookingEvent.parse(STATES[event["detail-type"]], event["detail"])


def example(kind: str, **members: Any) -> dict[str, Any]:
    """Return the example of a kind with members replaced, or left out where they are `...`."""
    event: dict[str, Any] = copy.deepcopy(SCHEMAS[kind]["examples"][0])
    event["detail"] = {name: value for name, value in (event["detail"] | members).items() if value is not ...}
    return event


def values_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values of a member, drawn from all that its schema allows."""
    if schema.get("format") == "email":
        return st.sampled_from(["grace@example.com", "Grace <Grace@Example.com>", "grace@exämple.com"])
    if schema.get("format") == "date-time":
        texts: st.SearchStrategy[Any] = MOMENTS.map(lambda one: one.isoformat().replace("+00:00", "Z"))
    elif "pattern" in schema:
        texts = st.from_regex(schema["pattern"], fullmatch=True).map(lambda text: text[: schema["maxLength"]])
    else:
        texts = st.text(max_size=30)
    numbers = st.integers(schema.get("minimum"), schema.get("maximum"))
    by_type = {
        "string": texts,
        "integer": numbers,
        "null": st.none(),
        "object": st.dictionaries(st.text(max_size=5), st.integers()),
    }
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([by_type[one] for one in types])


EVENTS = st.builds(
    lambda kind, required, optional: {
        "source": "scheduling.bookings",
        "detail-type": kind,
        "detail": {**required, **optional},
    },
    st.sampled_from(sorted(STATES)),
    st.fixed_dictionaries({name: values_of(DETAIL["properties"][name]) for name in REQUIRED}),
    st.fixed_dictionaries(
        {},
        optional={
            name: values_of(schema) for name, schema in DETAIL["properties"].items() if name not in REQUIRED
        },
    ),
)


def test_each_kind_of_event_has_a_schema_and_they_differ_only_in_its_name() -> None:
    assert set(SCHEMAS) == set(STATES)
    for kind, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        assert schema["properties"]["detail-type"] == {"const": kind}
        assert schema["properties"]["detail"] == DETAIL


def test_the_schemas_have_the_members_that_the_code_reads() -> None:
    fields = dict(BookingEvent.model_fields)
    del fields["state"]
    assert set(DETAIL["properties"]) == set(fields)
    assert set(REQUIRED) == {name for name, field in fields.items() if field.is_required()}
    assert DETAIL["properties"]["version"]["default"] == fields["version"].default


@pytest.mark.parametrize("kind", sorted(STATES))
def test_the_examples_are_valid_and_taken(kind: str) -> None:
    event = example(kind)
    assert check(event) == []
    assert take(event).state == STATES[kind]


@given(event=EVENTS)
def test_what_the_schema_allows_the_code_takes(event: dict[str, Any]) -> None:
    assert check(event) == []
    taken = take(event)
    version = event["detail"].get("version")
    assert taken.version == (1 if version is None else version)
    for name in ("event_id", "booking_id", "tenant_id"):
        assert getattr(taken, name) == str(event["detail"][name])


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [..., None, True, [], {}, ""], ids=str)
def test_what_the_schema_refuses_in_a_required_member_the_code_refuses(name: str, value: Any) -> None:
    """check 88: an empty address is refused when it is looked at as an address."""
    event = example("BookingCancelled", **{name: value})
    assert check(event) != []
    if (name, value) != ("invitee_email", ""):
        with pytest.raises(ValidationError):
            take(event)


@pytest.mark.parametrize("name", sorted(set(DETAIL["properties"]) - set(REQUIRED)))
@pytest.mark.parametrize("value", [True, [1], 1.5, "x" * 2_000], ids=["true", "list", "fraction", "long"])
def test_what_the_schema_refuses_in_another_member_costs_no_booking(name: str, value: Any) -> None:
    """check 88"""
    event = example("BookingRescheduled", **{name: value})
    assert check(event) != []
    assert take(event).booking_id == "booking-1"


@pytest.mark.parametrize("state", sorted(book.DETAIL_TYPES))
def test_the_command_sends_valid_events(state: str) -> None:
    given = book.parser().parse_args(
        [state, "--email", "ada@example.com", "--name", "Ada", "--title", "Talk", "--version", "3"]
    )
    detail = book.build_detail(given, "demo", datetime(2031, 3, 1, 9, tzinfo=UTC))
    event = {"source": book.SOURCE, "detail-type": book.DETAIL_TYPES[state], "detail": detail}
    assert check(event) == []
    taken = take(event)
    assert (taken.state, taken.tenant_id, taken.invitee_name, taken.version) == (state, "demo", "Ada", 3)
    assert (taken.occurred_at, taken.starts_at) == ("2031-03-01T09:00:00.000Z", "2031-03-08T09:00:00.000Z")
