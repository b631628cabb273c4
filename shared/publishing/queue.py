"""The queue of webhook requests to be sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.delivery import DeliveryRequest
from shared.domain.errors import Unavailable
from shared.publishing.contracts import to_request_message

_BATCH = 10  # SQS's limit for one SendMessageBatch


class DeliveryQueue:
    """Hands requests to the sender."""

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send(self, requests: Sequence[DeliveryRequest], *, delay: int = 0) -> None:
        """Queue requests, which the sender gets after `delay` seconds (0 to 900).

        Raises Unavailable when some could not be queued; others may have been.
        """
        for start in range(0, len(requests), _BATCH):
            entries = [
                {"Id": str(n), "MessageBody": to_request_message(request), "DelaySeconds": delay}
                for n, request in enumerate(requests[start : start + _BATCH])
            ]
            try:
                answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise Unavailable() from error
            if answer.get("Failed"):
                raise Unavailable()
