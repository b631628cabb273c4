"""Makes moto's values and rows cheaper to create, compare, measure and copy, and its conditions cheaper to parse.

moto asks each value for its type in up to five calls, copies each single text of a row, and parses the same condition
several times during one request. The results are the same.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.comparisons import AttributeValue, ConditionExpressionParser, OpDefault
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import StreamRecord
from moto.dynamodb.models.utilities import bytesize

LARGEST_ROW = 405_000
"""moto's limit of a row, in bytes as it counts them."""


def cheaper_rows(patch: pytest.MonkeyPatch) -> None:
    """Replace the methods of values, rows and conditions, until the patch ends."""
    for name, method in (
        ("__init__", initialize_value),
        ("__hash__", hash_of_value),
        ("__eq__", is_equal),
        ("__ne__", lambda self, other: not is_equal(self, other)),
        ("__deepcopy__", copy_of_value),
        ("size", size_of_value),
        ("cast_value", property(cast_value)),
    ):
        patch.setattr(DynamoType, name, method)
    patch.setattr(Item, "__init__", initialize_row)
    patch.setattr(Item, "__deepcopy__", copy_of_row)
    patch.setattr(Item, "size", size_of_row)
    # moto keeps a list of all objects of its models, for its web page. It holds on to each copy of a row.
    for model in (Item, StreamRecord):
        patch.setattr(model, "__new__", lambda cls, *given, **named: object.__new__(cls), raising=False)
    patch.setattr(ConditionExpressionParser, "parse", parse_condition)


def initialize_value(self: DynamoType, given: Any) -> None:
    """Do what `DynamoType.__init__` does."""
    if type(given) is DynamoType:
        kind, value = given.type, given.value
    else:
        kind, value = next(iter(given.items()))
    if kind == "L":
        value = [DynamoType(one) for one in value]
    elif kind == "M":
        value = {name: DynamoType(one) for name, one in value.items()}
    self.type = kind
    self.value = value


def cast_value(self: DynamoType) -> Any:
    """Do what `DynamoType.cast_value` does: return the value as an object of Python's."""
    kind, value = self.type, self.value
    if kind == "S":
        return value
    if kind == "N":
        return Decimal(value)
    if kind in ("SS", "NS", "BS"):
        return {DynamoType({kind[0]: one}).cast_value for one in value}
    if kind == "L":
        return [one.cast_value for one in value]
    if kind == "M":
        return {name: one.cast_value for name, one in value.items()}
    return None if kind == "NULL" else value


def hash_of_value(self: DynamoType) -> int:
    """Do what `DynamoType.__hash__` does."""
    return hash((self.type, self.value if self.type == "S" else self.cast_value))


def is_equal(self: DynamoType, other: Any) -> bool:
    """Do what `DynamoType.__eq__` does."""
    if self.type != other.type:
        return False
    return bool(self.value == other.value if self.type == "S" else self.cast_value == other.cast_value)


def size_of_value(self: DynamoType) -> int:
    """Do what `DynamoType.size` does."""
    kind, value = self.type, self.value
    if kind == "S":
        return length(value)
    if kind == "N":
        return len(str(value))
    if kind == "L":
        return sum(one.size() for one in value)
    if kind == "M":
        return sum(length(name) + one.size() for name, one in value.items())
    if kind in ("SS", "NS", "BS"):
        return sum(DynamoType({kind[0]: one}).size() for one in value)
    return 1 if isinstance(value, bool) else bytesize(value)


def copy_of_value(self: DynamoType, memo: dict[int, Any]) -> DynamoType:
    """Do what `DynamoType.__deepcopy__` does, but return a value that nothing can change itself."""
    kind = self.type
    if kind == "L":
        copied: Any = [copy_of_value(one, memo) for one in self.value]
    elif kind == "M":
        copied = {name: copy_of_value(one, memo) for name, one in self.value.items()}
    elif kind in ("SS", "NS", "BS"):
        copied = [*self.value]
    else:
        return self
    result: DynamoType = object.__new__(DynamoType)
    result.type, result.value = kind, copied
    return result


def initialize_row(
    self: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]
) -> None:
    """Do what `Item.__init__` does, but measure the whole row once."""
    self.hash_key = hash_key
    self.range_key = range_key
    self.attrs = LimitedSizeDict()
    size = 0
    for name, value in attrs.items():
        made = DynamoType(value)
        size += length(name) + made.size()
        dict.__setitem__(self.attrs, name, made)
    if size > LARGEST_ROW:
        raise ItemSizeTooLarge


def copy_of_row(self: Item, memo: dict[int, Any]) -> Item:
    """Do what `Item.__deepcopy__` does."""
    result: Item = object.__new__(Item)
    result.hash_key, result.range_key = self.hash_key, self.range_key
    result.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
    for name, value in self.attrs.items():
        dict.__setitem__(result.attrs, name, copy_of_value(value, memo))
    return result


def size_of_row(self: Item) -> int:
    """Do what `Item.size` does."""
    size = 0
    for name, value in self.attrs.items():
        size += length(name) + (length(value.value) if value.type == "S" else value.size())
    return size


def length(text: str) -> int:
    """Return the bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


_parse: Callable[[ConditionExpressionParser], Any] = ConditionExpressionParser.parse


class _Tree:
    """A condition as moto parses it, with the placeholders of its values in place of these."""

    def __init__(self, expression: str, names: dict[str, str] | None) -> None:
        parser: Any = _Placeholders(expression, names, None)
        nodes: deque[Any] = parser._lex_condition_expression()
        for step in (
            parser._parse_paths,
            parser._apply_functions,
            parser._apply_comparator,
            parser._apply_in,
            parser._apply_between,
            parser._apply_parens_and_booleans,
        ):
            nodes = step(nodes)
        self.root = nodes[0]
        parser._assert_no_redundant_parentheses(self.root)
        self.names = parser._find_literals(self.root)
        self.values = parser._find_expr_attr_values(self.root)


class _Placeholders(ConditionExpressionParser):
    def _lookup_expression_attribute_value(self, name: str) -> Any:
        return None


class _Filled(ConditionExpressionParser):
    """Makes the condition of a tree whose placeholders have values."""

    def _make_operand(self, node: Any) -> Any:
        if node.kind == self.Kind.EXPRESSION_ATTRIBUTE_VALUE:
            assert self.expression_attribute_values is not None
            return AttributeValue(self.expression_attribute_values[node.text])
        return super()._make_operand(node)


@functools.lru_cache(maxsize=2000)
def _tree(expression: str, names: tuple[tuple[str, str], ...] | None) -> _Tree | None:
    """Return the tree of a condition; None where moto refuses it."""
    try:
        return _Tree(expression, None if names is None else dict(names))
    except (ValueError, KeyError, IndexError, TypeError, JsonRESTError):
        return None


def parse_condition(self: ConditionExpressionParser) -> Any:
    """Do what `ConditionExpressionParser.parse` does, but parse each condition once."""
    expression = self.condition_expression
    if not expression:
        return OpDefault(None, None)  # type: ignore[arg-type]
    names, values = self.expression_attribute_names, self.expression_attribute_values or {}
    tree = _tree(expression, None if names is None else tuple(names.items()))
    if tree is None or not all(one in values for one in tree.values):
        return _parse(self)
    self.expr_attr_names_found.extend(tree.names)
    self.expr_attr_values_found.extend(tree.values)
    return _Filled(expression, names, values)._make_op_condition(tree.root)
