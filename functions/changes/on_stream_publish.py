"""The table's stream → SNS topic `domain-events`."""

from __future__ import annotations

from typing import Any

from shared.wiring.publishing import publisher


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish a batch of new events; reports from where on Lambda is to try again."""
    records = event["Records"]
    failed = publisher().publish([record["dynamodb"]["NewImage"] for record in records]).held_back
    if not failed:
        return {"batchItemFailures": []}
    # A stream is taken up again at the first failure named; what follows goes out twice, which is allowed.
    first = records[min(failed)]["dynamodb"]["SequenceNumber"]
    return {"batchItemFailures": [{"itemIdentifier": first}]}
