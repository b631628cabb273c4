"""The replaced methods of moto's values, rows and conditions return what the original ones return."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import StreamRecord

from tests.support.budgets import repetitions
from tests.support.moto_rows import initialize_row

METHODS: list[tuple[Any, str, Any]] = [
    (owner, name, vars(owner)[name])
    for owner, names in (
        (DynamoType, ("__init__", "__hash__", "__eq__", "__ne__", "__deepcopy__", "size", "cast_value")),
        (Item, ("__init__", "__deepcopy__", "size")),
        (ConditionExpressionParser, ("parse",)),
    )
    for name in names
]
"""The original methods: this module is imported before they are replaced."""
TEXTS = ("", "a", "key", "ä", "日本", "x" * 50)
NUMBERS = ("0", "1", "1.0", "-2.50", "1e3", "12345678901234567890")
CONDITIONS = (
    "attribute_exists(a)",
    "attribute_not_exists(a) OR a <> :one",
    "a = :one AND (b < :two OR #n >= :one) AND NOT contains(c, :one)",
    "#n BETWEEN :one AND :two",
    "a IN (:one, :two, b)",
    "begins_with(a, :one) AND size(c) > :two",
    "attribute_type(a, :one)",
    "d.a = :one AND e[0] <> :two",
    "((a = :one))",
    "a = :one AND",
    "size = :one",
    "a = :absent",
    "#absent = :one",
    "a == :one",
)


def a_value(draw: random.Random, depth: int = 2) -> dict[str, Any]:
    kind = draw.choice(["S", "S", "N", "N", "BOOL", "NULL", "B", "SS", "NS", "L", "M"][: 11 if depth else 9])
    match kind:
        case "S":
            return {kind: draw.choice(TEXTS)}
        case "B":
            return {kind: draw.choice(["", "AP8="])}
        case "N":
            return {kind: draw.choice(NUMBERS)}
        case "BOOL" | "NULL":
            return {kind: True}
        case "SS":
            return {kind: draw.sample(TEXTS, 2)}
        case "NS":
            return {kind: draw.sample(NUMBERS, 2)}
        case "L":
            return {kind: [a_value(draw, depth - 1) for _ in range(draw.randrange(3))]}
    return {kind: {name: a_value(draw, depth - 1) for name in draw.sample("abc", 2)}}


def a_row(draw: random.Random) -> dict[str, Any]:
    return {name: a_value(draw) for name in draw.sample("abcdefn", 5)}


def found_of_values(values: list[dict[str, Any]]) -> list[Any]:
    made = [DynamoType(value) for value in values]
    return [
        [(one.type, one.to_regular_json(), one.size(), one.cast_value) for one in made],
        [DynamoType(one).to_regular_json() for one in made],
        [[(one == other, one != other) for other in made] for one in made],
        [hash(one) for one in made if one.type in ("S", "N", "B", "BOOL", "NULL")],
        [copy.deepcopy(one).to_regular_json() for one in made],
    ]


def found_of_rows(rows: list[dict[str, Any]]) -> list[Any]:
    made = [Item(DynamoType({"S": "p"}), DynamoType({"S": "s"}), row) for row in rows]
    copies = [copy.deepcopy(one) for one in made]
    return [
        [(one.to_json(), one.size()) for one in made],
        [(one.to_json(), type(one.attrs), one.hash_key, one.range_key) for one in copies],
        [one == other for one, other in zip(made, copies, strict=True)],
    ]


def found_of_conditions(rows: list[dict[str, Any]], values: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    for row in [None, *(Item(DynamoType({"S": "p"}), None, row) for row in rows)]:
        for condition in CONDITIONS:
            for names in ({"#n": "n"}, {"#n": "a"}, {}, None):
                parser = ConditionExpressionParser(condition, names, values)
                try:
                    holds: Any = parser.parse().expr(row)
                except (JsonRESTError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
                    holds = type(error), str(error)
                found.append((holds, parser.expr_attr_names_found, parser.expr_attr_values_found))
    return found


def all_found() -> list[Any]:
    draw = random.Random(12)
    values = [a_value(draw) for _ in range(repetitions(60))]
    rows = [a_row(draw) for _ in range(repetitions(20))]
    given = [{":one": a_value(draw), ":two": a_value(draw)} for _ in range(repetitions(5))]
    conditions = [found_of_conditions(rows[:10], one) for one in given]
    return [found_of_values(values), found_of_rows(rows), conditions]


def test_values_rows_and_conditions_are_those_of_moto() -> None:
    found = all_found()
    with pytest.MonkeyPatch.context() as patch:
        for owner, name, original in METHODS:
            assert vars(owner)[name] is not original, f"{name} is not replaced in tests"
            patch.setattr(owner, name, original)
        expected = all_found()
    assert found == expected
    held = [holds for each in found[2] for holds, *_ in each]
    assert {True, False} <= {one for one in held if isinstance(one, bool)}


def test_a_change_of_a_copy_leaves_the_original_as_it_is() -> None:
    row = Item(
        DynamoType({"S": "p"}),
        None,
        {"map": {"M": {"one": {"L": [{"N": "1"}]}}}, "set": {"SS": ["x"]}, "text": {"S": "x"}},
    )
    before = row.to_json()
    copied = copy.deepcopy(row)
    copied.attrs["map"]["one"][0] = DynamoType({"N": "2"})
    copied.attrs["set"].value.append("y")
    copied.attrs["text"] = DynamoType({"S": "y"})
    assert row.to_json() == before != copied.to_json()


def test_moto_keeps_no_list_of_rows_and_records() -> None:
    before = len(Item.instances_tracked), len(StreamRecord.instances_tracked)  # type: ignore[attr-defined]
    copy.deepcopy(Item(DynamoType({"S": "p"}), None, {}))
    assert before == (len(Item.instances_tracked), len(StreamRecord.instances_tracked))  # type: ignore[attr-defined]


@pytest.mark.parametrize("length", [0, 404_989, 404_990, 404_991])
def test_a_row_s_limit_is_that_of_moto(length: int) -> None:
    attributes = {"PK": {"S": "key"}, "n": {"N": "10"}, "long": {"S": "x" * length}}
    (original,) = (found for owner, name, found in METHODS if owner is Item and name == "__init__")

    def size_or_error(initialize: Any) -> Any:
        row = Item.__new__(Item)
        try:
            initialize(row, DynamoType({"S": "key"}), None, attributes)
        except ItemSizeTooLarge:
            return "too large"
        return row.attrs

    assert size_or_error(initialize_row) == size_or_error(original)
