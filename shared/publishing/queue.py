"""The queue of webhook requests to send, and the dead-letter queue of deliveries whose attempts have all failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import Unavailable
from shared.domain.webhooks.delivery import DeliveryRequest
from shared.files.queues.sending import holds_messages, send_all, send_some
from shared.publishing.contracts import to_request_message


class DeliveryQueue:
    """The queue from which the sender takes requests."""

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send(self, requests: Sequence[DeliveryRequest], *, delay: int = 0) -> None:
        """Queue requests, which the sender receives after `delay` seconds (0 to 900).

        Raises Unavailable when some could not be queued; others may have been.
        """
        messages = ((_group_of(request), to_request_message(request)) for request in requests)
        send_all(self._sqs, self._queue_url, messages, delay=delay)

    def send_some(self, requests: Sequence[DeliveryRequest]) -> dict[DeliveryRequest, Unavailable]:
        """Queue at most ten requests, without a delay. Return the errors of those that are not known to be queued."""
        messages = [(_group_of(request), to_request_message(request)) for request in requests]
        failed = send_some(self._sqs, self._queue_url, messages)
        return {requests[number]: error for number, error in failed.items()}

    def holds_messages(self) -> bool:
        """Whether messages wait in the queue or are being processed, as far as SQS knows at the moment.

        Raises Unavailable.
        """
        return holds_messages(self._sqs, self._queue_url)


class DeadLetters:
    """The dead-letter queue of deliveries whose attempts have all failed; those of faults have another one."""

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def add(self, request: DeliveryRequest, reason: str) -> None:
        """Add a request that was given up, with the reason as an attribute. A redrive sends it to the sender.

        Raises Unavailable.
        """
        try:
            self._sqs.send_message(
                QueueUrl=self._queue_url,
                MessageBody=to_request_message(request),
                MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
            )
        except (ClientError, BotoCoreError) as error:
            raise Unavailable() from error


def _group_of(request: DeliveryRequest) -> str:
    """Return the message group of a request: its tenant. The requests of one with a long backlog wait, and those of the
    others do not, however many subscriptions that tenant has.
    """
    return request.tenant_id
