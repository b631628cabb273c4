"""Recording when API clients were last used, to within NOTED_SECONDS."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from shared.domain import timestamps

NOTED_SECONDS = 300
"""How many seconds after a recorded use further uses are not recorded: the largest lag of `last_used_at`."""
_MOST_REMEMBERED = 10_000


class UseStore(Protocol):
    """The store of uses; see `shared.table.accounts.directory.DirectoryTable`."""

    def record_use(self, tenant_id: str, client_id: str, *, at: str, unless_since: str) -> None: ...


class ClientUses:
    """The uses that one process sees.

    The process sends at most one write for each client in NOTED_SECONDS; of the writes of all processes, the table
    accepts one.
    """

    def __init__(self, store: UseStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._tried: dict[tuple[str, str], float] = {}

    def record(self, tenant_id: str, client_id: str) -> None:
        """Record that a client is used now. A failure is raised, and the next attempt follows after NOTED_SECONDS."""
        client, moment = (tenant_id, client_id), self._clock()
        if moment - self._tried.get(client, -NOTED_SECONDS) < NOTED_SECONDS:
            return
        if len(self._tried) >= _MOST_REMEMBERED:
            self._tried.clear()
        self._tried[client] = moment
        at = timestamps.now()
        self._store.record_use(tenant_id, client_id, at=at, unless_since=timestamps.plus(at, -NOTED_SECONDS))
