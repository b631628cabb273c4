"""The figures of a contact that follow from its timeline, and the changes that move them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from shared.domain.events import (
    CONTACT_UPDATED,
    INTERACTION_CREATED,
    INTERACTION_DELETED,
    INTERACTION_UPDATED,
    Changes,
    Event,
)
from shared.domain.records import Recorded
from shared.domain.stamp import Stamp


@dataclass(frozen=True, slots=True)
class FollowUpFigures:
    """A follow-up that changes, and when the first of the contact's open follow-ups is due after that."""

    follow_up_id: str
    next_at: str | None


class TimelineFigures(Recorded):
    """The part of a contact that changes with its timeline.

    Every entry that is written to a timeline changes the contact in the same transaction, so the figures are exact.
    `interaction_counts`: the number of interactions by type. `last_contacted_at`: the latest `occurred_at`, not in
    the future, of the interactions that callers recorded; those of the system do not move it. `next_follow_up_at`: when
    the first open follow-up is due.
    """

    if TYPE_CHECKING:
        last_contacted_at: str | None
        interaction_count: int
        interaction_counts: dict[str, int]
        next_follow_up_at: str | None

    def record_interaction(
        self,
        *,
        interaction_id: str,
        type: str,
        occurred_at: str,
        by_system: bool,
        further: Mapping[str, Any] | None = None,
        follow_up: FollowUpFigures | None = None,
        stamp: Stamp,
    ) -> tuple[Self, Event]:
        """Return the contact after a new interaction, and its `interaction.created`.

        `by_system`: whether the system recorded it, not a caller. `further`: other fields that change with it.
        `follow_up`: the follow-up that it schedules.
        """
        given: dict[str, Any] = {
            "interaction_count": self.interaction_count + 1,
            "interaction_counts": _moved(self.interaction_counts, type, 1),
            **(further or {}),
            **_next(follow_up),
        }
        if not by_system and occurred_at <= stamp.at:
            given["last_contacted_at"] = max(self.last_contacted_at or "", occurred_at)
        contact, event = self._build_change(INTERACTION_CREATED, given, stamp)
        event.data.update(interaction_id=interaction_id, interaction_type=type)
        _name(event, follow_up)
        return contact, event

    def change_interaction(
        self,
        *,
        interaction_id: str,
        type: str,
        type_before: str,
        last_contacted_at: str | None,
        changes: Changes,
        follow_up: FollowUpFigures | None = None,
        stamp: Stamp,
    ) -> tuple[Self, Event]:
        """Return the contact after a change of an interaction, and its `interaction.updated`.

        `changes`: the fields of the interaction that change. `last_contacted_at`: the last contact after it.
        `follow_up`: the follow-up that changes with it.
        """
        given = {
            "interaction_counts": _moved(_moved(self.interaction_counts, type_before, -1), type, 1),
            "last_contacted_at": last_contacted_at,
            **_next(follow_up),
        }
        contact, event = self._build_change(INTERACTION_UPDATED, given, stamp)
        event.data.update(_about(interaction_id, type, changes))
        _name(event, follow_up)
        return contact, event

    def remove_interaction(
        self,
        *,
        interaction_id: str,
        type: str,
        last_contacted_at: str | None,
        changes: Changes,
        follow_up: FollowUpFigures | None = None,
        stamp: Stamp,
    ) -> tuple[Self, Event]:
        """Return the contact after the deletion of an interaction, and its `interaction.deleted`.

        The parameters are those of `change_interaction`.
        """
        given = {
            "interaction_count": self.interaction_count - 1,
            "interaction_counts": _moved(self.interaction_counts, type, -1),
            "last_contacted_at": last_contacted_at,
            **_next(follow_up),
        }
        contact, event = self._build_change(INTERACTION_DELETED, given, stamp)
        event.data.update(_about(interaction_id, type, changes))
        _name(event, follow_up)
        return contact, event

    def record_follow_up(
        self, event_type: str, figures: FollowUpFigures, facts: Mapping[str, Any], *, stamp: Stamp
    ) -> tuple[Self, Event]:
        """Return the contact after a follow-up was scheduled, changed, closed or announced, and the event.

        `facts`: the data of the event. The version changes even if no figure does, because the follow-up changes.
        """
        contact, event = self._build_change(event_type, _next(figures), stamp)
        event.data.update(facts)
        return contact, event

    def set_last_contact(self, last_contacted_at: str | None, *, stamp: Stamp) -> tuple[Self, Event] | None:
        """Return the contact with another last contact, and the event; None when nothing changes."""
        if last_contacted_at == self.last_contacted_at:
            return None
        return self._build_change(CONTACT_UPDATED, {"last_contacted_at": last_contacted_at}, stamp)

    def recount(self, figures: Mapping[str, Any], *, stamp: Stamp) -> tuple[Self, Event] | None:
        """Return the contact with its wrong figures corrected, and the `contact.updated`; None if all are right.

        The event names the fields in `recounted`: changes of some of them are not listed.
        """
        wrong = {name: value for name, value in figures.items() if self.__dict__[name] != value}
        if not wrong:
            return None
        contact, event = self._build_change(CONTACT_UPDATED, wrong, stamp)
        event.data["recounted"] = sorted(wrong)
        return contact, event


def _next(follow_up: FollowUpFigures | None) -> dict[str, Any]:
    return {"next_follow_up_at": follow_up.next_at} if follow_up else {}


def _name(event: Event, follow_up: FollowUpFigures | None) -> None:
    if follow_up is not None:
        event.data["follow_up_id"] = follow_up.follow_up_id


def _about(interaction_id: str, type: str, changes: Changes) -> dict[str, Any]:
    return {
        "interaction_id": interaction_id,
        "interaction_type": type,
        "interaction_changes": {name: {"old": old, "new": new} for name, (old, new) in changes.items()},
    }


def _moved(counts: dict[str, int], type: str, by: int) -> dict[str, int]:
    """Return counts after a change of one, in a fixed order and without those that are 0."""
    moved = {**counts, type: counts.get(type, 0) + by}
    return {name: moved[name] for name in sorted(moved) if moved[name]}
