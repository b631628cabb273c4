"""Booking events from the bus, by way of a queue."""

from __future__ import annotations

import json
from typing import Any

from shared import environment as settings
from shared import observability, wiring
from shared.services.bookings import Undeliverable
from shared.sqs import each


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take in a batch of events; reports those to try again.

    What can never be processed goes to the dead-letter queue at once, with the reason as an attribute.
    """
    return each(event, wiring.received_messages(settings.bookings_queue_url()), _take)


def _take(body: str) -> None:
    try:
        try:
            envelope = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Undeliverable("The message is not JSON.", code="malformed") from error
        wiring.bookings().take(envelope)
    except Undeliverable as refusal:
        observability.warn("booking refused", reason=refusal.code)
        wiring.client("sqs").send_message(
            QueueUrl=settings.bookings_dlq_url(),
            MessageBody=body,
            MessageAttributes={
                "reason": {"DataType": "String", "StringValue": refusal.code},
                "detail": {"DataType": "String", "StringValue": refusal.detail},
            },
        )
    else:
        observability.note("booking taken")
