"""Refusals are sentences of this API: no model of a route answers in pydantic's own words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticKnownError
from pydantic_core._pydantic_core import list_all_errors

from local.openapi import operations
from shared.domain import faults
from shared.domain.accounts.api_client import ApiClientInput
from shared.domain.accounts.invitation import Acceptance, InvitationInput
from shared.domain.accounts.registration import RegistrationInput
from shared.domain.contacts.inputs import ContactInput
from shared.domain.customers.record import CustomerInput
from shared.domain.errors import DomainError, Invalid
from shared.domain.field_names import nearest
from shared.domain.groups.inputs import GroupInput
from shared.domain.text import PATTERNS
from shared.domain.webhooks.recovery import RecoveryInput
from shared.http.problems import from_validation

MODELS = sorted(
    {model for one in operations() for model in (one.body, one.query) if model is not None},
    key=lambda model: f"{model.__module__}.{model.__name__}",
)
KNOWN = {one["type"]: one for one in list_all_errors()}

# The kinds of schema in models of the API. A model that uses another kind may produce further error types of pydantic,
# which then need sentences.
SCHEMAS = {
    "any", "bool", "datetime", "default", "dict", "float", "function-after", "function-plain", "function-wrap", "int",
    "list", "literal", "model", "model-field", "model-fields", "no-info", "nullable", "str", "definitions",
    "definition-ref", "with-info", "function-before", "chain",
}  # fmt: skip

UNREACHABLE = {
    "no_such_attribute": "fields are not read from attributes",
    "needs_python_object": "no validator needs an object of Python's",
    "recursion_loop": "JSON has no cycles",
    "frozen_field": "inputs are not assigned to",
    "frozen_instance": "inputs are not assigned to",
    "get_attribute_error": "fields are not read from attributes",
    "dataclass_type": "no input is a dataclass",
    "dataclass_exact_type": "no input is a dataclass",
    "default_factory_not_called": "no default is made from other fields",
    "iteration_error": "JSON has no iterators",
    "set_item_not_hashable": "no field is a set",
    "frozen_set_type": "no field is a set",
    "bytes_type": "no field holds bytes",
    "bytes_too_short": "no field holds bytes",
    "bytes_too_long": "no field holds bytes",
    "bytes_invalid_encoding": "no field holds bytes",
    "missing_sentinel_error": "no field has that sentinel",
    "date_past": "no field is a date in the past",
    "date_future": "no field is a date in the future",
    "time_type": "no field is a time of day",
    "time_parsing": "no field is a time of day",
    "datetime_past": "no field is a time in the past",
    "datetime_future": "no field is a time in the future",
    "time_delta_type": "no field is a duration",
    "time_delta_parsing": "no field is a duration",
    "is_instance_of": "JSON has no classes",
    "is_subclass_of": "JSON has no classes",
    "callable_type": "JSON has no functions",
    "union_tag_invalid": "no field is a tagged union",
    "union_tag_not_found": "no field is a tagged union",
    "arguments_type": "no input is a call's arguments",
    "missing_argument": "no input is a call's arguments",
    "unexpected_keyword_argument": "no input is a call's arguments",
    "missing_keyword_only_argument": "no input is a call's arguments",
    "unexpected_positional_argument": "no input is a call's arguments",
    "missing_positional_only_argument": "no input is a call's arguments",
    "multiple_argument_values": "no input is a call's arguments",
    "url_type": "URLs are strings, checked by a rule of our own",
    "url_parsing": "URLs are strings, checked by a rule of our own",
    "url_syntax_violation": "URLs are strings, checked by a rule of our own",
    "url_too_long": "URLs are strings, checked by a rule of our own",
    "url_scheme": "URLs are strings, checked by a rule of our own",
    "uuid_version": "ids are strings",
    "decimal_max_digits": "no field is a decimal",
    "decimal_max_places": "no field is a decimal",
    "decimal_whole_digits": "no field is a decimal",
    "complex_type": "no field is a complex number",
    "complex_str_parsing": "no field is a complex number",
    "json_invalid": "told as `malformed_json`, not as a field's fault",
    "json_type": "told as `malformed_json`, not as a field's fault",
}


def test_every_error_type_of_pydantic_has_a_sentence_or_a_reason_why_it_cannot_come() -> None:
    assert faults.SENTENCES.keys() | UNREACHABLE.keys() == KNOWN.keys()
    assert not faults.SENTENCES.keys() & UNREACHABLE.keys()


@pytest.mark.parametrize("kind", sorted(KNOWN.keys() - {"json_invalid", "json_type"}))
def test_no_error_type_is_answered_in_pydantics_words(kind: str) -> None:
    context = KNOWN[kind]["example_context"]
    theirs = PydanticKnownError(kind, context).message()  # type: ignore[arg-type]
    ours = faults.sentence_of(kind, context or {}, theirs)
    assert ours != theirs
    assert_sentence(ours)


def test_models_use_only_kinds_of_schema_whose_error_types_have_sentences() -> None:
    for model in MODELS:
        model.model_rebuild(force=True)
        assert kinds_of(model.__pydantic_core_schema__) <= SCHEMAS, model


def test_every_pattern_of_a_model_has_a_sentence() -> None:
    patterns = {
        str(one["pattern"])
        for model in MODELS
        for one in schemas_of(model.__pydantic_core_schema__)
        if "pattern" in one and one.get("type") == "str"
    }
    assert patterns <= set(PATTERNS)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_model_of_a_route_lets_pydantics_words_through(model: type[BaseModel]) -> None:
    """Every field gets values of every kind, by themselves and in lists and objects; unknown names are added too."""
    seen = 0
    for given in [*wrong_bodies(model), 5, "text", [], None, {"wrongName": 1}]:
        try:
            model.model_validate(given)
        except ValidationError as error:
            refusal = from_validation(error, model)
            theirs = {one["msg"] for one in error.errors() if one["type"] in KNOWN}
        except Invalid as error:
            refusal, theirs = error, set()
        else:
            continue
        for one in refusal.errors:
            seen += 1
            assert one.message not in theirs, one
            assert_sentence(one.message)
    assert seen


WRONG = (
    None, True, 3, -3, 10**30, 1.5, float("inf"), "", " ", "\x00", "a,b\n", "x" * 20_000, "2020-13-01", "1", [], [1],
    {}, {"a": 1}, [{}], [{"wrong": 1}], ["\x00"], [""] * 600, {"wrong": {"x": []}},
)  # fmt: skip


def wrong_bodies(model: type[BaseModel]) -> Iterator[dict[str, Any]]:
    fields = list(model.model_fields)
    for value in WRONG:
        yield dict.fromkeys(fields, value)
        for name in fields:
            yield {name: value}
            yield {f"{name}x": value}


def assert_sentence(message: str) -> None:
    assert re.fullmatch(r"[A-Z][^\n]*[.?]", message), message
    for word in (
        "Input",
        "String should",
        "should be a valid",
        "should have",
        "Extra inputs",
        "Field required",
    ):
        assert word not in message


def schemas_of(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for name, value in schema.items():
            if name not in ("serialization", "metadata"):
                yield from schemas_of(value)
    elif isinstance(schema, (list, tuple)):
        for value in schema:
            yield from schemas_of(value)


def kinds_of(schema: Any) -> set[str]:
    return {one["type"] for one in schemas_of(schema) if isinstance(one.get("type"), str)}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("firstName", "first_name"),
        ("FirstName", "first_name"),
        ("First Name", "first_name"),
        ("first-name", "first_name"),
        ("FIRST_NAME", "first_name"),
        ("firstname", "first_name"),
        ("frist_name", "first_name"),
        ("fist_nme", "first_name"),
        ("surname", "last_name"),
        ("mail", "email"),
        ("E-Mail", "email"),
        ("emails", "email"),
        ("phoneNumber", "phone"),
        ("title", "job_title"),
        ("customer", "customer_id"),
        ("ownerID", "owner_id"),
        ("wa_number", "whatsapp"),
        ("tp_number", "phone"),
        ("tag", "tags"),
        ("otherPhones", "other_phones"),
        ("organization", "company"),
        ("zzzzz", None),
        ("", None),
        ("\u0000", None),
        ("x" * 100_000, None),
    ],
)
def test_an_unknown_name_is_answered_with_the_field_that_was_meant(given: str, meant: str | None) -> None:
    assert nearest(given, list(ContactInput.model_fields)) == meant


def refused(model: type[BaseModel], given: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as refusal:
        model.model_validate_json(json.dumps(given))
    return {one.field: one.message for one in from_validation(refusal.value, model).errors}


def test_the_place_of_a_fault_is_written_as_the_caller_wrote_it_and_known_names_are_those_of_that_place() -> (
    None
):
    told = refused(
        ContactInput,
        {
            "first_name": "Ada",
            "other_phones": [
                {"number": "1"},
                {"nubmer": "+12025550143", "number": "+12025550143"},
                {"label": 5},
            ],
            "communication": {"preffered": "email"},
        },
    )
    assert "Did you mean `number`?" in told["other_phones.1.nubmer"]
    assert "Did you mean `preferred`?" in told["communication.preffered"]
    assert told["other_phones.2.number"] == "This is required."
    assert told["other_phones.2.label"] == "This must be a string."
    filtered = refused(GroupInput, {"name": "A", "kind": "dynamic", "filter": {"createdFrom": "2026-01-01"}})
    assert "Did you mean `created_from`?" in filtered["filter.createdFrom"]
    part = refused(RecoveryInput, {"after": 0, "zzz": 1})
    assert part["zzz"].endswith("The names here are after, from, to, until."), (
        "aliases, as callers write them"
    )
    assert "unknown_permission" in {
        one.code
        for one in refusal_of(ApiClientInput, {"name": "A", "permissions": {"contacts:raed": "all"}}).errors
    }


def refusal_of(model: type[BaseModel], given: Any) -> DomainError:
    with pytest.raises(ValidationError) as refusal:
        model.model_validate_json(json.dumps(given))
    return from_validation(refusal.value, model)


@pytest.mark.parametrize(
    ("model", "given", "fields"),
    [
        (
            RegistrationInput,
            {"tenant_name": "", "email": "none", "password": "short", "passwort": "x"},
            {"tenant_name", "email", "password", "passwort"},
        ),
        (InvitationInput, {"email": "@", "role": "king", "name": "x"}, {"email", "role", "name"}),
        (Acceptance, {"password": "short", "tokn": ""}, {"token", "password", "tokn"}),
        (CustomerInput, {"first_name": "", "email": "none", "mail": ""}, {"first_name", "email", "mail"}),
    ],
)
def test_rules_that_do_not_need_the_table_are_reported_with_faults_of_form(
    model: type[BaseModel], given: Any, fields: set[str]
) -> None:
    assert refused(model, given).keys() == fields


def test_a_body_that_is_no_json_says_where() -> None:
    with pytest.raises(ValidationError) as refusal:
        ContactInput.model_validate_json('{"first_name": "Ada",\n "email": }')
    told = from_validation(refusal.value, ContactInput)
    assert told.code == "malformed_json"
    assert told.detail == "The body is not valid JSON (line 2, column 11)."
    assert not told.errors
