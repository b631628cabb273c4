"""The records that webhooks with `include` `full` receive: as their GET shows them to the webhook's holder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from shared.domain.callers import Caller
from shared.domain.errors import NotFound, PermissionDenied

Reader = Callable[[Caller, str], BaseModel]
"""Reads the record with an id, as a caller sees it. Raises NotFound or PermissionDenied."""


class ShownRecords:
    """The records of all tenants. `readers`: by the kind of record, as events name it."""

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self._readers = readers

    def find(self, caller: Caller, entity: str, entity_id: str) -> dict[str, Any] | None:
        """Return a record in JSON types; None if it is gone, if the caller may not see it, or if records of its kind
        have no GET.
        """
        read = self._readers.get(entity)
        if read is None:
            return None
        try:
            return read(caller, entity_id).model_dump(mode="json")
        except (NotFound, PermissionDenied):
            return None
