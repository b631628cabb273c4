"""The CPU time of an import's row, compared with a script that reads the file and writes the same items.

Both use the same botocore transport, which answers at once, in processes of their own. The yardstick reads the file
with `csv.DictReader`, checks each row with a pydantic model, and writes a contact, the lock of its address and its
event in transactions of about a hundred items, with boto3's default client. Ours splits the file and works on all
chunks, as its functions do.
"""

from __future__ import annotations

import atexit
import csv
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import fixtures, import_files
from benchmarks.aws_noop import answer_with
from benchmarks.import_stack import ImportStack
from benchmarks.report import Figure
from local.sources import ROOT

ROWS = 4_000
"""Rows of the measured file: as many chunks as are queued at once."""
_ROUNDS, _PROCESSES = 4, 3
_ROWS_OF_A_TRANSACTION = 33
"""Rows whose items fill a transaction, which takes 100 (limit of DynamoDB)."""


def figures() -> list[Figure]:
    """Measure the CPU time of a row: medians over processes of which the sides start one after the other."""
    runs: dict[str, list[dict[str, float]]] = {"yardstick": [], "ours": []}
    for _ in range(_PROCESSES):
        for side, measured in runs.items():
            measured.append(_run(side))

    def median(side: str, part: str) -> float:
        return statistics.median(run[part] for run in runs[side]) * 1e6

    floor = median("yardstick", "all")
    return [
        Figure("import, a row with all its items written, CPU", median("ours", "all"), floor, "µs", 0.95),
        Figure("of which splitting the file", median("ours", "split"), floor, "µs", None),
        Figure("of which working on the row", median("ours", "rows"), floor, "µs", None),
    ]


def _run(side: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.imports", side]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=600)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main(side: str) -> None:
    """Measure one side in this process; print the medians of its seconds for a row."""
    fixtures.set_environment()
    measure = _ours() if side == "ours" else _theirs()
    text = "".join(import_files.lines(ROWS))
    # Other addresses in each round, so that nothing is known from the round before. The first round warms caches up.
    rounds = [measure(text.replace("@", f"@r{number}.")) for number in range(_ROUNDS + 1)][1:]
    print(json.dumps({part: statistics.median(one[part] for one in rounds) / ROWS for part in rounds[0]}))


Measure = Callable[[str], dict[str, float]]
"""Imports a text; returns the seconds of its parts."""


def _theirs() -> Measure:
    write = _yardstick()

    def measure(text: str) -> dict[str, float]:
        began = time.process_time()
        write(text)
        return {"all": time.process_time() - began}

    return measure


def _ours() -> Measure:
    folder = tempfile.TemporaryDirectory()
    stack = ImportStack(Path(folder.name))
    atexit.register(folder.cleanup)

    def measure(text: str) -> dict[str, float]:
        began = time.process_time()
        tasks = stack.split(text)
        split = time.process_time()
        stack.work(tasks)
        done = time.process_time()
        return {"all": done - began, "split": split - began, "rows": done - split}

    return measure


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


if __name__ == "__main__":
    main(*sys.argv[1:])
