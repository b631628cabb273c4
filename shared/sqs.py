"""Batches of SQS messages, taken one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from shared import observability
from shared.domain.errors import ConcurrentChange, Unavailable
from shared.services.backoff import fraction

_SECONDS = (10, 30, 90)
_BUSY = (Unavailable, ConcurrentChange)


class Queue(Protocol):
    """The queue that the messages were received from."""

    def show_again(self, receipt: str, *, after: int) -> bool: ...


def each(event: dict[str, Any], queue: Queue, take: Callable[[str], None]) -> dict[str, Any]:
    """Give each message's body to `take`; reports those at which it raised.

    They alone come again and, when they keep failing, reach the dead-letter queue. One that failed because the table or
    another part of the system was busy is shown again after seconds; any other after the queue's visibility timeout.
    """
    again = []
    for record in event["Records"]:
        try:
            take(record["body"])
        except Exception as error:  # noqa: BLE001 (one bad message must not cost its neighbours)
            observability.warn(
                "message put back", message_id=record["messageId"], trace=observability.trace()
            )
            again.append({"itemIdentifier": record["messageId"]})
            if isinstance(error, _BUSY):
                _show_soon(queue, record)
    return {"batchItemFailures": again}


def _show_soon(queue: Queue, record: dict[str, Any]) -> None:
    """Lambda leaves the visibility of messages that are reported as failed alone, so that what is set here holds."""
    after = seconds_until_shown(int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)))
    if after is not None and not queue.show_again(record["receiptHandle"], after=after):
        observability.warn("message is shown again late", message_id=record["messageId"])


def seconds_until_shown(received: int) -> int | None:
    """The seconds after which a message that was received so many times is shown again; None for the visibility
    timeout.

    About 10, 30 and 90 for the first three times, by chance up to half as many more: a busy minute is soon over, and
    the receives that are left to the message last for a quarter of an hour at the least.
    """
    if received > len(_SECONDS):
        return None
    return round(_SECONDS[received - 1] * (1 + fraction() / 2))
