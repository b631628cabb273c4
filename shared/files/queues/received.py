"""Messages that were received from a queue, and that SQS still hides from other receivers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


class ReceivedMessages:
    """The received messages of one queue. `sqs` builds the client when it is first needed."""

    def __init__(self, sqs: Callable[[], Any], queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def show_again(self, receipt: str, *, after: int) -> bool:
        """Make a message visible after some seconds (0 to 43,200) instead of at the end of its visibility timeout.

        `receipt`: the handle with which it was received. Returns False when SQS refused, so that the timeout holds.
        """
        try:
            self._sqs().change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=after
            )
        except (ClientError, BotoCoreError):
            return False
        return True
