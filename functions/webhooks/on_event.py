"""Creates webhook deliveries for published events, which arrive through a queue."""

from __future__ import annotations

from typing import Any

from shared import environment, observability
from shared.publishing.contracts import MalformedMessage, from_message
from shared.sqs import process_together
from shared.wiring.base import received_messages
from shared.wiring.webhooks import fan_out


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Create the deliveries of a batch of events. Return the messages to retry."""
    return process_together(
        event, received_messages(environment.webhook_events_queue_url()), _create_deliveries
    )


def _create_deliveries(bodies: list[str]) -> list[Exception | None]:
    """Create the deliveries of the events in messages. Return the error of each message, or None."""
    errors: list[Exception | None] = [None] * len(bodies)
    notices = {}
    for number, body in enumerate(bodies):
        try:
            notices[number] = from_message(body)
        except MalformedMessage as error:
            errors[number] = error
    outcomes = fan_out().create_deliveries(list(notices.values()))
    for (number, notice), outcome in zip(notices.items(), outcomes, strict=True):
        if isinstance(outcome, Exception):
            errors[number] = outcome
            continue
        observability.note(
            "webhook deliveries created",
            tenant_id=notice.tenant_id,
            event_id=notice.id,
            event_type=notice.type,
            deliveries=outcome,
        )
    return errors
