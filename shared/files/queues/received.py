"""Messages that were received from a queue and are still hidden in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


class ReceivedMessages:
    """Those of one queue. `sqs` makes the client when it is first needed."""

    def __init__(self, sqs: Callable[[], Any], queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def show_again(self, receipt: str, *, after: int) -> bool:
        """Have a message shown again after some seconds (0 to 43,200) instead of at the end of its visibility timeout.

        `receipt`: the handle with which it was received. False when SQS would not, so that it is shown in its own time.
        """
        try:
            self._sqs().change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=after
            )
        except (ClientError, BotoCoreError):
            return False
        return True
