"""The size of an item as DynamoDB counts it, in bytes, from the item in DynamoDB JSON.

Rules: "DynamoDB item sizes and formats" in the DynamoDB developer guide. A number takes one byte for each two
significant digits and one more (and another when it is negative); the guide calls that approximate.
"""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

CONTAINER_OVERHEAD = 3
ELEMENT_OVERHEAD = 1


def item_size(item: dict[str, dict[str, Any]]) -> int:
    """Return the size of the names and values of all attributes.

    >>> item_size({"PK": {"S": "abc"}, "n": {"N": "120"}})
    8
    """
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return number_size(content)
        case "B":
            return _binary_size(content)
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(len(entry.encode()) for entry in content)
        case "NS":
            return sum(number_size(entry) for entry in content)
        case "BS":
            return sum(_binary_size(entry) for entry in content)
        case "L":
            return CONTAINER_OVERHEAD + sum(ELEMENT_OVERHEAD + value_size(entry) for entry in content)
        case "M":
            entries = (len(name.encode()) + value_size(entry) for name, entry in content.items())
            return CONTAINER_OVERHEAD + sum(ELEMENT_OVERHEAD + size for size in entries)
    raise ValueError(f"not a DynamoDB type: {kind}")


def number_size(text: str) -> int:
    """Return the number of significant digits: leading and trailing zeros are not stored."""
    number = Decimal(text)
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    return (len(digits) + 1) // 2 + 1 + (number < 0)


def _binary_size(content: str | bytes) -> int:
    # Base64 on the wire, bytes once botocore has parsed it.
    return len(content) if isinstance(content, bytes) else len(base64.b64decode(content))
