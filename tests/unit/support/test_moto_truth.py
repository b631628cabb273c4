"""DynamoDB's guarantees that moto alone does not keep."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from moto import mock_aws

from tests.support.aws import Stack
from tests.support.clients import client
from tests.support.cpu_time import cpu_seconds
from tests.support.moto_truth import TOKEN_LIFETIME, truthful_moto
from tests.support.streams import records_of
from tests.support.tenant_guard import acting_for


@pytest.fixture(autouse=True)
def as_tenant() -> Iterator[None]:
    with acting_for("t1"):
        yield


def test_a_token_used_again_answers_success_and_writes_nothing(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    put = {"Put": {**item(), "ConditionExpression": "attribute_not_exists(PK)"}}
    dynamodb.transact_write_items(TransactItems=[put], ClientRequestToken="a")
    dynamodb.transact_write_items(TransactItems=[put], ClientRequestToken="a")
    assert len(records_of(stack.table_name)) == 1


def test_a_token_used_for_something_else_is_refused(dynamodb: Any, item: Callable[..., Any]) -> None:
    dynamodb.transact_write_items(TransactItems=[{"Put": item()}], ClientRequestToken="a")
    with pytest.raises(dynamodb.exceptions.IdempotentParameterMismatchException):
        dynamodb.transact_write_items(TransactItems=[{"Put": item(sk="OTHER")}], ClientRequestToken="a")


def test_a_token_is_forgotten_after_ten_minutes() -> None:
    now = [0.0]
    with mock_aws(), truthful_moto(lambda: now[0]):
        dynamodb = client("dynamodb")
        dynamodb.create_table(
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        )
        put = {
            "TableName": "t",
            "Item": {"PK": {"S": "T#t1#C#1"}},
            "ConditionExpression": "attribute_not_exists(PK)",
        }
        dynamodb.transact_write_items(TransactItems=[{"Put": put}], ClientRequestToken="a")
        now[0] = TOKEN_LIFETIME - 1
        dynamodb.transact_write_items(TransactItems=[{"Put": put}], ClientRequestToken="a")
        now[0] = TOKEN_LIFETIME
        with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
            dynamodb.transact_write_items(TransactItems=[{"Put": put}], ClientRequestToken="a")


def test_a_token_whose_transaction_was_cancelled_may_be_used_again(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    needs_other = {
        "ConditionCheck": {
            "TableName": stack.table_name,
            "Key": {"PK": {"S": "T#t1#C#1"}, "SK": {"S": "OTHER"}},
            "ConditionExpression": "attribute_exists(PK)",
        }
    }
    actions = [{"Put": item()}, needs_other]
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(TransactItems=actions, ClientRequestToken="a")
    dynamodb.put_item(**item(sk="OTHER"))
    dynamodb.transact_write_items(TransactItems=actions, ClientRequestToken="a")


def test_a_cancelled_transaction_leaves_no_trace_in_table_or_stream(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    dynamodb.put_item(**item(n={"N": "1"}))
    dynamodb.put_item(**item(sk="GOES"))
    key = {"PK": {"S": "T#t1#C#1"}}
    actions = [
        {
            "Update": {
                "TableName": stack.table_name,
                "Key": {**key, "SK": {"S": "CONTACT"}},
                "UpdateExpression": "SET n = :n",
                "ExpressionAttributeValues": {":n": {"N": "2"}},
            }
        },
        {"Put": item(sk="NEW")},
        {"Delete": {"TableName": stack.table_name, "Key": {**key, "SK": {"S": "GOES"}}}},
        {
            "ConditionCheck": {
                "TableName": stack.table_name,
                "Key": {**key, "SK": {"S": "MISSING"}},
                "ConditionExpression": "attribute_exists(PK)",
            }
        },
    ]
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        dynamodb.transact_write_items(TransactItems=actions)
    reasons = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert reasons == ["None", "None", "None", "ConditionalCheckFailed"]
    found = dynamodb.query(
        TableName=stack.table_name,
        KeyConditionExpression="PK = :p",
        ExpressionAttributeValues={":p": {"S": "T#t1#C#1"}},
    )["Items"]
    assert [(row["SK"]["S"], row.get("n")) for row in found] == [("CONTACT", {"N": "1"}), ("GOES", None)]
    assert [record["eventName"] for record in records_of(stack.table_name)] == ["INSERT", "INSERT"]


def test_concurrent_transactions_do_not_undo_one_another(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    start = threading.Barrier(16)

    def race(number: int) -> bool:
        start.wait()
        lock = {**item(sk="LOCK"), "ConditionExpression": "attribute_not_exists(PK)"}
        dynamodb.put_item(**item(sk=f"ALONE#{number}"))
        try:
            dynamodb.transact_write_items(TransactItems=[{"Put": item(sk=f"ROW#{number}")}, {"Put": lock}])
        except dynamodb.exceptions.TransactionCanceledException:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(race, range(16)))
    assert won.count(True) == 1
    found = dynamodb.query(
        TableName=stack.table_name,
        KeyConditionExpression="PK = :p",
        ExpressionAttributeValues={":p": {"S": "T#t1#C#1"}},
    )["Items"]
    assert len(found) == 16 + 2


def test_a_transaction_takes_as_long_in_a_full_table_as_in_an_empty_one(
    dynamodb: Any, item: Callable[..., Any]
) -> None:
    def of_twenty(name: str) -> float:
        def write() -> None:
            for number in range(20):
                dynamodb.transact_write_items(TransactItems=[{"Put": item(sk=f"{name}#{number}")}])

        return cpu_seconds(write)

    first = min(of_twenty(f"A{number}") for number in range(3))
    for number in range(40):
        requests = [{"PutRequest": {"Item": item(sk=f"B{number}#{row}")["Item"]}} for row in range(25)]
        dynamodb.batch_write_item(RequestItems={item()["TableName"]: requests})
    assert min(of_twenty(f"C{number}") for number in range(3)) < 4 * first


def test_a_between_whose_lower_bound_is_above_the_upper_one_is_refused(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    texts = {":pk": {"S": "T#t1#C#1"}, ":low": {"S": "b"}, ":high": {"S": "a"}}
    condition = "PK = :pk AND SK BETWEEN :low AND :high"
    given = {"TableName": stack.table_name, "KeyConditionExpression": condition}
    with pytest.raises(dynamodb.exceptions.ClientError, match="upper bound"):
        dynamodb.query(**given, ExpressionAttributeValues=texts)
    assert dynamodb.query(**given, ExpressionAttributeValues={**texts, ":high": {"S": "b"}})["Items"] == []
    numbers = {":low": {"N": "10"}, ":high": {"N": "9"}}
    put = {**item(), "ConditionExpression": "n BETWEEN :low AND :high", "ExpressionAttributeValues": numbers}
    with pytest.raises(dynamodb.exceptions.ClientError, match="upper bound"):
        dynamodb.transact_write_items(TransactItems=[{"Put": put}])


def test_a_query_that_ends_at_its_limit_says_so_though_nothing_follows(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    for number in range(4):
        dynamodb.put_item(**item(sk=f"ROW#{number}", n={"N": str(number)}))
    query = {
        "TableName": stack.table_name,
        "KeyConditionExpression": "PK = :p",
        "ExpressionAttributeValues": {":p": {"S": "T#t1#C#1"}},
    }
    last = {"PK": {"S": "T#t1#C#1"}, "SK": {"S": "ROW#3"}}
    assert dynamodb.query(**query, Limit=4)["LastEvaluatedKey"] == last
    assert "LastEvaluatedKey" not in dynamodb.query(**query, Limit=5)
    values = {":p": {"S": "T#t1#C#1"}, ":n": {"N": "0"}}
    filtered = dynamodb.query(
        **{**query, "ExpressionAttributeValues": values}, FilterExpression="n = :n", Limit=4
    )
    assert filtered["Count"] == 1
    assert filtered["LastEvaluatedKey"] == last
    assert dynamodb.query(**query, Limit=4, ExclusiveStartKey=last)["Items"] == []


@pytest.mark.parametrize(
    ("value", "is_between"),
    [
        ({"N": "5"}, True),
        ({"N": "1"}, True),
        ({"N": "10"}, False),
        ({"S": "5"}, False),
        ({"M": {}}, False),
        (None, False),
    ],
)
def test_a_value_of_another_type_or_none_is_not_between_two(
    dynamodb: Any, item: Callable[..., Any], value: dict[str, Any] | None, is_between: bool
) -> None:
    put = item()
    if value is not None:
        put["Item"]["x"] = value
    dynamodb.put_item(**put)
    key = {name: put["Item"][name] for name in ("PK", "SK")}
    for condition, holds in (
        ("x BETWEEN :a AND :b", is_between),
        ("NOT (x BETWEEN :a AND :b)", not is_between),
    ):
        request = {
            "TableName": put["TableName"],
            "Key": key,
            "UpdateExpression": "SET y = :a",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {":a": {"N": "1"}, ":b": {"N": "9"}},
        }
        if holds:
            dynamodb.update_item(**request)
        else:
            with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
                dynamodb.update_item(**request)
