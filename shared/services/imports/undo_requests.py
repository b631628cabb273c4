"""The undo of imports, as callers ask for it and see it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import ConcurrentChange, NotFound, Unavailable
from shared.domain.ids import is_id, new_id
from shared.domain.imports.record import ImportRun
from shared.domain.imports.undo_views import ImportUndo, KeptContact
from shared.domain.imports.undoing import begin_undo
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.services.backoff import RECORD
from shared.services.idempotency import Announce, no_key
from shared.services.imports.imports import RESULTS_SECONDS

_READING = ("imports:run", "contacts:read")
"""`contacts:read`, since the report names contacts of any owner."""
_UNDOING = (*_READING, "contacts:write", "contacts:delete")
"""An undo changes and deletes contacts of any owner."""


class UndoRepository(Protocol):
    """The undos of one tenant's imports; see `shared.table.imports.undo.ImportUndoTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def begin(self, before: ImportRun, after: ImportRun) -> None: ...

    def kept(self, import_id: str, attempt: str) -> list[dict[str, Any]]: ...


class ImportUndos:
    """The undos of imports that one caller may begin and see. For any other import it raises NotFound.

    `queue` queues what an undo waits for.
    """

    def __init__(
        self,
        caller: Caller,
        imports: UndoRepository,
        queue: Callable[[ImportRun], None],
        sign: Callable[[str, int], str],
        *,
        now: Callable[[], str] = timestamps.now,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._imports = imports
        self._queue = queue
        self._sign = sign
        self._now = now
        self._announce = announce

    def begin(self, import_id: str) -> ImportUndo:
        """Begin to undo an import. Returns the undo.

        Raises Conflict when the import cannot be undone, and QuotaReached when the tenant has too many running imports.
        """
        self._caller.require_all(*_UNDOING)
        for _ in RECORD.tries():
            before, at = self._get(import_id), self._now()
            due_at = timestamps.plus(at, FIRST_LOOK_SECONDS)
            after = begin_undo(before, write_id=new_id(), at=at, due_at=due_at)
            shown = self._to_view(after)
            self._announce(shown)
            try:
                self._imports.begin(before, after)
            except ConcurrentChange:
                continue
            # If it cannot be queued, or a kill prevents that, the watch over imports queues it.
            with contextlib.suppress(Unavailable):
                self._queue(after)
            return shown
        raise ConcurrentChange()

    def read(self, import_id: str) -> ImportUndo:
        """Return the undo of an import. Raises NotFound when the import was not undone since it last ran."""
        self._caller.require_all(*_READING)
        return self._to_view(self._get(import_id))

    def _get(self, import_id: str) -> ImportRun:
        run = self._imports.get(import_id) if is_id(import_id) else None
        if run is None:
            raise NotFound("Import")
        return run

    def _to_view(self, run: ImportRun) -> ImportUndo:
        undo = run.undo
        if undo is None:
            raise NotFound("Undo")
        has_kept = undo.kept_key and (undo.tally.kept or undo.tally.failed)
        kept = self._imports.kept(run.id, undo.attempt) if has_kept else []
        url = self._sign(undo.kept_key, RESULTS_SECONDS) if undo.kept_key else None
        return ImportUndo.of(run, undo, (KeptContact(**one) for one in kept), url)
