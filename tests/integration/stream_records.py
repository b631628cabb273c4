"""The newest records of the stream, read from moto's memory: its GetRecords takes a millisecond for each."""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models import dynamodb_backends

from tests.support.aws import Stack
from tests.support.lambda_context import ACCOUNT, REGION
from tests.support.moto_calls import copied


def records_from(stack: Stack, position: int) -> list[dict[str, Any]]:
    """Return all records from the `position`-th on (from 0) in the form of a Lambda event, with those of writes that
    changed nothing.

    The same as `tests.support.streams.records_of`, which a test compares.
    """
    table = dynamodb_backends[ACCOUNT][REGION].tables[stack.table_name]
    assert table.stream_shard is not None
    records: list[dict[str, Any]] = [copied(entry.to_json()) for entry in table.stream_shard.items[position:]]
    for record in records:
        change = record["dynamodb"]
        change["ApproximateCreationDateTime"] = float(int(change["ApproximateCreationDateTime"].timestamp()))
        record["eventVersion"] = "1.1"
        record["eventSourceARN"] = (
            table.latest_stream_label and table.table_arn + "/stream/" + table.latest_stream_label
        )
    return records


def changes_something(record: dict[str, Any]) -> bool:
    """DynamoDB makes no record of a write that leaves the item unchanged, and none with only keys before that of an
    update that created the item; moto does.
    """
    change = record["dynamodb"]
    new = change.get("NewImage")
    return bool(change.get("OldImage") != new and new != change["Keys"])
