"""Creates webhook deliveries for published events, which arrive through a queue."""

from __future__ import annotations

from typing import Any

from shared import environment, observability
from shared.publishing.contracts import from_message
from shared.sqs import process_batch
from shared.wiring.base import received_messages
from shared.wiring.webhooks import fan_out


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Create the deliveries of a batch of events. Return the messages to retry."""
    return process_batch(event, received_messages(environment.webhook_events_queue_url()), _create_deliveries)


def _create_deliveries(body: str) -> None:
    notice = from_message(body)
    deliveries = fan_out().create_deliveries(notice)
    observability.note(
        "webhook deliveries created",
        tenant_id=notice.tenant_id,
        event_id=notice.id,
        event_type=notice.type,
        deliveries=deliveries,
    )
