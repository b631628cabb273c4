"""Publishes events from the table's stream to the SNS topic `domain-events` and to the feeds of their tenants."""

from __future__ import annotations

from typing import Any

from shared.wiring.publishing import publisher


class Unpublished(Exception):
    """The first event of a batch was not published."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish a batch of new events. Return the first event from which Lambda is to retry.

    Raises Unpublished when that is the first event of the batch: Lambda then halves the batch, which isolates an item
    that can never be published, and finally sends that to the dead-letter queue. After an answer that names an event,
    it repeats from that event and does not halve.
    """
    records = event["Records"]
    result = publisher().publish([record["dynamodb"]["NewImage"] for record in records])
    # An event that waits for an earlier one, which the stream has lost, or whose tenant's feed is damaged, is left to
    # the sweep: so no shard stands still.
    unpublished = result.failed | result.unreadable
    if not unpublished:
        return {"batchItemFailures": []}
    # Events after the first failure that are in their feeds are not published again.
    first = min(unpublished)
    if first == 0:
        raise Unpublished(f"{len(unpublished)} of {len(records)} events were not published")
    return {"batchItemFailures": [{"itemIdentifier": records[first]["dynamodb"]["SequenceNumber"]}]}
