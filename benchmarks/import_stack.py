"""The functions that import files, on AWS services that answer at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import fixtures, import_files
from benchmarks.aws_noop import answer_with, keep_objects, take_messages

BUCKET = "contacts-drop"
_QUEUE = "https://sqs.us-east-1.amazonaws.com/000000000000/imports"
_OF_IMPORTS = "#IMPORT"
"""What the keys of an import's records contain. Only these are kept, so that a run finds its own import again."""


class ImportStack:
    """Imports files of one tenant. Objects are files of a folder; of the table, only imports' records are kept."""

    def __init__(self, folder: Path) -> None:
        os.environ.update(DROP_BUCKET=BUCKET, IMPORT_ROWS_QUEUE_URL=_QUEUE, IMPORT_FILES_QUEUE_URL=_QUEUE)
        from shared.wiring.base import aws_client
        from shared.wiring.kept import reset_wiring

        reset_wiring()
        self._folder = folder
        self._memory = folder / "memory.json"
        self._kept: dict[tuple[str, str], dict[str, Any]] = {}
        self._add(fixtures.TENANT)
        self._imports = 0
        self._messages = take_messages(aws_client("sqs"))
        keep_objects(aws_client("s3"), folder)
        answer_with(
            aws_client("dynamodb"),
            {
                "GetItem": self._get,
                "BatchGetItem": self._batch_get,
                "PutItem": self._put,
                "TransactWriteItems": self._transact,
                "UpdateItem": {},
                "Query": self._query,
            },
        )

    def split(self, content: str | int) -> list[dict[str, Any]]:
        """Put a file into the inbox, by its content or its number of rows, and split it; return the tasks that were
        queued."""
        from functions.imports.on_files import handler

        self._imports += 1
        key = f"tenants/t1/inbox/{self._imports}.csv"
        if isinstance(content, str):
            self._object(key).write_text(content, encoding="utf-8")
        else:
            import_files.write(self._object(key), content)
        handler(
            {"Records": [{"s3": {"bucket": {"name": BUCKET}, "object": {"key": key, "eTag": "e"}}}]}, None
        )
        tasks = list(self._messages)
        self._messages.clear()
        assert tasks, "nothing was queued"
        self._memory.write_text(json.dumps({"items": list(self._kept.values()), "task": tasks[0]}))
        return tasks

    def tasks_of_chunks(self, chunks: int) -> Iterator[dict[str, Any]]:
        """Yield the tasks of the first chunks of the file that another process has split."""
        remembered = json.loads(self._memory.read_text())
        for item in remembered["items"]:
            self._add(item)
        for number in range(chunks):
            yield {**remembered["task"], "chunk": number, "id": f"task-{number}"}

    def work(self, tasks: Iterable[dict[str, Any]]) -> None:
        """Carry out tasks."""
        from functions.imports.on_rows import handler

        for task in tasks:
            record = {"messageId": "m", "receiptHandle": "r", "body": json.dumps(task), "attributes": {}}
            assert not handler({"Records": [record]}, None)["batchItemFailures"], "a task failed"
            self._messages.clear()

    def _object(self, key: str) -> Path:
        return self._folder / f"%2F{key.replace('/', '%2F')}"

    def _add(self, item: dict[str, Any]) -> None:
        self._kept[item["PK"]["S"], item["SK"]["S"]] = item

    def _get(self, body: bytes) -> dict[str, Any]:
        key = json.loads(body)["Key"]
        found = self._kept.get((key["PK"]["S"], key["SK"]["S"]))
        return {"Item": found} if found else {}

    def _batch_get(self, body: bytes) -> dict[str, Any]:
        wanted = json.loads(body)["RequestItems"]
        return {
            "Responses": {
                table: [
                    found
                    for key in asked["Keys"]
                    if (found := self._kept.get((key["PK"]["S"], key["SK"]["S"])))
                ]
                for table, asked in wanted.items()
            }
        }

    def _query(self, body: bytes) -> dict[str, Any]:
        """Return the tenant's tags, which are those of the file; nothing else is found."""
        found = fixtures.LABELS if b"#LABELS" in body else []
        return {"Items": found, "Count": len(found), "ScannedCount": len(found)}

    def _put(self, body: bytes) -> dict[str, Any]:
        if _OF_IMPORTS.encode() in body:
            self._add(json.loads(body)["Item"])
        return {}

    def _transact(self, body: bytes) -> dict[str, Any]:
        if _OF_IMPORTS.encode() in body:
            for action in json.loads(body)["TransactItems"]:
                if _OF_IMPORTS in action.get("Put", {}).get("Item", {}).get("PK", {}).get("S", ""):
                    self._add(action["Put"]["Item"])
        return {}
