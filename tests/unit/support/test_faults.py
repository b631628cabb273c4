"""Faults take effect between botocore and the service, so that its own retries react to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.support.aws import Stack, stack_in_moto
from tests.support.faults import (
    Killed,
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    calls_of,
    injecting,
    kill_after,
    kill_before,
    kill_points,
    lost_answer,
    server_error,
    throttle,
    transaction_conflict,
    unprocessed,
    unreachable,
)
from tests.support.template import Template
from tests.support.tenant_guard import acting_for

ADD_ONE = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
KEY = {"PK": {"S": "T#t1#C#1"}, "SK": {"S": "CONTACT"}}


@pytest.fixture(autouse=True)
def as_tenant() -> Iterator[None]:
    with acting_for("t1"):
        yield


def stored(stack: Stack, key: dict[str, Any] = KEY) -> dict[str, Any] | None:
    item: dict[str, Any] | None = (
        stack.client("dynamodb").get_item(TableName=stack.table_name, Key=key).get("Item")
    )
    return item


def test_a_throttled_call_is_retried_by_botocore_until_it_passes(
    stack: Stack, dynamodb: Any, item: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with injecting(throttle(call("dynamodb", "PutItem"), times=3)) as injector:
        answer = dynamodb.put_item(**item())
    assert answer["ResponseMetadata"]["RetryAttempts"] == 3
    assert injector.calls == ["dynamodb.PutItem"] * 4
    assert pauses == []
    assert stored(stack)


def test_throttling_without_end_is_the_service_s_own_error(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    with injecting(throttle(times=None)), pytest.raises(ClientError) as caught:
        dynamodb.put_item(**item())
    assert caught.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
    assert isinstance(caught.value, dynamodb.exceptions.ProvisionedThroughputExceededException)
    assert stored(stack) is None


@pytest.mark.parametrize(
    ("service", "run"),
    [
        ("sqs", lambda c, s: c.send_message(QueueUrl=s.queue_url("Queue"), MessageBody="x")),
        ("sns", lambda c, s: c.publish(TopicArn=s.ref("Topic"), Message="x")),
        ("s3", lambda c, s: c.put_object(Bucket=s.ref("Bucket"), Key="k", Body=b"x")),
        ("events", lambda c, s: c.put_events(Entries=[{"Source": "x", "DetailType": "y", "Detail": "{}"}])),
    ],
)
def test_each_service_s_throttle_is_understood_and_retried(stack: Stack, service: str, run: Any) -> None:
    client = stack.client(service)
    with injecting(throttle(call(service), times=2)) as injector:
        run(client, stack)
    assert len(injector.calls) == 3


def test_a_lost_answer_lets_botocore_do_the_write_twice(stack: Stack, dynamodb: Any) -> None:
    with injecting(lost_answer(call("dynamodb", "UpdateItem"))) as injector:
        dynamodb.update_item(TableName=stack.table_name, Key=KEY, **ADD_ONE)
    assert injector.calls == ["dynamodb.UpdateItem"] * 2
    assert (stored(stack) or {})["n"] == {"N": "2"}, (
        "a plain ADD counts twice: it was carried out and sent again"
    )


def test_a_lost_answer_of_a_transaction_is_made_good_by_its_token(stack: Stack, dynamodb: Any) -> None:
    update = {"Update": {"TableName": stack.table_name, "Key": KEY, **ADD_ONE}}
    with injecting(lost_answer(call("dynamodb", "TransactWriteItems"), timeout=True)) as injector:
        dynamodb.transact_write_items(TransactItems=[update])
    assert injector.calls == ["dynamodb.TransactWriteItems"] * 2
    assert (stored(stack) or {})["n"] == {"N": "1"}


def test_an_unreachable_service_is_a_transport_error_and_nothing_is_done(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    with injecting(unreachable(call("dynamodb"))), pytest.raises(EndpointConnectionError):
        dynamodb.put_item(**item())
    assert stored(stack) is None


def test_a_server_error_is_retried(dynamodb: Any, item: Callable[..., Any]) -> None:
    with injecting(server_error(times=1)) as injector:
        dynamodb.put_item(**item())
    assert len(injector.calls) == 2


def test_a_transaction_conflict_names_the_item(stack: Stack, dynamodb: Any, item: Callable[..., Any]) -> None:
    cancelled = dynamodb.exceptions.TransactionCanceledException
    with injecting(transaction_conflict()), pytest.raises(cancelled) as caught:
        dynamodb.transact_write_items(TransactItems=[{"Put": item()}, {"Put": item(sk="other")}])
    reasons = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert reasons == ["TransactionConflict", "None"]
    assert stored(stack) is None


def test_killed_before_the_call_it_is_not_done_and_after_it_it_is(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    with injecting(kill_before(call("dynamodb", "PutItem"), at=1)), pytest.raises(Killed):
        dynamodb.put_item(**item())
    assert stored(stack) is None
    with injecting(kill_after(call("dynamodb", "PutItem"), at=1)), pytest.raises(Killed):
        dynamodb.put_item(**item())
    assert stored(stack)


def test_unprocessed_writes_are_handed_back_and_not_done(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    requests = [{"PutRequest": {"Item": item(sk=str(number))["Item"]}} for number in range(5)]
    with injecting(unprocessed(done=2)):
        answer = dynamodb.batch_write_item(RequestItems={stack.table_name: requests})
    left = answer["UnprocessedItems"][stack.table_name]
    assert left == requests[2:]
    assert [stored(stack, {**KEY, "SK": {"S": str(number)}}) is not None for number in range(5)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_unprocessed_reads_are_handed_back(stack: Stack, dynamodb: Any, item: Callable[..., Any]) -> None:
    keys = []
    for number in range(4):
        dynamodb.put_item(**item(sk=str(number)))
        keys.append({**KEY, "SK": {"S": str(number)}})
    with injecting(unprocessed(done=1)):
        answer = dynamodb.batch_get_item(
            RequestItems={stack.table_name: {"Keys": keys, "ConsistentRead": True}}
        )
    assert len(answer["Responses"][stack.table_name]) == 1
    assert answer["UnprocessedKeys"][stack.table_name] == {"Keys": keys[1:], "ConsistentRead": True}


def test_a_fault_that_met_no_call_fails_the_test(dynamodb: Any, item: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError, match="no call met"), injecting(throttle(call("dynamodb", "Query"))):
        dynamodb.put_item(**item())


def work(stack: Stack) -> None:
    """Three calls whose repetition must change nothing: counted once because of a marker in the same transaction."""
    client = stack.client("dynamodb")
    marker = {"PK": {"S": "T#t1#C#1"}, "SK": {"S": "SEEN"}}
    if "Item" not in client.get_item(TableName=stack.table_name, Key=marker):
        client.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": stack.table_name,
                        "Item": marker,
                        "ConditionExpression": "attribute_not_exists(PK)",
                    }
                },
                {"Update": {"TableName": stack.table_name, "Key": KEY, **ADD_ONE}},
            ]
        )
    client.put_item(TableName=stack.table_name, Item={**KEY, "SK": {"S": "LAST"}})


def careless_work(stack: Stack) -> None:
    client = stack.client("dynamodb")
    client.update_item(TableName=stack.table_name, Key=KEY, **ADD_ONE)
    client.put_item(TableName=stack.table_name, Item={**KEY, "SK": {"S": "LAST"}})


def state(stack: Stack) -> tuple[Any, bool]:
    last = stored(stack, {**KEY, "SK": {"S": "LAST"}})
    return (stored(stack) or {}).get("n"), last is not None


def test_kill_points_are_every_boundary_between_calls(stack: Stack) -> None:
    points = kill_points(lambda: work(stack))
    assert [str(point) for point in points] == [
        "before call 1 (dynamodb.GetItem)",
        "before call 2 (dynamodb.TransactWriteItems)",
        "before call 3 (dynamodb.PutItem)",
        "after call 3 (dynamodb.PutItem)",
    ]
    assert len(kill_points(lambda: work(stack), both_sides=True)) == 4, "the second run makes two calls"
    assert calls_of(lambda: work(stack)) == ["dynamodb.GetItem", "dynamodb.PutItem"]
    assert points[2].kill(lambda: work(stack)) is False, "this run never comes to a third call"


def test_idempotent_work_survives_a_kill_at_every_boundary_and_careless_work_does_not(
    sample: Template,
) -> None:
    @contextmanager
    def world() -> Iterator[Stack]:
        with stack_in_moto(sample) as made:
            yield made

    assert assert_same_after_kills(world, work, state, both_sides=True) == 6
    assert assert_same_under_throttling(world, work, state) == 3
    with pytest.raises(AssertionError, match="killed before call 2"):
        assert_same_after_kills(world, careless_work, state)
    with pytest.raises(AssertionError, match="killed before call 3"):
        assert_same_after_kills(world, work, state, is_atomic=True)
