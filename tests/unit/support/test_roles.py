"""A function that exceeds its role fails its test, though the emulator allows the call (checks 50 and 51)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from tests.support.aws import Stack
from tests.support.roles import (
    AccessRefused,
    Role,
    RoleGuard,
    role_of,
    roles_of,
    under_role,
)
from tests.support.template import Template
from tests.support.tenant_guard import acting_for, as_operator

USERS = {"PK": {"S": "T#t1#USERS"}, "SK": {"S": "u"}}
CONTACT = {"PK": {"S": "T#t1#C#1"}, "SK": {"S": "CONTACT"}}


@pytest.fixture
def dynamodb(aws_stack: Stack) -> Any:
    return boto3.client("dynamodb")


def role(aws_stack: Stack, *actions: str, keys: tuple[str, ...] = ("T#*#USERS",)) -> Role:
    """A role with one statement, in the shape of the template's."""
    name = "UsersRole"
    (like, *_) = (
        one for one in roles_of(aws_stack.template)[name].statements if "dynamodb" in str(one["Action"])
    )
    condition = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(keys)},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    return Role(name, [{**like, "Action": [f"dynamodb:{one}" for one in actions], "Condition": condition}])


def calls(table: str, key: dict[str, Any]) -> dict[str, Callable[[Any], Any]]:
    put = {"Put": {"TableName": table, "Item": key}}
    return {
        "GetItem": lambda c: c.get_item(TableName=table, Key=key),
        "PutItem": lambda c: c.put_item(TableName=table, Item=key),
        "UpdateItem": lambda c: c.update_item(TableName=table, Key=key, UpdateExpression="REMOVE nothing"),
        "DeleteItem": lambda c: c.delete_item(TableName=table, Key=key),
        "Query": lambda c: c.query(
            TableName=table,
            KeyConditionExpression="PK = :p",
            ExpressionAttributeValues={":p": key["PK"]},
        ),
        "BatchGetItem": lambda c: c.batch_get_item(RequestItems={table: {"Keys": [key]}}),
        "BatchWriteItem": lambda c: c.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": key}}]}),
        "PutItem in a transaction": lambda c: c.transact_write_items(TransactItems=[put]),
        "ConditionCheckItem": lambda c: c.transact_write_items(
            TransactItems=[
                {
                    "ConditionCheck": {
                        "TableName": table,
                        "Key": key,
                        "ConditionExpression": "attribute_not_exists(nothing)",
                    }
                }
            ]
        ),
        "GetItem in a transaction": lambda c: c.transact_get_items(
            TransactItems=[{"Get": {"TableName": table, "Key": key}}]
        ),
    }


@contextlib.contextmanager
def refused(role_guard: RoleGuard) -> Iterator[None]:
    with pytest.raises(AccessRefused):
        yield
    assert len(role_guard.violations) == 1
    role_guard.violations.clear()


@pytest.mark.parametrize("call", calls("", {}))
def test_a_role_is_asked_for_each_kind_of_call_with_its_keys(
    aws_stack: Stack, dynamodb: Any, role_guard: RoleGuard, call: str
) -> None:
    table, action = aws_stack.table_name, call.split(" ", maxsplit=1)[0]
    own, other = calls(table, USERS)[call], calls(table, CONTACT)[call]
    with acting_for("t1"):
        with under_role(role(aws_stack, action)):
            own(dynamodb)
            with refused(role_guard):
                other(dynamodb)
        with under_role(role(aws_stack, "DescribeTable")), refused(role_guard):
            own(dynamodb)
        own(dynamodb)  # under no role


def test_a_transaction_needs_the_right_to_each_of_its_parts(
    aws_stack: Stack, dynamodb: Any, role_guard: RoleGuard
) -> None:
    table = aws_stack.table_name
    parts = [{"Put": {"TableName": table, "Item": USERS}}, {"Put": {"TableName": table, "Item": CONTACT}}]
    with acting_for("t1"):
        with under_role(role(aws_stack, "PutItem")), refused(role_guard):
            dynamodb.transact_write_items(TransactItems=parts)
        with under_role(role(aws_stack, "PutItem", keys=("T#*#USERS", "T#*#C#*"))):
            dynamodb.transact_write_items(TransactItems=parts)


def test_a_refusal_is_found_though_the_code_swallows_it_in_a_thread(
    aws_stack: Stack, dynamodb: Any, role_guard: RoleGuard
) -> None:
    def swallowing() -> None:
        with contextlib.suppress(BaseException):
            dynamodb.get_item(TableName=aws_stack.table_name, Key=CONTACT)

    with acting_for("t1"), under_role(role(aws_stack, "GetItem")), ThreadPoolExecutor(1) as pool:
        pool.submit(swallowing).result()
    with pytest.raises(AssertionError, match="UsersRole does not allow dynamodb:GetItem"):
        role_guard.verify()
    role_guard.violations.clear()


def test_an_operator_is_held_to_no_role(aws_stack: Stack, dynamodb: Any, role_guard: RoleGuard) -> None:
    with under_role(role(aws_stack, "GetItem")), as_operator():
        dynamodb.scan(TableName=aws_stack.table_name)
    role_guard.verify()


def test_each_function_of_the_template_has_a_role_that_is_known() -> None:
    template = Template.load()
    for function in template.functions():
        assert role_of(template, function) is not None, function
