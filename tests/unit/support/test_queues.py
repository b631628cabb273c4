"""The queue driver deletes what succeeded, releases what did not, and leaves the rest to the redrive policy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.aws import Stack
from tests.support.faults import Killed
from tests.support.queues import tenants_named_in
from tests.support.tenant_guard import LeadingKeyViolation, TenantGuard


def send(stack: Stack, *bodies: Any, **attributes: str) -> None:
    for body in bodies:
        stack.client("sqs").send_message(
            QueueUrl=stack.queue_url("Queue"),
            MessageBody=json.dumps(body),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )


def test_the_event_has_the_shape_lambda_gives_it(stack: Stack) -> None:
    events = []
    send(stack, {"n": 1}, tenant_id="t1")
    driver = stack.queue_driver("QueueFunction", lambda event, context: events.append(event))
    assert (driver.batch_size, driver.report_failures) == (2, True)
    assert driver.pump() == 1
    (record,) = events[0]["Records"]
    assert json.loads(record["body"]) == {"n": 1}
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= set(record["attributes"])
    assert record["messageAttributes"]["tenant_id"]["stringValue"] == "t1"
    assert record["messageAttributes"]["tenant_id"]["dataType"] == "String"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:contacts-Queue"
    assert stack.messages_in("Queue") == 0


def test_a_named_failure_alone_comes_again_until_it_is_a_dead_letter(stack: Stack) -> None:
    seen = []

    def handler(event: dict[str, Any], context: Any) -> Any:
        failures = []
        for record in event["Records"]:
            seen.append(json.loads(record["body"]))
            if seen[-1] == "bad":
                failures.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failures}

    send(stack, "good", "bad")
    driver = stack.queue_driver("QueueFunction", handler)
    assert driver.pump() == 1
    assert sorted(seen) == ["bad", "bad", "bad", "good"], "the queue's maxReceiveCount is 3"
    assert stack.messages_in("Queue") == 0
    assert stack.messages_in("DeadLetters") == 1


@pytest.mark.parametrize("error", [RuntimeError("broken"), Killed()])
def test_a_handler_that_raises_or_dies_gets_the_whole_batch_again(stack: Stack, error: BaseException) -> None:
    batches = []

    def handler(event: dict[str, Any], context: Any) -> None:
        batches.append(sorted(record["body"] for record in event["Records"]))
        if len(batches) == 1:
            raise error

    send(stack, 1, 2)
    driver = stack.queue_driver("QueueFunction", handler)
    assert driver.pump() == 2
    assert batches == [["1", "2"], ["1", "2"]]
    assert driver.errors == [error]


def test_a_malformed_report_fails_the_batch(stack: Stack) -> None:
    calls = []

    def handler(event: dict[str, Any], context: Any) -> Any:
        calls.append(event)
        return {"batchItemFailures": [{"itemIdentifier": "nothing of ours"}]} if len(calls) == 1 else None

    send(stack, 1)
    stack.queue_driver("QueueFunction", handler).pump()
    assert len(calls) == 2


def test_a_handler_may_touch_the_tenant_its_message_names_alone(
    stack: Stack, tenant_guard: TenantGuard
) -> None:
    def reading(*tenants: str) -> Any:
        def handler(event: dict[str, Any], context: Any) -> None:
            for tenant in tenants:
                key = {"PK": {"S": f"T#{tenant}#TENANT"}, "SK": {"S": "TENANT"}}
                stack.client("dynamodb").get_item(TableName=stack.table_name, Key=key)

        return handler

    send(stack, {"detail": {"tenant_id": "t1"}})
    assert stack.queue_driver("QueueFunction", reading("t1")).pump() == 1
    send(stack, {"detail": {"tenant_id": "t1"}})
    with tenant_guard.expecting_violations(), pytest.raises(LeadingKeyViolation):
        stack.queue_driver("QueueFunction", reading("t2")).pump()


def test_a_handler_of_a_message_without_a_tenant_may_touch_one(
    stack: Stack, tenant_guard: TenantGuard
) -> None:
    def handler(event: dict[str, Any], context: Any) -> None:
        for tenant in ("t5", "t5", "t6"):
            key = {"PK": {"S": f"T#{tenant}#TENANT"}, "SK": {"S": "TENANT"}}
            stack.client("dynamodb").get_item(TableName=stack.table_name, Key=key)

    send(stack, {"no": "tenant"})
    with tenant_guard.expecting_violations() as seen, pytest.raises(LeadingKeyViolation):
        stack.queue_driver("QueueFunction", handler).pump()
    assert "t6" in seen[0]


def test_tenants_are_found_in_attributes_and_anywhere_in_the_body() -> None:
    attribute = {"tenant_id": {"StringValue": "t1", "DataType": "String"}}
    body = json.dumps({"detail": {"tenant_id": "t2"}, "list": [{"tenant_id": "t3"}]})
    assert tenants_named_in({"MessageAttributes": attribute, "Body": body}) == {"t1", "t2", "t3"}
    assert tenants_named_in({"Body": "no JSON"}) == set()
