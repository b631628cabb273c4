"""Items in the form DynamoDB takes them, and their size, to stay within its limits on items and transactions."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

Item = dict[str, dict[str, Any]]
"""The attributes of an item by name, each as `{type: value}`, such as `{"S": "Ada"}`."""


def binary(attribute: dict[str, Any]) -> bytes:
    """Return the bytes of a binary attribute that was read."""
    # Base64 as DynamoDB sends it (`shared.table.answers`), bytes from botocore's own parser.
    found = attribute["B"]
    return found if isinstance(found, bytes) else b64decode(found)


_CONTAINER, _ELEMENT = 3, 1  # bytes of a list or map, and of each of its elements


def item_size(item: Item) -> int:
    """Return the most bytes that an item, or some of its attributes, can take: names and values.

    Counts as the DynamoDB developer guide does ("DynamoDB item sizes and formats"), where a number takes about one
    byte for two digits; each is taken for as long as its text, so that the result is never too small.
    """
    total = 0
    for name, value in item.items():
        total += len(name) if name.isascii() else len(name.encode())
        text = value.get("S")  # most values are texts
        if text is None:
            total += _value_size(value)
        else:
            total += len(text) if text.isascii() else len(text.encode())
    return total


def _value_size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return _text_size(content)
        case "N":
            return len(content) + 1
        case "B":
            return len(content)
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(map(_text_size, content))
        case "NS":
            return sum(len(number) + 1 for number in content)
        case "BS":
            return sum(map(len, content))
        case "L":
            return _CONTAINER + sum(_ELEMENT + _value_size(element) for element in content)
        case "M":
            return _CONTAINER + len(content) * _ELEMENT + item_size(content)
    raise ValueError(f"not a type of DynamoDB: {kind}")


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
