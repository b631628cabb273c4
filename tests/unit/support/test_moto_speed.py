"""The replacements of parts of moto return the responses of the originals."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.compat import HTTPHeaders
from moto import mock_aws
from moto.core import responses
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.request import Request
from moto.core.serialize import JSONSerializer
from moto.dynamodb import responses as dynamodb
from moto.sqs import models as queues

from tests.support.clients import client
from tests.support.moto_speed import DIRECT, environ_of
from tests.support.tenant_guard import as_operator

ORIGINALS = [
    (BotocoreStubber, "process_request", BotocoreStubber.process_request),
    (Request, "from_primitives", Request.from_primitives),
    (JSONSerializer, "_serialize_type_structure", JSONSerializer._serialize_type_structure),
    (JSONSerializer, "_serialize_type_map", JSONSerializer._serialize_type_map),
    (responses.BaseResponse, "setup_class", responses.BaseResponse.setup_class),
    (responses.BaseResponse, "parse_parameters", responses.BaseResponse.parse_parameters),
    (responses, "camelcase_to_underscores", responses.camelcase_to_underscores),
    (queues, "camelcase_to_underscores", queues.camelcase_to_underscores),
    (dynamodb, "dynamo_to_dict", dynamodb.dynamo_to_dict),
    (responses, "gen_amzn_requestid_long", responses.gen_amzn_requestid_long),
]
"""The functions that tests replace. This module is imported before they are replaced."""

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/queue"
DYNAMODB = "https://dynamodb.us-east-1.amazonaws.com/"
KEY = {"PK": {"S": "T#t#C#1"}, "SK": {"S": "a=b&c"}}
ROW = {
    **KEY,
    "n": {"N": "1.50"},
    "tags": {"SS": ["b", "a"]},
    "raw": {"B": b"\x00\xff"},
    "nested": {"M": {"list": {"L": [{"BOOL": True}, {"NULL": True}, {"M": {}}]}, "empty": {"S": ""}}},
}
TABLE: dict[str, Any] = {
    "TableName": "rows",
    "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK")],
    "BillingMode": "PAY_PER_REQUEST",
}

QUERY = {
    "KeyConditionExpression": "PK = :pk AND begins_with(SK, :sk)",
    "ExpressionAttributeValues": {":pk": KEY["PK"], ":sk": {"S": "a="}},
}
PLAIN_QUERY = {
    "KeyConditionExpression": "PK = :pk",
    "ExpressionAttributeValues": {":pk": KEY["PK"]},
}


def answer_to(service: str, operation: str, **parameters: Any) -> Any:
    """Return a response, also an error, without what is random or of the present time in it."""
    try:
        found = getattr(client(service), operation)(**parameters)
    except client(service).exceptions.ClientError as error:
        found = error.response
    meta = found["ResponseMetadata"]
    found["ResponseMetadata"] = meta["HTTPStatusCode"], sorted(meta["HTTPHeaders"])
    if "Body" in found:
        found["Body"] = found["Body"].read()
    return found


def answers() -> list[Any]:
    """Return the responses of each service that the product calls, of each protocol."""
    condition = {
        "ConditionExpression": "attribute_not_exists(PK) OR (#n BETWEEN :low AND :high AND NOT contains(tags, :tag))",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": {":low": {"N": "1"}, ":high": {"N": "2"}, ":tag": {"S": "a"}},
    }
    put = {"Put": {"TableName": "rows", "Item": ROW, **condition}}
    with mock_aws(), as_operator():
        answer_to("dynamodb", "create_table", **TABLE)
        return [
            answer_to("dynamodb", "put_item", TableName="rows", Item=ROW, **condition),
            answer_to("dynamodb", "put_item", TableName="rows", Item=ROW, **condition),
            answer_to("dynamodb", "get_item", TableName="rows", Key=KEY),
            answer_to("dynamodb", "scan", TableName="rows"),
            answer_to("dynamodb", "transact_write_items", TransactItems=[put]),
            answer_to("dynamodb", "get_item", TableName="none", Key=KEY),
            answer_to(
                "dynamodb", "put_item", TableName="rows", Item={**KEY, "raws": {"BS": [b"1", b"\x00"]}}
            ),
            answer_to("dynamodb", "query", TableName="rows", **QUERY),
            answer_to("dynamodb", "batch_get_item", RequestItems={"rows": {"Keys": [KEY]}}),
            *(
                answer_to("dynamodb", operation, **parameters)
                for operation, parameters in calls_of_plain_rows()
            ),
            answer_to("dynamodb", "put_item", TableName="rows", Item={**KEY, "long": {"S": "x" * 405_000}}),
            answer_to("sqs", "create_queue", QueueName="queue"),
            answer_to("sqs", "get_queue_url", QueueName="other"),
            answer_to("sqs", "get_queue_attributes", QueueUrl=QUEUE, AttributeNames=["VisibilityTimeout"]),
            answer_to("sns", "create_topic", Name="topic"),
            answer_to("s3", "create_bucket", Bucket="bucket"),
            answer_to("s3", "put_object", Bucket="bucket", Key="a/b c%2F?.csv", Body=b"1;2"),
            answer_to("s3", "get_object", Bucket="bucket", Key="a/b c%2F?.csv")["Body"],
            answer_to("s3", "head_object", Bucket="bucket", Key="none"),
            answer_to("events", "create_event_bus", Name="bus"),
            answer_to("secretsmanager", "get_secret_value", SecretId="none"),
            answer_to("cognito-idp", "list_user_pools", MaxResults=1),
            answer_to("lambda", "list_functions"),
        ]


def calls_of_plain_rows() -> list[tuple[str, dict[str, Any]]]:
    """Return calls of rows without binary values, with each kind of member that a response can have."""
    plain = {name: value for name, value in ROW.items() if name != "raw"} | {"SK": {"S": "plain"}}
    key = {name: plain[name] for name in KEY}
    update = {
        "TableName": "rows",
        "Key": key,
        "UpdateExpression": "SET tags = :t, n = n + :one REMOVE nested",
    }
    values = {":t": {"SS": ["c"]}, ":one": {"N": "1"}}
    get = {"TableName": "rows", "Key": key}
    return [
        ("put_item", {"TableName": "rows", "Item": plain, "ReturnValues": "ALL_OLD"}),
        ("put_item", {"TableName": "rows", "Item": plain, "ReturnValues": "ALL_OLD"}),
        *(
            ("update_item", {**update, "ExpressionAttributeValues": values, "ReturnValues": kind})
            for kind in ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
        ),
        ("get_item", {**get, "Key": {**key, "SK": {"S": "none"}}}),
        *(("get_item", {**get, "ReturnConsumedCapacity": kind}) for kind in ("NONE", "TOTAL", "INDEXES")),
        ("get_item", {**get, "ProjectionExpression": "n, tags"}),
        ("query", {"TableName": "rows", **PLAIN_QUERY}),
        ("query", {"TableName": "rows", **PLAIN_QUERY, "Limit": 1}),
        ("query", {"TableName": "rows", **PLAIN_QUERY, "Select": "COUNT"}),
        ("query", {"TableName": "rows", **PLAIN_QUERY, "ExpressionAttributeValues": {":pk": {"S": "none"}}}),
        ("scan", {"TableName": "rows", "Limit": 1}),
        ("batch_get_item", {"RequestItems": {"rows": {"Keys": [key, {**key, "SK": {"S": "none"}}]}}}),
        ("transact_get_items", {"TransactItems": [{"Get": get}, {"Get": {**get, "Key": KEY}}]}),
        ("batch_write_item", {"RequestItems": {"rows": [{"DeleteRequest": {"Key": key}}]}}),
        ("transact_write_items", {"TransactItems": [{"Put": {"TableName": "rows", "Item": plain}}]}),
        ("delete_item", {**get, "ReturnValues": "ALL_OLD"}),
        ("delete_item", {**get, "ReturnValues": "ALL_OLD"}),
    ]


def test_every_service_gives_the_same_responses() -> None:
    found = answers()
    with pytest.MonkeyPatch.context() as patch:
        for owner, name, original in ORIGINALS:
            assert getattr(owner, name) != original, f"{name} is not replaced in tests"
            patch.setattr(owner, name, original)
        expected = answers()
    assert found == expected
    assert [
        answer["Error"]["Code"] for answer in found if isinstance(answer, dict) and "Error" in answer
    ] == [
        "ConditionalCheckFailedException",
        "TransactionCanceledException",
        "ResourceNotFoundException",
        "ValidationException",
        "AWS.SimpleQueueService.NonExistentQueue",
        "404",
        "ResourceNotFoundException",
    ]


def test_a_call_of_items_builds_no_web_request(monkeypatch: pytest.MonkeyPatch) -> None:
    with mock_aws(), as_operator():
        answer_to("dynamodb", "create_table", **TABLE)
        monkeypatch.delattr(Request, "from_primitives")
        calls = calls_of_plain_rows()
        assert {operation: answer_to("dynamodb", operation, **given) for operation, given in calls}


def test_a_request_s_environment_is_that_of_moto() -> None:
    headers = HTTPHeaders()
    for name, value in {
        "X-Amz-Target": "DynamoDB_20120810.GetItem",
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Length": "15",
        "User-Agent": b"contacts",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/dynamodb/aws4_request",
    }.items():
        headers[name] = value
    body = '{"a": "é&b=c"}'.encode()
    (build,) = (original for _, name, original in ORIGINALS if name == "from_primitives")
    theirs = build("POST", DYNAMODB, headers, body)
    ours = Request(environ_of("POST", DYNAMODB, headers, body))
    own = {"wsgi.input", "werkzeug.request", DIRECT}
    assert {name: value for name, value in ours.environ.items() if name not in own} == {
        name: value for name, value in theirs.environ.items() if name not in own
    }
    assert ours.get_data() == theirs.get_data() == body
    assert ours.raw_url == theirs.raw_url == DYNAMODB
