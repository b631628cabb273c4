"""Processes booking events, which arrive from the bus through a queue."""

from __future__ import annotations

import json
from typing import Any

from shared import environment, observability
from shared.services.bookings.processing import Undeliverable
from shared.sqs import process_batch
from shared.wiring.base import aws_client, received_messages
from shared.wiring.bookings import booking_service


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process a batch of events. Return those to retry.

    An event that can never be processed goes to the dead-letter queue at once, with the reason as an attribute.
    """
    return process_batch(event, received_messages(environment.bookings_queue_url()), _process)


def _process(body: str) -> None:
    try:
        try:
            envelope = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Undeliverable("The message is not JSON.", code="malformed") from error
        booking_service().process(envelope)
    except Undeliverable as refusal:
        observability.warn("booking refused", reason=refusal.code)
        aws_client("sqs").send_message(
            QueueUrl=environment.bookings_dlq_url(),
            MessageBody=body,
            MessageAttributes={
                "reason": {"DataType": "String", "StringValue": refusal.code},
                "detail": {"DataType": "String", "StringValue": refusal.detail},
            },
        )
    else:
        observability.note("booking processed")
