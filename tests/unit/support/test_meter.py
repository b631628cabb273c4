"""The meter's units, compared with numbers calculated by hand from DynamoDB's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.aws import Stack
from tests.support.faults import call, injecting, lost_answer, throttle, unprocessed
from tests.support.item_size import item_size, number_size
from tests.support.meter import Cost, meter
from tests.support.tenant_guard import acting_for

# PK 2 + 8, SK 2 + 7 = 19 bytes of key in the rows made by the `item` fixture.
KEY_BYTES = 19


@pytest.fixture(autouse=True)
def as_tenant() -> Iterator[None]:
    with acting_for("t1", prefixes=("DUE#",)):
        yield


def sized(total: int) -> dict[str, Any]:
    """Return an attribute "d" that makes a row of the `item` fixture `total` bytes large."""
    return {"d": {"S": "x" * (total - KEY_BYTES - 1)}}


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"name": {"S": "é"}}, 4 + 2),
        ({"n": {"N": "0"}}, 1 + 1),
        ({"n": {"N": "100"}}, 1 + 2),
        ({"n": {"N": "-12.30"}}, 1 + 4),
        ({"b": {"B": b"123"}}, 1 + 3),
        ({"b": {"BOOL": True}, "z": {"NULL": True}}, 2 + 2),
        ({"s": {"SS": ["ab", "c"]}}, 1 + 3),
        ({"l": {"L": []}}, 1 + 3),
        ({"l": {"L": [{"S": "ab"}, {"N": "5"}]}}, 1 + 3 + (1 + 2) + (1 + 2)),
        ({"m": {"M": {"k": {"S": "ab"}}}}, 1 + 3 + (1 + 1 + 2)),
    ],
)
def test_items_are_sized_by_name_and_value(attributes: dict[str, Any], size: int) -> None:
    assert item_size(attributes) == size


def test_numbers_take_a_byte_for_two_digits_and_one_more() -> None:
    assert [number_size(text) for text in ("1", "12", "123", "1e10", "0.001", "-5")] == [2, 2, 3, 2, 2, 3]


@pytest.mark.parametrize(("size", "units"), [(1024, 1), (1025, 2), (10_000, 10)])
def test_a_put_costs_a_unit_for_each_kilobyte(
    dynamodb: Any, item: Callable[..., Any], size: int, units: int
) -> None:
    with meter() as m:
        dynamodb.put_item(**item(**sized(size)))
    assert m.by_operation["PutItem"] == Cost(calls=1, write=units)


def test_the_larger_of_before_and_after_is_paid(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    dynamodb.put_item(**item(**sized(5000)))
    key = {"PK": item()["Item"]["PK"], "SK": item()["Item"]["SK"]}
    with meter() as m:
        dynamodb.put_item(**item(**sized(30)))
    assert m.write == 5
    with meter() as m:
        dynamodb.update_item(
            TableName=stack.table_name,
            Key=key,
            UpdateExpression="SET d = :d",
            ExpressionAttributeValues={":d": {"S": "y" * 3000}},
        )
    assert m.write == 3
    with meter() as m:
        dynamodb.delete_item(TableName=stack.table_name, Key=key)
        dynamodb.delete_item(TableName=stack.table_name, Key=key)
    assert m.by_operation["DeleteItem"] == Cost(calls=2, write=3 + 1)


def test_a_condition_that_fails_costs_the_write(dynamodb: Any, item: Callable[..., Any]) -> None:
    dynamodb.put_item(**item(**sized(2500)))
    with meter() as m, pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(**item(), ConditionExpression="attribute_not_exists(PK)")
    assert m.write == 3


@pytest.mark.parametrize(("size", "strong", "eventual"), [(4096, 1, 0.5), (4097, 2, 1), (9000, 3, 1.5)])
def test_a_read_costs_a_unit_for_four_kilobytes_and_half_when_eventual(
    stack: Stack, dynamodb: Any, item: Callable[..., Any], size: int, strong: float, eventual: float
) -> None:
    row = item(**sized(size))
    dynamodb.put_item(**row)
    key = {"PK": row["Item"]["PK"], "SK": row["Item"]["SK"]}
    with meter() as m:
        dynamodb.get_item(TableName=stack.table_name, Key=key, ConsistentRead=True)
    assert m.read == strong
    with meter() as m:
        # A projection saves nothing.
        dynamodb.get_item(TableName=stack.table_name, Key=key, ProjectionExpression="SK")
    assert m.read == eventual
    with meter() as m:
        dynamodb.transact_get_items(TransactItems=[{"Get": {"TableName": stack.table_name, "Key": key}}])
    assert m.read == 2 * strong


def test_each_item_of_a_batch_is_rounded_by_itself_and_a_missing_one_costs_too(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    keys = []
    for number in range(3):
        row = item(sk=f"ROW#{number}", d={"S": "x" * 100})
        dynamodb.put_item(**row)
        keys.append({name: row["Item"][name] for name in ("PK", "SK")})
    keys.append({**keys[0], "SK": {"S": "missing"}})
    with meter() as m:
        dynamodb.batch_get_item(RequestItems={stack.table_name: {"Keys": keys}})
    assert m.read == 4 * 0.5
    with meter() as m, injecting(unprocessed(done=1)):
        dynamodb.batch_get_item(RequestItems={stack.table_name: {"Keys": keys, "ConsistentRead": True}})
    assert m.read == 1


def test_a_query_pays_for_all_it_went_through_rounded_once(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    for number in range(10):
        dynamodb.put_item(**item(sk=f"ROW#{number:02}", n={"N": str(number)}, d={"S": "x" * 977}))
    # PK 10, SK 8, n 3 (2 for 0), d 978: 10 rows are 9,989 bytes, 3 steps; 4 rows are under one step.
    query = {
        "TableName": stack.table_name,
        "KeyConditionExpression": "PK = :p",
        "ExpressionAttributeValues": {":p": {"S": "T#t1#C#1"}},
    }
    with meter() as m:
        dynamodb.query(**query, ConsistentRead=True)
    assert m.by_operation["Query"] == Cost(calls=1, read=3, scanned=10)
    narrow = {**query, "ExpressionAttributeValues": {":p": {"S": "T#t1#C#1"}, ":n": {"N": "8"}}}
    with meter() as m:
        found = dynamodb.query(**narrow, FilterExpression="n > :n", ProjectionExpression="SK")
    assert found["Count"] == 1
    assert m.by_operation["Query"] == Cost(calls=1, read=1.5, scanned=10)
    with meter() as m:
        dynamodb.query(**query, Limit=4)
    assert m.by_operation["Query"] == Cost(calls=1, read=0.5, scanned=4)
    with meter() as m:
        dynamodb.query(**{**query, "ExpressionAttributeValues": {":p": {"S": "T#t1#nothing"}}})
    assert m.by_operation["Query"] == Cost(calls=1, read=0.5)


def test_a_query_within_a_range_counts_the_range_alone(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    for number in range(10):
        dynamodb.put_item(**item(sk=f"ROW#{number:02}"))
    with meter() as m:
        dynamodb.query(
            TableName=stack.table_name,
            KeyConditionExpression="PK = :p AND SK > :s",
            ExpressionAttributeValues={":p": {"S": "T#t1#C#1"}, ":s": {"S": "ROW#06"}},
        )
    assert m.scanned == 3


def test_a_transaction_costs_double_checks_included_and_its_repetition_reads(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    dynamodb.put_item(**item(sk="CHECKED"))
    check = {
        "TableName": stack.table_name,
        "Key": {"PK": {"S": "T#t1#C#1"}, "SK": {"S": "CHECKED"}},
        "ConditionExpression": "attribute_exists(PK)",
    }
    actions = [{"Put": item(**sized(1500))}, {"ConditionCheck": check}]
    with meter() as m:
        dynamodb.transact_write_items(TransactItems=actions, ClientRequestToken="same")
    assert m.by_operation["TransactWriteItems"] == Cost(calls=1, write=2 * 2 + 2 * 1)
    with meter() as m:
        dynamodb.transact_write_items(TransactItems=actions, ClientRequestToken="same")
    assert m.by_operation["TransactWriteItems"] == Cost(calls=1, read=2 * 1 + 2 * 1)


def test_a_keys_only_index_is_written_when_its_entry_changes(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    def due(shard: str, at: str, **more: Any) -> dict[str, Any]:
        return item(WPK={"S": shard}, WSK={"S": at}, **more)

    def index_units(row: dict[str, Any]) -> float:
        with meter() as m:
            dynamodb.put_item(**row)
        return m.total.index_write

    assert index_units(item(n={"N": "1"})) == 0, "a sparse index holds nothing for a row without its keys"
    assert index_units(due("DUE#1", "2030")) == 1, "an entry comes"
    assert index_units(due("DUE#1", "2030", n={"N": "2"})) == 0, "nothing projected changed"
    assert index_units(due("DUE#1", "2031")) == 2, "the key moves: one out, one in"
    assert index_units(item()) == 1, "the entry goes"
    with meter() as m:
        dynamodb.transact_write_items(TransactItems=[{"Put": due("DUE#2", "2030")}])
    assert m.total == Cost(calls=1, write=2 + 1, index_write=1)
    assert m.write_by_partition == {"T#t1#C#1": 2, "work:DUE#2": 1}


def test_units_are_booked_on_their_partitions(dynamodb: Any, item: Callable[..., Any]) -> None:
    with meter() as m:
        dynamodb.put_item(**item())
        dynamodb.put_item(**item(sk="OTHER"))
        dynamodb.put_item(**item(pk="T#t1#LIST#created"))
    assert m.write_by_partition == {"T#t1#C#1": 2, "T#t1#LIST#created": 1}


def test_only_what_was_carried_out_is_paid(stack: Stack, dynamodb: Any, item: Callable[..., Any]) -> None:
    with meter() as m, injecting(throttle(call("dynamodb"), times=3)):
        dynamodb.put_item(**item())
    assert m.by_operation["PutItem"] == Cost(calls=1, write=1)
    with meter() as m, injecting(lost_answer(call("dynamodb"))):
        dynamodb.put_item(**item())
    assert m.by_operation["PutItem"] == Cost(calls=2, write=2)
    requests = [{"PutRequest": {"Item": item(sk=str(number))["Item"]}} for number in range(5)]
    with meter() as m, injecting(unprocessed(done=2)):
        dynamodb.batch_write_item(RequestItems={stack.table_name: requests})
    assert m.write == 2


def test_binary_values_are_measured_as_bytes(dynamodb: Any, item: Callable[..., Any]) -> None:
    with meter() as m:
        dynamodb.put_item(**item(d={"B": b"\0" * 1000}))
    assert m.write == 1, "1,020 bytes; as base64 it would be two units"
