"""Makes moto keep DynamoDB's guarantees where it does not, as far as tests rely on them.

* one request at a time: moto has no locks, and a cancelled transaction restores a copy of the whole table,
  which would undo what other threads have written since. Serial execution is one of the orders that DynamoDB may
  choose; its TransactionConflict is injected where needed (`faults.transaction_conflict`)
* ClientRequestToken of TransactWriteItems: the same token with the same actions succeeds again without
  writing, for ten minutes; with other actions it is refused
* TransactWriteItems accepts at most 4 MB of items ("Service, account, and table quotas in Amazon DynamoDB"); items
  that an update or a removal finds in the table are not counted here
* TransactWriteItems restores only what it touched, not a deep copy of the table (and of all stream records)
* a value of another type is not BETWEEN two (API reference, "Condition"); moto fails on such values
* an expression with a BETWEEN whose lower bound is above the upper one is refused
* a Query that stops at its Limit returns LastEvaluatedKey even when nothing follows
* a Query reads only the items of its partition, and so takes as long as these are many, not as the table is large

And Cognito's: an unknown refresh token is refused, instead of an internal error.
"""

from __future__ import annotations

import copy
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import moto.dynamodb.models as moto_models
from botocore.awsrequest import AWSResponse
from moto.dynamodb.comparisons import FuncBetween
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from tests.support.item_size import item_size
from tests.support.table_schema import tables
from tests.support.transport import Attempt, Layer, Send, intercepting, json_answer, json_of

TOKEN_LIFETIME = 600.0
LARGEST_TRANSACTION = 4 * 1024 * 1024

_NO_ITEM = object()


class MotoTruth:
    """The interceptor directly in front of moto."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._tokens: dict[str, tuple[float, str]] = {}

    def __call__(self, attempt: Attempt, send: Send) -> AWSResponse:
        with self._lock:
            if attempt.service == "dynamodb" and (reversed_bounds := _reversed_bounds(attempt.params)):
                return json_answer(attempt, 400, reversed_bounds)
            if attempt.service == "dynamodb" and attempt.operation == "TransactWriteItems":
                return self._transact_write(attempt, send)
            if attempt.service == "cognito-idp" and attempt.operation == "AdminInitiateAuth":
                return self._sign_in(attempt, send)
            response = send(attempt)
            if attempt.service == "dynamodb" and attempt.operation == "Query":
                return self._query(attempt, response, send)
            return response

    def _transact_write(self, attempt: Attempt, send: Send) -> AWSResponse:
        token = attempt.params.get("ClientRequestToken")
        actions = json.dumps(attempt.params["TransactItems"], sort_keys=True)
        if token is not None and token in self._tokens:
            since, known = self._tokens[token]
            if self._now() - since < TOKEN_LIFETIME:
                if known != actions:
                    return json_answer(attempt, 400, _MISMATCH)
                replayed = json_answer(attempt, 200, {})
                replayed.headers["x-harness-idempotent-replay"] = "true"
                return replayed
        given = (
            one.get("Item") or one.get("ExpressionAttributeValues", {})
            for action in attempt.params["TransactItems"]
            for one in action.values()
        )
        if sum(map(item_size, given)) > LARGEST_TRANSACTION:
            return json_answer(attempt, 400, _TOO_LARGE)
        response = send(attempt)
        if token is not None and response.status_code == 200:
            self._tokens[token] = (self._now(), actions)
        return response

    def _sign_in(self, attempt: Attempt, send: Send) -> AWSResponse:
        try:
            return send(attempt)
        except (KeyError, IndexError):
            return json_answer(attempt, 400, _UNKNOWN_TOKEN)

    def _query(self, attempt: Attempt, response: AWSResponse, send: Send) -> AWSResponse:
        limit = attempt.params.get("Limit")
        if limit is None or response.status_code != 200:
            return response
        members = json_of(response)
        if "LastEvaluatedKey" in members or members["ScannedCount"] < limit:
            return response
        last = self._last_of_page(attempt, limit, send)
        return json_answer(attempt, 200, {**members, "LastEvaluatedKey": last})

    def _last_of_page(self, attempt: Attempt, limit: int, send: Send) -> dict[str, Any]:
        params = attempt.params
        bare = {name: params[name] for name in _PAGE if name in params}
        bare["Limit"] = limit
        item = json_of(send(attempt.with_params(bare)))["Items"][-1]
        schema = tables.schema(attempt, params["TableName"])
        names = [*schema.key_names()]
        if index_name := params.get("IndexName"):
            names += schema.indexes[index_name].key_names()
        return {name: item[name] for name in names}


# moto, unlike DynamoDB, accepts placeholders that no expression uses.
_PAGE = (
    "TableName",
    "IndexName",
    "KeyConditionExpression",
    "KeyConditions",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ScanIndexForward",
    "ExclusiveStartKey",
    "ConsistentRead",
)

_UNKNOWN_TOKEN = {"__type": "NotAuthorizedException", "message": "Invalid Refresh Token"}
_TOO_LARGE = {
    "__type": "com.amazon.coral.validate#ValidationException",
    "Message": "Transaction request cannot exceed 4194304 bytes",
}
_MISMATCH = {
    "__type": "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
    "Message": "The token was used with other actions",
}


class _CopyButNotTables:
    """Replaces the `copy` module in moto's backend, so that whole tables are no longer copied."""

    copy = staticmethod(copy.copy)

    @staticmethod
    def deepcopy(value: Any) -> Any:
        return value if isinstance(value, Table) else copy.deepcopy(value)


def _transact_write_items(
    original: Callable[[DynamoDBBackend, list[dict[str, Any]]], None],
) -> Callable[[DynamoDBBackend, list[dict[str, Any]]], None]:
    def transact(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        undo = _snapshot(self, transact_items)
        try:
            original(self, transact_items)
        except BaseException:
            undo()
            raise

    return transact


def _snapshot(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> Callable[[], None]:
    """Save the items and stream positions that the actions may change; the result restores them."""
    items: dict[tuple[str, Any, Any], Any] = {}
    lengths: dict[str, int] = {}
    for entry in transact_items:
        for action in entry.values():
            table = backend.tables.get(action.get("TableName"))
            attributes = action.get("Item") or action.get("Key") or {}
            if table is None or any(name not in attributes for name in table.table_key_attrs):
                continue
            partition = DynamoType(attributes[table.hash_key_attr])
            sort = DynamoType(attributes[table.range_key_attr]) if table.range_key_attr else None
            found = _held(table, partition, sort)
            items[(table.name, partition, sort)] = _NO_ITEM if found is None else copy.deepcopy(found)
            if table.stream_shard is not None:
                lengths[table.name] = len(table.stream_shard.items)

    def undo() -> None:
        for (name, partition, sort), item in items.items():
            _put_back(backend.tables[name], partition, sort, item)
        for name, length in lengths.items():
            shard = backend.tables[name].stream_shard
            assert shard is not None
            del shard.items[length:]

    return undo


def _held(table: Table, partition: DynamoType, sort: DynamoType | None) -> Any:
    if sort is None:
        return table.items.get(partition)
    return table.items[partition].get(sort) if partition in table.items else None


def _put_back(table: Table, partition: DynamoType, sort: DynamoType | None, item: Any) -> None:
    holder: Any = table.items if sort is None else table.items[partition]
    key = partition if sort is None else sort
    if item is _NO_ITEM:
        holder.pop(key, None)
    else:
        holder[key] = item


def _reversed_bounds(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return DynamoDB's refusal of a request with a BETWEEN whose lower bound is above the upper one, or None."""
    steps = [one for step in request.get("TransactItems", ()) for one in step.values()]
    for one in (request, *steps):
        values = one.get("ExpressionAttributeValues", {})
        for name in ("KeyConditionExpression", "ConditionExpression"):
            for low, high in BETWEEN.findall(one.get(name, "")):
                if is_above(values[low], values[high]):
                    return {
                        "__type": "com.amazon.coral.validate#ValidationException",
                        "message": f"Invalid {name}: The BETWEEN operator requires upper bound to be greater than or "
                        "equal to lower bound",
                    }
    return None


BETWEEN = re.compile(r"\bBETWEEN\s+(:\w+)\s+AND\s+(:\w+)")


def is_above(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether a value sorts after another one of its type."""
    if "N" in one:
        return Decimal(one["N"]) > Decimal(other["N"])
    return bool(one["S"].encode() > other["S"].encode())


def _is_between(original: Callable[..., bool]) -> Callable[..., bool]:
    def expr(self: FuncBetween, item: Any) -> bool:
        return self.attr.get_type(item) == self.start.get_type(item) and original(self, item)

    return expr


def _query_of_partition(original: Callable[..., Any]) -> Callable[..., Any]:
    """Table.query scans what `all_items` returns: here only the items that may match. It sorts them itself."""

    def query(self: Any, hash_key: DynamoType, *positional: Any, **named: Any) -> Any:
        index_name = dict(zip(_AFTER_HASH_KEY, positional, strict=False)).get("index_name")
        if index_name is None:
            found = list(self.items[hash_key].values()) if hash_key in self.items else []
        else:
            wanted = named["hash_key_conditions"]
            everything = (item for partition in self.items.values() for item in partition.values())
            found = [
                one
                for one in everything
                if all(name in one.attrs and one.attrs[name] == value for name, value in wanted)
            ]
        self.all_items = lambda: found
        try:
            return original(self, hash_key, *positional, **named)
        finally:
            del self.all_items

    return query


_AFTER_HASH_KEY = (
    "range_comparison",
    "range_objs",
    "limit",
    "exclusive_start_key",
    "scan_index_forward",
    "projection_expressions",
    "index_name",
)


@contextmanager
def truthful_moto(now: Callable[[], float] = time.monotonic) -> Iterator[MotoTruth]:
    """moto with DynamoDB's guarantees; to be used inside ``mock_aws``."""
    truth = MotoTruth(now)
    models: Any = moto_models
    original, query, between = (
        DynamoDBBackend.transact_write_items,
        Table.query,
        FuncBetween.expr,
    )
    Table.query = _query_of_partition(query)  # type: ignore[method-assign]
    models.copy = _CopyButNotTables
    FuncBetween.expr = _is_between(between)  # type: ignore[method-assign]
    DynamoDBBackend.transact_write_items = _transact_write_items(original)  # type: ignore[assignment,method-assign]
    try:
        with intercepting(Layer.EMULATOR, truth):
            yield truth
    finally:
        models.copy = copy
        FuncBetween.expr = between  # type: ignore[method-assign]
        Table.query = query  # type: ignore[method-assign]
        DynamoDBBackend.transact_write_items = original  # type: ignore[method-assign]
        tables.forget()
