"""Our serializer of DynamoDB's requests sends what botocore's serializer sends."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.serialize import create_serializer

from shared.table.requests import PlainSerializer

KEY = {"PK": {"S": "T#t1#C#1"}, "SK": {"S": "CONTACT"}}
ITEM = {
    **KEY, "n": {"N": "1"}, "b": {"BOOL": False}, "l": {"L": [{"S": "ü \u2028 \U0001f600"}, {"L": []}]},
    "m": {"M": {"x": {"NULL": True}}}, "set": {"SS": ["a", "b"]}, "ids": {"B": b"\x00\xff binary"},
    "bs": {"BS": [b"1"]},
}  # fmt: skip
CONDITION = {
    "ConditionExpression": "attribute_not_exists(PK) OR #v = :v",
    "ExpressionAttributeNames": {"#v": "version"},
    "ExpressionAttributeValues": {":v": {"N": "3"}, ":b": {"B": b"\x01"}},
}
CHECK = {"TableName": "t", "Key": KEY, "ReturnValuesOnConditionCheckFailure": "ALL_OLD", **CONDITION}
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("GetItem", {"TableName": "t", "Key": KEY, "ConsistentRead": True, "ProjectionExpression": "a, b"}),
    (
        "Query",
        {
            "TableName": "t", "IndexName": "work", "KeyConditionExpression": "PK = :pk", "Limit": 26,
            "ExpressionAttributeValues": {":pk": {"S": "x"}}, "ScanIndexForward": False, "ExclusiveStartKey": KEY,
        },
    ),
    ("BatchGetItem", {"RequestItems": {"t": {"Keys": [KEY], "ConsistentRead": True}}}),
    (
        "BatchWriteItem",
        {"RequestItems": {"t": [{"PutRequest": {"Item": ITEM}}, {"DeleteRequest": {"Key": KEY}}]}},
    ),
    ("PutItem", {"TableName": "t", "Item": ITEM, **CONDITION}),
    ("UpdateItem", {"UpdateExpression": "ADD n :v", "ReturnValues": "ALL_NEW", **CHECK}),
    ("DeleteItem", {"TableName": "t", "Key": KEY}),
    (
        "TransactWriteItems",
        {
            "ClientRequestToken": "token",
            "TransactItems": [
                {"Put": {"TableName": "t", "Item": ITEM}},
                {"Update": {"UpdateExpression": "SET a = :b", **CHECK}},
                {"Delete": CHECK},
                {"ConditionCheck": CHECK},
            ],
        },
    ),
    ("TransactGetItems", {"TransactItems": [{"Get": {"TableName": "t", "Key": KEY}}]}),
    ("DescribeTable", {"TableName": "t"}),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "parameters"), REQUESTS)
def test_both_serializers_send_the_same(operation: str, parameters: dict[str, Any]) -> None:
    model = botocore.session.get_session().get_service_model("dynamodb").operation_model(operation)

    def sent(serializer: Any) -> Any:
        request = serializer.serialize_to_request(parameters, model)
        return {**request, "body": json.loads(request["body"])}

    assert sent(PlainSerializer()) == sent(create_serializer("json", include_validation=False))


def test_no_parameter_of_dynamodb_is_renamed_or_a_time() -> None:
    """Otherwise, parameters could not be sent as they are given."""
    service = botocore.session.get_session().get_service_model("dynamodb")
    operations = {operation for operation, _ in REQUESTS}
    seen: set[str] = set()

    def look(shape: Any) -> None:
        if shape.name in seen:
            return
        seen.add(shape.name)
        assert shape.type_name in (
            "structure",
            "list",
            "map",
            "string",
            "boolean",
            "integer",
            "long",
            "blob",
        ), shape
        for member in getattr(shape, "members", {}).values():
            assert "name" not in member.serialization
            look(member)
        for part in ("member", "value"):
            if hasattr(shape, part):
                look(getattr(shape, part))

    for operation in operations:
        look(service.operation_model(operation).input_shape)
    assert "AttributeValue" in seen
