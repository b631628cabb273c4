"""The names of callers, which are stored with what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.wiring.base import store
from shared.wiring.kept import kept

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.services.performers import PerformerMemory


@kept
def _performers() -> PerformerMemory:
    from shared.services.performers import PerformerMemory

    return PerformerMemory()


def performer(caller: Caller) -> str:
    """Return the name of a caller, for what the caller does."""
    from shared.table.contacts.names import NameTable

    return _performers().name_of(caller, NameTable(store(), caller.tenant_id))
