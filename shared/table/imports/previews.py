"""The previews of a tenant's imports."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from shared.domain import timestamps
from shared.domain.ids import milliseconds_of
from shared.domain.imports.preview import PREVIEW_DAYS, SAMPLE_ROWS, PreviewRow
from shared.domain.imports.record import ImportRun
from shared.domain.jobs.quotas import PREVIEWS
from shared.table import guards
from shared.table.imports.items import propose_update, run_to_item
from shared.table.imports.repository import ImportTable
from shared.table.item import Item, binary
from shared.table.jobs.slots import Slots
from shared.table.keys import imports as import_keys
from shared.table.keys.spelling import Key
from shared.table.store import Store
from shared.table.transactions import Transaction

MAX_SAMPLE_BYTES = 4_000_000
"""Bytes of the rows that a preview shows together, as JSON, so that the answer has less than the 6 MB that Lambda
allows."""


class PreviewTable(ImportTable):
    """The previews of one tenant's imports. A preview is kept as its import is, in a record of its own: an import has
    one preview, and a later one replaces it. `get` and the others take the id of the import."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        super().__init__(store, tenant_id)
        self._running = Slots(store, tenant_id, PREVIEWS)

    def _key(self, import_id: str) -> Key:
        return import_keys.preview(self._tenant, import_id)

    def _due(self, at: str, import_id: str) -> Key:
        return import_keys.preview_due(at, import_id)

    def _expiry_of(self, attempt: str) -> Item:
        return {"expires_at": {"N": str(_expiry(attempt))}}

    def begin(self, before: ImportRun, after: ImportRun, older: ImportRun | None, preview: ImportRun) -> None:
        """Write a preview that begins, in the place of an older one, and the import with the preview's options.

        Raises ConcurrentChange when another writer has changed the import or its preview, and QuotaReached when the
        tenant has too many running previews. Costs a read unit and at least seven write units.
        """
        guard = guards.is_new_or_own(preview.last_event)
        if older is not None:
            guard = guards.at_version_or_own(older.version, preview.last_event)

        def build() -> Transaction:
            transaction = Transaction()
            # A run that was cancelled may still get its last counts and its results: they stay untouched.
            unchanged = guards.at_version_or_own(before.version, after.last_event)
            expression, values = propose_update(after)
            transaction.update(
                import_keys.import_run(self._tenant, after.id),
                expression,
                {**values, **unchanged["values"]},
                condition=unchanged["condition"],
                refusal=unchanged["refusal"],
            )
            transaction.put(self._to_item(preview), **guard)
            return transaction

        now = timestamps.to_milliseconds(preview.started_at) // 1000
        self._running.commit(build, preview.id, now=now, until=_expiry(preview.attempt))

    def _to_item(self, preview: ImportRun) -> Item:
        item: Item = {
            **run_to_item(preview),
            **self._key(preview.id),
            **self._expiry_of(preview.attempt),
        }
        return item | (self._due(preview.due_at, preview.id) if preview.due_at else {})

    def end(self, preview: ImportRun) -> bool:
        """Write a preview that is ready. Returns False when it has ended already, or a later one has begun."""
        return self._end(self._end_of(preview), preview.id)

    def _uncount(self, transaction: Transaction, run: ImportRun) -> None:
        """Do nothing: the bytes of a preview's file are not counted."""

    def save_sample(self, preview: ImportRun, rows: Iterable[PreviewRow]) -> None:
        """Write rows that a preview shows. They are compressed, since the largest contact twice, with a warning for
        each of a thousand columns, would be more than the 400 kB of an item."""
        for row in rows:
            self._store.put(
                {
                    **import_keys.sample_row(self._tenant, preview.id, preview.attempt, row.row_number),
                    "row": {"B": zlib.compress(row.model_dump_json(exclude_defaults=True).encode())},
                    **self._expiry_of(preview.attempt),
                }
            )

    def sample(self, import_id: str, attempt: str) -> list[PreviewRow]:
        """Return the rows that a preview shows, by number, as long as they have at most MAX_SAMPLE_BYTES together."""
        found = self._store.query(
            import_keys.partition(self._tenant, import_id),
            prefix=import_keys.sample(attempt),
            limit=SAMPLE_ROWS,
        )
        rows, size = list[PreviewRow](), 0
        for item in found:
            text = zlib.decompress(binary(item["row"]))
            size += len(text)
            if size > MAX_SAMPLE_BYTES:
                break
            rows.append(PreviewRow.model_validate_json(text))
        return rows


def _expiry(attempt: str) -> int:
    """Return the end of a preview, in Unix seconds. Its record, its slot, its chunks and its rows end together."""
    return milliseconds_of(attempt[1:]) // 1000 + PREVIEW_DAYS * 86_400
