"""How records become items, and items records.

One rule: a field has an attribute of its own only where an expression or a projection reads it; all other fields go
together into one attribute, as JSON. So there are two codecs. `AttributeCodec` is for records that are copied into list
rows and read field by field (contacts, customers, deliveries). `whole_record` is for records that are always read whole
(users, invitations, labels, API clients).

Both are written by hand for this table: the general serializer of boto3 takes ten times as long.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pydantic_core

from shared.table.item import Item
from shared.table.keys.spelling import Key


def to_json(value: Any) -> str:
    """Return a value as compact JSON."""
    # Four times as fast as the json module.
    return pydantic_core.to_json(value).decode()


class AttributeCodec:
    """Encodes fields as attributes of their own, by the type of the field.

    Empty texts, numbers, lists and JSON are left out, as are states, flags and JSON that equal the field's default. A
    flag or list without a default is always written.

    `states`: texts that most records have the default of. `json`: fields that become JSON text.
    """

    def __init__(
        self,
        *,
        texts: Iterable[str] = (),
        states: Iterable[str] = (),
        numbers: Iterable[str] = (),
        flags: Iterable[str] = (),
        lists: Iterable[str] = (),
        json: Iterable[str] = (),
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self._defaults = {} if defaults is None else dict(defaults)
        self._texts = tuple(texts)
        self._states = tuple((name, self._defaults[name]) for name in states)
        self._numbers, self._flags = tuple(numbers), tuple(flags)
        self._lists, self._json = tuple(lists), tuple(json)
        self._is_text = frozenset((*self._texts, *(name for name, _ in self._states)))
        self._is_number = frozenset(self._numbers)
        self._is_flag, self._is_list = frozenset(self._flags), frozenset(self._lists)
        self._is_json = frozenset(self._json)

    def encode(self, values: Mapping[str, Any]) -> Item:
        """Return the attributes of a record's fields."""
        item: Item = {}
        defaults = self._defaults
        for name in self._texts:
            if value := values[name]:
                item[name] = {"S": value}
        for name, default in self._states:
            if values[name] != default:
                item[name] = {"S": values[name]}
        for name in self._numbers:
            if number := values[name]:
                item[name] = {"N": str(number)}
        for name in self._flags:
            if name not in defaults or values[name] != defaults[name]:
                item[name] = {"BOOL": values[name]}
        for name in self._lists:
            if values[name] or name not in defaults:
                item[name] = {"L": [{"S": text} for text in values[name]]}
        for name in self._json:
            if (content := values[name]) and content != defaults.get(name):
                item[name] = {"S": to_json(content)}
        return item

    def decode(self, item: Item) -> dict[str, Any]:
        """Return the fields of an item: those it has, and the defaults of the others. Other attributes are ignored."""
        values = self._defaults.copy()
        for name, attribute in item.items():
            if name in self._is_text:
                values[name] = attribute["S"]
            elif name in self._is_number:
                values[name] = int(attribute["N"])
            elif name in self._is_list:
                values[name] = [element["S"] for element in attribute["L"]]
            elif name in self._is_flag:
                values[name] = bool(attribute["BOOL"])
            elif name in self._is_json:
                values[name] = json.loads(attribute["S"])
        return values


def whole_record(key: Key, name: str, content: str, *, version: int, last_event: str) -> Item:
    """Return the item of a record whose fields are all in the attribute `name`, as JSON.

    The version and the last event have attributes of their own, for the conditions of `shared.table.guards`.
    """
    return {
        **key,
        "version": {"N": str(version)},
        "last_event": {"S": last_event},
        name: {"S": content},
    }
