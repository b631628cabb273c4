"""The public routes: an address is counted before anything is read, bodies are small, and a refusal costs no more than
the part of it that is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import ValidationError

from functions.auth.routes import routes
from shared.domain import faults
from shared.domain.contacts.inputs import ContactInput
from shared.http.bodies import MAX_PUBLIC_BODY_BYTES
from shared.http.serving import lambda_handler
from shared.services.limits.rate_limits import SECOND, Quota
from tests.support.aws import Stack, stack_in_moto
from tests.support.cpu_time import cpu_seconds
from tests.support.gateway import Gateway
from tests.support.template import Template
from tests.support.tokens import TokenIssuer

FEW = Quota(3_600 * SECOND, 5)
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DOORS = ("/auth/register", "/auth/token", "/users/invitations/accept")
MALFORMED = {
    "no JSON": (JSON, b"{"),
    "not UTF-8": (JSON, b"\xff\xfe\xff"),
    "nothing": (JSON, None),
    "no fields": (JSON, b"{}"),
    "another media type": ({"Content-Type": "text/plain"}, b"hello"),
    "compressed": ({**JSON, "Content-Encoding": "gzip"}, b"\x1f\x8b"),
    "too large": (JSON, b"x" * 300_000),
    "an unknown grant": (FORM, b"grant_type=other"),
    "no grant": (FORM, b"a=b"),
    "many fields": (FORM, urlencode({f"f{n}": "1" for n in range(60)}).encode()),
}


@pytest.fixture
def limited(template: Template, token_issuer: TokenIssuer) -> Iterator[Gateway]:
    with stack_in_moto(template, token_issuer, RATE_LIMITS="on") as stack:
        yield Gateway(stack.template)


@pytest.fixture
def gateway_without_limits(aws_stack: Stack) -> Gateway:
    return Gateway(aws_stack.template)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("what", MALFORMED)
def test_every_call_of_an_open_door_is_counted_whatever_it_holds(
    limited: Gateway, door: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.services.limits.sign_in_gate.ADDRESS", FEW)
    headers, body = MALFORMED[what]
    answers = [limited.request("POST", door, headers=headers, body=body).status for _ in range(FEW.burst + 3)]
    assert set(answers[: FEW.burst]) <= {400, 413, 415, 422}
    assert answers[FEW.burst :] == [429] * 3


def test_an_address_over_its_limit_is_refused_before_its_body_is_read(
    limited: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.services.limits.sign_in_gate.ADDRESS", FEW)
    for _ in range(FEW.burst):
        limited.request("POST", "/auth/register", headers=JSON, body=b"{")

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the body was read")

    monkeypatch.setattr("shared.http.call.Call.body", never)
    answer = limited.request("POST", "/auth/register", headers=JSON, body=b"{")
    assert answer.status == 429 and int(answer.headers["Retry-After"]) >= 1


def test_a_function_with_an_open_door_that_is_not_counted_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="gate"):
        lambda_handler(routes)


def padded(door: str, size: int) -> tuple[dict[str, str], bytes]:
    """A body of so many bytes that says nothing of use."""
    if door == "/auth/token":
        return FORM, b"grant_type=password&password=" + b"p" * (size - 29)
    return JSON, b'{"token": "' + b"t" * (size - 13) + b'"}'


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("wide", [False, True])
def test_check_41_a_body_of_an_open_door_has_at_most_16_kb(
    gateway_without_limits: Gateway, door: str, wide: bool
) -> None:
    for size, refused in ((MAX_PUBLIC_BODY_BYTES, False), (MAX_PUBLIC_BODY_BYTES + 1, True)):
        headers, body = padded(door, size)
        assert len(body) == size
        if wide:  # fewer characters than bytes
            body = (
                body[:-1000] + "é".encode() * 500
                if door == "/auth/token"
                else body[:-1002] + "é".encode() * 500 + b'"}'
            )
        answer = gateway_without_limits.request("POST", door, headers=headers, body=body)
        assert (answer.status == 413) == refused, answer.text


def refusal_of(body: object) -> ValidationError:
    with pytest.raises(ValidationError) as refused:
        ContactInput.model_validate(body)
    return refused.value


def with_unknown_names(count: int) -> dict[str, Any]:
    return {"first_name": "Ada", **{f"x{number}": 1 for number in range(count)}}


def test_of_many_faults_the_first_are_reported_as_usual() -> None:
    few, many = (
        faults.faults_of(refusal_of(with_unknown_names(count)), ContactInput)
        for count in (faults.MAX_SHOWN, 50_000)
    )
    assert few == many
    mixed = {
        "first_name": "",
        "other_phones": [{"label": 1, "number": number} for number in range(20)],
        "email": "nobody",
        "tags": [1] * 100,
        **{f"x{number}": 1 for number in range(100)},
    }
    told = faults.faults_of(refusal_of(mixed), ContactInput)
    assert told == tuple(
        faults.faults_of(refusal_of({**mixed, **with_unknown_names(50_000), "first_name": ""}), ContactInput)
    )


def test_reporting_a_bad_body_costs_no_more_than_what_is_shown() -> None:
    """Beyond pydantic's own look at it: less for forty thousand faults than for a tenth of them made objects of."""
    error = refusal_of(with_unknown_names(40_000))
    tenth = refusal_of(with_unknown_names(4_000))
    rounds = [
        (
            cpu_seconds(lambda: faults.faults_of(error, ContactInput)),
            cpu_seconds(lambda: [tenth.errors(include_url=False, include_input=False) for _ in range(10)]),
        )
        for _ in range(5)
    ]
    told, objects = (min(times) for times in zip(*rounds, strict=True))
    assert told < objects / 2


def entries(count: int, faults_each: int) -> bytes:
    entry = {f"x{number}": 1 for number in range(faults_each)}
    return json.dumps({"contacts": [entry] * count}, separators=(",", ":")).encode()


def test_of_a_bulk_entry_no_more_faults_are_examined_than_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from functions.bulk import routes as bulk

    looked: list[str] = []
    monkeypatch.setattr(faults, "nearest", lambda given, known: looked.append(given))

    class Contacts:
        def find_faults(self, given: object) -> tuple[()]:
            raise AssertionError("others were looked for")

    refusals = [
        bulk._validate_contact(entry, Contacts())  # type: ignore[arg-type]
        for entry in json.loads(entries(500, 100))["contacts"]
    ]
    assert len(looked) <= 2 * len(refusals) == 1_000
