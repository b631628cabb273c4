"""When API clients were last used, to within NOTED_SECONDS."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from shared.domain import timestamps

NOTED_SECONDS = 300
"""How long a use stands for those after it: so long a client's `last_used_at` may lag behind."""
_MOST_REMEMBERED = 10_000


class UseStore(Protocol):
    """Where uses are noted; see `shared.table.accounts.directory.DirectoryTable`."""

    def record_use(self, tenant_id: str, client_id: str, *, at: str, unless_since: str) -> None: ...


class ClientUses:
    """The uses that one process sees. It tries to note one of each client in NOTED_SECONDS, and of all processes'
    tries one is written.
    """

    def __init__(self, notes: UseStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._notes = notes
        self._clock = clock
        self._tried: dict[tuple[str, str], float] = {}

    def record(self, tenant_id: str, client_id: str) -> None:
        """That a client is used now. What goes wrong is raised, and tried again after NOTED_SECONDS."""
        client, moment = (tenant_id, client_id), self._clock()
        if moment - self._tried.get(client, -NOTED_SECONDS) < NOTED_SECONDS:
            return
        if len(self._tried) >= _MOST_REMEMBERED:
            self._tried.clear()
        self._tried[client] = moment
        at = timestamps.now()
        self._notes.record_use(tenant_id, client_id, at=at, unless_since=timestamps.plus(at, -NOTED_SECONDS))
