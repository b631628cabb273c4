"""Executes DynamoDB's calls of items in moto without building a web request for them, and without looking for each
member of a response under other names.

Both took more than half of the time of a short call. What moto executes is its own handler of the operation. Every
other call, and every response that is not plain, takes moto's own way.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from typing import Any

import moto.dynamodb.responses
import pytest
from moto.core.responses import ActionResult, BaseResponse
from moto.core.serialize import JSONSerializer
from moto.core.utils import get_service_model, utcnow
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.utilities import dynamo_to_dict
from moto.dynamodb.responses import DynamoHandler
from moto.iam.models import get_account_id_from
from moto.utilities.utils import get_partition
from werkzeug.http import http_date

TARGET = "DynamoDB_20120810."
OPERATIONS = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)

RESPONSE_HEADERS = {"Content-Type": "application/x-amz-json-1.0"}
CAPACITY = {"TableName", "CapacityUnits"}
"""The members of a plain report of consumed capacity."""


class NotPlain(Exception):
    """A response that moto has to serialize."""


def answer_item_calls_directly(patch: pytest.MonkeyPatch) -> None:
    """Make moto's handler of DynamoDB serialize plain responses directly, until the patch ends. `direct_answer`
    executes it.
    """
    serialize: Any = DynamoHandler.serialized

    def serialized(self: DynamoHandler, action_result: ActionResult) -> Any:
        operation = getattr(self, "direct_operation", None)
        if operation is not None and isinstance(action_result.result, dict):
            try:
                body = json.dumps(plain_response(operation, action_result.result))
            except NotPlain:
                return serialize(self, action_result)
            return 200, {**RESPONSE_HEADERS, **self.response_headers}, body
        return serialize(self, action_result)

    patch.setattr(DynamoHandler, "serialized", serialized)
    patch.setattr(moto.dynamodb.responses, "dynamo_to_dict", copied)
    _serialize_rows_directly(patch)


def direct_answer(request: Any) -> Any:
    """Return the status, headers and body of the response to a call of items; None for any other call, and for one
    with binary values, which moto has to parse.
    """
    headers, body = request.headers, request.body
    target = text(headers.get("X-Amz-Target", ""))
    operation, region = target.removeprefix(TARGET), region_of(request.url)
    if operation not in OPERATIONS or region is None or not isinstance(body, bytes) or has_binary(body):
        return None
    handler: Any = DynamoHandler()
    handler.direct_operation = operation
    handler.params = json.loads(body)
    handler.headers = {
        "X-Amz-Target": target,
        "x-amz-target": target,
        "Content-Type": text(headers["Content-Type"]),
        "Authorization": text(headers.get("Authorization", "")),
    }
    handler.querystring = handler.data = {}
    handler.region, handler.partition = region, get_partition(region)
    handler.response_headers = {"server": "amazon.com", "date": http_date(utcnow())}
    handler.access_key = handler.get_access_key()
    account = os.environ.get("MOTO_ACCOUNT_ID")
    handler.current_account = account or get_account_id_from(handler.access_key)
    return handler.call_action()


def has_binary(body: bytes) -> bool:
    """Whether a body in DynamoDB's JSON may have binary values, which moto has to parse."""
    return b'"B":' in body or b'"BS":' in body


@functools.cache
def region_of(url: str) -> str | None:
    """Return the region that a URL names; None for a URL from which moto does not take it."""
    found = BaseResponse.region_regex.search(url)
    return found.group(1) if found else None


def text(header: Any) -> str:
    """Return a header's value, which botocore may have encoded."""
    return header.decode() if isinstance(header, bytes) else str(header)


@functools.cache
def members_of(operation: str) -> tuple[str, ...]:
    """Return the members of an operation's response, in their order."""
    shape = get_service_model("dynamodb").operation_model(operation).output_shape
    return tuple(shape.members)


def plain_response(operation: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a response. Raises NotPlain for one that moto has to serialize."""
    found = {}
    for name in members_of(operation):
        value = result.get(name)
        if value is not None:
            found[name] = PLAIN[name](value)
    return found


def _row(value: Any) -> Any:
    if type(value) is not dict or any(plain_value(content) is None for content in value.values()):
        raise NotPlain
    return value


def _rows(value: list[Any]) -> Any:
    return [_row(one) for one in value]


def _responses(value: Any) -> Any:
    if isinstance(value, dict):
        return {table: _rows(rows) for table, rows in value.items()}
    return [{name: _row(row) for name, row in one.items()} for one in value]


def _number(value: Any) -> Any:
    if type(value) is not int:
        raise NotPlain
    return value


def _empty(value: Any) -> Any:
    if value:
        raise NotPlain
    return value


def _capacity(value: Any) -> Any:
    if isinstance(value, list):
        return [_capacity(one) for one in value]
    if value.keys() != CAPACITY:
        raise NotPlain
    return {"TableName": str(value["TableName"]), "CapacityUnits": float(value["CapacityUnits"])}


PLAIN: dict[str, Callable[[Any], Any]] = {
    "Attributes": _row,
    "ConsumedCapacity": _capacity,
    "Count": _number,
    "Item": _row,
    "ItemCollectionMetrics": _empty,
    "Items": _rows,
    "LastEvaluatedKey": _row,
    "Responses": _responses,
    "ScannedCount": _number,
    "UnprocessedItems": _empty,
    "UnprocessedKeys": _empty,
}
"""What checks, and returns, each member of a response."""


def copied(found: Any) -> Any:
    """Do what `dynamo_to_dict` does: return a copy with attributes as in botocore's form, to any depth."""
    kind = type(found)
    if kind is str or kind is bool or kind is int:
        return found
    if kind is DynamoType:
        content = found.value
        if type(content) is str and found.type != "B":
            return {found.type: content}
        return dynamo_to_dict(found) if found.type in ("B", "BS") else {found.type: copied(content)}
    if kind is dict or kind is LimitedSizeDict:
        return {name: copied(value) for name, value in found.items()}
    if kind is list:
        return [copied(one) for one in found]
    return copied(found.to_json()) if kind is Item else dynamo_to_dict(found)


def _serialize_rows_directly(patch: pytest.MonkeyPatch) -> None:
    whole, whole_map = JSONSerializer._serialize_type_structure, JSONSerializer._serialize_type_map

    def serialize(self: JSONSerializer, serialized: Any, value: Any, shape: Any, name: str) -> None:
        if name and shape.name == "AttributeValue" and (plain := plain_value(value)) is not None:
            self._default_serialize(serialized, plain, shape, name)
        else:
            whole(self, serialized, value, shape, name)

    def serialize_map(self: JSONSerializer, serialized: Any, value: Any, shape: Any, name: str) -> None:
        if shape.value.name == "AttributeValue":
            row = {attribute: plain_value(content) for attribute, content in value.items()}
            if None not in row.values():
                self._default_serialize(serialized, row, shape, name)
                return
        whole_map(self, serialized, value, shape, name)

    patch.setattr(JSONSerializer, "_serialize_type_structure", serialize)
    patch.setattr(JSONSerializer, "_serialize_type_map", serialize_map)


def plain_value(value: Any) -> dict[str, Any] | None:
    """Return an attribute's value as it appears in a response; None for a value that moto has to serialize.

    >>> plain_value({"L": [{"N": "1"}, {"M": {"a": {"S": "x"}}}]})
    {'L': [{'N': '1'}, {'M': {'a': {'S': 'x'}}}]}
    """
    if type(value) is not dict or len(value) != 1:
        return None
    ((kind, content),) = value.items()
    if kind in ("S", "N"):
        return value if type(content) is str else None
    if kind in ("BOOL", "NULL"):
        return value if type(content) is bool else None
    if kind in ("SS", "NS"):
        return value if type(content) is list and all(type(one) is str for one in content) else None
    if kind == "L" and type(content) is list:
        parts = [plain_value(one) for one in content]
        return None if None in parts else value
    if kind == "M" and type(content) is dict:
        return None if any(plain_value(one) is None for one in content.values()) else value
    return None
