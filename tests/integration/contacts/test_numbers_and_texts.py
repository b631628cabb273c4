"""Telephone numbers and texts through the API: what is stored of them, and what is refused with which reason."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.tenant import TenantSettings
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.tokens import TokenIssuer

REFUSED = {
    "415-555-XXXX": "phone_masked",
    "415-555-HOME": "phone_letters",
    "415-555-2671 / 415-555-2672": "phone_two_numbers",
    "555-2671": "phone_too_short",
    "N/A": "phone_no_digits",
    "4.15556E+09": "phone_unreadable",
}


@pytest.mark.parametrize("number", REFUSED)
def test_a_number_that_nobody_typed_is_stored_by_no_door_of_the_api(world: World, number: str) -> None:
    """check 105"""
    made = world.create("ada@example.com", phone="+442079460958")
    path, before = f"/contacts/{made['id']}", world.content.picture()
    fields: list[tuple[str, Any]] = [
        ("phone", number),
        ("whatsapp", number),
        ("other_phones", [{"label": "x", "number": number}]),
    ]
    for field, value in fields:
        bodies = {field: value}, {field: value, "first_name": "A", "email": "new@example.com"}
        for method, target, body in (
            ("PATCH", path, bodies[0]),
            ("PUT", path, bodies[1]),
            ("POST", "/contacts", bodies[1]),
        ):
            answer = world.send(method, target, body)
            assert answer.status == 422
            (error,) = answer.json["errors"]
            assert error["field"] == ("other_phones.0.number" if field == "other_phones" else field)
            assert error["code"] == REFUSED[number]
            assert number not in answer.text
    assert world.send("GET", "/contacts", query={"phone": number}).status == 422
    assert world.content.picture() == before


def test_what_stands_behind_a_number_is_left_out_and_stays_beside_it(world: World) -> None:
    """check 105"""
    made = world.create(
        "ada@example.com",
        phone="(415) 555-2671 x12",
        whatsapp="＋１ ４１５ ５５５ ２６７２",
        other_phones=[{"label": "work", "number": "1-800-FLOWERS"}],
    )
    assert (made["phone"], made["phone_raw"]) == ("+14155552671", "(415) 555-2671 x12")
    assert made["whatsapp"] == "+14155552672"
    assert made["other_phones"][0]["number"] == "+18003569377"
    world.catch_up()
    for written in ("415-555-2671", "+1 (415) 555-2671 ext. 3", "٤١٥٥٥٥٢٦٧١"):
        found = world.send("GET", "/contacts", query={"phone": written}).json["items"]
        assert [one["id"] for one in found] == [made["id"]]


def test_without_cleaning_only_e164_is_taken(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    world = World(aws_stack, token_issuer, TenantSettings(auto_clean_phone_numbers=False))
    for number in ("+14155552671 x12", "(415) 555-2671", "＋14155552671"):
        answer = world.send(
            "POST", "/contacts", {"first_name": "A", "email": "a@example.com", "phone": number}
        )
        assert (answer.status, answer.json["errors"][0]["code"]) == (422, "phone_not_e164")
    assert world.create("a@example.com", phone="+14155552671")["phone_raw"] is None


@pytest.mark.parametrize("blank", ["\u200b", "\u3164", "\u2800", "\ufe0f", "\U000e0041", "\xa0", "\u2060\n"])
def test_what_shows_nothing_is_nothing(aws_stack: Stack, token_issuer: TokenIssuer, blank: str) -> None:
    world = World(aws_stack, token_issuer, TenantSettings(require_email=False))
    answer = world.send("POST", "/contacts", {"first_name": blank})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "first_name")
    made = world.send(
        "POST",
        "/contacts",
        {"first_name": f"{blank}Ann", "last_name": blank, "email": blank, "phone": blank, "company": blank},
    ).json
    assert (made["full_name"], made["email"], made["phone"], made["company"]) == ("Ann", None, None, "")
    customer = world.send("POST", "/customers", {"first_name": "Ann", "email": blank})
    assert (customer.status, customer.json["email"]) == (201, None)


def test_names_are_stored_as_they_look(world: World) -> None:
    made = world.create(
        "ada@example.com",
        first_name="علی\u200cرضا\u200f",
        last_name="\ufeffO\u200bConnor\n\nSmith",
        company="Acme\r\nInc\u00ad",
        about="One\u202e\r\n\tTwo\u200b",
    )
    assert made["first_name"] == "علی\u200cرضا"
    assert (made["last_name"], made["company"]) == ("OConnor Smith", "Acme Inc")
    assert made["about"] == "One\r\n\tTwo"
