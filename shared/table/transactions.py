"""Writes that happen together or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pydantic_core

from shared.table.item import Item
from shared.table.keys.spelling import Key

Refusal = Callable[[Item | None], Exception]
"""Makes the error for a failed condition from the item that the condition failed on (None when there was none)."""

MOST_STEPS = 100
"""Items in one transaction (DynamoDB's limit)."""
MOST_BYTES = 3_500_000
"""Bytes of all items in one transaction. DynamoDB takes 4 MB ("Service, account, and table quotas"), but counts names
and numbers by rules of its own, so some room is left."""


@dataclass(slots=True)
class Transaction:
    """Writes that happen together or not at all: at most MOST_STEPS of different items, of at most MOST_BYTES."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[Refusal | None] = field(default_factory=list)

    def put(
        self,
        item: Item,
        *,
        condition: str | None = None,
        values: Item | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        """Replace an item under `condition`, which uses `values`; `refusal` makes the error when it does not hold."""
        self._add("Put", {"Item": item}, condition, values, refusal)

    def delete(
        self,
        key: Key,
        *,
        condition: str | None = None,
        values: Item | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        """Remove an item, under a condition as in `put`."""
        self._add("Delete", {"Key": key}, condition, values, refusal)

    def update(
        self,
        key: Key,
        expression: str,
        values: Item,
        *,
        names: dict[str, str] | None = None,
        condition: str | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        """Change an item in place by an update expression.

        `expression` uses the attributes' names; `names` gives a reserved word another one, such as {"#role": "role"}.
        """
        step: dict[str, Any] = {"Key": key, "UpdateExpression": expression}
        if names:
            step["ExpressionAttributeNames"] = names
        self._add("Update", step, condition, values, refusal)

    def check(self, key: Key, *, condition: str, values: Item, refusal: Refusal) -> None:
        """Write the transaction only if a condition holds for an item, which is not changed."""
        self._add("ConditionCheck", {"Key": key}, condition, values, refusal)

    def size(self) -> int:
        """Return no fewer than the bytes of the items, keys and values given; items that are updated or removed do not
        count."""
        # In JSON, each part has at least as many bytes as DynamoDB counts. To count exactly takes ten times as long.
        return len(pydantic_core.to_json(self.steps, bytes_mode="base64"))

    def _add(
        self,
        kind: str,
        step: dict[str, Any],
        condition: str | None,
        values: Item | None,
        refusal: Refusal | None,
    ) -> None:
        if condition is not None:
            step["ConditionExpression"] = condition
            step["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if values:
            step["ExpressionAttributeValues"] = values
        self.steps.append({kind: step})
        self.refusals.append(refusal)
