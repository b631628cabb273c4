"""Batches of SQS messages, processed one by one or together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from shared import observability
from shared.domain.errors import ConcurrentChange, Unavailable
from shared.services.backoff import fraction

_RETRY_SECONDS = (10, 30, 90)
"""Seconds before the first, second and third retry of a message that failed because of a _BUSY error."""
_FINAL_SECONDS = 10
"""The maximum number of seconds until a message that cannot succeed is received again."""
_BUSY = (Unavailable, ConcurrentChange)


class Queue(Protocol):
    """The queue that the messages were received from."""

    def show_again(self, receipt: str, *, after: int) -> bool: ...


def process_batch(event: dict[str, Any], queue: Queue, process: Callable[[str], None]) -> dict[str, Any]:
    """Call `process` with each message's body. Return the messages for which it raised, so that SQS retries them.

    A message that keeps failing reaches the dead-letter queue. If it failed because the table or another part of the
    system was busy, it is retried after seconds; otherwise after the queue's visibility timeout.
    """
    failures = []
    for record in event["Records"]:
        try:
            process(record["body"])
        except Exception as error:  # noqa: BLE001 (one bad message must not fail the others)
            failures.append(_fail(queue, record, error))
    return {"batchItemFailures": failures}


def process_with_backoff(
    event: dict[str, Any],
    queue: Queue,
    process: Callable[[str, int], None],
    *,
    final: tuple[type[Exception], ...],
) -> dict[str, Any]:
    """Call `process` with each message's body and the number of times it was received. Return the messages for which
    it raised, whatever the error: SQS retries them after exponentially longer waits.

    `final`: errors after which no retry can succeed. Such a message becomes visible again within _FINAL_SECONDS, so
    that its remaining receives are soon over and it reaches the dead-letter queue.
    """
    failures = []
    for record in event["Records"]:
        receives = _receives(record)
        try:
            process(record["body"], receives)
        except Exception as error:  # noqa: BLE001 (one bad message must not fail the others)
            failures.append(_report(record, error))
            is_final = isinstance(error, final)
            _show_again(
                queue, record, round(_FINAL_SECONDS * fraction()) if is_final else backoff_delay(receives)
            )
    return {"batchItemFailures": failures}


def process_together(
    event: dict[str, Any], queue: Queue, process: Callable[[list[str]], Sequence[Exception | None]]
) -> dict[str, Any]:
    """Call `process` once with the bodies of all messages. It returns the error of each message, or None. Return the
    messages with an error, which are retried as by `process_batch`.
    """
    records = event["Records"]
    errors = process([record["body"] for record in records])
    failures = [
        _fail(queue, record, error)
        for record, error in zip(records, errors, strict=True)
        if error is not None
    ]
    return {"batchItemFailures": failures}


def _fail(queue: Queue, record: dict[str, Any], error: Exception) -> dict[str, str]:
    """Log the error of a message, retry the message soon if the error may soon be over, and return its identifier."""
    if isinstance(error, _BUSY):
        _show_again(queue, record, retry_delay(_receives(record)))
    return _report(record, error)


def _report(record: dict[str, Any], error: Exception) -> dict[str, str]:
    """Log the error of a message, and return the message's identifier."""
    observability.warn("message failed", message_id=record["messageId"], trace=observability.trace_of(error))
    return {"itemIdentifier": record["messageId"]}


def _receives(record: dict[str, Any]) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def _show_again(queue: Queue, record: dict[str, Any], after: int | None) -> None:
    # Lambda does not change the visibility of messages that are reported as failed, so what is set here stays.
    if after is not None and not queue.show_again(record["receiptHandle"], after=after):
        observability.warn("message is retried late", message_id=record["messageId"])


def retry_delay(receives: int) -> int | None:
    """Return the seconds after which a message that was received this many times is retried; None for the queue's
    visibility timeout.

    About 10, 30 and 90 seconds for the first three receives, plus a random part of up to half: a busy minute is soon
    over, and the message's remaining receives last for at least a quarter of an hour.
    """
    if receives > len(_RETRY_SECONDS):
        return None
    return round(_RETRY_SECONDS[receives - 1] * (1 + fraction() / 2))


def backoff_delay(receives: int) -> int:
    """Return the seconds after which a message that was received this many times is retried: 10 at first and three
    times as many each time, up to 7,290, plus a random part of up to half.
    """
    shortest: int = 10 * 3 ** min(receives - 1, 6)
    return round(shortest * (1 + fraction() / 2))
