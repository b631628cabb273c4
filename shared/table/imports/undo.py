"""The undos of a tenant's imports."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shared.domain import timestamps
from shared.domain.errors import Conflict
from shared.domain.events import Event
from shared.domain.imports.progress import ClosedChunk
from shared.domain.imports.record import ImportRun
from shared.domain.imports.undo import UndoTally
from shared.domain.jobs.quotas import IMPORTS
from shared.table import event_items, guards
from shared.table.imports.items import run_from_item, run_to_item, undo_attributes
from shared.table.imports.repository import ImportTable
from shared.table.item import Item
from shared.table.jobs.slots import Slots
from shared.table.keys import events as event_keys
from shared.table.keys import imports as import_keys
from shared.table.keys.spelling import identity_of
from shared.table.store import Store
from shared.table.transactions import Transaction


class _AlreadyThere(Conflict):
    """The chunk is taken back already."""


class _NoLongerUndoing(Conflict):
    """The undo has ended already."""


@dataclass(frozen=True, slots=True)
class ChunkToUndo:
    """A chunk of an import's run, with the record of the import.

    `writes`: the object with the contacts that it wrote; empty when it wrote none. `rows`: the number of its rows.
    `closed_by`: the task that has taken it back; None while it is not.
    """

    run: ImportRun
    writes: str
    rows: int
    closed_by: str | None


class ImportUndoTable:
    """The undos of one tenant's imports."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._imports = ImportTable(store, tenant_id)
        self._running = Slots(store, tenant_id, IMPORTS)

    def get(self, import_id: str) -> ImportRun | None:
        """Return an import, or None. The read is consistent."""
        return self._imports.get(import_id)

    def begin(self, before: ImportRun, after: ImportRun) -> None:
        """Write an import that is being undone. It takes the place of a running import.

        Raises ConcurrentChange when another writer has changed it, and QuotaReached when the tenant has too many
        running imports.
        """

        def build() -> Transaction:
            transaction = Transaction()
            transaction.put(run_to_item(after), **guards.at_version_or_own(before.version, after.last_event))
            return transaction

        self._running.commit(build, after.id, now=timestamps.to_milliseconds(after.updated_at) // 1000)

    def look_up(self, import_id: str, attempt: str, number: int) -> ChunkToUndo | None:
        """Return a chunk that an undo takes back, from one read; None when there is no such import."""
        run_attempt = f"r{attempt[1:]}"
        wanted = (
            import_keys.import_run(self._tenant, import_id),
            import_keys.chunk(self._tenant, import_id, run_attempt, number),
            import_keys.chunk(self._tenant, import_id, attempt, number),
        )
        found = self._store.get_many(wanted)
        run, chunk, undone = (found.get(identity_of(key)) for key in wanted)
        if run is None:
            return None
        return ChunkToUndo(
            run_from_item(self._tenant, run),
            chunk["writes"]["S"] if chunk else "",
            int(chunk["rows_done"]["N"]) if chunk else 0,
            undone["closed_by"]["S"] if undone else None,
        )

    def close_chunk(
        self,
        import_id: str,
        attempt: str,
        chunk: ClosedChunk,
        tally: UndoTally,
        rows: int,
        at: str,
        *,
        task_id: str,
    ) -> bool:
        """Close a chunk that was taken back, and count its contacts, in one transaction.

        Returns False, and counts nothing, when the chunk is closed already, or when the import has run again since.
        """
        transaction = Transaction()
        transaction.put(
            {
                **import_keys.chunk(self._tenant, import_id, attempt, chunk.number),
                "part": {"S": chunk.part},
                "writes": {"S": ""},
                "at": {"S": at},
                "closed_by": {"S": task_id},
            },
            condition=guards.IS_NEW,
            refusal=lambda _: _AlreadyThere("The chunk is taken back already."),
        )
        more = {"chunks_done": 1, "rows_done": rows, **asdict(tally)}
        sums = ", ".join(f"undo_{name} = undo_{name} + :{name}" for name in more)
        transaction.update(
            import_keys.import_run(self._tenant, import_id),
            f"SET {sums}, updated_at = :at",
            {
                **{f":{name}": {"N": str(number)} for name, number in more.items()},
                ":at": {"S": at},
                ":attempt": {"S": attempt},
            },
            condition="undo_attempt = :attempt",
            refusal=lambda _: _AlreadyThere("The import has run again since."),
        )
        try:
            self._store.commit(transaction)
        except _AlreadyThere:
            return False
        return True

    def chunks(self, import_id: str, attempt: str) -> Iterator[ClosedChunk]:
        """Yield the chunks that were taken back, by number."""
        return self._imports.chunks(import_id, attempt)

    def complete(self, run: ImportRun, event: Event, kept: Sequence[dict[str, Any]]) -> bool:
        """Write an import that is undone, its event, and the first contacts that were kept. Returns False when the undo
        has ended already, in another way."""
        transaction = self._end(run)
        follows = self._last_event_of(run.id)
        event_items.add_event(transaction, self._tenant, event, follows=follows)
        if kept and run.undo is not None:
            transaction.put(
                {
                    **import_keys.kept(self._tenant, run.id, run.undo.attempt),
                    "contacts": {"S": json.dumps(kept, separators=(",", ":"))},
                }
            )
        return self._commit_end(transaction)

    def _last_event_of(self, import_id: str) -> str:
        """Return the id of an import's last event: not each of its versions has one, so its record does not name it."""
        rows = self._store.query(
            import_keys.partition(self._tenant, import_id),
            prefix=event_keys.EVENT,
            limit=1,
            descending=True,
            consistent=True,
        )
        return event_keys.id_of(rows[0]) if rows else ""

    def give_up(self, run: ImportRun) -> bool:
        """Write an import whose undo was given up. Returns False when the undo has ended already."""
        # An undo that was given up and is asked for again continues in the same attempt, by a later write.
        return self._commit_end(self._end(run, " AND last_event = :last_event"))

    def _end(self, run: ImportRun, further: str = "") -> Transaction:
        texts = {
            "import_state": run.state,
            "updated_at": run.updated_at,
            "last_event": run.last_event,
            "error_code": run.error_code,
            "error_message": run.error_message,
        }
        values: Item = {name: {"S": text} for name, text in texts.items() if text}
        # Chunks may be counted meanwhile, so the counters stay untouched.
        values |= {name: value for name, value in undo_attributes(run.undo).items() if "S" in value}
        values["version"] = {"N": str(run.version)}
        sets = ", ".join(f"{name} = :{name}" for name in values)
        is_undoing = f"import_state = :undoing AND undo_attempt = :undo_attempt{further}"
        is_own_write = "last_event = :last_event AND import_state = :import_state"
        transaction = Transaction()
        transaction.update(
            import_keys.import_run(self._tenant, run.id),
            f"SET {sets} REMOVE WPK, WSK, due_at",
            {**{f":{name}": value for name, value in values.items()}, ":undoing": {"S": "undoing"}},
            condition=f"({is_undoing}) OR ({is_own_write})",
            refusal=lambda _: _NoLongerUndoing("The undo has ended already."),
        )
        self._running.release(transaction, run.id)
        return transaction

    def _commit_end(self, transaction: Transaction) -> bool:
        try:
            self._store.commit(transaction)
        except _NoLongerUndoing:
            return False
        return True

    def kept(self, import_id: str, attempt: str) -> list[dict[str, Any]]:
        """Return the first contacts that an undo has kept; none before it has ended."""
        item = self._store.get(import_keys.kept(self._tenant, import_id, attempt))
        contacts: list[dict[str, Any]] = json.loads(item["contacts"]["S"]) if item else []
        return contacts
