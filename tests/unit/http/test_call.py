"""Calls: the caller, the headers, the body and the query."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pydantic import BaseModel

from shared.domain.contacts.inputs import ContactInput
from shared.domain.errors import (
    DomainError,
    Invalid,
    RuleBroken,
    TooLarge,
    Unauthenticated,
    UnsupportedMediaType,
)
from shared.http import problems
from shared.http.bodies import FORM, MAX_BODY_BYTES
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import JSON


def call(body: Any = None, headers: dict[str, str] | None = None, **event: Any) -> Call:
    return Call({"requestContext": {"requestId": "r"}, "headers": headers, "body": body, **event})


def read(body: Any, headers: dict[str, str] | None = None, **event: Any) -> BaseModel:
    return call(body, headers, **event).body(ContactInput, (JSON,))


def test_a_body_is_read_plain_or_in_base64() -> None:
    plain = '{"first_name": "Ada"}'
    encoded = base64.b64encode(plain.encode()).decode()
    assert read(plain) == read(encoded, isBase64Encoded=True)


@pytest.mark.parametrize("body", ["", None])
def test_a_body_is_required(body: str | None) -> None:
    with pytest.raises(RuleBroken, match="required"):
        read(body)


@pytest.mark.parametrize("body", ["{", "[1", '{"first_name": "A"} x', "\x00", '{"first_name": "\\ud800"}'])
def test_a_body_that_is_not_json_is_malformed(body: str | None) -> None:
    with pytest.raises(RuleBroken, match="JSON"):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        '{"first_name": "canary", "first_name": "canary"}',
        '{"first_name": "canary", "\\u0066irst_name": "canary"}',
        '{"first_name": "A", "custom_fields": ' + '{"a": [' * 90 + '{"b": 1, "b": 2}' + "]}" * 90 + "}",
        '{"first_name": NaN, "x": -0, "y": 1e999, "z": {"canary": 1, "canary": 1}}',
    ],
)
def test_a_repeated_name_is_malformed_and_not_quoted(body: str) -> None:
    for raw, event in ((body, {}), (base64.b64encode(body.encode()).decode(), {"isBase64Encoded": True})):
        with pytest.raises(RuleBroken, match="more than once") as refused:
            read(raw, **event)
        assert refused.value.code == "malformed_json" and "canary" not in refused.value.detail


def test_several_objects_may_have_the_same_name() -> None:
    numbers = [{"label": "home", "number": "+14155552671"}, {"label": "desk", "number": "+14155552672"}]
    body = {"first_name": "A", "other_phones": numbers, "custom_fields": {"first_name": "B", "label": "C"}}
    assert read(json.dumps(body)) == ContactInput.model_validate(body)


def test_a_form_is_read_only_where_the_route_accepts_forms() -> None:
    class Asked(BaseModel):
        name: str
        about: str | None = None

    def form(body: str, kind: str = FORM, **event: Any) -> Asked:
        return call(body, {"content-type": kind}, **event).body(Asked, (FORM,))

    assert form("name=a+b%2B%C3%A9&about=") == Asked(name="a b+é"), "what has no value counts as left out"
    assert form(base64.b64encode(b"name=a").decode(), isBase64Encoded=True) == Asked(name="a")
    for malformed in ("name=a&name=b", "name=a&x=1&x=", "name=%FF", "name=\ud800", "&".join("abc" * 99)):
        with pytest.raises(RuleBroken):
            form(malformed)
    for kind in ("application/json", "text/plain"):
        with pytest.raises(UnsupportedMediaType):
            form("name=a", kind)
    with pytest.raises(UnsupportedMediaType):
        read("first_name=Ada", {"content-type": FORM})


def test_the_address_comes_from_the_gateway() -> None:
    seen = {"requestContext": {"identity": {"sourceIp": "198.51.100.7"}}}
    assert Call({"headers": {"X-Forwarded-For": "203.0.113.9"}, **seen}).address == "198.51.100.7"
    assert Call({"headers": {}, "requestContext": {}}).address == ""


def test_a_depth_bomb_is_malformed() -> None:
    with pytest.raises(DomainError):
        read("[" * 10_000 + "]" * 10_000)


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        '"x"',
        "1",
        "null",
        '{"first_name": 1}',
        '{"first_name": ""}',
        '{"first_name": "a\\u0000b"}',
        '{"first_name": "A", "id": "x"}',
        '{"first_name": "A", "version": 3}',
    ],
)
def test_wrong_types_and_unknown_or_server_kept_fields_are_refused(body: str) -> None:
    """check 53"""
    with pytest.raises(Invalid):
        read(body)


def test_a_refusal_names_the_field_and_not_the_value() -> None:
    with pytest.raises(Invalid) as refusal:
        read('{"first_name": "A", "tags": ["ok", 12345]}')
    assert refusal.value.errors[0].field == "tags.1"
    assert "12345" not in str(refusal.value.errors)


@pytest.mark.parametrize(
    "headers",
    [{"Content-Type": "text/plain"}, {"content-type": "application/xml"}, {"Content-Encoding": "gzip"}],
)
def test_other_media_types_and_compressed_bodies_are_refused(headers: dict[str, str]) -> None:
    """check 47"""
    with pytest.raises(UnsupportedMediaType):
        read("{}", headers)


def test_a_media_type_may_carry_parameters() -> None:
    assert read('{"first_name": "A"}', {"CONTENT-TYPE": "Application/JSON; charset=utf-8"})


@pytest.mark.parametrize("charset", ["latin-1", "UTF-16", '"iso-8859-1"', "", "utf-8x"])
def test_another_charset_is_refused_for_json_and_for_forms(charset: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="UTF-8"):
        read('{"first_name": "A"}', {"Content-Type": f"application/json; charset={charset}"})
    with pytest.raises(UnsupportedMediaType, match="UTF-8"):
        call("first_name=A", {"Content-Type": f"{FORM};charset={charset}"}).body(ContactInput, (FORM,))


NOT_UTF8 = {
    "Windows-1252": '{"first_name": "Zo\xeb"}'.encode("cp1252"),
    "UTF-16": '{"first_name": "Ada"}'.encode("utf-16"),
    "a character cut off": '{"first_name": "Zoë"}'.encode()[:-3],
    "surrogates": '{"first_name": "\ud800"}'.encode("utf-8", "surrogatepass"),
    "overlong": b'{"first_name": "\xc0\xaf"}',
}


@pytest.mark.parametrize("body", NOT_UTF8.values(), ids=NOT_UTF8)
def test_a_body_that_is_not_utf8_is_refused_and_not_stored_with_other_characters(body: bytes) -> None:
    """check 40: as text, which is how API Gateway passes bodies on, and as base64."""
    as_text = body.decode("utf-8", errors="replace")
    for raw, event in ((as_text, {}), (base64.b64encode(body).decode(), {"isBase64Encoded": True})):
        for kind in (JSON, FORM):
            with pytest.raises(RuleBroken) as refused:
                call(raw, {"content-type": kind}, **event).body(ContactInput, (kind,))
            assert refused.value.code == "not_utf8"
    assert read('{"first_name": "Zoë \\ufffd"}') == ContactInput(first_name="Zoë \ufffd"), (
        "as an escape it was meant"
    )


def test_a_body_over_the_limit_is_too_large() -> None:
    """check 41"""
    with pytest.raises(TooLarge):
        read(" " * (MAX_BODY_BYTES + 1))


@pytest.mark.parametrize("limit", ["0", "-1", "1000000000", "ten", "1.5", ""])
def test_a_limit_out_of_range_is_refused(limit: str) -> None:
    """check 45"""
    with pytest.raises(Invalid):
        call(queryStringParameters={"limit": limit}).query(ListQuery)


def test_a_repeated_parameter_is_refused() -> None:
    with pytest.raises(Invalid, match="more than once"):
        call(
            multiValueQueryStringParameters={"limit": ["1", "2"]}, queryStringParameters={"limit": "2"}
        ).query(ListQuery)


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ('"3"', True),
        ('"2", "3"', True),
        ("*", True),
        ('"2"', False),
        ('W/"3"', False),
        ('W/"3", "3"', True),
        (' "2" ,, "3",', True),
        ('"a,b"', False),
        ('"2,3"', False),
        ('""', False),
        ('"é"', False),
    ],
)
def test_if_match_compares_strongly(given: str, holds: bool) -> None:
    condition = call(headers={"if-match": given}).if_match
    assert condition is not None
    assert condition(3) is holds


@pytest.mark.parametrize(
    "given",
    ["3", "", " ", "'3'", '"3', '3"', '"3" "4"', '"3", 4', "*, *", '"3", *', 'w/"3"', "W/3", '"3 4"', ",", "null",
     "“3”", '"3"' + ', "3"' * 5_000, '"' * 100_000],
)  # fmt: skip
def test_a_malformed_if_match_is_refused_with_the_right_form(given: str) -> None:
    with pytest.raises(RuleBroken, match="quotation marks") as refusal:
        _ = call(headers={"if-match": given}).if_match
    assert refusal.value.code == "malformed_if_match"


def test_several_if_match_headers_are_one_list() -> None:
    several = {"If-Match": ['"2"', '"3"']}
    condition = call(headers={"If-Match": '"3"'}, multiValueHeaders=several).if_match
    assert condition is not None
    assert condition(2) and condition(3) and not condition(4)


def test_without_the_authorizers_context_no_caller_is_signed_in() -> None:
    with pytest.raises(Unauthenticated):
        _ = call(headers={"x-tenant-id": "t1"}).caller


def test_every_domain_error_has_a_status() -> None:
    def tree(error: type[DomainError]) -> list[type[DomainError]]:
        return [error, *(one for child in error.__subclasses__() for one in tree(child))]

    for error in tree(DomainError)[1:]:
        status, title = problems.status_of(error)
        assert 400 <= status <= 503
        assert title
