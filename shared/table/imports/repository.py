"""Imports, their files' layouts and their chunks in the table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from shared.domain import timestamps
from shared.domain.errors import Conflict
from shared.domain.events import Event
from shared.domain.imports.file import Layout
from shared.domain.imports.progress import Tally
from shared.domain.imports.record import ImportRun
from shared.domain.jobs.quotas import IMPORTS, UPLOADS
from shared.table import event_items, guards, walking
from shared.table.guards import Guard
from shared.table.item import Item
from shared.table.jobs.places import Places, count_bytes
from shared.table.keys import imports as import_keys
from shared.table.keys.spelling import identity_of
from shared.table.keys.work import WORK_PK, WORK_SK
from shared.table.store import Store
from shared.table.transactions import Transaction

UNSTARTED_SECONDS = 7 * 86_400
"""How long an import that is not started is kept (DynamoDB removes it some time after)."""
_PAGE = 1000
_TEXTS = {
    # record's field → attribute, where the field's name is a reserved word in expressions or says too little
    "id": "id",
    "object_key": "object_key",
    "etag": "etag",
    "file_name": "file_name",
    "started_at": "started_at",
    "updated_at": "updated_at",
    "state": "import_state",
    "results_key": "results_key",
    "error_code": "error_code",
    "error_message": "error_message",
    "ended_at": "ended_at",
    "last_event": "last_event",
    "due_at": "due_at",
    "looked_at": "looked_at",
    "created_at": "created_at",
    "created_by": "created_by",
    "owner_id": "owner_id",
}
_NUMBERS = {
    "size": "file_bytes",
    "rows_total": "rows_total",
    "chunks_total": "chunks_total",
    "chunks_done": "chunks_done",
    "version": "version",
    "idle_looks": "idle_looks",
}


class _AlreadyThere(Conflict):
    """The chunk was written before."""


class _NoLongerRunning(Conflict):
    """The import has ended already."""


class ImportTable:
    """The imports of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._running = Places(store, tenant_id, IMPORTS)
        self._uploads = Places(store, tenant_id, UPLOADS)

    def add(self, run: ImportRun) -> bool:
        """Write a new import that runs; False when it is there already.

        Raises QuotaReached when the tenant has as many running as it may, or its files of the day are too large.
        """
        if self.get(run.id) is not None:
            return False

        def written() -> Transaction:
            transaction = Transaction()
            is_new = "attribute_not_exists(PK)"
            transaction.put(
                _run_to_item(run),
                condition=is_new,
                refusal=lambda _: _AlreadyThere("The import is there already."),
            )
            count_bytes(transaction, self._tenant, run.size, run.updated_at)
            return transaction

        try:
            self._running.commit(written, run.id, now=_seconds(run.updated_at))
        except _AlreadyThere:
            return False
        return True

    def ask_for(self, run: ImportRun, *, until: str) -> None:
        """Write a new import that waits for its file, which can be uploaded until a time.

        Raises QuotaReached when the tenant has as many such as it may.
        """
        self._uploads.commit(
            lambda: self._written(run, guards.is_new_or_own(run.last_event)),
            run.id,
            now=_seconds(run.created_at),
            until=_seconds(until),
        )

    def save(self, before: ImportRun, after: ImportRun) -> None:
        """Write an import that was not running yet. Raises ConcurrentChange when it is no longer as `before` says, and
        when it runs now QuotaReached, as `add` does."""

        def written() -> Transaction:
            transaction = self._written(after, guards.at_version_or_own(before.version, after.last_event))
            if after.state == "running":
                count_bytes(transaction, self._tenant, after.size, after.updated_at)
                self._uploads.release(transaction, after.id)
            return transaction

        if after.state == "running":
            self._running.commit(written, after.id, now=_seconds(after.updated_at))
        else:
            self._store.commit(written())

    def _written(self, run: ImportRun, guard: Guard) -> Transaction:
        transaction = Transaction()
        transaction.put(_run_to_item(run), **guard)
        return transaction

    def get(self, import_id: str) -> ImportRun | None:
        """An import as of now, or None."""
        item = self._store.get(import_keys.import_run(self._tenant, import_id))
        return _run_from_item(self._tenant, item) if item else None

    def list_newest(self, *, limit: int, after: str | None) -> list[ImportRun]:
        """Imports, those of the files put last first, behind the import id `after`."""
        rows = self._store.query(import_keys.imports(self._tenant), limit=limit, after=after, descending=True)
        return [_run_from_item(self._tenant, row) for row in rows]

    def keep_layout(self, import_id: str, layout: Layout) -> None:
        """Write how the import's file is read."""
        self._store.put(_layout_to_item(self._tenant, import_id, layout))

    def layout(self, import_id: str) -> Layout | None:
        """How the import's file is read, or None before that is known."""
        item = self._store.get(import_keys.layout(self._tenant, import_id))
        return _layout_from_item(item) if item else None

    def look_up(self, import_id: str, chunk: int) -> tuple[ImportRun | None, Layout | None, bool]:
        """In one read: the import, its file's layout, and whether a chunk is in already."""
        wanted = (
            import_keys.import_run(self._tenant, import_id),
            import_keys.layout(self._tenant, import_id),
            import_keys.chunk(self._tenant, import_id, chunk),
        )
        found = self._store.get_many(wanted)
        run, layout, done = (found.get(identity_of(key)) for key in wanted)
        return (
            _run_from_item(self._tenant, run) if run else None,
            _layout_from_item(layout) if layout else None,
            done is not None,
        )

    def add_chunk(self, import_id: str, number: int, tally: Tally, part: str, at: str) -> bool:
        """Write that a chunk is in, its rows' fates lying in the object `part`, and count them, both or neither.

        False when the chunk is in already; nothing is counted then.
        """
        transaction = Transaction()
        is_new = "attribute_not_exists(PK)"
        transaction.put(
            {
                **import_keys.chunk(self._tenant, import_id, number),
                "part": {"S": part},
                "rows_done": {"N": str(tally.rows)},
                "at": {"S": at},
            },
            condition=is_new,
            refusal=lambda _: _AlreadyThere("The chunk is in already."),
        )
        # Plain arithmetic is safe here: it happens together with the chunk's row, which can be new only once.
        transaction.update(
            import_keys.import_run(self._tenant, import_id),
            "SET chunks_done = chunks_done + :one, rows_created = rows_created + :created,"
            " rows_skipped = rows_skipped + :skipped, rows_failed = rows_failed + :failed, updated_at = :at",
            {
                ":one": {"N": "1"},
                ":created": {"N": str(tally.created)},
                ":skipped": {"N": str(tally.skipped)},
                ":failed": {"N": str(tally.failed)},
                ":at": {"S": at},
            },
        )
        try:
            self._store.commit(transaction)
        except _AlreadyThere:
            return False
        return True

    def chunks(self, import_id: str) -> Iterator[tuple[int, str]]:
        """The chunks that are in, by number, each with the object that holds its rows' fates."""
        rows = walking.walk(
            self._store,
            import_keys.partition(self._tenant, import_id),
            page=_PAGE,
            prefix=import_keys.CHUNK,
            consistent=True,
        )
        for row in rows:
            yield import_keys.chunk_number(row), row["part"]["S"]

    def set_totals(self, import_id: str, *, rows: int, chunks: int) -> bool:
        """Write how many rows and chunks the file has; False when the import has ended."""
        return self._store.update(
            import_keys.import_run(self._tenant, import_id),
            "SET rows_total = :rows, chunks_total = :chunks",
            {":rows": {"N": str(rows)}, ":chunks": {"N": str(chunks)}, **_RUNNING},
            condition=_IS_RUNNING,
        )

    def complete(self, run: ImportRun, event: Event) -> bool:
        """Write a completed import and its event; False when it had ended otherwise already."""
        transaction = Transaction()
        is_own_write = "last_event = :last_event"
        expression, values = _ending(run)
        transaction.update(
            import_keys.import_run(self._tenant, run.id),
            expression,
            {**values, **_RUNNING},
            condition=f"{_IS_RUNNING} OR {is_own_write}",
            refusal=lambda _: _NoLongerRunning("The import has ended already."),
        )
        transaction.put(event_items.event_to_item(self._tenant, event))
        return self._end(transaction, run.id)

    def fail(self, run: ImportRun) -> bool:
        """Write a failed import; False when it had ended already."""
        transaction = Transaction()
        expression, values = _ending(run)
        transaction.update(
            import_keys.import_run(self._tenant, run.id),
            expression,
            {**values, **_RUNNING},
            condition=_IS_RUNNING,
            refusal=lambda _: _NoLongerRunning("The import has ended already."),
        )
        return self._end(transaction, run.id)

    def _end(self, transaction: Transaction, import_id: str) -> bool:
        self._running.release(transaction, import_id)
        try:
            self._store.commit(transaction)
        except _NoLongerRunning:
            return False
        return True

    def set_results(self, import_id: str, results_key: str) -> None:
        """Write where the results of an import lie that failed half-way."""
        self._store.update(
            import_keys.import_run(self._tenant, import_id),
            "SET results_key = :key",
            {":key": {"S": results_key}},
        )

    def put_off(self, run: ImportRun, *, looked_at: str, idle_looks: int, due_at: str) -> bool:
        """Write what the watch found and when it looks again; False when the import has ended, or another
        watch was faster."""
        entry = import_keys.due(due_at, run.id)
        is_unmoved = "due_at = :before"
        return self._store.update(
            import_keys.import_run(self._tenant, run.id),
            "SET due_at = :due, WPK = :wpk, WSK = :wsk, looked_at = :looked, idle_looks = :idle",
            {
                ":due": {"S": due_at},
                ":wpk": entry[WORK_PK],
                ":wsk": entry[WORK_SK],
                ":looked": {"S": looked_at},
                ":idle": {"N": str(idle_looks)},
                ":before": {"S": run.due_at or ""},
                **_RUNNING,
            },
            condition=f"{_IS_RUNNING} AND {is_unmoved}",
        )


class ImportWatchTable:
    """What the scheduled task sees across tenants: which imports are due, and which are there at all."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def due(self, at: str) -> Iterator[tuple[str, str]]:
        """Running imports to be looked at by `at`, as (tenant id, import id), the longest overdue first.

        An entry lags behind its import by moments, so some may have ended or been put off already.
        """
        return walking.walk_due_records(self._store, import_keys.DUE, at, page=_PAGE)

    def missing(self, imports: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of many imports, each (tenant id, import id), that are not there."""
        wanted = {pair: import_keys.import_run(*pair) for pair in imports}
        # One that was put this very moment may be missed; beginning it again finds it.
        found = self._store.get_many(list(wanted.values()), consistent=False)
        return {pair for pair, key in wanted.items() if identity_of(key) not in found}

    def walked_to(self) -> str:
        """The object key up to which the inboxes have been looked through; empty at the start of a round."""
        item = self._store.get(import_keys.INBOX_WALK)
        return str(item["object_key"]["S"]) if item else ""

    def set_walked_to(self, object_key: str) -> None:
        """Write up to where the inboxes have been looked through."""
        self._store.put({**import_keys.INBOX_WALK, "object_key": {"S": object_key}})


_IS_RUNNING = "import_state = :running"
_RUNNING: Item = {":running": {"S": "running"}}


def _seconds(at: str) -> int:
    return timestamps.to_milliseconds(at) // 1000


def _ending(run: ImportRun) -> tuple[str, Item]:
    """The update that ends an import. Chunks may be counting meanwhile, so the counters are left alone."""
    fields = {
        "state": run.state,
        "results_key": run.results_key,
        "error_code": run.error_code,
        "error_message": run.error_message,
        "ended_at": run.ended_at,
        "updated_at": run.updated_at,
        "last_event": run.last_event,
    }
    given = {_TEXTS[name]: value for name, value in fields.items() if value}
    sets = ", ".join(f"{attribute} = :{attribute}" for attribute in given)
    values: Item = {f":{attribute}": {"S": value} for attribute, value in given.items()}
    expression = f"SET {sets}, version = :version REMOVE WPK, WSK, due_at"
    return expression, {**values, ":version": {"N": str(run.version)}}


def _run_to_item(run: ImportRun) -> Item:
    item: Item = {
        **import_keys.import_run(run.tenant_id, run.id),
        "rows_created": {"N": str(run.tally.created)},
        "rows_skipped": {"N": str(run.tally.skipped)},
        "rows_failed": {"N": str(run.tally.failed)},
    }
    if run.due_at:
        item.update(import_keys.due(run.due_at, run.id))
    if not run.started_at:
        lapses = timestamps.to_milliseconds(run.created_at) // 1000 + UNSTARTED_SECONDS
        item["expires_at"] = {"N": str(lapses)}
    for field, attribute in _TEXTS.items():
        if text := getattr(run, field):
            item[attribute] = {"S": text}
    for field, attribute in _NUMBERS.items():
        if (number := getattr(run, field)) is not None:
            item[attribute] = {"N": str(number)}
    return item


_NOT_YET = {"etag": "", "started_at": ""}
"""What an import has not before its file is there."""


def _run_from_item(tenant_id: str, item: Item) -> ImportRun:
    values: dict[str, Any] = {
        field: item[attribute]["S"] for field, attribute in _TEXTS.items() if attribute in item
    }
    values |= {field: int(item[attribute]["N"]) for field, attribute in _NUMBERS.items() if attribute in item}
    tally = Tally(*(int(item[name]["N"]) for name in ("rows_created", "rows_skipped", "rows_failed")))
    return ImportRun(tenant_id=tenant_id, tally=tally, **{**_NOT_YET, **values})


def _layout_to_item(tenant_id: str, import_id: str, layout: Layout) -> Item:
    return {
        **import_keys.layout(tenant_id, import_id),
        "file_encoding": {"S": layout.encoding},
        "file_delimiter": {"S": layout.delimiter},
        "header": {"S": json.dumps(layout.header, ensure_ascii=False)},
        "field_columns": {"S": json.dumps(layout.columns)},
    }


def _layout_from_item(item: Item) -> Layout:
    return Layout(
        encoding=item["file_encoding"]["S"],
        delimiter=item["file_delimiter"]["S"],
        header=tuple(json.loads(item["header"]["S"])),
        columns=json.loads(item["field_columns"]["S"]),
    )
