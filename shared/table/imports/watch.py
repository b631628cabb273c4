"""Imports across tenants, for the watch over imports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.table import walking
from shared.table.keys import imports as import_keys
from shared.table.keys.spelling import identity_of
from shared.table.store import Store

_PAGE = 1000


class ImportWatchTable:
    """The imports of all tenants: those that are due for a look, and whether an import exists.

    `partition`: the index partition of those that are due: of imports, or of previews.
    """

    def __init__(self, store: Store, partition: str = import_keys.DUE) -> None:
        self._store = store
        self._partition = partition

    def due(self, at: str) -> Iterator[tuple[str, str]]:
        """Yield (tenant id, import id) of the running imports that are due for a look at a time, the longest overdue
        first.

        An index entry follows its import within moments, so an import may have ended or been postponed already.
        """
        return walking.walk_due_records(self._store, self._partition, at, page=_PAGE)

    def missing(self, imports: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of some imports, each given as (tenant id, import id), that do not exist."""
        wanted = {pair: import_keys.import_run(*pair) for pair in imports}
        # The read may miss an import that was written a moment ago. Starting that import again finds it.
        found = self._store.get_many(list(wanted.values()), consistent=False)
        return {pair for pair, key in wanted.items() if identity_of(key) not in found}

    def inbox_position(self) -> str:
        """Return the object key up to which the inboxes have been searched; empty at the start of a round."""
        item = self._store.get(import_keys.INBOX_WALK)
        return str(item["object_key"]["S"]) if item else ""

    def set_inbox_position(self, object_key: str) -> None:
        """Write the object key up to which the inboxes have been searched."""
        self._store.put({**import_keys.INBOX_WALK, "object_key": {"S": object_key}})
