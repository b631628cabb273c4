"""A capacity meter: the cost on AWS of the DynamoDB calls of a block.

Units are calculated from the items themselves, read before and after each call at the same endpoint (unobserved), and
never taken from an emulator's ConsumedCapacity. The rules, from "Read and write operations" in the developer guide:

* read: 4 KB steps, 1 unit strongly consistent, half eventually, 2 in a transaction; each item of a batch or
  transaction by itself, at least one step even when there is no item; a Query by the sum of all items it scanned on
  a page, including filtered ones
* write: 1 KB steps of the larger of the item before and after, at least 1; twice in a transaction,
  ConditionCheck included; a condition that fails costs too. For a failed update the size afterwards is not
  known: the item before counts
* index: 1 KB steps of the projected attributes; one write when an entry is added, removed or changed, two when its
  key moves (old entry out, new in), none when nothing projected changed. Not doubled in a transaction:
  indexes follow later
* a TransactWriteItems repeated with its token reads instead of writing: 2 units a step and item
* a throttled or conflicting request, or one that never reached the service, costs nothing here
"""

from __future__ import annotations

import base64
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse

from tests.support.item_size import item_size
from tests.support.table_schema import Index, TableSchema, tables
from tests.support.transport import Attempt, Layer, Send, intercepting, json_of, unobserved

READ_STEP = 4096
WRITE_STEP = 1024

Item = dict[str, Any]


@dataclass
class Cost:
    """`read` and `write` are capacity units; `index_write` is the part of `write` that indexes caused."""

    calls: int = 0
    read: float = 0
    write: float = 0
    index_write: float = 0
    scanned: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.calls + other.calls,
            self.read + other.read,
            self.write + other.write,
            self.index_write + other.index_write,
            self.scanned + other.scanned,
        )


@dataclass
class Meter:
    """The costs by operation, and the write units on each partition key (index partitions by themselves)."""

    by_operation: defaultdict[str, Cost] = field(default_factory=lambda: defaultdict(Cost))
    write_by_partition: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def total(self) -> Cost:
        return sum(self.by_operation.values(), Cost())

    @property
    def calls(self) -> int:
        return self.total.calls

    @property
    def read(self) -> float:
        return self.total.read

    @property
    def write(self) -> float:
        return self.total.write

    @property
    def scanned(self) -> int:
        return self.total.scanned

    def __call__(self, attempt: Attempt, send: Send) -> AWSResponse:
        if attempt.service != "dynamodb":
            return send(attempt)
        # One call at a time, so that nothing changes between the reads before and after it, and the call.
        with self._lock:
            return self._measure(attempt, send)

    def _measure(self, attempt: Attempt, send: Send) -> AWSResponse:
        reads = _READ_COSTS.get(attempt.operation)
        if reads is not None:
            response = send(attempt)
            cost = reads(attempt, json_of(response)) if response.status_code == 200 else Cost()
        elif attempt.operation in _WRITE_ACTIONS:
            response, cost = self._measure_write(attempt, send)
        elif attempt.operation == "Scan":
            raise NotImplementedError("the meter has no price for Scan: nothing here may scan")
        else:
            return send(attempt)
        self.by_operation[attempt.operation] += cost + Cost(calls=1)
        return response

    def _measure_write(self, attempt: Attempt, send: Send) -> tuple[AWSResponse, Cost]:
        actions = _WRITE_ACTIONS[attempt.operation](attempt)
        before = [_look(attempt, action) for action in actions]
        response = send(attempt)
        transaction = attempt.operation == "TransactWriteItems"
        if response.status_code != 200:
            return response, self._refused(attempt, actions, before, response)
        if response.headers.get("x-harness-idempotent-replay"):
            return response, Cost(read=sum(2 * _read_steps(_size(found)) for found in before))
        left = _unprocessed_keys(attempt, response)
        cost = Cost()
        for action, old in zip(actions, before, strict=True):
            if (action.table, _frozen(action.key)) in left:
                continue
            new = old if action.kind == "ConditionCheck" else _look(attempt, action)
            units = _write_steps(max(_size(old), _size(new))) * (2 if transaction else 1)
            self._book(action, units)
            index_units = self._index_units(action.schema, old, new)
            cost += Cost(write=units + index_units, index_write=index_units)
        return response, cost

    def _refused(
        self, attempt: Attempt, actions: list[_Action], before: list[Item | None], response: AWSResponse
    ) -> Cost:
        """A refusal by condition costs as much as the write itself; any other refusal costs nothing."""
        members = json_of(response)
        code = str(members.get("__type", "")).rpartition("#")[2]
        if attempt.operation == "TransactWriteItems":
            reasons = [reason.get("Code") for reason in members.get("CancellationReasons", [])]
            refused = code == "TransactionCanceledException" and "ConditionalCheckFailed" in reasons
        else:
            refused = code == "ConditionalCheckFailedException"
        if not refused:
            return Cost()
        cost = Cost()
        for action, old in zip(actions, before, strict=True):
            units = _write_steps(max(_size(old), _size(action.item)))
            units *= 2 if attempt.operation == "TransactWriteItems" else 1
            self._book(action, units)
            cost += Cost(write=units)
        return cost

    def _book(self, action: _Action, units: float) -> None:
        self.write_by_partition[action.key[action.schema.partition_key]["S"]] += units

    def _index_units(self, schema: TableSchema, old: Item | None, new: Item | None) -> float:
        units = 0.0
        for name, index in schema.indexes.items():
            entry_before, entry_after = _projected(schema, index, old), _projected(schema, index, new)
            if entry_before == entry_after:
                continue
            moved = bool(entry_before and entry_after) and _key(index, entry_before) != _key(
                index, entry_after
            )
            entries = [entry_before, entry_after] if moved else [entry_after or entry_before]
            for entry in entries:
                assert entry is not None
                steps = _write_steps(item_size(entry))
                if not moved and entry_before and entry_after:
                    steps = _write_steps(max(item_size(entry_before), item_size(entry_after)))
                units += steps
                self.write_by_partition[f"{name}:{entry[index.partition_key].get('S')}"] += steps
        return units


@dataclass(frozen=True)
class _Action:
    """One write of a call: the key, and the item it would put (None when not known beforehand)."""

    table: str
    kind: str
    key: Item
    schema: TableSchema
    item: Item | None = None


def _action(attempt: Attempt, table: str, kind: str, members: dict[str, Any]) -> _Action:
    schema = tables.schema(attempt, table)
    item = members.get("Item")
    return _Action(table, kind, schema.key_of(item or members["Key"]), schema, item)


def _single_write(attempt: Attempt) -> list[_Action]:
    return [_action(attempt, attempt.params["TableName"], attempt.operation, attempt.params)]


def _batch_write(attempt: Attempt) -> list[_Action]:
    return [
        _action(attempt, table, kind, members)
        for table, requests in attempt.params["RequestItems"].items()
        for request in requests
        for kind, members in request.items()
    ]


def _transact_write(attempt: Attempt) -> list[_Action]:
    return [
        _action(attempt, members["TableName"], kind, members)
        for entry in attempt.params["TransactItems"]
        for kind, members in entry.items()
    ]


_WRITE_ACTIONS = {
    "PutItem": _single_write,
    "UpdateItem": _single_write,
    "DeleteItem": _single_write,
    "BatchWriteItem": _batch_write,
    "TransactWriteItems": _transact_write,
}


def _look(attempt: Attempt, action: _Action) -> Item | None:
    return _look_at(attempt, action.table, action.key)


def _look_at(attempt: Attempt, table: str, key: Item) -> Item | None:
    with unobserved():
        client = tables.client(attempt)
        found = client.get_item(TableName=table, Key=_for_botocore(key), ConsistentRead=True)
    item: Item | None = found.get("Item")
    return item


def _for_botocore(members: Any) -> Any:
    """Convert what was on the wire to botocore's form: binary values are base64 there and bytes here."""
    if isinstance(members, dict):
        if set(members) == {"B"} and isinstance(members["B"], str):
            return {"B": base64.b64decode(members["B"])}
        return {name: _for_botocore(value) for name, value in members.items()}
    if isinstance(members, list):
        return [_for_botocore(value) for value in members]
    return members


def _get(attempt: Attempt, answer: dict[str, Any]) -> Cost:
    params = attempt.params
    item = _look_at(attempt, params["TableName"], params["Key"])
    return Cost(read=_read_steps(_size(item)) * _consistency(params))


def _batch_get(attempt: Attempt, answer: dict[str, Any]) -> Cost:
    cost = Cost()
    unprocessed = answer.get("UnprocessedKeys") or {}
    for table, asked in attempt.params["RequestItems"].items():
        left = [_frozen(key) for key in unprocessed.get(table, {}).get("Keys", [])]
        for key in asked["Keys"]:
            if _frozen(key) not in left:
                cost += Cost(read=_read_steps(_size(_look_at(attempt, table, key))) * _consistency(asked))
    return cost


def _transact_get(attempt: Attempt, answer: dict[str, Any]) -> Cost:
    items = [
        _look_at(attempt, entry["Get"]["TableName"], entry["Get"]["Key"])
        for entry in attempt.params["TransactItems"]
    ]
    return Cost(read=sum(2 * _read_steps(_size(item)) for item in items))


_NARROWING = ("FilterExpression", "ProjectionExpression", "QueryFilter", "AttributesToGet", "Select", "Limit")


def _query(attempt: Attempt, answer: dict[str, Any]) -> Cost:
    """Read the page again, completely: filtered items and omitted attributes cost units as well."""
    params = attempt.params
    scanned = int(answer["ScannedCount"])
    whole = {name: value for name, value in params.items() if name not in _NARROWING}
    whole.pop("ReturnConsumedCapacity", None)
    _drop_unused_placeholders(whole)
    size, left = 0, scanned
    with unobserved():
        client = tables.client(attempt)
        while left > 0:
            page = client.query(**_for_botocore({**whole, "Limit": left}))
            size += sum(item_size(item) for item in page["Items"])
            left -= len(page["Items"])
            if left <= 0:
                break
            if "LastEvaluatedKey" not in page:
                raise AssertionError(f"{scanned} items were gone through, but {left} of them are not there")
            whole["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    return Cost(read=_read_steps(size) * _consistency(params), scanned=scanned)


def _drop_unused_placeholders(params: dict[str, Any]) -> None:
    """DynamoDB refuses names and values that no expression uses."""
    used = set(re.findall(r"[#:]\w+", params.get("KeyConditionExpression", "")))
    for member in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        kept = {name: value for name, value in params.get(member, {}).items() if name in used}
        if kept:
            params[member] = kept
        else:
            params.pop(member, None)


_READ_COSTS = {
    "GetItem": _get,
    "BatchGetItem": _batch_get,
    "TransactGetItems": _transact_get,
    "Query": _query,
}


def _consistency(params: dict[str, Any]) -> float:
    return 1 if params.get("ConsistentRead") else 0.5


def _size(item: Item | None) -> int:
    return item_size(item) if item else 0


def _read_steps(size: int) -> int:
    return max(1, -(-size // READ_STEP))


def _write_steps(size: int) -> int:
    return max(1, -(-size // WRITE_STEP))


def _projected(schema: TableSchema, index: Index, item: Item | None) -> Item | None:
    """Return the index's entry for `item`; None when the item lacks one of the index's keys (a sparse index)."""
    if not item or any(key not in item for key in index.key_names()):
        return None
    if index.projection == "ALL":
        return item
    names = {*schema.key_names(), *index.key_names(), *index.included}
    return {name: value for name, value in item.items() if name in names}


def _key(index: Index, entry: Item | None) -> tuple[Any, ...]:
    assert entry is not None
    return tuple(_frozen(entry[name]) for name in index.key_names())


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(sorted((name, _frozen(entry)) for name, entry in value.items()))
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _unprocessed_keys(attempt: Attempt, response: AWSResponse) -> set[tuple[str, Any]]:
    if attempt.operation != "BatchWriteItem":
        return set()
    left = set()
    for table, requests in (json_of(response).get("UnprocessedItems") or {}).items():
        for request in requests:
            for members in request.values():
                key = tables.schema(attempt, table).key_of(members.get("Item") or members["Key"])
                left.add((table, _frozen(key)))
    return left


@contextmanager
def meter() -> Iterator[Meter]:
    """Measure every DynamoDB call of the process, in all threads, until the block ends."""
    measuring = Meter()
    with intercepting(Layer.METER, measuring):
        yield measuring
