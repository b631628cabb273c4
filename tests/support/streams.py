"""Feeds a handler from a table's stream as Lambda's event source mapping does.

ministack's and moto's own mappings ignore partial failures, retry limits and dead letters; this driver follows Lambda's
rules instead, on the records that moto's stream holds:

* records in order, filtered, in batches of at most `batch_size`
* a batch that fails is retried, up to `maximum_retry_attempts` times, then goes to `dead_letters`
* with `bisect` a batch whose handler raises is halved instead (which uses up no attempt), so that a poison record ends
  alone
* with `report_failures` the handler may name what failed: all records before the earliest named one are done, the
  rest is retried and never halved; naming a record that is not in the batch, or none in a malformed report, fails the
  whole batch
* a killed handler (`faults.Killed`) is a failed one

The handler runs within the tenants of its batch's records and the given prefixes, nothing else.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.support.clients import client
from tests.support.event_filter import Pattern, passes
from tests.support.faults import Killed
from tests.support.lambda_context import lambda_context
from tests.support.roles import Role, under_role
from tests.support.tenant_guard import TENANT_KEY, acting_for, as_operator

Record = dict[str, Any]
Handler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True)
class StreamSettings:
    """An event source mapping's settings, with Lambda's names and defaults (-1 retries: until it succeeds)."""

    batch_size: int = 100
    maximum_retry_attempts: int = -1
    bisect: bool = False
    report_failures: bool = False
    filters: tuple[Pattern, ...] = ()

    @classmethod
    def of_event(cls, properties: Mapping[str, Any]) -> StreamSettings:
        """Read the settings from the properties of a SAM event of type DynamoDB."""
        criteria = properties.get("FilterCriteria", {}).get("Filters", [])
        return cls(
            batch_size=int(properties.get("BatchSize", 100)),
            maximum_retry_attempts=int(properties.get("MaximumRetryAttempts", -1)),
            bisect=properties.get("BisectBatchOnFunctionError") in (True, "true"),
            report_failures="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
            filters=tuple(json.loads(entry["Pattern"]) for entry in criteria),
        )


@dataclass
class StreamDriver:
    """A mapping from the stream of `table_name` to `handler`, which keeps its position.

    `prefixes`: keys that the handler may touch besides its records' tenants. `role`: the role it runs under, if its
    calls are to be checked. `invocations`: the sequence numbers of each batch. `errors`: the exceptions that the
    handler raised, in order. `dead_letters`: records given up.
    """

    table_name: str
    handler: Handler
    settings: StreamSettings = StreamSettings()
    function_name: str = "stream-function"
    prefixes: tuple[str, ...] = ()
    role: Role | None = None
    invocations: list[list[str]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    dead_letters: list[Record] = field(default_factory=list)
    _position: str | None = None
    # A safety net for retries without a limit.
    attempts_limit: int = 1000

    def pump(self) -> int:
        """Deliver the records since the last call, including those that arrive meanwhile. Returns how many records
        passed the filter.
        """
        delivered = 0
        while new := self._new_records():
            delivered += self.deliver(new)
        return delivered

    def replay(self) -> int:
        """Deliver every record that the stream still holds again, as after a lost checkpoint."""
        self._position = None
        return self.pump()

    def deliver(self, records: Iterable[Record]) -> int:
        """Deliver these records (of `records_of` or invented) in batches, by all rules above."""
        passing = [record for record in records if passes(record, self.settings.filters)]
        size = self.settings.batch_size
        for start in range(0, len(passing), size):
            self._process(passing[start : start + size], attempts=0)
        return len(passing)

    def _new_records(self) -> list[Record]:
        records = records_of(self.table_name, after=self._position)
        if records:
            self._position = records[-1]["dynamodb"]["SequenceNumber"]
        return records

    def _process(self, batch: list[Record], attempts: int) -> None:
        while True:
            errors = len(self.errors)
            failed_from = self._invoke(batch)
            if failed_from is None:
                return
            batch = batch[failed_from:]
            if self.settings.bisect and len(batch) > 1 and len(self.errors) > errors:
                middle = (len(batch) + 1) // 2
                self._process(batch[:middle], 0)
                self._process(batch[middle:], 0)
                return
            attempts += 1
            cap = self.settings.maximum_retry_attempts
            if cap >= 0 and attempts > cap:
                self.dead_letters.extend(batch)
                return
            if attempts > self.attempts_limit:
                raise AssertionError(f"a batch fails for ever: {self.errors[-1:]!r}") from self.errors[-1]

    def _invoke(self, batch: list[Record]) -> int | None:
        """Return the index in the batch at which the failure begins; None when all is done."""
        self.invocations.append([_sequence(record) for record in batch])
        tenants = {found[1] for record in batch if (found := TENANT_KEY.match(_partition_key(record)))}
        try:
            with acting_for(*tenants, prefixes=self.prefixes), under_role(self.role):
                result = self.handler({"Records": copy.deepcopy(batch)}, lambda_context(self.function_name))
        except (Exception, Killed) as error:  # noqa: BLE001 - as Lambda: whatever it was, the batch failed
            self.errors.append(error)
            return 0
        return (
            failing_from(result, [_sequence(record) for record in batch])
            if self.settings.report_failures
            else None
        )


def failing_from(result: Any, identifiers: list[str]) -> int | None:
    """Return the index of the earliest failure in a batch response; None for full success, 0 for a malformed report."""
    if not result:
        return None
    failures = result.get("batchItemFailures") if isinstance(result, Mapping) else None
    if failures is None or failures == []:
        return None
    named = [entry.get("itemIdentifier") for entry in failures]
    if any(name not in identifiers for name in named):
        return 0
    return min(identifiers.index(name) for name in named)


def records_of(table_name: str, *, after: str | None = None) -> list[Record]:
    """Return the stream's records in the form of a Lambda event, oldest first; only those after a sequence number if
    given.

    Two additions of moto are left out: the record with only keys that it adds before an UpdateItem's own when that
    created the item, and records of writes that changed nothing.
    """
    with as_operator():
        dynamodb = client("dynamodb")
        streams = client("dynamodbstreams")
        arn = dynamodb.describe_table(TableName=table_name)["Table"]["LatestStreamArn"]
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        # A new iterator each time: moto's own keeps pointing at records of transactions that were undone.
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        raw: list[Record] = []
        while page := streams.get_records(ShardIterator=iterator, Limit=1000):
            raw.extend(page["Records"])
            if not page["Records"]:
                break
            iterator = page["NextShardIterator"]
    records = [_lambda_record(record, arn) for record in _without_inventions(raw)]
    return [record for record in records if after is None or int(_sequence(record)) > int(after)]


def _without_inventions(raw: list[Record]) -> list[Record]:
    kept = []
    for record, following in zip(raw, [*raw[1:], None], strict=True):
        change = record["dynamodb"]
        premature = (
            record["eventName"] == "INSERT"
            and following is not None
            and following["eventName"] == "INSERT"
            and following["dynamodb"]["Keys"] == change["Keys"]
        )
        if not premature and change.get("OldImage") != change.get("NewImage"):
            kept.append(record)
    return kept


def _lambda_record(record: Record, arn: str) -> Record:
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": _jsonable(record["dynamodb"]),
        "eventSourceARN": arn,
    }


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _jsonable(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_jsonable(entry) for entry in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return float(int(value.timestamp()))
    return value


def _sequence(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def _partition_key(record: Record) -> str:
    return str(record["dynamodb"]["Keys"].get("PK", {}).get("S", ""))
