"""Key schemas of tables, read from the endpoint that a request goes to, for the guard and the meter."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.support.clients import client
from tests.support.transport import Attempt, unobserved


@dataclass(frozen=True)
class Index:
    partition_key: str
    sort_key: str | None
    projection: str
    included: tuple[str, ...]

    def key_names(self) -> tuple[str, ...]:
        return (self.partition_key,) if self.sort_key is None else (self.partition_key, self.sort_key)


@dataclass(frozen=True)
class TableSchema:
    partition_key: str
    sort_key: str | None
    indexes: dict[str, Index]

    def key_names(self) -> tuple[str, ...]:
        return (self.partition_key,) if self.sort_key is None else (self.partition_key, self.sort_key)

    def key_of(self, item: dict[str, Any]) -> dict[str, Any]:
        return {name: item[name] for name in self.key_names()}


class Tables:
    """A DynamoDB client of the harness: unobserved calls to the endpoint that an attempt was sent to."""

    def __init__(self) -> None:
        self._schemas: dict[tuple[str, str], TableSchema] = {}
        self._lock = threading.RLock()

    def client(self, attempt: Attempt) -> Any:
        parts = urlsplit(attempt.url)
        with self._lock:
            return client("dynamodb", f"{parts.scheme}://{parts.netloc}")

    def schema(self, attempt: Attempt, table: str) -> TableSchema:
        """Return the key schema of `table`; an unknown table raises botocore's ClientError."""
        key = (urlsplit(attempt.url).netloc, table)
        with self._lock:
            if key not in self._schemas:
                with unobserved():
                    described = self.client(attempt).describe_table(TableName=table)["Table"]
                self._schemas[key] = _schema(described)
            return self._schemas[key]

    def forget(self) -> None:
        """Forget all schemas: the next test creates its own tables."""
        with self._lock:
            self._schemas.clear()


def _schema(described: dict[str, Any]) -> TableSchema:
    partition, sort = _keys(described["KeySchema"])
    indexes = {}
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        for index in described.get(kind, []):
            projection = index.get("Projection", {})
            indexes[index["IndexName"]] = Index(
                *_keys(index["KeySchema"]),
                projection.get("ProjectionType", "ALL"),
                tuple(projection.get("NonKeyAttributes", ())),
            )
    return TableSchema(partition, sort, indexes)


def _keys(schema: list[dict[str, str]]) -> tuple[str, str | None]:
    by_type = {entry["KeyType"]: entry["AttributeName"] for entry in schema}
    return by_type["HASH"], by_type.get("RANGE")


tables = Tables()
