"""The table behind its client: the few DynamoDB calls the system makes, and what their failures mean."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import ConcurrentChange, Invalid, TooLarge, Unavailable
from shared.services.backoff import pause_after
from shared.table.item_size import item_size
from shared.table.keys.spelling import PK, SK, Key, identity_of

Item = dict[str, dict[str, Any]]
Refusal = Callable[[Item | None], Exception]
"""What a failed condition means: from the item that stood in the way (None when there was none) to an error."""

MOST_STEPS = 100
"""Items in one transaction (DynamoDB's limit)."""
MOST_BYTES = 3_500_000
"""Of all items in one transaction: DynamoDB takes 4 MB ("Service, account, and table quotas"), and counts names and
numbers by rules of its own, so that some room is left.
"""
_ATTEMPTS = 6
_BATCH_WRITE, _BATCH_GET = 25, 100  # DynamoDB's limits for one call
_CONFLICTS = frozenset({"TransactionConflict", "TransactionInProgress"})
_THROTTLES = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
_BUSY = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


class Locked(Unavailable):
    """A transaction under way has the item."""


class Guard(TypedDict):
    """A condition of a write, and what it means that it did not hold; given to `Transaction` with `**`."""

    condition: str
    values: Item
    refusal: Refusal


def at_version(version: int) -> Guard:
    """Guards the write of a record that is to be at this version still: else ConcurrentChange."""
    return {
        "condition": "version = :before",
        "values": {":before": {"N": str(version)}},
        "refusal": lambda _: ConcurrentChange(),
    }


@dataclass(slots=True)
class Transaction:
    """Writes that happen together or not at all: at most MOST_STEPS, each of another item, of at most MOST_BYTES."""

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
        """Write an item whole; under `condition`, which sees `values`, or else `refusal` says what was wrong."""
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
        """Change an item in place by an update expression. Names are spelled out; a reserved word is given another
        in `names`, such as {"#role": "role"}.
        """
        step: dict[str, Any] = {"Key": key, "UpdateExpression": expression}
        if names:
            step["ExpressionAttributeNames"] = names
        self._add("Update", step, condition, values, refusal)

    def check(self, key: Key, *, condition: str, values: Item, refusal: Refusal) -> None:
        """Write only while a condition holds of an item that is left as it is."""
        self._add("ConditionCheck", {"Key": key}, condition, values, refusal)

    def size(self) -> int:
        """The bytes of the items, keys and values given, without items that updates and removals find in the table."""
        return sum(
            item_size(request.get("Item") or request["Key"])
            + item_size(request.get("ExpressionAttributeValues", {}))
            for step in self.steps
            for request in step.values()
        )

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


class Store:
    """One table through one DynamoDB client. Raises Unavailable when DynamoDB is away or stays busy."""

    def __init__(self, client: Any, table_name: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table_name
        self._sleep = sleep

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """The item of a key, or None."""
        with _translated():
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=consistent)
        item: Item | None = answer.get("Item")
        return item

    def get_many(self, keys: Sequence[Key], *, consistent: bool = True) -> dict[tuple[str, str], Item]:
        """The items there are of any number of keys, by (PK, SK)."""
        found: dict[tuple[str, str], Item] = {}
        for start in range(0, len(keys), _BATCH_GET):
            wanted = list(keys[start : start + _BATCH_GET])
            for attempt in range(_ATTEMPTS + 1):
                with _translated():
                    answer = self._client.batch_get_item(
                        RequestItems={self._table: {"Keys": wanted, "ConsistentRead": consistent}}
                    )
                for item in answer["Responses"].get(self._table, ()):
                    found[identity_of(item)] = item
                wanted = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
                if not wanted:
                    break
                self._back_off(attempt)
        return found

    def query(
        self,
        partition: str,
        *,
        limit: int,
        prefix: str | None = None,
        after: str | None = None,
        between: tuple[str, str] | None = None,
        descending: bool = False,
        index: tuple[str, str, str] | None = None,
        consistent: bool = False,
    ) -> list[Item]:
        """Up to `limit` items of a partition in the order of their sort keys.

        `prefix`: only sort keys that start so. `between`: only those within the two, both included.
        `after`: start behind this sort key (in the direction of the walk), which must lie within the bounds.
        `index`: (index name, its partition key's name, its sort key's name) instead of the table.
        """
        name, pk, sk = index or ("", PK, SK)
        condition, values = _range(partition, pk, sk, prefix, after, between, descending)
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not descending,
            # The bound itself comes back first when it still exists, and is left out below.
            "Limit": limit + (after is not None),
        }
        if name:
            request["IndexName"] = name
        elif consistent:
            request["ConsistentRead"] = True
        items: list[Item] = []
        while True:
            with _translated():
                answer = self._client.query(**request)
            items.extend(item for item in answer["Items"] if item[sk]["S"] != after)
            last = answer.get("LastEvaluatedKey")
            if last is None or len(items) >= limit:
                return items[:limit]
            request["ExclusiveStartKey"] = last

    def skip(
        self,
        partition: str,
        count: int,
        *,
        between: tuple[str, str] | None = None,
        descending: bool = False,
        go_on: Callable[[], bool] = lambda: True,
    ) -> tuple[int, str | None]:
        """Pass over the first `count` items (at least one) of what `query` would give: how many there were, and
        behind which sort key it goes on, None at the end. Costs the units of reading them, but transfers none.

        `go_on` is asked after each megabyte: when it is False, fewer than `count` may have been passed over.
        """
        condition, values = _range(partition, PK, SK, None, None, between, descending)
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not descending,
            "Select": "COUNT",
            "Limit": count,
        }
        passed = 0
        while True:
            with _translated():
                answer = self._client.query(**request)
            passed += answer["Count"]
            last = answer.get("LastEvaluatedKey")
            if last is None:
                return passed, None
            if passed == count or not go_on():
                return passed, last[SK]["S"]
            request["ExclusiveStartKey"] = last
            request["Limit"] = count - passed

    def put(
        self,
        item: Item,
        *,
        condition: str | None = None,
        values: Item | None = None,
        refusal: Refusal | None = None,
    ) -> bool:
        """Write an item; False when `condition` did not hold, or what `refusal` says of the item in the way.

        A lost answer makes botocore send again, so the condition must also hold for the item's own write.
        Raises Locked while a transaction has the item. Not for changes of records: see `commit`.
        """
        request: dict[str, Any] = {"TableName": self._table, "Item": item}
        if condition is not None:
            request["ConditionExpression"] = condition
        if refusal is not None:
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if values:
            request["ExpressionAttributeValues"] = values
        return self._conditional(self._client.put_item, request, refusal)

    def update(self, key: Key, expression: str, values: Item, *, condition: str | None = None) -> bool:
        """Change an item in place; False when `condition` did not hold. The expression must bear repetition."""
        request: dict[str, Any] = {"TableName": self._table, "Key": key, "UpdateExpression": expression}
        if values:
            request["ExpressionAttributeValues"] = values
        if condition is not None:
            request["ConditionExpression"] = condition
        return self._conditional(self._client.update_item, request)

    def update_or_show(self, key: Key, expression: str, values: Item, *, condition: str) -> tuple[bool, Item]:
        """Change an item in place under a condition. Whether it held, and the item: as it is now, or as it stands in
        the way ({} when there is none).
        """
        try:
            with _translated():
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=key,
                    UpdateExpression=expression,
                    ExpressionAttributeValues=values,
                    ConditionExpression=condition,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ClientError as error:
            refusal: Any = error.response
            if refusal["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False, refusal.get("Item", {})
        return True, answer["Attributes"]

    def _conditional(
        self, call: Callable[..., Any], request: dict[str, Any], refusal: Refusal | None = None
    ) -> bool:
        try:
            with _translated():
                call(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                if refusal is not None:
                    answer: Any = error.response
                    raise refusal(answer.get("Item")) from error
                return False
            raise
        return True

    def write_many(self, *, put: Sequence[Item] = (), delete: Sequence[Key] = ()) -> None:
        """Put and remove any number of items, each by itself and without conditions.

        Of several writes of one key the last counts. Raises Unavailable when DynamoDB stays too busy; part
        may be written then, and the call can be repeated.
        """
        writes: dict[tuple[str, str], dict[str, Any]] = {}
        for key in delete:
            writes[identity_of(key)] = {"DeleteRequest": {"Key": key}}
        for item in put:
            writes[identity_of(item)] = {"PutRequest": {"Item": item}}
        requests = list(writes.values())
        for start in range(0, len(requests), _BATCH_WRITE):
            pending = requests[start : start + _BATCH_WRITE]
            for attempt in range(_ATTEMPTS + 1):
                with _translated():
                    answer = self._client.batch_write_item(RequestItems={self._table: pending})
                pending = answer.get("UnprocessedItems", {}).get(self._table, [])
                if not pending:
                    break
                self._back_off(attempt)

    def commit(self, transaction: Transaction) -> None:
        """Write a transaction.

        A failed condition raises what its step's refusal makes of it. A conflict with a transaction under
        way is tried again with jitter, for up to 1.6 s of waiting, then raises Unavailable: callers that try
        again after ConcurrentChange must not multiply that. Nothing is ever written in part.
        botocore gives each call a client token, so its own retry of a lost answer is no second write.
        """
        for attempt in range(_ATTEMPTS + 1):
            try:
                with _translated():
                    self._client.transact_write_items(TransactItems=self._named(transaction.steps))
                return
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise
                self._judge(transaction, error)
                if attempt == _ATTEMPTS:
                    raise Unavailable() from error
                self._pause(attempt)

    def _judge(self, transaction: Transaction, error: ClientError) -> None:
        """Raise what a failed condition means; nothing for reasons under which to try again."""
        answer: Any = error.response
        reasons: list[Mapping[str, Any]] = answer.get("CancellationReasons", [])
        for reason, refusal in zip(reasons, transaction.refusals, strict=False):
            if reason.get("Code") == "ConditionalCheckFailed":
                if refusal is None:
                    raise error
                raise refusal(reason.get("Item")) from error
        codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
        if not codes or codes - _CONFLICTS - _THROTTLES:
            for reason in reasons:
                _raise_if_too_large(reason.get("Code", ""), reason.get("Message", ""))
            raise error

    def _named(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for step in steps:
            for request in step.values():
                request["TableName"] = self._table
        return steps

    def _back_off(self, attempt: int) -> None:
        if attempt == _ATTEMPTS:
            raise Unavailable()
        self._pause(attempt)

    def _pause(self, attempt: int) -> None:
        self._sleep(pause_after(attempt, first=0.025, most=0.8))


def _range(
    partition: str,
    pk: str,
    sk: str,
    prefix: str | None,
    after: str | None,
    between: tuple[str, str] | None,
    descending: bool,
) -> tuple[str, Item]:
    """A query's key condition and its values."""
    values: Item = {":pk": {"S": partition}}
    condition = f"{pk} = :pk"
    # DynamoDB takes one condition on the sort key, so a start is given as a bound of the range.
    low, high = between or ((prefix, prefix + "\U0010ffff") if prefix else (None, None))
    if after is not None:
        low, high = (low, after) if descending else (after, high)
    if low is not None and high is not None:
        condition += f" AND {sk} BETWEEN :low AND :high"
    elif low is not None:
        condition += f" AND {sk} >= :low"
    elif high is not None:
        condition += f" AND {sk} <= :high"
    if low is not None:
        values[":low"] = {"S": low}
    if high is not None:
        values[":high"] = {"S": high}
    return condition, values


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _BUSY:
            raise Unavailable() from error
        if code == "TransactionConflictException":
            raise Locked() from error
        if code == "ValidationException":
            _raise_if_too_large("ValidationError", error.response["Error"].get("Message", ""))
        raise
    except BotoCoreError as error:  # no connection, time-outs, no credentials
        raise Unavailable() from error


def _raise_if_too_large(code: str, message: str) -> None:
    if code == "ValidationError" and ("size" in message.lower() or "exceed" in message.lower()):
        if "sort key" in message.lower() or "hash" in message.lower() or "key" in message.lower():
            raise Invalid("A value is too long to be stored.")
        raise TooLarge("The record would be larger than 400 KB, the most one record can hold.")
