"""Updates that are evaluated directly end as moto's own evaluation ends them: the same row, or the same error."""

from __future__ import annotations

import random
from typing import Any

import moto.dynamodb.models as models
import moto.dynamodb.responses as responses
import pytest
from moto import mock_aws
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor
from moto.dynamodb.parsing.validators import UpdateExpressionValidator

from tests.support.budgets import repetitions
from tests.support.clients import client
from tests.support.moto_updates import expressions, parsed
from tests.support.tenant_guard import as_operator
from tests.unit.support.test_moto_speed import KEY, TABLE, answer_to

INDEX = {
    "IndexName": "index",
    "KeySchema": [{"AttributeName": "IPK", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
INDEXED = {
    **TABLE,
    "GlobalSecondaryIndexes": [INDEX],
    "AttributeDefinitions": [*TABLE["AttributeDefinitions"], {"AttributeName": "IPK", "AttributeType": "S"}],
}
PLAIN = ("a", "b", "c", "d", "n", "m", "#x", "#y", "#z")
ATTRIBUTES = (*PLAIN, "IPK", "PK", "size", "tags", "parts", "parts.one", "tags[0]")
NAMES = {"#x": "a", "#y": "name", "#z": "n"}
VALUES: dict[str, Any] = {
    ":one": {"N": "1"},
    ":part": {"N": "-0.5"},
    ":text": {"S": "text"},
    ":empty": {"S": ""},
    ":many": {"L": [{"N": "1"}, {"M": {"one": {"NULL": True}}}]},
    ":set": {"SS": ["x", "y"]},
    ":raw": {"B": b"\x00\xff"},
}
LONG = {":long": {"S": "x" * 150_000}}
LONG_ROW = {"b": {"S": "x" * 300_000}}
ROWS: list[dict[str, Any]] = [
    {},
    {"a": {"S": "x"}, "n": {"N": "1.5"}, "IPK": {"S": "key"}},
    {
        "a": {"SS": ["x"]},
        "b": {"S": "x"},
        "n": {"S": "1"},
        "m": {"N": "7"},
        "tags": {"L": [{"S": "x"}]},
        "parts": {"M": {"one": {"N": "1"}}},
        "name": {"N": "3"},
    },
]


def an_operand(draw: random.Random) -> str:
    value, attribute = a_value(draw), draw.choice(PLAIN)
    return draw.choices(
        [value, attribute, f"if_not_exists({attribute}, {value})", f"list_append({attribute}, {value})"],
        weights=[30, 2, 15, 1],
    )[0]


def a_value(draw: random.Random) -> str:
    """Return a number in most cases, and at times `:none`, a placeholder without a value."""
    return draw.choices([":one", *VALUES, ":none"], weights=[20, *[1] * len(VALUES), 1])[0]


def an_expression(draw: random.Random) -> str:
    """Return one to three clauses of one to three actions, most of which DynamoDB accepts."""
    clauses = []
    attributes = draw.choice([PLAIN, PLAIN, ATTRIBUTES])
    for kind in draw.sample(["SET", "SET", "REMOVE", "ADD", "DELETE"], draw.choice([1, 1, 2])):
        actions = []
        for attribute in draw.sample(attributes, draw.choice([1, 1, 2, 3])):
            match kind:
                case "SET":
                    sign = draw.choice(["", "", "", "", " + ", " - "])
                    actions.append(f"{attribute} = {an_operand(draw)}{sign and sign + an_operand(draw)}")
                case "REMOVE":
                    actions.append(attribute)
                case _:
                    actions.append(f"{attribute} {a_value(draw)}")
        clauses.append(f"{kind} {', '.join(actions)}")
    return " ".join(clauses)


def ends(expression: str, row: dict[str, Any]) -> list[Any]:
    """Return the responses to an update of a row, and to one in a transaction, and the rows and records after each."""
    update = {
        "TableName": "rows",
        "Key": KEY,
        "UpdateExpression": expression,
        "ConditionExpression": "attribute_exists(PK) OR attribute_not_exists(PK)",
    }
    for member, known in (("ExpressionAttributeNames", NAMES), ("ExpressionAttributeValues", VALUES | LONG)):
        if used := {name: value for name, value in known.items() if name in expression}:
            update[member] = used
    found: list[Any] = []
    for operation, parameters in (
        ("update_item", {**update, "ReturnValues": "ALL_NEW"}),
        ("transact_write_items", {"TransactItems": [{"Update": update}]}),
    ):
        client("dynamodb").delete_item(TableName="rows", Key=KEY)
        if row:
            client("dynamodb").put_item(TableName="rows", Item={**KEY, **row})
        (table,) = [
            one
            for _, _, backend in models.dynamodb_backends.iter_backends()
            for one in backend.tables.values()
        ]
        assert table.stream_shard is not None
        table.stream_shard.items.clear()  # moto copies them all before a transaction
        try:
            found.append(answer_to("dynamodb", operation, **parameters))
        except (
            AssertionError,
            AttributeError,
            KeyError,
            NotImplementedError,
            TypeError,
            ValueError,
        ) as error:
            found.append((type(error), str(error)))  # what moto fails on
        found.append(client("dynamodb").get_item(TableName="rows", Key=KEY).get("Item"))
        changes = [one.record["dynamodb"] for one in table.stream_shard.items]
        found.append([(one.get("OldImage"), one.get("NewImage")) for one in changes])
    return found


def ends_of_all(cases: list[tuple[str, dict[str, Any]]]) -> list[list[Any]]:
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    with mock_aws(), as_operator():
        client("dynamodb").create_table(**INDEXED, StreamSpecification=stream)
        return [ends(expression, row) for expression, row in cases]


def test_every_update_ends_as_with_moto_s_own_evaluation() -> None:
    draw = random.Random(12)
    cases = [(an_expression(draw), draw.choices(ROWS, weights=[2, 3, 1])[0]) for _ in range(repetitions(100))]
    cases += [
        (expression, LONG_ROW)
        for expression in ("SET a = :long", "SET b = :long", "SET a = :long REMOVE b", "SET a = :one")
    ]
    found = ends_of_all(cases)
    with pytest.MonkeyPatch.context() as patch:
        for module in (models, responses):
            assert module.UpdateExpressionParser is not expressions.UpdateExpressionParser
            patch.setattr(module, "UpdateExpressionParser", expressions.UpdateExpressionParser)
        patch.setattr(models, "UpdateExpressionValidator", UpdateExpressionValidator)
        patch.setattr(models, "UpdateExpressionExecutor", UpdateExpressionExecutor)
        expected = ends_of_all(cases)
    for case, ours, theirs in zip(cases, found, expected, strict=True):
        assert ours == theirs, case
    accepted = sum("Attributes" in one[0] for one in found)
    assert len(cases) / 5 < accepted < len(cases) * 4 / 5, "one kind of end is hardly drawn"


@pytest.mark.parametrize(
    ("expression", "is_direct"),
    [
        ("SET a = :a, #b = if_not_exists(#b, :zero) + :one REMOVE c ADD n :one", True),
        ("SET a.b = :a", False),
        ("SET size = :a", False),
        ("SET a = list_append(a, :a)", False),
        ("DELETE a :a", False),
        ("SET a = :a SET b = :b", False),
    ],
)
def test_expressions_of_plain_attributes_are_compiled(expression: str, is_direct: bool) -> None:
    assert (parsed(expression).actions is not None) == is_direct
    assert parsed(expression) is parsed(expression)
