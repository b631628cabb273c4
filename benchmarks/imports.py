"""The CPU time of an import's row, compared with a script that reads the file and writes the same items.

Both use the same botocore transport, which answers at once. The yardstick reads the file with `csv.DictReader`, checks
each row with a pydantic model, and writes a contact, the lock of its address and its event in transactions of about a
hundred items, with boto3's default client. Ours splits the file and works on all chunks, as its functions do.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import fixtures, import_files
from benchmarks.aws_noop import answer_with
from benchmarks.import_stack import ImportStack
from benchmarks.report import Figure

ROWS = 4_000
"""Rows of the measured file: as many chunks as are queued at once."""
_ROUNDS = 7
_ROWS_OF_A_TRANSACTION = 33
"""Rows whose items fill a transaction, which takes 100 (limit of DynamoDB)."""


def figures() -> list[Figure]:
    """Measure the CPU time of a row: medians over rounds in which both sides take turns."""
    fixtures.set_environment()
    with tempfile.TemporaryDirectory() as folder:
        stack = ImportStack(Path(folder))
        text = "".join(import_files.lines(ROWS))
        split, rows, bare = [], [], []
        write = _yardstick()
        for number in range(_ROUNDS + 1):
            # Other addresses in each round, so that nothing is known from the round before.
            body = text.replace("@", f"@r{number}.")
            began = time.process_time()
            write(body)
            bare_done = time.process_time()
            tasks = stack.split(body.encode())
            split_done = time.process_time()
            stack.work(tasks)
            done = time.process_time()
            if number:  # the first round warms caches up
                bare.append((bare_done - began) / ROWS)
                split.append((split_done - bare_done) / ROWS)
                rows.append((done - split_done) / ROWS)
    floor = statistics.median(bare)
    both = statistics.median(
        (one + other) / bare_one for one, other, bare_one in zip(split, rows, bare, strict=True)
    )
    return [
        Figure("import, a row with all its items written, CPU", both * floor * 1e6, floor * 1e6, "µs", 0.95),
        Figure("of which splitting the file", statistics.median(split) * 1e6, floor * 1e6, "µs", None),
        Figure("of which working on the row", statistics.median(rows) * 1e6, floor * 1e6, "µs", None),
    ]


def _yardstick() -> Any:
    import boto3
    from pydantic import BaseModel, EmailStr

    class Person(BaseModel):
        first_name: str
        last_name: str
        email: EmailStr
        phone: str = ""
        company: str = ""
        job_title: str = ""
        tags: str = ""

    client = boto3.client("dynamodb")
    answer_with(client, {"TransactWriteItems": {}})
    names = {"First Name": "first_name", "Last Name": "last_name", "Email": "email", "Phone": "phone"}
    names |= {"Company": "company", "Job Title": "job_title", "Tags": "tags"}

    def items(person: Person) -> Iterator[dict[str, Any]]:
        given, contact_id = person.model_dump(), str(uuid.uuid4())
        contact = fixtures.row(contact_id)
        contact |= {name: {"S": value} for name, value in given.items() if value}
        lock = {
            "PK": {"S": f"T#t1#EMAIL#{person.email}"},
            "SK": {"S": "LOCK"},
            "contact_id": {"S": contact_id},
        }
        event = {
            "PK": contact["PK"],
            "SK": {"S": f"EVENT#{uuid.uuid4()}"},
            "type": {"S": "contact.created"},
            "changes": {"S": json.dumps(given)},
        }
        for item in (contact, lock, event):
            yield {
                "Put": {
                    "TableName": "contacts",
                    "Item": item,
                    "ConditionExpression": "attribute_not_exists(PK)",
                }
            }

    def write(text: str) -> None:
        batch: list[dict[str, Any]] = []
        for row in csv.DictReader(io.StringIO(text)):
            batch += items(Person.model_validate({names[name]: value for name, value in row.items()}))
            if len(batch) == 3 * _ROWS_OF_A_TRANSACTION:
                client.transact_write_items(TransactItems=batch)
                batch = []
        if batch:
            client.transact_write_items(TransactItems=batch)

    return write


def etag_of(body: bytes) -> str:
    """Return the ETag that S3 gives an object (Amazon S3 API Reference, "Object")."""
    return hashlib.md5(body).hexdigest()
