"""check 41: the largest contact that the limits of its fields allow is kept, or refused in good form, by every door."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from shared.domain.contacts.custom_fields import MAX_FIELDS, MAX_TEXT
from shared.domain.contacts.fields import MAX_OTHER_EMAILS
from shared.domain.contacts.other_phones import MAX_PHONES
from shared.domain.phone import MAX_LENGTH
from shared.domain.tenant import TenantSettings
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.item_size import item_size
from tests.support.tokens import TokenIssuer

MAX_ITEM = 400 * 1024
"""Bytes of an item: "Quotas in Amazon DynamoDB". moto counts in another way, so it is counted here."""


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    """T1 has as many tags as a request may hold."""
    return World(aws_stack, token_issuer, TenantSettings(max_tags_per_contact=100))


def address(start: str) -> str:
    """An address of 254 characters."""
    domain = f"{'y' * 61}.{'y' * 61}.{'y' * 61}.com"
    return f"{start}{'x' * (254 - len(start) - 1 - len(domain))}@{domain}"


def number(last: int) -> str:
    """A telephone number of as many characters as may be typed."""
    digits = f"(415) 555-26{last}"
    return f"{digits:>{MAX_LENGTH}}"


def largest(wide: str, *, start: str, custom: int) -> dict[str, Any]:
    """Every field at its limit, of a character of four bytes; each custom field has `custom` of them."""
    return {
        "first_name": wide * 100,
        "last_name": wide * 100,
        "email": address(f"{start}-"),
        "phone": number(10),
        "whatsapp": number(11),
        "company": wide * 200,
        "department": wide * 200,
        "job_title": wide * 200,
        "about": wide * 10_000,
        "tags": [f"{start}{n:02}{wide * 47}" for n in range(100)],
        "other_emails": [address(f"{start}-{n:02}-") for n in range(MAX_OTHER_EMAILS)],
        "other_phones": [{"label": wide * 100, "number": number(12 + n)} for n in range(MAX_PHONES)],
        "communication": {"preferred": "whatsapp"},
        "custom_fields": {f"{start}{'f' * 47}{n:02}": wide * custom for n in range(MAX_FIELDS)},
    }


ONE, TWO = "\U0001f600", "\U0001f680"
KEPT, REFUSED = 312, MAX_TEXT
"""Characters of each of fifty custom fields: as many as fit together, and as many as one may have."""


def assert_items_fit(world: World) -> None:
    sizes = [item_size(item) for item in world.content.items]
    assert sizes and max(sizes) <= MAX_ITEM, max(sizes)


def test_the_largest_contact_goes_through_every_change(world: World) -> None:
    """check 41: each change is of all fields at once, so that its event holds all of both."""
    answer = world.send("POST", "/contacts", largest(ONE, start="a", custom=KEPT))
    assert answer.status == 201, answer.text[:500]
    path = f"/contacts/{answer.json['id']}"
    for channel in ("email", "phone", "sms", "whatsapp"):
        consent = {"channel": channel, "opted_out": True, "source": ONE * 200, "reason": ONE * 200}
        assert world.send("POST", f"{path}/consent", consent).status == 200
    for method, wide, start in (("PUT", TWO, "b"), ("PUT", ONE, "a")):
        given = largest(wide, start=start, custom=KEPT)
        answer = world.send(method, path, given)
        assert answer.status == 200, answer.text[:500]
        assert {name: answer.json[name] for name in ("about", "tags", "custom_fields", "other_emails")} == {
            name: given[name] for name in ("about", "tags", "custom_fields", "other_emails")
        }
        assert_items_fit(world)
    answer = world.send("PATCH", path, largest(TWO, start="a", custom=KEPT))
    assert answer.status == 200, answer.text[:500]
    for method, target in (("POST", f"{path}/toggle-status"), ("DELETE", path), ("POST", f"{path}/restore")):
        assert world.send(method, target).status < 300
    world.catch_up()
    assert [one["about"] for one in world.listed()] == [TWO * 10_000]
    assert_items_fit(world)


def test_one_that_is_larger_still_is_refused_and_leaves_nothing(world: World) -> None:
    """check 41"""
    made = world.create()
    path, before = f"/contacts/{made['id']}", world.send("GET", f"/contacts/{made['id']}").json
    for method, target in (("POST", "/contacts"), ("PUT", path), ("PATCH", path)):
        answer = world.send(method, target, largest(ONE, start="a", custom=REFUSED))
        assert (answer.status, answer.json["errors"][0]["field"]) == (422, "custom_fields"), (
            method,
            answer.text,
        )
    assert world.send("GET", path).json == before
    assert world.send("POST", "/contacts", largest(ONE, start="a", custom=KEPT)).status == 201


def test_the_largest_contact_is_made_once_under_an_idempotency_key(world: World) -> None:
    """check 41: the answer is kept whole beside the record, or the call is refused before it has an effect."""
    given, key = largest(ONE, start="a", custom=KEPT), {"Idempotency-Key": "k"}
    first = world.send("POST", "/contacts", given, headers=key)
    again = world.send("POST", "/contacts", given, headers=key)
    assert first.status in (201, 413), first.text[:500]
    assert (again.status, again.json | {"request_id": ""}) == (first.status, first.json | {"request_id": ""})
    world.catch_up()
    assert len(world.listed()) == (first.status == 201)
    assert_items_fit(world)


def test_the_largest_row_of_a_file_becomes_a_contact_and_a_larger_one_loses_its_text_or_fails_alone(
    world: World,
) -> None:
    """check 41"""
    columns = (
        "email", "first_name", "last_name", "phone", "whatsapp", "company", "department", "job_title", "about", "tags",
    )  # fmt: skip
    whole = largest(ONE, start="a", custom=0) | {"tags": ",".join(largest(ONE, start="a", custom=0)["tags"])}
    rows = [
        whole,
        whole | {"email": "long@example.com", "about": ONE * 10_001},
        whole | {"email": "longer@example.com", "about": ONE * 40_000},
        whole | {"email": "wide@example.com", "tags": ONE * 51},
        {"email": "last@example.com"},
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    folder = DropFolder(world)
    shown = folder.run(text.getvalue())
    assert (shown["state"], shown["counts"]["created"], shown["counts"]["failed"]) == ("completed", 4, 1)
    reasons = [row["reason_code"] for row in folder.results(shown)]
    assert reasons == ["", "string_too_long", "row_too_long", "string_too_long", ""]
    world.catch_up()
    assert sorted(len(one["about"]) for one in world.listed()) == [0, 0, 10_000, 10_000]
    assert_items_fit(world)
