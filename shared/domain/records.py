"""The base class of the records that callers change."""

from __future__ import annotations

import marshal
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from shared.domain.callers import Caller
from shared.domain.events import Event, compare_fields
from shared.domain.stamp import Stamp

R = TypeVar("R", bound="Recorded")
_set = object.__setattr__  # records are frozen

BOOKKEEPING = frozenset(
    {"id", "version", "created_at", "created_by", "updated_at", "updated_by", "last_event"}
)
"""The fields that every record has and every change sets; events do not list them among their changes."""


class Recorded(BaseModel):
    """A stored record, immutable: a change returns the next version and the event that describes the change.

    Subclasses declare the fields below in the order in which the API shows them. `entity`: the name of this kind of
    record in events.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)
    entity: ClassVar[str]

    if TYPE_CHECKING:
        id: str
        version: int
        updated_at: str
        last_event: str

        def _audited_fields(self) -> dict[str, Any]:
            """Return the fields whose changes are listed in events; each subclass defines them."""
            ...

    @classmethod
    def _from_fields(cls: type[R], **given: Any) -> R:
        """Return a record with the given fields, unvalidated; absent fields have their defaults."""
        made = {name: make() for name, make in _default_factories(cls) if name not in given}
        return cls.from_stored({**blank_fields(cls), **made, **given})

    @classmethod
    def from_stored(cls: type[R], values: dict[str, Any]) -> R:
        """Return a record with `values`, which hold all fields in their order, without validating or copying them.

        The data is our own, written from a validated record. `model_construct` checks each field again, which is half
        of the cost of a list.
        """
        record = cls.__new__(cls)
        _set(record, "__dict__", values)
        _set(record, "__pydantic_fields_set__", set(values))
        _set(record, "__pydantic_extra__", None)
        _set(record, "__pydantic_private__", None)
        return record

    def with_fields(self: R, update: dict[str, Any]) -> R:
        """Return the record with some fields replaced, without validating the new values."""
        return self.from_stored({**self.__dict__, **update})

    def _next_version(self: R, given: dict[str, Any], stamp: Stamp) -> R:
        """Return the next version of the record, with the given fields replaced."""
        return self.with_fields(
            {
                **given,
                "version": self.version + 1,
                **stamp.change_fields(),
            }
        )

    def _build_change(self: R, event_type: str, given: dict[str, Any], stamp: Stamp) -> tuple[R, Event]:
        """Return the next version of the record and the event that lists the changed fields."""
        after = self._next_version(given, stamp)
        return after, after._event(event_type, stamp.caller, self._audited_fields(), after._audited_fields())

    def _build_removal(self: R, event_type: str, given: dict[str, Any], stamp: Stamp) -> tuple[R, Event]:
        """Return the last version of a removed record and the event that lists all its fields as removed."""
        after = self._next_version(given, stamp)
        return after, after._event(event_type, stamp.caller, self._audited_fields(), {})

    def _build_creation_event(self, event_type: str, caller: Caller) -> Event:
        """Return the event of a new record, which lists all its fields as added."""
        return self._event(event_type, caller, {}, self._audited_fields())

    def _event(self, event_type: str, caller: Caller, before: dict[str, Any], after: dict[str, Any]) -> Event:
        """Return the event of the change that led to this version; the calling method may add to its `data`."""
        return Event(
            id=self.last_event,
            type=event_type,
            entity=self.entity,
            entity_id=self.id,
            at=self.updated_at,
            actor=caller.actor,
            origin=caller.origin,
            version=self.version,
            changes=compare_fields(before, after),
            data={"job_id": caller.job_id} if caller.job_id is not None else {},
        )


@cache
def blank_fields(record: type[Recorded]) -> dict[str, Any]:
    """Return all fields of a record type, in the order in which they are shown, with their defaults.

    A required field has None. Do not modify the values.
    """
    return {
        name: None if field.is_required() else field.default for name, field in record.model_fields.items()
    }


@cache
def _default_factories(record: type[Recorded]) -> tuple[tuple[str, Callable[[], Any]], ...]:
    """Return the fields whose default is a list or a dict, each with a factory: every new record gets its own."""
    return tuple(
        # Read from its bytes: `copy.deepcopy` takes ten times as long.
        (name, type(value) if value in ([], {}) else partial(marshal.loads, marshal.dumps(value)))
        for name, value in blank_fields(record).items()
        if isinstance(value, list | dict)
    )
