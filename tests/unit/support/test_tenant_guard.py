"""The LeadingKeys guard lets a caller reach only its own tenant's keys (check 49)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import botocore.session
import pytest

from tests.support.aws import Stack
from tests.support.tenant_guard import (
    LeadingKeyViolation,
    TenantGuard,
    acting_for,
    acting_for_system,
    as_operator,
    inferring_tenant,
)

OWN = {"PK": {"S": "T#t1#C#1"}, "SK": {"S": "CONTACT"}}
FOREIGN = {"PK": {"S": "T#t10#C#1"}, "SK": {"S": "CONTACT"}}


def calls_with(table: str, key: dict[str, Any]) -> dict[str, Callable[[Any], Any]]:
    """Every operation that names a key, with one of the tenant's own keys beside it where possible."""
    partition = {":p": key["PK"]}
    return {
        "get": lambda c: c.get_item(TableName=table, Key=key),
        "put": lambda c: c.put_item(TableName=table, Item=key),
        "update": lambda c: c.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET a=:a",
            ExpressionAttributeValues={":a": {"S": "x"}},
        ),
        "delete": lambda c: c.delete_item(TableName=table, Key=key),
        "query": lambda c: c.query(
            TableName=table, KeyConditionExpression="PK = :p", ExpressionAttributeValues=partition
        ),
        "query by name": lambda c: c.query(
            TableName=table,
            KeyConditionExpression="#k = :p AND begins_with(SK, :s)",
            ExpressionAttributeNames={"#k": "PK"},
            ExpressionAttributeValues={**partition, ":s": {"S": "C"}},
        ),
        "batch get": lambda c: c.batch_get_item(
            RequestItems={table: {"Keys": [{**OWN, "SK": {"S": "other"}}, key]}}
        ),
        "batch write": lambda c: c.batch_write_item(
            RequestItems={
                table: [
                    {"PutRequest": {"Item": {**OWN, "SK": {"S": "other"}}}},
                    {"DeleteRequest": {"Key": key}},
                ]
            }
        ),
        "transact write": lambda c: c.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": {**OWN, "SK": {"S": "other"}}}},
                {
                    "ConditionCheck": {
                        "TableName": table,
                        "Key": key,
                        "ConditionExpression": "attribute_not_exists(nothing)",
                    }
                },
            ]
        ),
        "transact get": lambda c: c.transact_get_items(
            TransactItems=[{"Get": {"TableName": table, "Key": key}}]
        ),
    }


OPERATIONS = sorted(calls_with("t", OWN))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_own_keys_pass(stack: Stack, dynamodb: Any, operation: str) -> None:
    with acting_for("t1"):
        calls_with(stack.table_name, OWN)[operation](dynamodb)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_t10_is_refused_to_t1(stack: Stack, dynamodb: Any, tenant_guard: TenantGuard, operation: str) -> None:
    with tenant_guard.expecting_violations() as seen, acting_for("t1"), pytest.raises(LeadingKeyViolation):
        calls_with(stack.table_name, FOREIGN)[operation](dynamodb)
    assert len(seen) == 1
    assert "T#t10#" in seen[0]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_without_a_scope_nothing_is_allowed(
    stack: Stack, dynamodb: Any, tenant_guard: TenantGuard, operation: str
) -> None:
    with tenant_guard.expecting_violations(), pytest.raises(LeadingKeyViolation):
        calls_with(stack.table_name, OWN)[operation](dynamodb)


@pytest.mark.parametrize(
    "call",
    [
        lambda c, t: c.scan(TableName=t),
        lambda c, t: c.execute_statement(Statement=f'SELECT * FROM "{t}"'),
        lambda c, t: c.batch_execute_statement(Statements=[{"Statement": f'SELECT * FROM "{t}"'}]),
        lambda c, t: c.execute_transaction(TransactStatements=[{"Statement": f'SELECT * FROM "{t}"'}]),
    ],
    ids=["Scan", "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"],
)
def test_scan_and_partiql_are_refused_to_everyone_but_the_operator(
    stack: Stack, dynamodb: Any, tenant_guard: TenantGuard, call: Callable[[Any, str], Any]
) -> None:
    everything = acting_for("t1", prefixes=("T#",))
    with tenant_guard.expecting_violations() as seen, everything, pytest.raises(LeadingKeyViolation):
        call(dynamodb, stack.table_name)
    assert "never allowed" in seen[0]
    with as_operator():
        dynamodb.scan(TableName=stack.table_name)


def test_a_query_on_the_index_is_held_to_the_index_partition(
    stack: Stack, dynamodb: Any, tenant_guard: TenantGuard
) -> None:
    def read(partition: str) -> None:
        dynamodb.query(
            TableName=stack.table_name,
            IndexName="work",
            KeyConditionExpression="WPK = :w AND WSK <= :now",
            ExpressionAttributeValues={":w": {"S": partition}, ":now": {"S": "2"}},
        )

    with acting_for_system("DUE#"):
        read("DUE#3")
        with tenant_guard.expecting_violations(), pytest.raises(LeadingKeyViolation):
            read("OUTBOX#1#1")
    with acting_for("t1"), tenant_guard.expecting_violations(), pytest.raises(LeadingKeyViolation):
        read("DUE#3")


def test_an_equality_on_the_sort_key_is_not_taken_for_the_partition(
    stack: Stack, dynamodb: Any, tenant_guard: TenantGuard
) -> None:
    with acting_for("t1"), tenant_guard.expecting_violations(), pytest.raises(LeadingKeyViolation):
        dynamodb.query(
            TableName=stack.table_name,
            KeyConditionExpression="SK = :s AND PK = :p",
            ExpressionAttributeValues={":s": {"S": "T#t1#"}, ":p": {"S": "T#t2#FEED"}},
        )


def test_every_kind_of_client_is_caught(stack: Stack, tenant_guard: TenantGuard) -> None:
    resource = boto3.resource("dynamodb", region_name="us-east-1").Table(stack.table_name)
    client = botocore.session.get_session().create_client("dynamodb", region_name="us-east-1")
    with acting_for("t1"):
        resource.put_item(Item={"PK": "T#t1#C#1", "SK": "CONTACT"})
        resource.query(KeyConditionExpression=boto3.dynamodb.conditions.Key("PK").eq("T#t1#C#1"))
        with tenant_guard.expecting_violations() as seen:
            with pytest.raises(LeadingKeyViolation):
                resource.get_item(Key={"PK": "T#t2#C#1", "SK": "CONTACT"})
            with pytest.raises(LeadingKeyViolation):
                resource.query(KeyConditionExpression=boto3.dynamodb.conditions.Key("PK").eq("T#t2#C#1"))
            with pytest.raises(LeadingKeyViolation):
                client.get_item(TableName=stack.table_name, Key=FOREIGN)
        assert len(seen) == 3


def test_a_swallowed_violation_stays_on_record(
    stack: Stack, dynamodb: Any, tenant_guard: TenantGuard
) -> None:
    def careless() -> None:
        with contextlib.suppress(Exception):
            dynamodb.get_item(TableName=stack.table_name, Key=FOREIGN)

    def reckless() -> None:
        with contextlib.suppress(BaseException):
            dynamodb.get_item(TableName=stack.table_name, Key=FOREIGN)

    with tenant_guard.expecting_violations() as seen, acting_for("t1"):
        with pytest.raises(LeadingKeyViolation):
            careless()
        reckless()
        with pytest.raises(AssertionError, match="T#t10#"):
            tenant_guard.verify()
    assert len(seen) == 2


def test_threads_act_for_whom_they_were_started(
    stack: Stack, dynamodb: Any, tenant_guard: TenantGuard
) -> None:
    outcomes = {}

    def read(name: str, key: dict[str, Any]) -> None:
        try:
            dynamodb.get_item(TableName=stack.table_name, Key=key)
            outcomes[name] = "passed"
        except LeadingKeyViolation:
            outcomes[name] = "refused"

    with tenant_guard.expecting_violations(), ThreadPoolExecutor(1) as pool:
        for tenant, name in (("t1", "first"), ("t2", "second")):
            with acting_for(tenant):
                # The same worker thread serves both.
                pool.submit(read, f"{name} in the pool", OWN).result()
                thread = threading.Thread(target=read, args=(f"{name} in a thread", OWN))
                thread.start()
                thread.join()
    assert outcomes == {
        "first in the pool": "passed",
        "first in a thread": "passed",
        "second in the pool": "refused",
        "second in a thread": "refused",
    }


def test_an_invocation_of_unknown_tenant_may_touch_one_only(
    stack: Stack, dynamodb: Any, tenant_guard: TenantGuard
) -> None:
    with inferring_tenant("S#") as scope:
        dynamodb.get_item(TableName=stack.table_name, Key={**OWN, "PK": {"S": "S#sweeper"}})
        dynamodb.get_item(TableName=stack.table_name, Key=OWN)
        dynamodb.get_item(TableName=stack.table_name, Key={**OWN, "PK": {"S": "T#t1#FEED"}})
        assert scope.inferred == "t1"
        with tenant_guard.expecting_violations(), pytest.raises(LeadingKeyViolation):
            dynamodb.get_item(TableName=stack.table_name, Key=FOREIGN)


@pytest.mark.parametrize("key", ["T#", "T#t1", "T##C#1", "t#t1#C#1", "", "X#T#t1#"])
def test_a_key_that_only_looks_like_the_tenant_s_is_refused(
    stack: Stack, dynamodb: Any, tenant_guard: TenantGuard, key: str
) -> None:
    with acting_for("t1"), tenant_guard.expecting_violations(), pytest.raises(LeadingKeyViolation):
        dynamodb.get_item(TableName=stack.table_name, Key={**OWN, "PK": {"S": key}})
