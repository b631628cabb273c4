"""The imports of a tenant, the layouts of their files, and their chunks."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange, Conflict
from shared.domain.events import Event
from shared.domain.imports.columns import Layout
from shared.domain.imports.progress import ClosedChunk, Tally
from shared.domain.imports.record import ImportRun
from shared.domain.jobs.quotas import IMPORTS, PREVIEWS, UPLOADS
from shared.table import event_items, guards, walking
from shared.table.guards import Guard
from shared.table.imports.items import (
    NOT_DUE,
    end_update,
    layout_from_item,
    layout_to_item,
    run_from_item,
    run_to_item,
    tally_attributes,
)
from shared.table.imports.preview_ends import end_preview
from shared.table.imports.retries import claim_rows
from shared.table.item import Item
from shared.table.jobs.slots import Slots, count_bytes, uncount_bytes
from shared.table.keys import imports as import_keys
from shared.table.keys.spelling import Key, identity_of
from shared.table.keys.work import WORK_PK, WORK_SK
from shared.table.store import Store
from shared.table.transactions import Transaction

_PAGE = 1000


class _AlreadyThere(Conflict):
    """The import or the chunk exists already."""


class _NoLongerRunning(Conflict):
    """The import has ended already."""


class ImportTable:
    """The imports of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._running = Slots(store, tenant_id, IMPORTS)
        self._uploads = Slots(store, tenant_id, UPLOADS)
        self._previews = Slots(store, tenant_id, PREVIEWS)

    def _key(self, import_id: str) -> Key:
        return import_keys.import_run(self._tenant, import_id)

    def _due(self, at: str, import_id: str) -> Key:
        return import_keys.due(at, import_id)

    def _expiry_of(self, attempt: str) -> Item:  # noqa: ARG002
        """Return the attribute with the time at which DynamoDB removes the layout and the chunks of an attempt. Those
        of a run have none."""
        return {}

    def add(self, run: ImportRun) -> bool:
        """Write a new import that runs. Returns False when it exists already.

        Raises QuotaReached when the tenant has too many running imports, or its files of the day are too large.
        """
        if self.get(run.id) is not None:
            return False

        def build() -> Transaction:
            transaction = Transaction()
            transaction.put(
                run_to_item(run),
                condition=guards.IS_NEW,
                refusal=lambda _: _AlreadyThere("The import is there already."),
            )
            count_bytes(transaction, self._tenant, run.size, run.updated_at)
            return transaction

        try:
            self._running.commit(build, run.id, now=_seconds(run.updated_at))
        except _AlreadyThere:
            return False
        return True

    def add_waiting(self, run: ImportRun, *, until: str) -> None:
        """Write a new import that waits for its file, which can be uploaded until a time.

        Raises QuotaReached when the tenant has too many such imports.
        """
        self._uploads.commit(
            lambda: self._write(run, guards.is_new_or_own(run.last_event)),
            run.id,
            now=_seconds(run.created_at),
            until=_seconds(until),
        )

    def save(self, before: ImportRun, after: ImportRun, *, first: ImportRun | None = None) -> None:
        """Write an import that was not running before. `first`: the import whose rows it tries again, if any.

        Raises ConcurrentChange when another writer has changed one of them, and, for an import that runs now,
        QuotaReached as `add` does.
        """

        def build() -> Transaction:
            transaction = self._write(after, guards.at_version_or_own(before.version, after.last_event))
            if first is not None:
                claim_rows(transaction, first, after)
            if after.state == "running":
                end_preview(transaction, self._store, self._previews, after)
                count_bytes(transaction, self._tenant, after.size, after.updated_at)
                self._uploads.release(transaction, after.id)
            return transaction

        if after.state == "running":
            self._running.commit(build, after.id, now=_seconds(after.updated_at))
        else:
            self._store.commit(build())

    def _write(self, run: ImportRun, guard: Guard) -> Transaction:
        transaction = Transaction()
        transaction.put(run_to_item(run), **guard)
        return transaction

    def get(self, import_id: str) -> ImportRun | None:
        """Return an import, or None. The read is consistent."""
        item = self._store.get(self._key(import_id))
        return run_from_item(self._tenant, item) if item else None

    def list_newest(self, *, limit: int, after: str | None) -> list[ImportRun]:
        """Return imports, the newest files first, after the import id `after`."""
        rows = self._store.query(import_keys.imports(self._tenant), limit=limit, after=after, descending=True)
        return [run_from_item(self._tenant, row) for row in rows]

    def save_layout(self, import_id: str, attempt: str, layout: Layout) -> None:
        """Write the layout with which an attempt of an import reads the file."""
        item = layout_to_item(self._tenant, import_id, attempt, layout)
        self._store.put(item | self._expiry_of(attempt))

    def get_layout(self, import_id: str, attempt: str) -> Layout | None:
        """Return the layout with which an attempt of an import reads the file; None before it is known."""
        item = self._store.get(import_keys.layout(self._tenant, import_id, attempt))
        return layout_from_item(item) if item else None

    def look_up(
        self, import_id: str, attempt: str, chunk: int
    ) -> tuple[ImportRun | None, Layout | None, str | None]:
        """Return an import, its file's layout in an attempt, and the task that closed a chunk of the attempt, all from
        one read.

        The task is None for an open chunk.
        """
        wanted = (
            self._key(import_id),
            import_keys.layout(self._tenant, import_id, attempt),
            import_keys.chunk(self._tenant, import_id, attempt, chunk),
        )
        found = self._store.get_many(wanted)
        run, layout, done = (found.get(identity_of(key)) for key in wanted)
        return (
            run_from_item(self._tenant, run) if run else None,
            layout_from_item(layout) if layout else None,
            done["closed_by"]["S"] if done else None,
        )

    def add_chunk(
        self, import_id: str, attempt: str, chunk: ClosedChunk, tally: Tally, at: str, *, task_id: str
    ) -> bool:
        """Close a chunk of an attempt and add its rows to the counts, in one transaction.

        Returns False, and counts nothing, when the chunk is closed already, or when a later attempt has begun.
        """
        transaction = Transaction()
        transaction.put(
            {
                **import_keys.chunk(self._tenant, import_id, attempt, chunk.number),
                "part": {"S": chunk.part},
                "writes": {"S": chunk.writes},
                "rows_done": {"N": str(tally.rows)},
                "at": {"S": at},
                "closed_by": {"S": task_id},
                **self._expiry_of(attempt),
            },
            condition=guards.IS_NEW,
            refusal=lambda _: _AlreadyThere("The chunk is closed already."),
        )
        # Plain arithmetic is safe: it happens together with the write of the chunk's item, which can be new only once.
        more = {"chunks_done": 1, **tally_attributes(tally)}
        sums = ", ".join(f"{name} = {name} + :{name}" for name in more)
        transaction.update(
            self._key(import_id),
            f"SET {sums}, updated_at = :at",
            {
                **{f":{name}": {"N": str(number)} for name, number in more.items()},
                ":at": {"S": at},
                **_of_attempt(attempt),
            },
            condition=_IS_ATTEMPT,
            refusal=lambda _: _AlreadyThere("A later attempt has begun."),
        )
        try:
            self._store.commit(transaction)
        except _AlreadyThere:
            return False
        return True

    def chunks(self, import_id: str, attempt: str) -> Iterator[ClosedChunk]:
        """Yield the closed chunks of an attempt by number."""
        rows = walking.walk(
            self._store,
            import_keys.partition(self._tenant, import_id),
            page=_PAGE,
            prefix=import_keys.chunks(attempt),
            consistent=True,
        )
        for row in rows:
            yield ClosedChunk(import_keys.chunk_number(row), row["part"]["S"], row["writes"]["S"])

    def set_totals(self, import_id: str, attempt: str, *, rows: int, chunks: int) -> bool:
        """Write the number of rows and chunks in the file. Returns False when the attempt has ended."""
        return self._store.update(
            self._key(import_id),
            "SET rows_total = :rows, chunks_total = :chunks",
            {
                ":rows": {"N": str(rows)},
                ":chunks": {"N": str(chunks)},
                **_of_attempt(attempt),
                **_RUNNING,
            },
            condition=f"{_IS_RUNNING} AND {_IS_ATTEMPT}",
        )

    def complete(self, run: ImportRun, event: Event) -> bool:
        """Write a completed import and its event. Returns False when the attempt has ended already, in another way."""
        transaction = Transaction()
        is_own_write = "last_event = :last_event"
        expression, values = end_update(run)
        transaction.update(
            self._key(run.id),
            expression,
            {**values, **_RUNNING, **_of_attempt(run.attempt)},
            condition=f"({_IS_RUNNING} AND {_IS_ATTEMPT}) OR {is_own_write}",
            refusal=lambda _: _NoLongerRunning("The import has ended already."),
        )
        event_items.add_event(transaction, self._tenant, event)
        return self._end(transaction, run.id)

    def fail(self, run: ImportRun, *, is_refused: bool) -> bool:
        """Write a failed or cancelled import. Returns False when the attempt has ended already.

        `is_refused`: its file's bytes no longer count, since no row of it was written.
        """
        transaction = self._end_of(run)
        if is_refused:
            self._uncount(transaction, run)
        return self._end(transaction, run.id)

    def _end_of(self, run: ImportRun) -> Transaction:
        expression, values = end_update(run)
        transaction = Transaction()
        transaction.update(
            self._key(run.id),
            expression,
            {**values, **_RUNNING, **_of_attempt(run.attempt)},
            condition=f"{_IS_RUNNING} AND {_IS_ATTEMPT}",
            refusal=lambda _: _NoLongerRunning("The attempt has ended already."),
        )
        return transaction

    def _uncount(self, transaction: Transaction, run: ImportRun) -> None:
        uncount_bytes(transaction, self._tenant, run.size, run.started_at)

    def cancel(self, before: ImportRun, after: ImportRun) -> bool:
        """Write a cancelled import, and end its preview. Returns False when it has been started or has ended meanwhile,
        when its file has arrived, or when its preview has ended."""
        if before.state == "running":
            return self.fail(after, is_refused=False)
        transaction = self._write(after, guards.at_version_or_own(before.version, after.last_event))
        self._uploads.release(transaction, after.id)
        end_preview(transaction, self._store, self._previews, after)
        try:
            self._store.commit(transaction)
        except ConcurrentChange:
            return False
        return True

    def _end(self, transaction: Transaction, import_id: str) -> bool:
        self._running.release(transaction, import_id)
        try:
            self._store.commit(transaction)
        except _NoLongerRunning:
            return False
        return True

    def set_results(self, import_id: str, attempt: str, results_key: str) -> bool:
        """Write the object with the results of an attempt that failed or was cancelled half-way. Returns False when
        another attempt has begun."""
        has_ended = "import_state IN (:failed, :cancelled)"
        return self._store.update(
            self._key(import_id),
            f"SET results_key = :key {NOT_DUE}",
            {
                ":key": {"S": results_key},
                ":failed": {"S": "failed"},
                ":cancelled": {"S": "cancelled"},
                **_of_attempt(attempt),
            },
            condition=f"{_IS_ATTEMPT} AND {has_ended}",
        )

    def stop_waiting(self, import_id: str, attempt: str) -> bool:
        """Write that an attempt that failed or was cancelled will have no results. Returns False when another one has
        begun."""
        has_ended = "import_state IN (:failed, :cancelled)"
        return self._store.update(
            self._key(import_id),
            NOT_DUE,
            {":failed": {"S": "failed"}, ":cancelled": {"S": "cancelled"}, **_of_attempt(attempt)},
            condition=f"{_IS_ATTEMPT} AND {has_ended}",
        )

    def postpone(self, run: ImportRun, *, looked_at: str, idle_looks: int, due_at: str) -> bool:
        """Write what the watch found, and the time of its next look. Returns False when the attempt has ended, or when
        another run of the watch was faster."""
        entry = self._due(due_at, run.id)
        is_unmoved = "due_at = :before"
        is_in_state = "import_state = :state"
        return self._store.update(
            self._key(run.id),
            "SET due_at = :due, WPK = :wpk, WSK = :wsk, looked_at = :looked, idle_looks = :idle",
            {
                ":due": {"S": due_at},
                ":wpk": entry[WORK_PK],
                ":wsk": entry[WORK_SK],
                ":looked": {"S": looked_at},
                ":idle": {"N": str(idle_looks)},
                ":before": {"S": run.due_at or ""},
                ":state": {"S": run.state},
                **_of_attempt(run.attempt),
            },
            condition=f"{is_in_state} AND {_IS_ATTEMPT} AND {is_unmoved}",
        )


_IS_RUNNING = "import_state = :running"
_RUNNING: Item = {":running": {"S": "running"}}
_IS_ATTEMPT = "attempt = :attempt"


def _of_attempt(attempt: str) -> Item:
    return {":attempt": {"S": attempt}}


def _seconds(at: str) -> int:
    return timestamps.to_milliseconds(at) // 1000
