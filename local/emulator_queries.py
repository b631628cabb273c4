"""Makes the cost of a query depend on the items that it reads, not on the size of its partition.

ministack 1.5.33 answers a Query by sorting every item of the partition, and parses the key condition again for each
of them. Here a partition keeps its sort keys in order, and the key condition is parsed once, into bounds.

Conditions of writes are also parsed once for each text, and not for each item.

The emulator's own function still answers: it validates the request, evaluates filters, cuts pages and projects. It is
only offered fewer items. Queries of an index, of a table whose sort key is no string, and queries in the old form
(`KeyConditions`) are answered as before.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ministack.services import dynamodb

from local.emulator_parts import require

Item = dict[str, Any]
Token = tuple[str, str]

_PAGE_BYTES = 1_048_576
"""The bytes that a page of a query reads at most (DynamoDB API reference, "Query")."""
_KEPT_EXPRESSIONS = 1_000
"""Texts of expressions whose parts are kept."""


@dataclass(frozen=True, slots=True)
class Range:
    """The sort keys that a query asks for. A bound of None is open."""

    low: str | None = None
    high: str | None = None
    includes_low: bool = True
    includes_high: bool = True

    def holds(self, key: str) -> bool:
        """Whether a sort key lies within the bounds."""
        if self.low is not None and (key < self.low or (key == self.low and not self.includes_low)):
            return False
        return self.high is None or key < self.high or (key == self.high and self.includes_high)

    def slice(self, keys: list[str]) -> tuple[int, int]:
        """Return the first place of sorted keys within the bounds, and the place after the last."""
        first, end = 0, len(keys)
        if self.low is not None:
            first = (bisect_left if self.includes_low else bisect_right)(keys, self.low)
        if self.high is not None:
            end = (bisect_right if self.includes_high else bisect_left)(keys, self.high)
        return first, max(first, end)


@dataclass(slots=True)
class Reading:
    """A query under way. `is_checked`: the emulator has found its key condition well formed."""

    range: Range
    forward: bool
    limit: int | None
    is_checked: bool = False


_reading: ContextVar[Reading | None] = ContextVar("reading", default=None)


class Partition(dict[str, Item]):
    """The items of a partition by sort key, with the keys in order once a query has asked for it."""

    def __init__(self, items: dict[str, Item] | None = None) -> None:
        super().__init__(items or {})
        self._keys: list[str] | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        # Copied and saved as plain data: a lock can be neither.
        return dict, (dict(self),)

    def __setitem__(self, key: str, item: Item) -> None:
        with self._lock:
            if self._keys is not None and key not in self:
                insort(self._keys, key)
            super().__setitem__(key, item)

    def pop(self, key: str, default: Any = None) -> Any:
        """Remove an item and return it, or `default` when there is none."""
        with self._lock:
            if self._keys is not None and key in self:
                del self._keys[bisect_left(self._keys, key)]
            return super().pop(key, default)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self.pop(key)

    def values(self) -> Any:
        """Return the items that the query under way may read, or all of them outside of a query."""
        reading = _reading.get()
        return super().values() if reading is None else list(self._read(reading))

    def _read(self, reading: Reading) -> Iterator[Item]:
        with self._lock:
            if self._keys is None:
                self._keys = sorted(self)
            first, end = reading.range.slice(self._keys)
            if reading.limit is not None and reading.forward:
                end = min(end, first + reading.limit)
            elif reading.limit is not None:
                first = max(first, end - reading.limit)
            keys = self._keys[first:end]
        size = 0
        for key in keys if reading.forward else reversed(keys):
            item = self.get(key)
            if item is None:  # removed meanwhile
                continue
            yield item
            size += dynamodb._item_size_bytes(item)
            if size > _PAGE_BYTES:
                return


class Partitions(defaultdict[str, Partition]):
    """The partitions of a table. Takes the place of the emulator's `defaultdict(dict)`."""

    def __init__(self, items: dict[str, dict[str, Item]]) -> None:
        super().__init__(Partition)
        for key, partition in items.items():
            self[key] = partition

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)

    def __setitem__(self, key: str, partition: dict[str, Item]) -> None:
        kept = partition if isinstance(partition, Partition) else Partition(partition)
        super().__setitem__(key, kept)

    def setdefault(self, key: str, default: Any = None) -> Partition:
        """Return a partition, which is made if there is none. `default` is the emulator's empty dict."""
        if key not in self:
            self[key] = default
        return self[key]


def parse_range(condition: str, names: dict[str, str], values: dict[str, Any], sk_name: str) -> Range | None:
    """Parse a key condition into the bounds of its sort key.

    Returns None for a condition in a form that is not known here.
    """
    found = Range()
    for clause in dynamodb._key_condition_clauses(dynamodb._tokenize(condition)):
        tokens = [(kind, names.get(text, text) if kind == "NAME_REF" else text) for kind, text in clause]
        if not any(kind in ("IDENT", "NAME_REF") and text == sk_name for kind, text in tokens):
            continue
        bounds = _bounds_of(tokens, values)
        if bounds is None or found != Range():
            return None
        found = bounds
    return found


def _bounds_of(tokens: list[Token], values: dict[str, Any]) -> Range | None:
    """Return the bounds that a clause about the sort key gives."""
    bare = [token for token in tokens if token[0] not in ("LPAREN", "RPAREN", "COMMA")]
    operands = [values.get(text, {}).get("S") for kind, text in bare if kind == "VALUE_REF"]
    if any(operand is None for operand in operands):
        return None
    shape = " ".join(_word(kind, text) for kind, text in bare)
    match shape, operands:
        case "BEGINS_WITH NAME VALUE", [prefix]:
            return Range(prefix, _after_all_with(prefix), includes_high=False)
        case "NAME BETWEEN VALUE AND VALUE", [low, high]:
            return Range(low, high)
        case (("NAME EQ VALUE" | "VALUE EQ NAME"), [value]):
            return Range(value, value)
        case (("NAME LT VALUE" | "VALUE GT NAME"), [value]):
            return Range(high=value, includes_high=False)
        case (("NAME LE VALUE" | "VALUE GE NAME"), [value]):
            return Range(high=value)
        case (("NAME GT VALUE" | "VALUE LT NAME"), [value]):
            return Range(low=value, includes_low=False)
        case (("NAME GE VALUE" | "VALUE LE NAME"), [value]):
            return Range(low=value)
        case _:
            return None


def _word(kind: str, text: str) -> str:
    if kind == "IDENT" and text.upper() in ("BEGINS_WITH", "BETWEEN", "AND"):
        return text.upper()
    return {"IDENT": "NAME", "NAME_REF": "NAME", "VALUE_REF": "VALUE"}.get(kind, kind)


def _after_all_with(prefix: str) -> str | None:
    """Return the least string above all that begin with a prefix, or None when there is none."""
    kept = prefix.rstrip("\U0010ffff")
    return kept[:-1] + chr(ord(kept[-1]) + 1) if kept else None


def _reading_of(data: dict[str, Any]) -> Reading | None:
    """Return what a request asks for, or None where the emulator is to read as it always does."""
    condition, start = data.get("KeyConditionExpression"), data.get("ExclusiveStartKey")
    table = dynamodb._tables.get(dynamodb._normalize_table_name(data.get("TableName")))
    if not condition or not table or data.get("IndexName") or data.get("KeyConditions"):
        return None
    if not isinstance(table["items"], Partitions):
        with dynamodb._lock:  # against the thread that removes expired items
            table["items"] = Partitions(table["items"])
    sk_name = table["sk_name"]
    if not sk_name or dynamodb._get_attr_type(table, sk_name) != "S":
        return None
    names, values = data.get("ExpressionAttributeNames") or {}, data.get("ExpressionAttributeValues") or {}
    bounds = parse_range(condition, names, values, sk_name)
    if bounds is None:
        return None
    forward = data.get("ScanIndexForward", True)
    if start:
        place = (start.get(sk_name) or {}).get("S")
        if place is None:
            return None
        if forward and bounds.holds(place):
            bounds = replace(bounds, low=place, includes_low=False)
        elif bounds.holds(place):
            bounds = replace(bounds, high=place, includes_high=False)
    limit = data.get("Limit")
    return Reading(bounds, bool(forward), int(limit) if limit else None)


def install() -> None:
    """Put the parts above in the place of the emulator's. Exits when a name of the emulator's is gone."""
    for name in (
        "_get_attr_type", "_item_size_bytes", "_key_condition_clauses", "_lock",
        "_normalize_table_name", "_tables", "_tokenize",
    ):  # fmt: skip
        require(dynamodb, name)
    query, evaluate = require(dynamodb, "_query"), require(dynamodb, "_evaluate_condition")
    tokenize = lru_cache(_KEPT_EXPRESSIONS)(require(dynamodb, "_tokenize"))
    find_syntax_error = lru_cache(_KEPT_EXPRESSIONS)(require(dynamodb, "_condition_syntax_error"))

    def answer(data: dict[str, Any]) -> Any:
        token = _reading.set(_reading_of(data))
        try:
            return query(data)
        finally:
            _reading.reset(token)

    def holds(expression: str, item: Item, values: Any, names: Any, slot: str = "ConditionExpression") -> Any:
        reading = _reading.get()
        is_key_condition = slot == "KeyConditionExpression"
        if reading is None or not is_key_condition or not reading.is_checked:
            found = evaluate(expression, item, values, names, slot=slot)
            if reading is not None and is_key_condition:
                reading.is_checked = True
            return found
        return True  # read by Partition.values, within the bounds

    dynamodb._query, dynamodb._evaluate_condition = answer, holds
    dynamodb._tokenize = lambda expression: list(tokenize(expression))
    dynamodb._condition_syntax_error = find_syntax_error
