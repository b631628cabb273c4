"""Sends an event to a subscription: renders, signs and posts it, and returns the result."""

from __future__ import annotations

import codecs
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from shared.domain import timestamps
from shared.domain.errors import Invalid
from shared.domain.events import Event
from shared.domain.webhook_requests import USER_AGENT
from shared.domain.webhooks.addresses import parse_target
from shared.domain.webhooks.delivery import RESPONSE_BYTES, Attempt, DeliveryAttemptResult
from shared.domain.webhooks.secrets import WebhookSecrets
from shared.domain.webhooks.subscription import Webhook
from shared.publishing import signing
from shared.publishing.contracts import to_body
from shared.publishing.transport import RequestFailed, post


class Sender:
    """Makes webhook requests. `loopback` allows loopback addresses and plain HTTP."""

    def __init__(self, *, loopback: bool = False) -> None:
        self._loopback = loopback

    def send(
        self,
        webhook: Webhook,
        event: Event,
        secrets: WebhookSecrets,
        *,
        record: dict[str, Any] | None = None,
    ) -> DeliveryAttemptResult:
        """Make one attempt. Whatever the receiver does, there is a result; only faults of this program raise.

        `record`: the record that the event is about, if it is to be sent too.
        """
        started = time.time()
        valid = secrets.valid_at(timestamps.from_milliseconds(int(started * 1000)))
        body = to_body(event, record)
        headers = {
            **secrets.headers,
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "Connection": "close",
            **signing.headers(valid, event.id, int(started), body),
        }
        answer, status, error, response, retry_after = None, None, None, "", None
        try:
            # Checked when the subscription was created too, but the rules may have changed.
            target = parse_target(webhook.url, loopback=self._loopback)
            answer = post(target, headers, body, loopback=self._loopback)
        except Invalid:
            error = "forbidden_address"
        except RequestFailed as failed:
            error = failed.code
        ended = time.time()
        if answer is not None:
            status = answer.status
            error = "redirect" if 300 <= status < 400 else None
            response = _begin_of(secrets.redact(answer.body))
            retry_after = parse_retry_after(answer.retry_after, ended)
        attempt = Attempt.model_construct(
            at=timestamps.from_milliseconds(int(started * 1000)),
            status=status,
            duration_ms=max(0, round((ended - started) * 1000)),
            error=error,
            response=response,
        )
        return DeliveryAttemptResult(attempt, retry_after)


def _begin_of(content: bytes) -> str:
    """Return the text of the first RESPONSE_BYTES of content, without a part of a character at the end."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return decoder.decode(content[:RESPONSE_BYTES], final=len(content) <= RESPONSE_BYTES)


def parse_retry_after(retry_after: str | None, now: float) -> float | None:
    """Return a `Retry-After` (RFC 9110, section 10.2.3) in seconds from `now` (Unix time); None when it is absent or
    malformed.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        moment: datetime = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)
