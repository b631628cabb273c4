"""What the records that callers change have in common: each change gives a successor and the event that tells of it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from shared.domain.callers import Caller
from shared.domain.events import Event, differences

R = TypeVar("R", bound="Recorded")

BOOKKEEPING = frozenset(
    {"id", "version", "created_at", "created_by", "updated_at", "updated_by", "last_event"}
)
"""The fields that every record has of itself: a change of them is the change's own, and is not told."""


def first_stamp(event_id: str, at: str, caller: Caller, *, created_at: str | None = None) -> dict[str, Any]:
    """The fields of a new record that say when, by whom and with which event it was made.

    `at` is when it is written; `created_at` when it counts as created, where that is another time.
    """
    return {
        "created_at": created_at or at,
        "created_by": caller.actor,
        "updated_at": at,
        "updated_by": caller.actor,
        "last_event": event_id,
    }


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

        def _content(self) -> dict[str, Any]:
            """The fields whose changes are told, as each record has to say for itself."""
            ...

    @classmethod
    def _unchecked(cls: type[R], **given: Any) -> R:
        """A record of fields as they are given; those that are absent have their defaults.

        `model_construct` looks for each absent one's default anew, which is a fortieth of a warm request's CPU.
        """
        plain, empty = _new_defaults_of(cls)
        return cls.model_construct(**plain | {name: kind() for name, kind in empty} | given)

    def _succeeded_by(self: R, given: dict[str, Any], event_id: str, at: str, caller: Caller) -> R:
        """The record with other fields, at its next version."""
        return self.model_copy(
            update={
                **given,
                "version": self.version + 1,
                "updated_at": at,
                "updated_by": caller.actor,
                "last_event": event_id,
            }
        )

    def _changed(
        self: R, event_type: str, given: dict[str, Any], event_id: str, at: str, caller: Caller
    ) -> tuple[R, Event]:
        """The record with other fields, and the event that tells what became of them."""
        after = self._succeeded_by(given, event_id, at, caller)
        return after, after._event(event_type, caller, self._content(), after._content())

    def _gone(
        self: R, event_type: str, given: dict[str, Any], event_id: str, at: str, caller: Caller
    ) -> tuple[R, Event]:
        """The record as it was last, and the event that all it held is gone."""
        after = self._succeeded_by(given, event_id, at, caller)
        return after, after._event(event_type, caller, self._content(), {})

    def _created(self, event_type: str, caller: Caller) -> Event:
        """The event of a new record, which tells all it holds."""
        return self._event(event_type, caller, {}, self._content())

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
            changes=differences(before, after),
        )


@cache
def defaults_of(record: type[Recorded]) -> dict[str, Any]:
    """The fields that a record may be without, with what they are then. Nobody is to change these values."""
    return {name: field.default for name, field in record.model_fields.items() if not field.is_required()}


@cache
def _new_defaults_of(
    record: type[Recorded],
) -> tuple[dict[str, Any], tuple[tuple[str, type[list[Any]] | type[dict[str, Any]]], ...]]:
    """The defaults that new records may have in common, and of which kind the empty ones are that each has itself."""
    defaults = defaults_of(record)
    empty = tuple((name, type(value)) for name, value in defaults.items() if value in ([], {}))
    plain = {
        name: value
        for name, value in defaults.items()
        if value is None or isinstance(value, str | int | bool)
    }
    return plain, empty
