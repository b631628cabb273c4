"""Attempts webhook deliveries, which arrive through a queue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared import environment, observability
from shared.publishing.contracts import from_request_message
from shared.sqs import process_batch
from shared.wiring.base import received_messages
from shared.wiring.webhooks import sending


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Make the attempts of a batch of messages. Return the messages to retry.

    A refusal by the receiver is not a failure of the message: the next attempt has a message of its own.
    """
    return process_batch(event, received_messages(environment.webhook_deliveries_queue_url()), _attempt)


def _attempt(body: str) -> None:
    request = from_request_message(body)
    report = sending().attempt(request)
    note = observability.warn if report.state == "failed" else observability.note
    note("webhook delivery attempted", **asdict(request), **asdict(report))
