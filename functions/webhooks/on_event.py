"""Published events, by way of a queue → deliveries."""

from __future__ import annotations

from typing import Any

from shared import environment as settings
from shared import observability, wiring
from shared.publishing.contracts import from_message
from shared.sqs import each


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Make the deliveries of a batch of events; reports those to try again."""
    return each(event, wiring.received_messages(settings.webhook_events_queue_url()), _spread)


def _spread(body: str) -> None:
    notice = from_message(body)
    deliveries = wiring.fan_out().spread(notice)
    observability.note(
        "event spread",
        tenant_id=notice.tenant_id,
        event_id=notice.id,
        event_type=notice.type,
        deliveries=deliveries,
    )
