"""Signatures and bodies according to Standard Webhooks 1.0.0 (check 61)."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from shared.domain.events import MAX_CHANGED_NAMES, Event
from shared.domain.webhooks.secrets import generate_secret
from shared.publishing.contracts import (
    MalformedMessage,
    from_message,
    from_request_message,
    to_body,
    to_message,
)
from shared.publishing.signing import headers, sign

EVENT = Event(
    id="0190a8b0-0000-7000-8000-000000000001",
    type="contact.updated",
    entity="contact",
    entity_id="0190a8b0-0000-7000-8000-00000000000c",
    at="2026-05-04T09:30:00.000Z",
    actor="user:1",
    origin="api",
    version=3,
    changes={"first_name": (None, "Zoë 🦊"), "tags": (["a"], ["a", "b"])},
    data={"interaction_id": "i1", "id": "never this"},
)


def test_check_61_the_published_vector_has_its_published_signature() -> None:
    # From the test suite of the Standard Webhooks libraries.
    made = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_check_61_the_example_of_svixs_documentation_has_its_published_signature() -> None:
    # docs.svix.com, "Verifying webhooks manually".
    made = sign(
        "whsec_plJ3nmyCDGBKInavdOK15jsl",
        "msg_loFOjxBNrRLzqYUf",
        1731705121,
        b'{"event_type":"ping","data":{"success":true}}',
    )
    assert made == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


def test_check_63_with_several_secrets_each_verifies() -> None:
    secrets, body = [generate_secret() for _ in range(3)], '{"name": "Zoë 🦊"}'.encode()
    sent = headers(secrets, EVENT.id, int(time.time()), body)
    assert sent["webhook-signature"].count(" ") == 2
    for secret in secrets:
        assert Verifier(secret).verify(body, sent) == {"name": "Zoë 🦊"}
    with pytest.raises(WebhookVerificationError):
        Verifier(generate_secret()).verify(body, sent)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_check_61_the_librarys_verification_accepts_any_body(text: str) -> None:
    secret, body = generate_secret(), json.dumps({"text": text}, ensure_ascii=False).encode()
    sent = headers([secret], EVENT.id, int(time.time()), body)
    assert Verifier(secret).verify(body, sent) == {"text": text}


def test_another_body_id_time_or_secret_is_not_verified() -> None:
    secret, body, now = generate_secret(), b"{}", int(time.time())
    sent = headers([secret], "id", now, body)
    for attempt, given_headers, given_body in (
        (secret, sent, b"{ }"),
        (secret, {**sent, "webhook-id": "di"}, body),
        (secret, {**sent, "webhook-timestamp": str(now - 1)}, body),
        (generate_secret(), sent, body),
    ):
        with pytest.raises(WebhookVerificationError):
            Verifier(attempt).verify(given_body, given_headers)


def test_a_secret_is_whsec_and_thirty_two_random_bytes() -> None:
    first, second = generate_secret(), generate_secret()
    assert first != second
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32


@pytest.mark.parametrize("secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?"])
def test_check_19_without_a_readable_secret_nothing_is_signed(secret: str) -> None:
    with pytest.raises(ValueError):
        sign(secret, "id", 1, b"{}")
    with pytest.raises(ValueError):
        headers([generate_secret(), secret], "id", 1, b"{}")


def test_check_19_without_any_secret_nothing_is_signed() -> None:
    with pytest.raises(ValueError):
        headers([], "id", 1, b"{}")


def test_a_body_has_type_timestamp_and_data() -> None:
    assert json.loads(to_body(EVENT)) == {
        "type": "contact.updated",
        "timestamp": "2026-05-04T09:30:00.000Z",
        "schema_version": 1,
        "data": {
            "object": "contact",
            "id": "0190a8b0-0000-7000-8000-00000000000c",
            "version": 3,
            "source": "api",
            "changes": {
                "first_name": {"old": None, "new": "Zoë 🦊"},
                "tags": {"old": ["a"], "new": ["a", "b"]},
            },
            "interaction_id": "i1",
        },
    }


def test_a_body_is_compact_utf_8() -> None:
    body = to_body(EVENT)
    assert "Zoë 🦊".encode() in body
    assert b'": ' not in body


def test_a_published_message_comes_back_as_its_notice() -> None:
    notice = from_message(to_message("t1", EVENT))
    assert (notice.tenant_id, notice.id, notice.type) == ("t1", EVENT.id, EVENT.type)
    assert (notice.entity, notice.entity_id, notice.version) == (EVENT.entity, EVENT.entity_id, 3)
    assert (notice.at, notice.origin) == (EVENT.at, EVENT.origin)
    assert notice.changed == ("first_name", "tags")


def test_a_published_message_names_at_most_fifty_changed_fields() -> None:
    def changed(count: int) -> tuple[str, ...] | None:
        changes = {f"custom_fields.f{number}": (None, number) for number in range(count)}
        return from_message(to_message("t1", replace(EVENT, changes=changes))).changed

    assert changed(0) == ()
    assert changed(MAX_CHANGED_NAMES) == tuple(f"custom_fields.f{number}" for number in range(50))
    assert changed(MAX_CHANGED_NAMES + 1) is None


def test_a_message_of_an_earlier_publisher_names_no_changed_fields() -> None:
    message = json.loads(to_message("t1", EVENT))
    del message["changed"]
    assert from_message(json.dumps(message)).changed is None


@pytest.mark.parametrize("value", ["", "tags", 1, {}, [""], [1], ["tags", None]])
def test_check_88_a_message_with_malformed_names_is_malformed(value: object) -> None:
    message = json.loads(to_message("t1", EVENT))
    with pytest.raises(MalformedMessage):
        from_message(json.dumps({**message, "changed": value}))


def test_check_95_a_published_message_holds_no_personal_data() -> None:
    assert "Zo" not in to_message("t1", EVENT)
    assert set(json.loads(to_message("t1", EVENT))) == {
        "id", "type", "tenant_id", "at", "entity", "entity_id", "version", "origin", "changed"
    }  # fmt: skip


@pytest.mark.parametrize(
    "member", ["id", "type", "tenant_id", "at", "entity", "entity_id", "version", "origin"]
)
@pytest.mark.parametrize("value", [None, "", 0, True, [], {}])
def test_check_88_a_message_with_a_bad_member_is_malformed(member: str, value: object) -> None:
    message = json.loads(to_message("t1", EVENT))
    with pytest.raises(MalformedMessage):
        from_message(json.dumps({**message, member: value}))


@pytest.mark.parametrize("message", ["", "{", "[]", "null", '"a"', "1", "[" * 100_000])
def test_check_88_what_is_no_object_is_malformed(message: str) -> None:
    with pytest.raises(MalformedMessage):
        from_message(message)
    with pytest.raises(MalformedMessage):
        from_request_message(message)
