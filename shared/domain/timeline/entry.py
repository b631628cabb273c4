"""The entries of a contact's timeline, of all kinds, as the joined list shows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, RootModel

from shared.domain.bookings.booking import Booking
from shared.domain.contacts.consent import ConsentEntry
from shared.domain.contacts.history import HistoryEntry
from shared.domain.contacts.status import StatusEntry
from shared.domain.errors import Invalid
from shared.domain.events import (
    CONTACT_CONSENT_CHANGED,
    CONTACT_STATUS_CHANGED,
    CONTACT_UPDATED,
    FIGURES,
    Event,
)
from shared.domain.interactions.interaction import Interaction
from shared.domain.notes.note import Note
from shared.domain.timestamps import Timestamp
from shared.domain.validators import validated_by

Kind = Literal["interaction", "note", "booking", "status", "consent", "change"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def _check_kinds(text: str) -> None:
    if not set(text.split(",")) <= set(KINDS):
        message = f"Give kinds of entries, separated by commas: {', '.join(KINDS)}."
        raise Invalid.field("kind", "unknown_kind", message)


GivenKinds = Annotated[str, Field(max_length=200), validated_by(_check_kinds)]
"""Kinds of entries as a caller names them, separated by commas."""

_SHOWN_BY_ENTRY = frozenset({CONTACT_CONSENT_CHANGED, CONTACT_STATUS_CHANGED})
"""Events of a contact that are entries of another kind."""


class _Entry(BaseModel):
    """An entry of a timeline. `at`: its place on the timeline."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    at: Timestamp


class TimelineInteraction(_Entry):
    """An interaction, at the time at which it occurred; those of booking events too."""

    kind: Literal["interaction"] = "interaction"
    interaction: Interaction


class TimelineNote(_Entry):
    """A note, at the time at which it was written."""

    kind: Literal["note"] = "note"
    note: Note


class TimelineBooking(_Entry):
    """A booking, as it is now, at its start. Interactions show what happened to it."""

    kind: Literal["booking"] = "booking"
    booking: Booking


class TimelineStatus(_Entry):
    """A change of the status or the lifecycle stage."""

    kind: Literal["status"] = "status"
    status: StatusEntry


class TimelineConsent(_Entry):
    """A consent, at the time at which it was recorded."""

    kind: Literal["consent"] = "consent"
    consent: ConsentEntry


class TimelineChange(_Entry):
    """A change of the contact's fields. One of a bulk job or an import is at the time at which that was created.

    Fields that a booking or a tag rule changed are here too, beside the interaction with which they changed.
    """

    kind: Literal["change"] = "change"
    change: HistoryEntry


AnyEntry = (
    TimelineInteraction | TimelineNote | TimelineBooking | TimelineStatus | TimelineConsent | TimelineChange
)


class TimelineEntry(RootModel[Annotated[AnyEntry, Field(discriminator="kind")]]):
    """An entry of a timeline: its `kind`, its `id`, its place (`at`), and the record under the name of its kind."""

    model_config = ConfigDict(frozen=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class Found:
    """A record that is an entry of a timeline, at a time. `merged_id`: the merged contact of an event of one."""

    at: str
    record: Interaction | Note | Booking | StatusEntry | ConsentEntry | Event
    merged_id: str | None = None

    def of_contact(self, contact_id: str) -> Found:
        """Return it with the contact that has it: a merged one's entry is its survivor's."""
        record = self.record
        if isinstance(record, Interaction | Note | Booking) and record.contact_id != contact_id:
            return Found(self.at, record.with_fields({"contact_id": contact_id}))
        if isinstance(record, Event) and record.entity_id != contact_id:
            return Found(self.at, record, record.entity_id)
        return self

    def to_entry(self, names: Mapping[str, str]) -> AnyEntry:
        """Return the entry. `names`: the names of actors."""
        record = self.record
        if isinstance(record, Interaction):
            return TimelineInteraction.model_construct(id=record.id, at=self.at, interaction=record)
        if isinstance(record, Note):
            return TimelineNote.model_construct(id=record.id, at=self.at, note=record)
        if isinstance(record, Booking):
            return TimelineBooking.model_construct(id=record.id, at=self.at, booking=record)
        if isinstance(record, StatusEntry):
            return TimelineStatus.model_construct(id=record.id, at=self.at, status=record)
        if isinstance(record, ConsentEntry):
            return TimelineConsent.model_construct(id=record.id, at=self.at, consent=record)
        change = HistoryEntry.of(record, names.get(record.actor), contact_id=self.merged_id)
        return TimelineChange.model_construct(id=record.id, at=self.at, change=change)


def is_change_of_fields(event: Event) -> bool:
    """Return whether an event of a contact is an entry by itself: it is not if another entry shows it, or if it
    only changed figures.
    """
    if event.type in _SHOWN_BY_ENTRY:
        return False
    return event.type != CONTACT_UPDATED or not FIGURES.issuperset(event.changes)


def parse_kinds(text: str | None) -> Collection[Kind]:
    """Return the kinds that a text such as `interaction,note` names; all without one."""
    named = KINDS if text is None else tuple(text.split(","))
    return tuple(kind for kind in KINDS if kind in named)
