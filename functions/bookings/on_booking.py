"""Booking events from the bus, by way of a queue."""

from __future__ import annotations

import json
from typing import Any

from shared import observability, settings, wiring
from shared.services.bookings import Undeliverable


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take in a batch of events; reports those to try again.

    What can never be processed goes to the dead-letter queue at once, with the reason as an attribute.
    """
    again = []
    for record in event["Records"]:
        try:
            _take(record["body"])
        except Exception:  # noqa: BLE001 (one bad message must not cost its neighbours)
            observability.warn(
                "booking put back", message_id=record["messageId"], trace=observability.trace()
            )
            again.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": again}


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
