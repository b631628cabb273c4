"""The names of callers, which their interactions keep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from shared.domain.callers import Caller, Kind

KEPT_SECONDS = 60.0
"""Seconds for which a process uses a name before it reads it again: as long as API Gateway keeps a caller's rights."""
_MAX_KEPT = 10_000
"""How many names a process keeps. When there are more, it discards them all."""


class CallerNames(Protocol):
    """The names of one tenant's callers; see `shared.table.contacts.names.NameTable`."""

    def read_caller(self, kind: Kind, caller_id: str) -> str | None: ...


class PerformerMemory:
    """The names of callers that a process has read recently, of all tenants."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._names: dict[tuple[str, str], tuple[float, str]] = {}

    def name_of(self, caller: Caller, names: CallerNames) -> str:
        """Return the name of a caller, such as `Ada Lovelace`; if it has none, the form used in events, `user:0190…`.

        Costs half a read unit at most once in KEPT_SECONDS.
        """
        key = caller.tenant_id, caller.actor
        until, name = self._names.get(key, (0.0, ""))
        if until <= self._clock():
            name = names.read_caller(caller.kind, caller.id) or caller.actor
            if len(self._names) >= _MAX_KEPT:
                self._names.clear()
            self._names[key] = self._clock() + KEPT_SECONDS, name
        return name
