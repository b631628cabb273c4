"""The table: the few DynamoDB calls that the system makes, and the errors for their failures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict, Unpack

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import Invalid, TooLarge, Unavailable
from shared.services.backoff import BUSY_TABLE
from shared.table.item import Item
from shared.table.keys.spelling import PK, SK, Key, identity_of
from shared.table.transactions import Refusal, Transaction

BATCH_WRITE, BATCH_GET = 25, 100
"""The maximum number of items of one call (DynamoDB API reference, "BatchWriteItem", "BatchGetItem")."""
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
    """A transaction in progress has locked the item."""


class Query(TypedDict, total=False):
    """Which items of a partition to read, and how.

    `prefix`: only sort keys that start with it. `between`: only sort keys within the two, both included.
    `after`: start after this sort key (in the direction of reading), which must be within the bounds.
    `index`: the name of an index and the names of its partition and sort key, to read it instead of the table.
    `consistent`: as of now, for twice the units; not in an index.
    """

    prefix: str | None
    between: tuple[str, str] | None
    after: str | None
    descending: bool
    index: tuple[str, str, str] | None
    consistent: bool


class Store:
    """One table, through one DynamoDB client. Raises Unavailable when DynamoDB cannot be reached or stays busy."""

    def __init__(self, client: Any, table_name: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table_name
        self._sleep = sleep

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Return the item with a key, or None."""
        with _translate_errors():
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=consistent)
        item: Item | None = answer.get("Item")
        return item

    def get_many(self, keys: Sequence[Key], *, consistent: bool = True) -> dict[tuple[str, str], Item]:
        """Return the items that exist of any number of keys, by partition key and sort key."""
        found: dict[tuple[str, str], Item] = {}
        for start in range(0, len(keys), BATCH_GET):
            wanted = list(keys[start : start + BATCH_GET])
            for attempt in range(BUSY_TABLE.attempts):
                with _translate_errors():
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

    def query(self, partition: str, *, limit: int, **options: Unpack[Query]) -> list[Item]:
        """Return up to `limit` items of a partition in the order of their sort keys; none for reversed bounds."""
        name, pk, sk = options.get("index") or ("", PK, SK)
        after, descending = options.get("after"), options.get("descending", False)
        low, high = _bounds(options.get("prefix"), after, options.get("between"), descending)
        if _is_empty(low, high):
            return []
        condition, values = _key_condition(partition, pk, sk, low, high)
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not descending,
            # The item at `after` comes first when it still exists, and is left out below.
            "Limit": limit + (after is not None),
        }
        if name:
            request["IndexName"] = name
        elif options.get("consistent"):
            request["ConsistentRead"] = True
        items: list[Item] = []
        while True:
            with _translate_errors():
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
        """Skip the first `count` items (at least one) that `query` would return.

        Returns how many were skipped, and the sort key after which reading continues, None at the end. Costs the
        units of reading the items, but transfers none. `go_on` is called after each megabyte: when it returns False,
        fewer than `count` may have been skipped.
        """
        low, high = between or (None, None)
        if _is_empty(low, high):
            return 0, None
        condition, values = _key_condition(partition, PK, SK, low, high)
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not descending,
            "Select": "COUNT",
            "Limit": count,
        }
        skipped = 0
        while True:
            with _translate_errors():
                answer = self._client.query(**request)
            skipped += answer["Count"]
            last = answer.get("LastEvaluatedKey")
            if last is None:
                return skipped, None
            if skipped == count or not go_on():
                return skipped, last[SK]["S"]
            request["ExclusiveStartKey"] = last
            request["Limit"] = count - skipped

    def put(
        self,
        item: Item,
        *,
        condition: str | None = None,
        values: Item | None = None,
        refusal: Refusal | None = None,
    ) -> bool:
        """Write an item; return False when `condition` did not hold, or raise the error that `refusal` makes.

        botocore sends the request again when the answer was lost, so the condition must also hold after the item was
        written by this call. Raises Locked while a transaction has the item. Records change by `commit` instead.
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
        """Change an item in place; return False when `condition` did not hold.

        Repeating the expression must not change the result.
        """
        request: dict[str, Any] = {"TableName": self._table, "Key": key, "UpdateExpression": expression}
        if values:
            request["ExpressionAttributeValues"] = values
        if condition is not None:
            request["ConditionExpression"] = condition
        return self._conditional(self._client.update_item, request)

    def update_or_read(self, key: Key, expression: str, values: Item, *, condition: str) -> tuple[bool, Item]:
        """Change an item in place under a condition.

        Returns whether the condition held, and the item: as it is after the change, or as it was found when the
        condition did not hold ({} when there is none).
        """
        try:
            with _translate_errors():
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
            with _translate_errors():
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
        """Put and remove any number of items, each on its own and without conditions.

        Of several writes of one key the last counts. Raises Unavailable when DynamoDB stays too busy; some items may
        be written then, and the call can be repeated.
        """
        writes: dict[tuple[str, str], dict[str, Any]] = {}
        for key in delete:
            writes[identity_of(key)] = {"DeleteRequest": {"Key": key}}
        for item in put:
            writes[identity_of(item)] = {"PutRequest": {"Item": item}}
        requests = list(writes.values())
        for start in range(0, len(requests), BATCH_WRITE):
            pending = requests[start : start + BATCH_WRITE]
            for attempt in range(BUSY_TABLE.attempts):
                with _translate_errors():
                    answer = self._client.batch_write_item(RequestItems={self._table: pending})
                pending = answer.get("UnprocessedItems", {}).get(self._table, [])
                if not pending:
                    break
                self._back_off(attempt)

    def commit(self, transaction: Transaction) -> None:
        """Write a transaction, all of it or nothing.

        A failed condition raises the error that its step's refusal makes. A conflict with a transaction in progress
        is retried with jitter, waiting up to 1.6 s in all, then raises Unavailable: callers that retry after
        ConcurrentChange must not multiply that. botocore sends each call with a client token, so its own retry after
        a lost answer does not write twice.
        """
        for attempt in range(BUSY_TABLE.attempts):
            try:
                with _translate_errors():
                    self._client.transact_write_items(TransactItems=self._with_table_name(transaction.steps))
                return
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise
                self._raise_refusal(transaction, error)
                if BUSY_TABLE.is_last(attempt):
                    raise Unavailable() from error
                self._pause(attempt)

    def _raise_refusal(self, transaction: Transaction, error: ClientError) -> None:
        """Raise the error for a failed condition; return when the transaction is to be sent again."""
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

    def _with_table_name(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for step in steps:
            for request in step.values():
                request["TableName"] = self._table
        return steps

    def _back_off(self, attempt: int) -> None:
        if BUSY_TABLE.is_last(attempt):
            raise Unavailable()
        self._pause(attempt)

    def _pause(self, attempt: int) -> None:
        self._sleep(BUSY_TABLE.wait_after(attempt))


def _bounds(
    prefix: str | None, after: str | None, between: tuple[str, str] | None, descending: bool
) -> tuple[str | None, str | None]:
    """Return the first and the last sort key of a query, both included; None for no bound."""
    low, high = between or ((prefix, prefix + "\U0010ffff") if prefix else (None, None))
    # DynamoDB takes one condition on the sort key, so `after` becomes a bound of the range.
    if after is not None:
        low, high = (low, after) if descending else (after, high)
    return low, high


def _is_empty(low: str | None, high: str | None) -> bool:
    """Return whether no key is within two bounds. DynamoDB refuses a query by such bounds ("Condition", API reference).

    Code points sort as their bytes in UTF-8 do, by which DynamoDB sorts texts.
    """
    return low is not None and high is not None and low > high


def _key_condition(partition: str, pk: str, sk: str, low: str | None, high: str | None) -> tuple[str, Item]:
    """Return the key condition of a query, and its values."""
    values: Item = {":pk": {"S": partition}}
    condition = f"{pk} = :pk"
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
def _translate_errors() -> Iterator[None]:
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
