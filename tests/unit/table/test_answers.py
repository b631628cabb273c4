"""The parser of DynamoDB's answers returns what botocore's parser returns."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.parsers import ResponseParserFactory

from shared.table.answers import PlainParserFactory

ITEM = {
    "PK": {"S": "T#t1#C#1"}, "n": {"N": "1"}, "b": {"BOOL": False}, "l": {"L": [{"S": "ü"}]},
    "m": {"M": {"x": {"NULL": True}}},
}  # fmt: skip
REASONS = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Message": "no", "Item": ITEM}]
ANSWERS: list[tuple[str, int, dict[str, Any]]] = [
    ("GetItem", 200, {"Item": ITEM}),
    ("GetItem", 200, {}),
    ("Query", 200, {"Items": [ITEM, ITEM], "Count": 2, "ScannedCount": 2, "LastEvaluatedKey": ITEM}),
    ("BatchGetItem", 200, {"Responses": {"t": [ITEM]}, "UnprocessedKeys": {"t": {"Keys": [ITEM]}}}),
    ("BatchWriteItem", 200, {"UnprocessedItems": {"t": [{"PutRequest": {"Item": ITEM}}]}}),
    ("PutItem", 200, {}),
    ("UpdateItem", 200, {}),
    ("TransactWriteItems", 200, {}),
    ("TransactWriteItems", 400, {"__type": "x#TransactionCanceledException", "CancellationReasons": REASONS}),
    ("PutItem", 400, {"__type": "x#ConditionalCheckFailedException", "message": "no", "Item": ITEM}),
    ("Query", 400, {"__type": "x#ProvisionedThroughputExceededException", "message": "slow down"}),
    ("Query", 500, {"__type": "InternalServerError"}),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "status", "answer"), ANSWERS)
def test_both_parsers_return_the_same(operation: str, status: int, answer: dict[str, Any]) -> None:
    model = botocore.session.get_session().get_service_model("dynamodb").operation_model(operation)
    response = {
        "status_code": status,
        "headers": {"x-amzn-requestid": "r1", "content-type": "application/x-amz-json-1.0"},
        "body": json.dumps(answer).encode(),
        "context": {"operation_name": operation},
    }

    def parsed(factory: ResponseParserFactory) -> Any:
        return factory.create_parser("json").parse(response, model.output_shape)

    assert parsed(PlainParserFactory()) == parsed(ResponseParserFactory())


def test_other_protocols_keep_their_parser() -> None:
    for protocol in ("rest-xml", "query"):
        assert type(PlainParserFactory().create_parser(protocol)) is type(
            ResponseParserFactory().create_parser(protocol)
        )
