"""Publishes events from the table's stream to the SNS topic `domain-events`."""

from __future__ import annotations

from typing import Any

from shared.wiring.publishing import publisher


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish a batch of new events. Return the first event from which Lambda is to retry."""
    records = event["Records"]
    failed = publisher().publish([record["dynamodb"]["NewImage"] for record in records]).unpublished
    if not failed:
        return {"batchItemFailures": []}
    # Lambda resumes a stream at the first failure that is named. Later events are published twice, which is allowed.
    first = records[min(failed)]["dynamodb"]["SequenceNumber"]
    return {"batchItemFailures": [{"itemIdentifier": first}]}
