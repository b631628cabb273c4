"""A table in memory with the calls and responses of a DynamoDB client, for tests that need tens of thousands of runs.

It implements the calls that `shared.table.store.Store` makes, and the part of the expression language that the product
uses. Each call is complete before the next one begins; conditions, transactions, batches, ranges and limits are
DynamoDB's (`tests/integration/test_memory_table.py` compares it with moto). It refuses requests that it does not know.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, dict[str, Any]]
Place = tuple[str, str]

_BATCH_WRITE, _BATCH_GET, _TRANSACTION = 25, 100, 100
_TOKEN = re.compile(r"\s*(attribute_(?:not_)?exists|AND|OR|BETWEEN|<>|<=|>=|[<>=(),]|[:#]?\w+)")
_CLAUSE = re.compile(r"\b(SET|REMOVE|ADD) ")
_BETWEEN_ACTIONS = re.compile(r",(?![^(]*\))")
_FIRST_VALUE = re.compile(r"if_not_exists\((\S+), (\S+)\)")
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class MemoryTable:
    """One table, and a client for it.

    `before_call`: called with each operation's name before it is carried out. `on_answer`: called with each response.
    `digest`: a number that distinguishes contents. `stream`: each change of an item, as (before, after).
    """

    def __init__(self, before_call: Callable[[str], None] = lambda operation: None) -> None:
        self.digest = 0
        self.stream: list[tuple[Item | None, Item | None]] = []
        self.on_answer: Callable[[object], None] = lambda answer: None
        self._before_call = before_call
        self._items: dict[Place, Item] = {}
        self._digests: dict[Place, int] = {}

    def all(self) -> list[Item]:
        """Return all items."""
        return list(self._items.values())

    def put(self, item: Item) -> None:
        """Put an item into the table without a call."""
        self._set(_place(item), item)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        """Return an operation of the client."""
        done = getattr(type(self), f"_{operation}", None)
        if done is None:
            raise AttributeError(operation)

        def call(**request: Any) -> Any:
            self._before_call(operation)
            try:
                answer = done(self, **request)
            except ClientError as error:
                self.on_answer(error.response)
                raise
            self.on_answer(answer)
            return answer

        return call

    def _set(self, place: Place, item: Item | None) -> None:
        self.stream.append((self._items.get(place), item))
        self.digest ^= self._digests.pop(place, 0)
        if item is None:
            self._items.pop(place, None)
            return
        self._items[place] = dict(item)
        self._digests[place] = hash((place, repr(sorted(item.items()))))
        self.digest ^= self._digests[place]

    def _get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = False) -> dict[str, Any]:
        found = self._items.get(_place(Key))
        return {"Item": dict(found)} if found is not None else {}

    def _batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        ((table, asked),) = RequestItems.items()
        places = _distinct([_place(key) for key in asked["Keys"]], _BATCH_GET)
        return {"Responses": {table: [dict(self._items[one]) for one in places if one in self._items]}}

    def _query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Item,
        ScanIndexForward: bool = True,
        Limit: int | None = None,
        ConsistentRead: bool = False,
        Select: str = "ALL_ATTRIBUTES",
        IndexName: str | None = None,
    ) -> dict[str, Any]:
        pk, sk = ("WPK", "WSK") if IndexName == "work" else ("PK", "SK")
        if not KeyConditionExpression.startswith(f"{pk} = "):
            raise NotImplementedError(KeyConditionExpression)
        is_wanted = _Condition(KeyConditionExpression, ExpressionAttributeValues)
        partition = ExpressionAttributeValues[":pk"]
        found = [item for item in self._items.values() if item.get(pk) == partition and sk in item]
        found = [dict(item) for item in found if is_wanted.holds_for(item)]
        found.sort(key=lambda item: (item[sk]["S"].encode(), _place(item)))
        if IndexName is not None:  # of keys only
            found = [{name: item[name] for name in ("PK", "SK", pk, sk)} for item in found]
        if not ScanIndexForward:
            found.reverse()
        found = found if Limit is None else found[:Limit]
        if Select != "COUNT":
            return {"Items": found, "Count": len(found)}
        last = {name: found[-1][name] for name in ("PK", "SK")} if len(found) == Limit else None
        return {"Count": len(found)} | ({"LastEvaluatedKey": last} if last else {})

    def _put_item(self, **request: Any) -> dict[str, Any]:
        self._single("Put", request)
        return {}

    def _update_item(self, **request: Any) -> dict[str, Any]:
        self._single("Update", request)
        return {"Attributes": dict(self._items[_place(request["Key"])])}

    def _batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        ((_, requests),) = RequestItems.items()
        writes = [next(iter(request.items())) for request in requests]
        _distinct([_place(one.get("Item") or one["Key"]) for _, one in writes], _BATCH_WRITE)
        for kind, one in writes:
            self._write({"PutRequest": "Put", "DeleteRequest": "Delete"}[kind], one)
        return {"UnprocessedItems": {}}

    def _transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        steps = [next(iter(step.items())) for step in TransactItems]
        _distinct([_place(one.get("Item") or one["Key"]) for _, one in steps], _TRANSACTION)
        reasons = [{"Code": "None"} if self._is_allowed(one) else self._refusal(one) for _, one in steps]
        if any(reason["Code"] != "None" for reason in reasons):
            raise _error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        for kind, one in steps:
            self._write(kind, one)
        return {}

    def _single(self, kind: str, request: dict[str, Any]) -> None:
        if not self._is_allowed(request):
            refusal = self._refusal(request)
            more = {"Item": refusal["Item"]} if "Item" in refusal else {}
            raise _error("ConditionalCheckFailedException", f"{kind}Item", **more)
        self._write(kind, request)

    def _is_allowed(self, request: dict[str, Any]) -> bool:
        condition = request.get("ConditionExpression")
        if condition is None:
            return True
        item = self._items.get(_place(request.get("Item") or request["Key"]), {})
        return _Condition(condition, request.get("ExpressionAttributeValues", {})).holds_for(item)

    def _refusal(self, request: dict[str, Any]) -> dict[str, Any]:
        reason: dict[str, Any] = {"Code": "ConditionalCheckFailed"}
        found = self._items.get(_place(request.get("Item") or request["Key"]))
        if found is not None and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
            reason["Item"] = dict(found)
        return reason

    def _write(self, kind: str, request: dict[str, Any]) -> None:
        place = _place(request.get("Item") or request["Key"])
        match kind:
            case "Put":
                self._set(place, request["Item"])
            case "Delete":
                self._set(place, None)
            case "Update":
                self._set(place, _updated(self._items.get(place, request["Key"]), request))
            case "ConditionCheck":
                pass
            case _:
                raise NotImplementedError(kind)


def _updated(item: Item, request: dict[str, Any]) -> Item:
    """Return an item after the clauses `SET a = :a, b = if_not_exists(b, :b)`, `REMOVE a, b` and `ADD n :n`, with names
    or not.
    """
    expression, values = request["UpdateExpression"], request.get("ExpressionAttributeValues", {})
    names = request.get("ExpressionAttributeNames", {})
    changed = dict(item)
    parts = _CLAUSE.split(expression)
    for action, given in zip(parts[1::2], parts[2::2], strict=True):
        for one in _BETWEEN_ACTIONS.split(given):
            if (first := _FIRST_VALUE.search(one)) is not None:
                name = names.get(first[1], first[1])
                if one[: first.start()].split() != [first[1], "="]:
                    raise NotImplementedError(expression)
                changed[name] = item.get(name, values[first[2]])
                continue
            match action, one.split():
                case "SET", [name, "=", value]:
                    changed[names.get(name, name)] = values[value]
                case "REMOVE", [name]:
                    changed.pop(names.get(name, name), None)
                case "ADD", [name, value]:
                    name = names.get(name, name)
                    amount = int(item.get(name, {"N": "0"})["N"]) + int(values[value]["N"])
                    changed[name] = {"N": str(amount)}
                case _:
                    raise NotImplementedError(expression)
    return changed


class _Condition:
    """Evaluate a condition of comparisons, `attribute_exists` and `attribute_not_exists`, joined by AND and OR."""

    def __init__(self, expression: str, values: Item) -> None:
        self._expression, self._values = expression, values
        self._item: Item = {}
        self._tokens: list[str] = []

    def holds_for(self, item: Item) -> bool:
        self._item, self._tokens = item, list(_tokens(self._expression))
        holds = self._any()
        if self._tokens:
            raise NotImplementedError(self._expression)
        return holds

    def _any(self) -> bool:
        holds = self._all()
        while self._tokens[:1] == ["OR"]:
            self._next()
            holds = self._all() or holds
        return holds

    def _all(self) -> bool:
        holds = self._one()
        while self._tokens[:1] == ["AND"]:
            self._next()
            holds = self._one() and holds
        return holds

    def _one(self) -> bool:
        first = self._next()
        if first == "(":
            holds = self._any()
            self._next()
            return holds
        if first.startswith("attribute_"):
            self._next()
            is_there = self._next() in self._item
            self._next()
            return is_there == (first == "attribute_exists")
        left = self._item.get(first)
        sign = self._next()
        right = self._values[self._next()]
        if sign == "BETWEEN":
            self._next()  # AND
            highest = self._values[self._next()]
            if _value(right) > _value(highest):
                raise ValueError("the lower bound of BETWEEN is above the upper one, which DynamoDB refuses")
            return left is not None and _value(right) <= _value(left) <= _value(highest)
        if left is None or left.keys() != right.keys():
            return sign == "<>"
        return _COMPARED[sign](_value(left), _value(right))

    def _next(self) -> str:
        return self._tokens.pop(0)


def _value(attribute: dict[str, Any]) -> Any:
    ((kind, content),) = attribute.items()
    if kind == "S":
        return content.encode()  # DynamoDB sorts texts by their bytes
    return int(content) if kind == "N" else content


def _tokens(expression: str) -> Iterator[str]:
    at = 0
    while at < len(expression.rstrip()):
        found = _TOKEN.match(expression, at)
        if found is None:
            raise NotImplementedError(expression)
        yield found[1]
        at = found.end()


def _distinct(places: list[Place], most: int) -> list[Place]:
    if not 0 < len(places) <= most or len(set(places)) < len(places):
        raise _error("ValidationException", "of many items")
    return places


def _place(key: Item) -> Place:
    return key["PK"]["S"], key["SK"]["S"]


def _error(code: str, operation: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(response, operation)
