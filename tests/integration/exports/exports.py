"""Exports in moto: how to create, make and fetch them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from shared.domain import timestamps
from shared.domain.callers import Caller, Kind
from shared.domain.contacts.filter import ContactFilter
from shared.domain.exports.record import ExportRun, Piece
from shared.domain.ids import new_id
from shared.domain.jobs.quotas import EXPORTS as EXPORT_QUOTA
from shared.files.object_keys import export_key
from shared.table.jobs.exports import ExportTable
from shared.table.jobs.slots import Slots
from shared.table.keys.jobs import slots
from shared.table.transactions import Transaction
from shared.wiring.base import store
from tests.integration.jobs.bulk import Jobs
from tests.integration.world import World
from tests.support.gateway import Response
from tests.support.tenant_guard import as_operator

EXPORTS = "/exports"


def running_export(
    world: World, tenant_id: str = "T1", by: str = "admin", *, caller: tuple[Kind, str] | None = None
) -> str:
    """Write a new export, of its creator's own contacts, for which nothing is queued. Returns its id. `caller`: the
    kind and id of its creator."""
    return _write(tenant_id, _new_run(tenant_id, by, caller)).id


def a_completed_export(
    world: World, tenant_id: str = "T1", by: str = "admin", *, caller: tuple[Kind, str] | None = None
) -> str:
    """Write an export that is completed, without a file. Returns its id."""
    run = _write(tenant_id, _new_run(tenant_id, by, caller))
    key = export_key(tenant_id, run.id, "file.csv")
    written = run.close_piece(Piece(is_last=True, object_key=key), task_id="t", at=run.created_at)
    completed, _ = written.complete(event_id=new_id(), at=run.created_at)
    with as_operator():
        ExportTable(store(), tenant_id).save(run, replace(completed, version=run.version + 1))
    return run.id


def _new_run(tenant_id: str, by: str, caller: tuple[Kind, str] | None) -> ExportRun:
    kind, caller_id = caller or ("user", f"{by}-of-{tenant_id}")
    return ExportRun.begin(
        export_id=new_id(),
        format="csv",
        caller=Caller(tenant_id, kind, caller_id, "admin" if by == "admin" else "user"),
        wanted=ContactFilter(own=caller_id),
        ids=None,
        sort="created_at",
        chosen=("email",),
        delimiter=",",
        matched=None,
        at=timestamps.now(),
    )


def _write(tenant_id: str, run: ExportRun) -> ExportRun:
    with as_operator():
        _release_slots(tenant_id)
        ExportTable(store(), tenant_id).add(run)
    return run


def _release_slots(tenant_id: str) -> None:
    """Release the slots of exports that were cancelled: no worker runs here, which would release them."""
    for slot in store().query(slots(tenant_id, "EXPORTS"), limit=10):
        run = ExportTable(store(), tenant_id).get(slot["holder"]["S"])
        if run is not None and not run.is_under_way:
            transaction = Transaction()
            Slots(store(), tenant_id, EXPORT_QUOTA).release(transaction, run.id)
            store().commit(transaction)


class Exports:
    """The exports of a tenant, and the function that makes them."""

    def __init__(self, world: World, tenant_id: str = "T1", *, token: str | None = None) -> None:
        self.world = world
        self.tenant_id = tenant_id
        self.token = token
        self.jobs = Jobs(world, tenant_id)
        self.s3 = world.stack.client("s3")
        self.bucket = world.stack.refs["DropBucket"]

    def ask(self, body: dict[str, Any], **how: Any) -> Response:
        return self.world.send("POST", EXPORTS, body, token=self.token, **how)

    def begin(self, **body: Any) -> str:
        """Create an export. Returns its id."""
        answer = self.ask({"format": "csv", **body})
        assert answer.status == 202, answer.text
        export_id: str = answer.json["id"]
        return export_id

    def shown(self, export_id: str) -> dict[str, Any]:
        """Return an export as the API shows it."""
        answer = self.world.send("GET", f"{EXPORTS}/{export_id}", token=self.token)
        assert answer.status == 200, answer.text
        export: dict[str, Any] = answer.json
        return export

    def kept(self, export_id: str) -> ExportRun:
        """Return the record of an export."""
        with as_operator():
            run = ExportTable(store(), self.tenant_id).get(export_id)
        assert run is not None
        return run

    def fetch(self, export_id: str) -> bytes:
        """Return the file that the link of an export leads to."""
        answer = self.world.send("GET", f"{EXPORTS}/{export_id}/file", token=self.token)
        assert answer.status == 200, answer.text
        key = self.kept(export_id).object_key
        assert key in urlsplit(answer.json["download_url"]).path
        with as_operator():
            body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def made(self, **body: Any) -> bytes:
        """Create an export, make it, and return its file."""
        export_id = self.begin(**body)
        self.jobs.work()
        assert self.shown(export_id)["state"] == "completed", self.shown(export_id)
        return self.fetch(export_id)

    def rows(self, **body: Any) -> list[dict[str, str]]:
        """Create and make an export as CSV, and return its rows by header."""
        return rows_of(self.made(**body))

    def emails(self, **body: Any) -> list[str]:
        """Create and make an export, and return the addresses in it."""
        return [row["Email"] for row in self.rows(fields=["email"], **body)]


def rows_of(file: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV by header."""
    return list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline="")))
