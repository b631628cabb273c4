"""The part of a response that is in the log of its delivery."""

from __future__ import annotations

import pytest

from shared.domain.callers import Caller
from shared.domain.ids import new_id
from shared.domain.stamp import Stamp
from shared.domain.webhooks.delivery import RESPONSE_BYTES, DeliveryAttemptResult
from shared.domain.webhooks.secrets import WebhookSecrets
from shared.domain.webhooks.subscription import Webhook, WebhookInput
from shared.publishing import sender
from shared.publishing.transport import ReceiverResponse

AT = "2026-05-04T12:00:00.000Z"
STAMP = Stamp(new_id(), AT, Caller("t1", "user", "u", "admin"))


def send(
    monkeypatch: pytest.MonkeyPatch, body: bytes, retry_after: str | None = None
) -> DeliveryAttemptResult:
    """Return the result of an attempt whose receiver answers 503."""
    monkeypatch.setattr(sender, "post", lambda *given, **more: ReceiverResponse(503, body, retry_after))
    given = WebhookInput(url="https://hooks.example.com/", events=["contact.created"])
    webhook, event = Webhook.create(given, webhook_id="w", stamp=STAMP, loopback=False)
    return sender.Sender().send(webhook, event, WebhookSecrets.create())


@pytest.mark.parametrize("length", range(RESPONSE_BYTES - 4, RESPONSE_BYTES + 2))
@pytest.mark.parametrize("character", ["\xe9", "\u20ac", "\U0001f511"])
def test_check_77_a_response_is_not_cut_within_a_character(
    monkeypatch: pytest.MonkeyPatch, length: int, character: str
) -> None:
    kept = send(monkeypatch, b"x" * length + character.encode() * 3).attempt.response
    assert kept.strip("x" + character) == ""
    assert RESPONSE_BYTES - 4 < len(kept.encode()) <= RESPONSE_BYTES


def test_a_response_that_ends_within_a_character_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert send(monkeypatch, b"caf\xc3").attempt.response == "caf\ufffd"
