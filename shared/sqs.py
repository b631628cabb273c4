"""Batches of SQS messages, taken one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared import observability


def each(event: dict[str, Any], take: Callable[[str], None]) -> dict[str, Any]:
    """Give each message's body to `take`; reports those at which it raised.

    They alone come again and, when they keep failing, reach the dead-letter queue.
    """
    again = []
    for record in event["Records"]:
        try:
            take(record["body"])
        except Exception:  # noqa: BLE001 (one bad message must not cost its neighbours)
            observability.warn(
                "message put back", message_id=record["messageId"], trace=observability.trace()
            )
            again.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": again}
