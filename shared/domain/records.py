"""What the records that callers change have in common: each change gives a successor and the event that tells of it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
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
"""The fields that every record has of itself: a change of them is the change's own, and is not told."""


class Recorded(BaseModel):
    """A record as it is kept and shown. Each has the fields below, and shows them where it likes among its own.

    `entity`: what its events call it.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)
    entity: ClassVar[str]

    if TYPE_CHECKING:
        id: str
        version: int
        updated_at: str
        last_event: str

        def _audited_fields(self) -> dict[str, Any]:
            """The fields whose changes are told, as each record has to say for itself."""
            ...

    @classmethod
    def _from_fields(cls: type[R], **given: Any) -> R:
        """A record of fields as they are given; those that are absent have their defaults."""
        made = {name: make() for name, make in _default_factories(cls) if name not in given}
        return cls.from_stored({**blank_fields(cls), **made, **given})

    @classmethod
    def from_stored(cls: type[R], values: dict[str, Any]) -> R:
        """A record of `values` for all its fields, in their order, which are taken over as they are: our own data,
        written by a validated record. `model_construct` looks at each field again, which is half of what a list costs.
        """
        record = cls.__new__(cls)
        _set(record, "__dict__", values)
        _set(record, "__pydantic_fields_set__", set(values))
        _set(record, "__pydantic_extra__", None)
        _set(record, "__pydantic_private__", None)
        return record

    def with_fields(self: R, update: dict[str, Any]) -> R:
        """The record with other values of some fields, taken over as they are."""
        return self.from_stored({**self.__dict__, **update})

    def _next_version(self: R, given: dict[str, Any], stamp: Stamp) -> R:
        """The record with other fields, at its next version."""
        return self.with_fields(
            {
                **given,
                "version": self.version + 1,
                **stamp.change_fields(),
            }
        )

    def _build_change(self: R, event_type: str, given: dict[str, Any], stamp: Stamp) -> tuple[R, Event]:
        """The record with other fields, and the event that tells what became of them."""
        after = self._next_version(given, stamp)
        return after, after._event(event_type, stamp.caller, self._audited_fields(), after._audited_fields())

    def _build_removal(self: R, event_type: str, given: dict[str, Any], stamp: Stamp) -> tuple[R, Event]:
        """The record as it was last, and the event that all it held is gone."""
        after = self._next_version(given, stamp)
        return after, after._event(event_type, stamp.caller, self._audited_fields(), {})

    def _build_creation_event(self, event_type: str, caller: Caller) -> Event:
        """The event of a new record, which tells all it holds."""
        return self._event(event_type, caller, {}, self._audited_fields())

    def _event(self, event_type: str, caller: Caller, before: dict[str, Any], after: dict[str, Any]) -> Event:
        """An event of the change that led to this version; its `data` is whoever's asked for it."""
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
        )


@cache
def blank_fields(record: type[Recorded]) -> dict[str, Any]:
    """All fields of a record in their order, in which they are shown: with their defaults, and None where a value is
    required. Nobody is to change these values.
    """
    return {
        name: None if field.is_required() else field.default for name, field in record.model_fields.items()
    }


@cache
def _default_factories(record: type[Recorded]) -> tuple[tuple[str, Callable[[], Any]], ...]:
    """The fields whose default is a list or object, of which each new record has its own, and what makes one."""
    return tuple(
        (name, type(value) if value in ([], {}) else partial(deepcopy, value))
        for name, value in blank_fields(record).items()
        if isinstance(value, list | dict)
    )
