"""Cancels imports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import ConcurrentChange, NotFound
from shared.domain.ids import is_id, new_id
from shared.domain.imports.record import ImportRun
from shared.domain.imports.tasks import ImportTask
from shared.domain.imports.views import Import
from shared.services.backoff import RECORD
from shared.services.idempotency import Announce, no_key
from shared.services.jobs.queue import TaskQueue

_PERMISSIONS = ("imports:run", "contacts:read", "contacts:write")


class ImportRepository(Protocol):
    """The imports of one tenant; see `shared.table.imports.repository.ImportTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def cancel(self, before: ImportRun, after: ImportRun) -> bool: ...


class ImportCancelling:
    """Cancels imports for one caller."""

    def __init__(
        self,
        caller: Caller,
        imports: ImportRepository,
        tasks: Callable[[], TaskQueue[ImportTask]],
        *,
        now: Callable[[], str] = timestamps.now,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._imports = imports
        self._tasks = tasks
        self._now = now
        self._announce = announce

    def cancel(self, import_id: str) -> Import:
        """Cancel an import, whether it runs or waits for its file or its start. Returns it.

        No chunk of it begins afterwards; the contacts that were written stay, and the results of all rows are gathered
        once the chunks under way have ended. Raises Conflict when it has ended already.
        """
        self._caller.require_all(*_PERMISSIONS)
        for _ in RECORD.tries():
            before = self._imports.get(import_id) if is_id(import_id) else None
            if before is None:
                raise NotFound("Import")
            after = before.cancel(write_id=new_id(), at=self._now())
            shown = Import.of(after, None)
            self._announce(shown)
            if before.state == "running":
                # Before the import ends, so that no kill in between loses the results.
                self._tasks().send_later([ImportTask(before.tenant_id, before.id, before.attempt, "finish")])
            if self._imports.cancel(before, after):
                return shown
        raise ConcurrentChange()
