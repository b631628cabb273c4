"""Removes from moto what it does again at each update of a row: parsing the update expression, and walking through the
parsed expression ten times.

An expression of plain attributes is compiled once, into steps that change a row directly. Where a step does not fit the
row, and wherever moto would refuse the update, moto's own code runs, so that its errors are the same.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import moto.dynamodb.models
import moto.dynamodb.responses
import pytest
from moto.dynamodb.exceptions import TooManyClauses
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import ast_nodes as untyped_nodes
from moto.dynamodb.parsing import expressions as untyped_expressions
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords
from moto.dynamodb.parsing.validators import ActionCountValidator, UpdateExpressionValidator

from tests.support.moto_rows import LARGEST_ROW

nodes: Any = untyped_nodes
expressions: Any = untyped_expressions

Names = Mapping[str, str]
Values = Mapping[str, Any]


class DoesNotFit(Exception):
    """An update that moto has to perform, or refuse, itself."""


@dataclass
class _Context:
    """What the steps of an update depend on: the placeholders, and the row as it is before the update."""

    names: Names
    values: Values
    attributes: dict[str, DynamoType]
    keys: Sequence[str]

    def name(self, given: str) -> str:
        """Return the attribute's name. Raises DoesNotFit for a placeholder without a name, and for a key."""
        name = self.names.get(given) if given.startswith("#") else given
        if name is None or name in self.keys:
            raise DoesNotFit
        return name


Operand = Callable[[_Context], DynamoType | None]
"""A part of an action: it returns a value, or None for an attribute that the row does not have."""


@dataclass(frozen=True)
class _Action:
    """`kind`: SET, ADD or REMOVE; `target`: the attribute or its placeholder; `operand`: absent for REMOVE."""

    kind: str
    target: str
    operand: Operand | None = None


class Parsed:
    """A parsed update expression. `tree` is moto's; `actions`: None for an expression that moto has to evaluate."""

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        self.actions = _compile(tree)
        self._clauses: dict[tuple[Any, ...], list[Any]] = {}

    def find_clauses(self, kinds: list[Any]) -> list[Any]:
        """Return the nodes of these kinds, in a list of the caller's own."""
        key = tuple(kinds)
        if key not in self._clauses:
            self._clauses[key] = self.tree.find_clauses(kinds)
        return [*self._clauses[key]]


@functools.lru_cache(maxsize=1000)
def parsed(expression: str) -> Parsed:
    """Parse an expression as moto does, once. Raises moto's errors."""
    return Parsed(expressions.UpdateExpressionParser.make(expression))


def _compile(tree: Any) -> list[_Action] | None:
    mine = copy.deepcopy(tree)
    try:
        ActionCountValidator().traverse(mine)
        mine.normalize()
        return [_action(node) for node in mine.children]
    except (DoesNotFit, TooManyClauses):
        return None


def _action(node: Any) -> _Action:
    target = _attribute(node.children[0])
    kind = type(node)
    if kind is nodes.UpdateExpressionSetAction:
        return _Action("SET", target, _value(node.children[1]))
    if kind is nodes.UpdateExpressionAddAction:
        return _Action("ADD", target, _operand(node.children[1]))
    if kind is nodes.UpdateExpressionRemoveAction:
        return _Action("REMOVE", target)
    raise DoesNotFit


def _attribute(path: Any) -> str:
    """Return the attribute, or the placeholder, that a path of one element names."""
    if type(path) is not nodes.UpdateExpressionPath or len(path.children) != 1:
        raise DoesNotFit
    (element,) = path.children
    if type(element) not in (nodes.ExpressionAttribute, nodes.ExpressionAttributeName):
        raise DoesNotFit
    name = str(element.children[0])
    if name.upper() in ReservedKeywords.get_reserved_keywords():
        raise DoesNotFit
    return name


def _value(node: Any) -> Operand:
    if type(node) is not nodes.UpdateExpressionValue:
        raise DoesNotFit
    if len(node.children) == 1:
        return _operand(node.children[0])
    first, sign, second = node.children
    return _sum(_operand(first), sign.get_operator(), _operand(second))


def _operand(node: Any) -> Operand:
    kind = type(node)
    if kind is nodes.ExpressionAttributeValue:
        return _given(node.get_value_name())
    if kind is nodes.UpdateExpressionPath:
        return _held(_attribute(node))
    if kind is nodes.UpdateExpressionFunction and node.get_function_name() == "if_not_exists":
        return _first_of(_operand(node.get_nth_argument(1)), _operand(node.get_nth_argument(2)))
    raise DoesNotFit


def _given(placeholder: str) -> Operand:
    def read(context: _Context) -> DynamoType | None:
        if placeholder not in context.values:
            raise DoesNotFit
        return DynamoType(context.values[placeholder])

    return read


def _held(attribute: str) -> Operand:
    return lambda context: context.attributes.get(context.name(attribute))


def _first_of(first: Operand, second: Operand) -> Operand:
    def read(context: _Context) -> DynamoType | None:
        # moto looks at both, also where the first is enough.
        found, otherwise = first(context), second(context)
        if otherwise is None:
            raise DoesNotFit
        return found or otherwise

    return read


def _sum(first: Operand, sign: str, second: Operand) -> Operand:
    def read(context: _Context) -> DynamoType | None:
        left, right = first(context), second(context)
        if left is None or right is None or not (left.is_number() and right.is_number()):
            raise DoesNotFit
        return left + right if sign == "+" else left - right

    return read


class Change:
    """What an update makes of a row, known before it is made: the attributes set, and the names of those removed.

    Raises DoesNotFit where moto has to perform or refuse the update itself.
    """

    def __init__(
        self, actions: Sequence[_Action], names: Names, values: Values, row: Item, table: Table
    ) -> None:
        held: dict[str, DynamoType] = row.attrs
        context = _Context(names, values, held, table.table_key_attrs)
        self.steps: dict[str, DynamoType | None] = {}
        size = row.size()
        types = {one["AttributeName"]: one["AttributeType"] for one in table.attr}
        for action in actions:
            name = context.name(action.target)
            if name in self.steps:
                raise DoesNotFit
            made = action.operand(context) if action.operand else None
            if action.operand and made is None:
                raise DoesNotFit
            if made is not None:
                if action.kind == "ADD":
                    made = _added(held.get(name), made)
                _check_of_key(types.get(name), made)
                size += len(name.encode()) + made.size()
            self.steps[name] = made
        # moto measures the row after each attribute.
        if size > LARGEST_ROW:
            raise DoesNotFit

    def normalize(self) -> None:
        """Do nothing: the steps are in moto's order."""

    def make(self, row: Item) -> None:
        """Change the row."""
        for name, value in self.steps.items():
            if value is None:
                row.attrs.pop(name, None)
            else:
                dict.__setitem__(row.attrs, name, value)


def _added(held: DynamoType | None, more: DynamoType) -> DynamoType:
    if not more.is_number() or (held is not None and not held.is_number()):
        raise DoesNotFit
    return (held or DynamoType({"N": "0"})) + more


def _check_of_key(expected: str | None, value: DynamoType) -> None:
    """Raises DoesNotFit for a value that an attribute of an index's key cannot have."""
    if expected is not None and (value.type != expected or not value.value):
        raise DoesNotFit


class _Validator:
    """Takes the place of moto's validator: it returns a `Change`, or what moto's own returns."""

    def __init__(
        self,
        expression: Parsed,
        expression_attribute_names: dict[str, str],
        expression_attribute_values: dict[str, Any],
        item: Item,
        table: Table,
    ) -> None:
        self._expression = expression
        self._given = expression_attribute_names, expression_attribute_values, item, table

    def validate(self) -> Any:
        names, values, row, table = self._given
        if self._expression.actions is not None:
            try:
                return Change(self._expression.actions, names or {}, values or {}, row, table)
            except DoesNotFit:
                """moto's own code performs the update, or refuses it."""
        return UpdateExpressionValidator(self._expression.tree, *self._given).validate()


class _Executor:
    """Takes the place of moto's executor."""

    def __init__(self, validated: Any, row: Item, names: dict[str, str]) -> None:
        self._given = validated, row, names

    def execute(self) -> None:
        validated, row, names = self._given
        if isinstance(validated, Change):
            validated.make(row)
        else:
            UpdateExpressionExecutor(validated, row, names).execute()


def evaluate_updates_directly(patch: pytest.MonkeyPatch) -> None:
    """Make moto evaluate update expressions faster, until the patch ends."""
    parser: Any = SimpleNamespace(make=parsed)
    patch.setattr(moto.dynamodb.models, "UpdateExpressionParser", parser)
    patch.setattr(moto.dynamodb.responses, "UpdateExpressionParser", parser)
    patch.setattr(moto.dynamodb.models, "UpdateExpressionValidator", _Validator)
    patch.setattr(moto.dynamodb.models, "UpdateExpressionExecutor", _Executor)
