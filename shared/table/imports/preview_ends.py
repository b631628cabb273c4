"""The end of a preview whose import starts or is cancelled."""

from __future__ import annotations

from shared.domain.imports.record import ImportRun
from shared.table import guards
from shared.table.jobs.slots import Slots
from shared.table.keys import imports as import_keys
from shared.table.store import Store
from shared.table.transactions import Transaction

_MESSAGE = "The import was started or cancelled before its preview was ready."


def end_preview(transaction: Transaction, store: Store, slots: Slots, run: ImportRun) -> None:
    """Add the end of an import's preview, if one runs, to the transaction that starts or cancels the import. Its chunks
    then stop, and its slot is free. Costs a read unit, and three write units for a running preview.

    The transaction raises ConcurrentChange when the preview has ended meanwhile.
    """
    key = import_keys.preview(run.tenant_id, run.id)
    preview = store.get(key)
    if preview is None or preview["import_state"]["S"] != "running":
        return
    transaction.update(
        key,
        "SET import_state = :failed, error_code = :code, error_message = :message, updated_at = :at, ended_at = :at "
        "REMOVE WPK, WSK, due_at",
        {
            ":failed": {"S": "failed"},
            ":running": {"S": "running"},
            ":code": {"S": "import_started"},
            ":message": {"S": _MESSAGE},
            ":at": {"S": run.updated_at},
            ":attempt": preview["attempt"],
        },
        condition="import_state = :running AND attempt = :attempt",
        refusal=guards.concurrent_change,
    )
    slots.release(transaction, run.id)
