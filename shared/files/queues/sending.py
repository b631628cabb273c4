"""Sends any number of messages to a queue, and tells whether a queue holds messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import Unavailable
from shared.services.backoff import AWS_CALL

_BATCH = 10
"""Messages in one SendMessageBatch (limit of SQS)."""
_LONGEST_GROUP = 128
"""Characters of a MessageGroupId (limit of SQS)."""


def send_all(
    sqs: Any,
    queue_url: str,
    messages: Iterable[tuple[str, str]],
    *,
    delay: int = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send messages, each with the name of its group, as a rule its tenant's id, to be delivered after `delay` seconds
    (0 to 900). Messages that SQS refuses are sent again.

    Raises Unavailable when some could not be queued; others may have been.
    """
    left = iter(messages)
    while batch := list(islice(left, _BATCH)):
        if failed := send_some(sqs, queue_url, batch, delay=delay, sleep=sleep):
            raise next(iter(failed.values()))


def send_some(
    sqs: Any,
    queue_url: str,
    messages: Sequence[tuple[str, str]],
    *,
    delay: int = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[int, Unavailable]:
    """Send at most ten messages; the arguments are those of `send_all`.

    Return the errors of the messages that are not known to be queued, by their index. After a lost answer some of these
    may be queued all the same.
    """
    entries: list[dict[str, Any]] = [
        {"Id": str(n), "MessageBody": message, "DelaySeconds": delay, "MessageGroupId": group_of(name)}
        for n, (name, message) in enumerate(messages)
    ]
    failure = Unavailable()
    for _ in AWS_CALL.tries(sleep):
        try:
            answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            failure.__cause__ = error
            break
        refused = {entry["Id"] for entry in answer.get("Failed", ())}
        entries = [entry for entry in entries if entry["Id"] in refused]
        if not entries:
            break
    return {int(entry["Id"]): failure for entry in entries}


def group_of(name: str) -> str:
    """Return the message group of a name, as a rule a tenant's id.

    On a standard queue, SQS delivers the messages of a group with a long backlog after those of other groups (Amazon
    SQS Developer Guide, "fair queues"), and keeps no order within a group.
    """
    return quote(name, safe="")[:_LONGEST_GROUP]


_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def holds_messages(sqs: Any, queue_url: str) -> bool:
    """Return whether a queue holds messages: visible, being worked on, or delayed.

    The counts are accurate about a minute after the last message was sent (SQS API Reference, GetQueueAttributes).
    Raises Unavailable.
    """
    try:
        answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=list(_COUNTS))
    except (ClientError, BotoCoreError) as error:
        raise Unavailable() from error
    return any(int(answer["Attributes"][count]) for count in _COUNTS)
