"""The retries of a tenant's imports."""

from __future__ import annotations

from shared.domain import timestamps
from shared.domain.imports.record import ImportRun
from shared.domain.jobs.quotas import IMPORTS
from shared.table import guards
from shared.table.imports.items import run_from_item, run_to_item
from shared.table.jobs.slots import Slots, count_bytes
from shared.table.keys import imports as import_keys
from shared.table.store import Store
from shared.table.transactions import Transaction


class ImportRetryTable:
    """The imports of one tenant whose rows are tried again, and the imports that do so."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._running = Slots(store, tenant_id, IMPORTS)

    def get(self, import_id: str) -> ImportRun | None:
        """Return an import, or None. The read is consistent."""
        item = self._store.get(import_keys.import_run(self._tenant, import_id))
        return run_from_item(self._tenant, item) if item else None

    def add(self, first: ImportRun, run: ImportRun) -> None:
        """Write a new import that runs and tries the rows of another import again.

        Raises ConcurrentChange when that one has changed, such as by another retry; QuotaReached when the tenant has
        too many running imports, or its files of the day are too large. Costs a read unit and nine write units.
        """

        def build() -> Transaction:
            transaction = Transaction()
            transaction.put(run_to_item(run), **guards.is_new_or_own(run.last_event))
            claim_rows(transaction, first, run)
            count_bytes(transaction, self._tenant, run.size, run.updated_at)
            return transaction

        self._running.commit(build, run.id, now=timestamps.to_milliseconds(run.updated_at) // 1000)


def claim_rows(transaction: Transaction, first: ImportRun, run: ImportRun) -> None:
    """Add to the transaction that starts a retry that it is the last retry of an import. Costs two write units.

    The transaction raises ConcurrentChange when that import has changed, such as by another retry.
    """
    is_unchanged = "version = :before"
    is_own_write = "version = :version AND retried_by = :retry"
    transaction.update(
        import_keys.import_run(first.tenant_id, first.id),
        "SET retried_by = :retry, version = :version",
        {
            ":retry": {"S": run.id},
            ":version": {"N": str(first.version + 1)},
            ":before": {"N": str(first.version)},
        },
        condition=f"{is_unchanged} OR ({is_own_write})",
        refusal=guards.concurrent_change,
    )
