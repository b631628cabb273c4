"""A table in memory whose calls take time and meet, as DynamoDB's do."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from shared.table.item import Item
from shared.table.keys.spelling import Identity, identity_of
from tests.support.memory_table import MemoryTable


class BusyTable:
    """A client whose calls take `seconds`, twice that for transactions, and of which many can be under way.

    A transaction is cancelled when another one has one of its items, and a single write is refused then, with the
    errors of DynamoDB ("Amazon DynamoDB Transactions: How it works", "Transaction conflict handling"). `calls` counts
    the calls by operation; `conflicts` those that were cancelled or refused for that reason; `most_at_once` is the
    largest number of calls that were under way. `refuses`: whether a call for an item fails for lack of capacity.
    """

    def __init__(self, seconds: float = 0.0, refuses: Callable[[Item], bool] = lambda key: False) -> None:
        self.memory = MemoryTable()
        self.calls: Counter[str] = Counter()
        self.conflicts = 0
        self.most_at_once = 0
        self._seconds, self._refuses = seconds, refuses
        self._lock = threading.Lock()
        self._under_way = 0
        self._held: set[Identity] = set()

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        """Return an operation of the client."""

        def call(**request: Any) -> Any:
            keys = list(_keys_of(operation, request))
            if any(map(self._refuses, keys)):
                raise _error("ProvisionedThroughputExceededException", operation)
            places = {identity_of(key) for key in keys if "SK" in key}
            with self._being_under_way(operation, places), self._lock:
                return getattr(self.memory, operation)(**request)

        return call

    @contextmanager
    def _being_under_way(self, operation: str, places: set[Identity]) -> Iterator[None]:
        is_transaction = operation == "transact_write_items"
        with self._lock:
            self.calls[operation] += 1
            if places & self._held and operation != "batch_get_item":
                self.conflicts += 1
                raise _conflict(operation, len(places))
            if is_transaction:
                self._held |= places
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            time.sleep(self._seconds * (2 if is_transaction else 1))
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                if is_transaction:
                    self._held -= places


def _keys_of(operation: str, request: dict[str, Any]) -> Iterator[Item]:
    """Yield the keys, or the items, that a request names; of a query only the partition key."""
    if operation == "query":
        yield {"PK": request["ExpressionAttributeValues"][":pk"]}
    elif operation == "batch_get_item":
        for asked in request["RequestItems"].values():
            yield from asked["Keys"]
    elif operation == "batch_write_item":
        for requests in request["RequestItems"].values():
            for one in requests:
                yield one["PutRequest"]["Item"] if "PutRequest" in one else one["DeleteRequest"]["Key"]
    elif operation == "transact_write_items":
        for step in request["TransactItems"]:
            for one in step.values():
                yield one.get("Item") or one["Key"]
    else:
        yield request.get("Item") or request["Key"]


def _conflict(operation: str, items: int) -> ClientError:
    if operation != "transact_write_items":
        return _error("TransactionConflictException", operation)
    reasons = [{"Code": "TransactionConflict"}, *[{"Code": "None"}] * (items - 1)]
    return _error("TransactionCanceledException", operation, CancellationReasons=reasons)


def _error(code: str, operation: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(response, operation)
