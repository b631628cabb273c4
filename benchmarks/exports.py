"""The memory and the time of an export as it grows: one worker makes all portions, one after the other.

Neither AWS nor an emulator is used: contacts are invented when they are read, and what is uploaded is counted. Each
size is measured in a process of its own, whose greatest resident size is read from `VmHWM` (proc(5)).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.domain.callers import Caller
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.record import Contact
from shared.domain.events import Event
from shared.domain.exports.formats import Format
from shared.domain.exports.record import ExportRun, ExportTask
from shared.domain.ids import id_of, new_id, number_of
from shared.domain.labels.record import NO_LABELS, Labels
from shared.domain.tenant import Tenant
from shared.files.export_files import ExportFiles
from shared.files.export_workbook import write_workbook
from shared.services.contacts.lists import ContactLists
from shared.services.contacts.shown import NameMemory, ShownContacts
from shared.services.exports.exporting import ExportPortions
from shared.services.exports.listing import ExportListing
from shared.services.jobs.runner import JobRunner
from shared.services.reading_budget import Budget
from shared.table.contacts import items as contact_items
from shared.table.contacts.index import ContactIndex
from shared.table.cursors import Cursors
from shared.table.item import Item
from shared.table.keys import lists as list_keys
from shared.table.keys.spelling import SK

SIZES = (10_000, 100_000, 1_000_000)
_TENANT = "t1"
_CALLER = Caller(_TENANT, "user", "u1", "admin")
_AT = "2020-01-01T00:00:00.000Z"
_LATER = "2030-01-01T00:00:00.000Z"
_FIRST, _APART = number_of("016f5e66-e800-7000-8000-000000000000"), 1 << 74
"""The number of the first contact's id, and between the ids of two contacts: a millisecond."""


class Rows:
    """A list of contacts, of which each is invented when it is read: the reading methods of the store that it takes."""

    def __init__(self, count: int) -> None:
        self._count = count
        contact = Contact(
            id=id_of(_FIRST),
            first_name="Ada",
            last_name="Lovelace",
            full_name="Ada Lovelace",
            email="ada@example.com",
            phone="+12025550143",
            company="Analytical Engines",
            job_title="Programmer",
            about="Prefers mornings. Met at the fair in spring, asked for an offer.",
            custom_fields={"colour": "green", "visits": 3, "member": True},
            created_at=_AT,
            created_by="user:u1",
            updated_at=_AT,
            updated_by="user:u1",
        )
        self._item = contact_items.contact_to_item(_TENANT, contact)

    def query(self, _partition: str, *, limit: int, **options: Any) -> list[Item]:
        after = options.get("after")
        start = 0 if after is None else (number_of(after) - _FIRST) // _APART + 1
        return [self._row(number) for number in range(start, min(start + limit, self._count))]

    def _row(self, number: int) -> Item:
        contact_id = id_of(_FIRST + number * _APART)
        changed = {
            **list_keys.row(_TENANT, list_keys.BY_CREATION, contact_id),
            "id": {"S": contact_id},
            "email": {"S": f"p{number}@example.com"},
        }
        assert changed[SK]["S"] == contact_id
        return {**self._item, **changed}

    def get(self, _key: Any, **_: Any) -> Item | None:
        return None

    def get_many(self, _keys: Any, **_: Any) -> dict[tuple[str, str], Item]:
        return {}


class _NoLabels:
    def recent(self) -> Labels:
        return NO_LABELS


class _NoNames:
    def read(self, **_: Any) -> Any:
        return {}, {}

    read_addresses = read


class Uploads:
    """A client of S3 that counts the bytes that it is given."""

    def __init__(self) -> None:
        self.bytes = self.parts = 0

    def create_multipart_upload(self, **_: Any) -> dict[str, str]:
        return {"UploadId": "u"}

    def upload_part(self, **given: Any) -> dict[str, str]:
        self.bytes += len(given["Body"])
        self.parts += 1
        return {"ETag": f'"{self.parts:032x}"'}

    def put_object(self, **given: Any) -> None:
        self.bytes += len(given["Body"])

    def complete_multipart_upload(self, **_: Any) -> None:
        pass


class _Record:
    """The repository of one export, and the queue of its tasks."""

    def __init__(self, run: ExportRun) -> None:
        self.run = run
        self.tasks: list[ExportTask] = []

    def get(self, _job_id: str) -> ExportRun:
        return self.run

    def save(self, _before: ExportRun, after: ExportRun, _event: Event | None = None) -> None:
        self.run = after

    def send(self, tasks: Any, **_: Any) -> None:
        self.tasks += tasks

    send_later = send


def make(count: int, format: Format) -> tuple[ExportRun, Uploads]:
    """Make an export of so many contacts, from the first portion to the end."""
    run = ExportRun.begin(
        export_id=new_id(),
        format=format,
        caller=_CALLER,
        wanted=ContactFilter(),
        ids=None,
        sort="created_at",
        chosen=None,
        delimiter=",",
        matched=None,
        at=_LATER,
    )
    record, uploads, rows, budget = _Record(run), Uploads(), Rows(count), Budget.unlimited()
    lists = ContactLists(
        _CALLER,
        ContactIndex(rows, _TENANT, budget),  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        _NoLabels(),  # type: ignore[arg-type]
        Cursors(b"k" * 32),
        budget,
    )
    listing = ExportListing(_CALLER, lists, ShownContacts(_CALLER, _NoNames(), NameMemory()), _NoNames())
    portions = ExportPortions(
        lambda _: record,
        lambda _: listing,
        ExportFiles(uploads, "bucket"),
        write_workbook,
        record,
        may_go_on=lambda: True,
        has_time=lambda: True,
    )
    runner = JobRunner(lambda _: Tenant(_TENANT, "T", created_at=_AT), portions)
    record.tasks.append(ExportTask(_TENANT, run.id, 1))
    while record.tasks:
        runner.run(record.tasks.pop(0))
    return record.run, uploads


def peak_kilobytes() -> int:
    """Return the greatest resident size of this process so far, in KiB."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def measure(count: int, format: Format) -> tuple[int, float, int, int]:
    """Make an export in a process of its own. Returns its greatest size in KiB, its CPU seconds, and the bytes and
    parts of the file."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.exports", str(count), format],
        capture_output=True,
        text=True,
        check=True,
    )
    peak, seconds, size, parts = run.stdout.split()
    return int(peak), float(seconds), int(size), int(parts)


def table() -> str:
    """Return the memory and the time of exports of each size."""
    lines = [
        "| export | contacts | peak memory | CPU a contact | file | parts |",
        "|---|---|---|---|---|---|",
    ]
    lines += _lines()
    return "\n".join(lines)


def _lines() -> Iterator[str]:
    formats: tuple[Format, ...] = ("csv", "jsonl", "vcf")
    for format in formats:
        for count in SIZES:
            peak, seconds, size, parts = measure(count, format)
            yield (
                f"| {format} | {count:,} | {peak / 1024:.1f} MiB | {seconds / count * 1e6:.0f} µs "
                f"| {size / 1e6:.1f} MB | {parts} |"
            )


def main() -> None:
    if len(sys.argv) != 3:
        print(table())
        return
    count, format = int(sys.argv[1]), sys.argv[2]
    began = time.process_time()
    run, uploads = make(count, format)  # type: ignore[arg-type]
    assert (run.state, run.rows) == ("completed", count), run
    print(peak_kilobytes(), time.process_time() - began, uploads.bytes, uploads.parts)


if __name__ == "__main__":
    main()
