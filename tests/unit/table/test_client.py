"""The DynamoDB client sends the same requests as botocore's own, to the same address."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from shared.wiring.base import aws_client, aws_session
from shared.wiring.kept import reset_wiring
from tests.support.tenant_guard import as_operator

KEY = {"PK": {"S": "T#t1#C#1"}, "SK": {"S": "CONTACT"}}
REQUESTS: dict[str, dict[str, Any]] = {
    "get_item": {"TableName": "contacts", "Key": KEY},
    "put_item": {"TableName": "contacts", "Item": KEY},
    "update_item": {"TableName": "contacts", "Key": KEY, "UpdateExpression": "SET a = b"},
    "query": {"TableName": "contacts", "KeyConditionExpression": "PK = :pk"},
    "batch_get_item": {"RequestItems": {"contacts": {"Keys": [KEY]}}},
    "batch_write_item": {"RequestItems": {"contacts": [{"PutRequest": {"Item": KEY}}]}},
    "transact_write_items": {
        "ClientRequestToken": "t",
        "TransactItems": [
            {"Put": {"TableName": "contacts", "Item": KEY}},
            {"Update": {"TableName": "contacts", "Key": KEY, "UpdateExpression": "SET a = b"}},
        ],
    },
}


def capture_request(client: Any, operation: str) -> tuple[str, Any]:
    """Return the address and the body of a request."""
    seen: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        seen.append(request)

        class Raw:
            def stream(self, **_: Any) -> list[bytes]:
                return [b"{}"]

        return AWSResponse(request.url, 200, {}, Raw())

    client.meta.events.register_first("before-send.dynamodb.*", answer)
    with as_operator():
        getattr(client, operation)(**REQUESTS[operation])
    client.meta.events.unregister("before-send.dynamodb.*", answer)
    return seen[0].url, json.loads(seen[0].body)


@pytest.mark.parametrize("operation", REQUESTS)
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "cn-north-1"])
def test_requests_go_where_botocore_s_own_client_sends_them(
    monkeypatch: pytest.MonkeyPatch, operation: str, region: str
) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_DEFAULT_REGION", region),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    reset_wiring()
    own = aws_session().create_client("dynamodb")
    assert capture_request(aws_client("dynamodb"), operation) == capture_request(own, operation)
    reset_wiring()
