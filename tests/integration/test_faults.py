"""One answer tells everything that is wrong with a request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.tokens import TokenIssuer


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    return World(aws_stack, token_issuer)


FAULTY: dict[str, Any] = {
    "first_name": "",
    "lastName": "Lovelace",
    "email": "none",
    "phone": "12",
    "whatsapp": "+1",
    "tags": [f"t{number}" for number in range(11)],
    "types": ["Nobody's"],
    "groups": ["Nobody's"],
    "other_emails": ["ada@example.com", "none"],
    "other_phones": [
        {"number": "+12025550143"},
        {"number": "12"},
        {"nubmer": "1", "number": "+12025550143"},
        5,
    ],
    "custom_fields": {"Bad name": 1, "fine": {}, "huge": int("9" * 40)},
}
TOLD = {
    "first_name", "lastName", "email", "phone", "whatsapp", "tags", "types.0", "groups.0", "other_emails.1",
    "other_phones.1.number", "other_phones.2.nubmer", "other_phones.3", "custom_fields.Bad name", "custom_fields.fine",
    "custom_fields.huge",
}  # fmt: skip


def told(answer: Any) -> dict[str, str]:
    return {one["field"]: one["message"] for one in answer["errors"]}


def test_faults_of_form_and_of_rules_come_in_one_answer(world: World) -> None:
    answer = world.send("POST", "/contacts", FAULTY)
    assert answer.status == 422
    assert told(answer.json).keys() == TOLD
    assert "Did you mean `last_name`?" in told(answer.json)["lastName"]


def test_a_patch_and_a_replacement_tell_all_faults_too(world: World) -> None:
    contact = world.create("ada@example.com")
    for method in ("PATCH", "PUT"):
        answer = world.send(method, f"/contacts/{contact['id']}", FAULTY)
        assert answer.status == 422
        assert told(answer.json).keys() == TOLD, method
    # A field left out of a patch stays, so that no e-mail is wanted.
    answer = world.send("PATCH", f"/contacts/{contact['id']}", {"firstname": "Ada", "phone": "12"})
    assert told(answer.json).keys() == {"firstname", "phone"}
    assert "email" in told(world.send("POST", "/contacts", {"firstname": "Ada", "phone": "12"}).json)


def test_rules_alone_are_told_together(world: World) -> None:
    answer = world.send(
        "POST",
        "/contacts",
        {
            "first_name": "Ada",
            "email": "none",
            "phone": "12",
            "types": ["Nobody's"],
            "groups": ["Nobody's"],
            "owner_id": "nobody",
        },
    )
    assert told(answer.json).keys() == {"email", "phone", "types.0", "groups.0", "owner_id"}


def test_an_entry_of_a_bulk_call_has_the_faults_of_the_single_call(world: World) -> None:
    entry = {"first_name": "Ada", "emial": "ada@example.com", "phone": "12"}
    single = world.send("POST", "/contacts", entry).json
    bulk = world.send("POST", "/contacts/bulk-create", {"contacts": [entry]}).json["items"][0]["error"]
    assert bulk["detail"] == single["detail"]
    assert bulk["errors"] == single["errors"][: len(bulk["errors"])]


def test_a_webhook_tells_of_its_url_and_its_events_together(world: World) -> None:
    answer = world.send(
        "POST", "/webhooks", {"url": "http://10.0.0.1/", "events": ["contact.creatd"], "event": "x"}
    )
    assert answer.status == 422
    assert told(answer.json).keys() == {"url", "events.0", "event"}


def test_a_query_tells_all_of_its_faults(world: World) -> None:
    answer = world.send("GET", "/contacts?limit=1000&isActive=true&owner=x&created_from=yesterday&sort=age")
    assert told(answer.json).keys() == {"limit", "isActive", "owner", "created_from", "sort"}
    assert "Did you mean `is_active`?" in told(answer.json)["isActive"]
    assert "Did you mean `owner_id`?" in told(answer.json)["owner"]
